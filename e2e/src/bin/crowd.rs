//! Three brokers with very many partitions, each on all of them, and with very many small messages:
//! ours and, with `--kafka`, Apache Kafka 4.3.1.
//! `KASTELLAN_BIN=... cargo run --release -p kastellan-e2e --bin crowd` runs it.
//!
//! Figures, never a test. `--partitions N` (2,000) says how many there are when it comes to rest,
//! failure and return, `--more N` (10,000) how many are created at the end, `--rate N` (2,000) how
//! many messages a second are written, one a request. Each fleet gets a new ext4 of its own where
//! the user may mount one (`Mount::for_figures`).

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use kastellan_e2e::batch::Batch;
use kastellan_e2e::disks::Mount;
use kastellan_e2e::failover::{Contender, Stage};
use kastellan_e2e::fleet::Fleet;
use kastellan_e2e::need;
use kastellan_e2e::process::usage;
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::wire::{self, PRODUCE, Wire};

/// Partitions of one topic.
const WIDTH: i32 = 1_000;
/// Connections that write single messages, each to a partition of its own.
const WRITERS: i32 = 10;
/// For how long they do.
const WRITING: Duration = Duration::from_secs(15);
/// For how long the fleet is watched at rest.
const REST: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_mins(5);

struct Options {
    partitions: i32,
    more: i32,
    rate: u32,
    kafka: bool,
}

fn main() -> Result<()> {
    let options = options()?;
    if !need::ready("crowd", if options.kafka { need::APACHE } else { &[] })? {
        bail!("the benchmark needs all of these");
    }
    measure(Contender::Kastellan, &options)?;
    if options.kafka {
        measure(Contender::Kafka, &options)?;
    }
    Ok(())
}

fn options() -> Result<Options> {
    let mut options = Options { partitions: 2_000, more: 10_000, rate: 2_000, kafka: false };
    let mut words = env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next().with_context(|| format!("{word} wants a number after it"));
        match word.as_str() {
            "--kafka" => options.kafka = true,
            "--partitions" => options.partitions = number()?.parse()?,
            "--more" => options.more = number()?.parse()?,
            "--rate" => options.rate = number()?.parse()?,
            _ => bail!("unknown option {word}; there are --kafka, --partitions, --more, --rate N"),
        }
    }
    Ok(options)
}

fn measure(contender: Contender, options: &Options) -> Result<()> {
    let scratch = Scratch::new("crowd")?;
    let disk = Mount::for_figures(scratch.path())?;
    let folder = disk.as_ref().map_or(scratch.path(), Mount::path);
    let mut fleet = contender.start(folder, Stage::Three, None)?;
    say(&format!("{}, load {}:", contender.name(), fs::read_to_string("/proc/loadavg")?.trim()))?;

    fleet.create("single", WRITERS)?;
    fleet.agreed("single", PATIENCE)?;
    single(&fleet, options.rate)?;

    let topics = create(&mut fleet, "wide", options.partitions)?;
    rest(&fleet)?;
    let controller = fleet.controller()?;
    let victim = (controller + 1) % 3;
    let led = led_by(&fleet, &topics, victim)?;
    let begun = Instant::now();
    fleet.kill(victim)?;
    fleet.wait("others lead", PATIENCE, |fleet| Ok(led_by(fleet, &topics, victim)? == 0))?;
    told(&format!("kill -9 of a leader of {led}: others lead all, s"), seconds(begun))?;
    let begun = Instant::now();
    fleet.start(victim)?;
    told("its return until it serves, s", seconds(begun))?;
    for topic in &topics {
        fleet.agreed(topic, PATIENCE)?;
    }
    told("... and is in every ISR, s", seconds(begun))?;
    create(&mut fleet, "more", options.more).map(drop)
}

