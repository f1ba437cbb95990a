//! Very many partitions, on ours and, with `--kafka`, on Apache Kafka 4.3.1.
//! `KASTELLAN_BIN=... cargo run --release -p kastellan-e2e --bin partitions` runs it.
//!
//! Figures, never a test. Creates a topic of 1,000 partitions and produces one message to each,
//! then grows to `--partitions N` (10,000) with a message in each, and shows what they cost at
//! rest, across a clean restart, and across a kill.
//!
//! Each broker gets a new ext4 of its own where the user may mount one (`Mount::for_figures`).

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use kafka_protocol::messages::ProduceRequest;
use kastellan_e2e::batch::Batch;
use kastellan_e2e::disks::Mount;
use kastellan_e2e::judged::Judged;
use kastellan_e2e::ours::Ours;
use kastellan_e2e::peer::{Jvm, Peer};
use kastellan_e2e::process::pause;
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::wire::{self, Answer, PRODUCE, Wire};

/// Partitions of one topic.
const WIDTH: i32 = 1_000;
/// Produce requests in flight on the one connection: what Kafka's own producer allows.
const IN_FLIGHT: usize = 5;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(5);

struct Options {
    partitions: i32,
    kafka: bool,
    idle: u64,
}

fn main() -> Result<()> {
    let options = options()?;
    measure("Kastellan", &options)?;
    if options.kafka {
        measure("Apache Kafka 4.3.1", &options)?;
    }
    Ok(())
}

fn options() -> Result<Options> {
    let mut options = Options { partitions: 10_000, kafka: false, idle: 20 };
    let mut words = env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next().with_context(|| format!("{word} wants a number after it"));
        match word.as_str() {
            "--kafka" => options.kafka = true,
            "--partitions" => options.partitions = number()?.parse()?,
            "--idle" => options.idle = number()?.parse()?,
            _ => bail!("unknown option {word}; there are --kafka, --partitions N, --idle SECONDS"),
        }
    }
    Ok(options)
}

fn measure(name: &str, options: &Options) -> Result<()> {
    let scratch = Scratch::new("partitions")?;
    let disk = Mount::for_figures(scratch.path())?;
    let folder = disk.as_ref().map_or(scratch.path(), Mount::path);
    let mut broker = if name == "Kastellan" {
        Judged::Ours(Ours::new(folder, &[])?)
    } else {
        Judged::Kafka(Peer::format(folder, Jvm::AsShipped, &[])?)
    };
    broker.restart()?;
    let place = if disk.is_some() { "a new ext4" } else { "the temporary directory" };
    say(&format!("{name}, on {place}:"))?;
    let mut wire = Wire::connect(broker.address())?;
    wire.create("first", 1, &[])?;
    produce(&mut wire, "first", 1)?;

    let began = Instant::now();
    wire.create("wide-0", WIDTH, &[])?;
    let created = began.elapsed();
    produce(&mut wire, "wide-0", WIDTH)?;
    told("1,000 partitions created, ms", millis(created))?;
    told("... and one message produced to each, ms", millis(began.elapsed()))?;

    let topics = options.partitions / WIDTH;
    let began = Instant::now();
    for topic in 1..topics {
        wire.create(&format!("wide-{topic}"), WIDTH, &[])?;
        produce(&mut wire, &format!("wide-{topic}"), WIDTH)?;
    }
    told("all partitions created and produced to, ms", millis(began.elapsed()))?;
    rest(&mut broker, options.idle)?;

    let began = Instant::now();
    let status = broker.process()?.terminate(PATIENCE)?;
    // a JVM that ended in good order on SIGTERM says 128 + 15
    ensure!(matches!(status.code(), Some(0 | 143)), "the broker ended with {status}");
    told("clean stop, ms", millis(began.elapsed()))?;
    let began = Instant::now();
    broker.restart()?;
    told("clean start until ready, ms", millis(began.elapsed()))?;
    let mut wire = Wire::connect(broker.address())?;
    produce(&mut wire, "first", 1)?;
    told("clean start until the first acknowledgement, ms", millis(began.elapsed()))?;
    rest(&mut broker, 5)?;
    for topic in 0..topics {
        produce(&mut wire, &format!("wide-{topic}"), WIDTH)?;
    }
    broker.process()?.kill()?;
    let began = Instant::now();
    broker.restart()?;
    told("start after a kill until ready, ms", millis(began.elapsed()))?;
    produce(&mut Wire::connect(broker.address())?, "first", 1)?;
    told("start after a kill until the first acknowledgement, ms", millis(began.elapsed()))?;
    rest(&mut broker, 5)
}

/// What the broker costs while nobody asks it anything.
#[expect(clippy::disallowed_methods, reason = "idleness is measured by letting time pass")]
fn rest(broker: &mut Judged, seconds: u64) -> Result<()> {
    thread::sleep(Duration::from_secs(1));
    let process = broker.process()?;
    let before = process.usage()?;
    let began = Instant::now();
    thread::sleep(Duration::from_secs(seconds));
    let after = process.usage()?;
    told(
        "at rest: CPU, % of a core",
        100.0 * (after.cpu - before.cpu) / began.elapsed().as_secs_f64(),
    )?;
    told("at rest: RSS, MiB", after.rss)?;
    let open = fs::read_dir(format!("/proc/{}/fd", process.pid()))?.count();
    let open = u32::try_from(open)?;
    told("at rest: open files", f64::from(open))
}

/// One message to each partition, a request each, a few in flight, until all are acknowledged.
fn produce(wire: &mut Wire, topic: &str, partitions: i32) -> Result<()> {
    let mut waiting: Vec<i32> = (0..partitions).rev().collect();
    let mut flying = BTreeMap::new();
    let mut correlation = 1_000_000;
    while !waiting.is_empty() || !flying.is_empty() {
        while flying.len() < IN_FLIGHT
            && let Some(partition) = waiting.pop()
        {
            correlation += 1;
            let batch = Batch::of(1_700_000_000_000, &["one"]).encode();
            let request = wire::produce(topic, partition, batch);
            wire.send(&wire::frame(PRODUCE, correlation, &request)?)?;
            flying.insert(correlation, partition);
        }
        let Answer::Frame(frame) = wire.receive(PATIENCE)? else { bail!("no answer") };
        let (first, partition) = flying.pop_first().context("an answer to nothing")?;
        match wire::produced(&wire::response::<ProduceRequest>(PRODUCE, first, frame)?)? {
            Ok(_) => {}
            // created, and not led yet
            Err(3 | 6) => {
                waiting.push(partition);
                pause();
            }
            Err(code) => bail!("{topic}-{partition} refused a message with {code}"),
        }
    }
    Ok(())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn told(what: &str, value: f64) -> Result<()> {
    say(&format!("  {what}: {value:.1}"))
}

fn say(line: &str) -> Result<()> {
    Ok(writeln!(io::stdout(), "{line}")?)
}