/// Creates so many partitions; the topics.
fn create(fleet: &mut Fleet, name: &str, partitions: i32) -> Result<Vec<String>> {
    let topics: Vec<String> = (0..partitions / WIDTH).map(|it| format!("{name}-{it}")).collect();
    let mut wire = Wire::connect(fleet.address(fleet.controller()?)?)?;
    let begun = Instant::now();
    for topic in &topics {
        wire.create_by_default(topic, WIDTH)?;
    }
    told(&format!("{partitions} partitions created, s"), seconds(begun))?;
    for topic in &topics {
        fleet.agreed(topic, PATIENCE)?;
    }
    told("... and led, with all in sync, s", seconds(begun))?;
    Ok(topics)
}

/// How many of the partitions a broker leads.
fn led_by(fleet: &Fleet, topics: &[String], id: i32) -> Result<usize> {
    let mut led = 0;
    for topic in topics {
        let known = fleet.partitions(topic)?;
        led += known.values().filter(|it| it.leader == id || it.leader < 0).count();
    }
    Ok(led)
}

/// What three brokers cost that nobody asks anything.
#[expect(clippy::disallowed_methods, reason = "idleness is measured by letting time pass")]
fn rest(fleet: &Fleet) -> Result<()> {
    thread::sleep(Duration::from_secs(2));
    let all = || fleet.pids().into_iter().map(usage).collect::<Result<Vec<_>>>();
    let cpu = |of: &[kastellan_e2e::process::Usage]| of.iter().map(|it| it.cpu).sum::<f64>();
    let before = all()?;
    let begun = Instant::now();
    thread::sleep(REST);
    let after = all()?;
    let share = 100.0 * (cpu(&after) - cpu(&before)) / begun.elapsed().as_secs_f64();
    told("at rest: CPU of all three, % of a core", share)?;
    let most = after.iter().map(|it| it.rss).fold(0.0, f64::max);
    told("at rest: RSS of the largest, MiB", most)
}

/// Messages one by one, `rate` of them a second over all connections, each due at its own time: who
/// is late with one is late with the next, and both count from when they were due.
fn single(fleet: &Fleet, rate: u32) -> Result<()> {
    let writers: Vec<_> = (0..WRITERS)
        .map(|index| {
            let wire = Wire::connect(fleet.address(fleet.leader("single", index)?)?)?;
            Ok(thread::spawn(move || write(wire, index, rate)))
        })
        .collect::<Result<_>>()?;
    let mut took = Vec::new();
    for writer in writers {
        took.extend(writer.join().map_err(|_panic| anyhow!("a writer panicked"))??);
    }
    took.sort_unstable();
    let at = |per_mille: usize| took.get(took.len() * per_mille / 1000).copied();
    let count = u32::try_from(took.len())?;
    told(
        "single messages acknowledged by all, a second",
        f64::from(count) / WRITING.as_secs_f64(),
    )?;
    for (name, per_mille) in [("p50", 500), ("p99", 990), ("p99.9", 999)] {
        let value = at(per_mille).context("nothing was acknowledged")?;
        told(&format!("... {name}, ms"), value.as_secs_f64() * 1000.0)?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a message is due at its time")]
fn write(mut wire: Wire, index: i32, rate: u32) -> Result<Vec<Duration>> {
    let apart = Duration::from_secs(1) * u32::try_from(WRITERS)? / rate;
    let request = wire::produce("single", index, Batch::of(1_700_000_000_000, &["one"]).encode());
    let begun = Instant::now();
    let mut due = begun + apart * u32::try_from(index)? / u32::try_from(WRITERS)?;
    let mut took = Vec::new();
    while begun.elapsed() < WRITING {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let code = wire::produced(&wire.call(PRODUCE, &request)?)?.err();
        ensure!(code.is_none(), "single-{index} refused a message with {code:?}");
        took.push(due.elapsed());
        due += apart;
    }
    Ok(took)
}

fn seconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64()
}

fn told(what: &str, value: f64) -> Result<()> {
    say(&format!("  {what}: {value:.2}"))
}

fn say(line: &str) -> Result<()> {
    Ok(writeln!(io::stdout(), "{line}")?)
}
