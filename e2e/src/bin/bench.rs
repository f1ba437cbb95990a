//! `make bench`: our broker beside Apache Kafka 4.3.1 in one run, the order rotated, both warmed.
//!
//! Figures, never a test: a shared machine gives what it gives. `--reps N` and `--seconds N` say
//! how often and how long; the table shows the median of the repetitions, broker CPU first, since
//! that is what a noisy machine changes least.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use kastellan_e2e::batch::Batch;
use kastellan_e2e::load::{self, median, words};
use kastellan_e2e::need::{self, Tool};
use kastellan_e2e::ours::Ours;
use kastellan_e2e::peer::{Jvm, Peer};
use kastellan_e2e::process::Process;
use kastellan_e2e::suite::{self, Scratch};
use kastellan_e2e::wire::Wire;
use kastellan_e2e::{cache, judged::Judged};

/// The partitions of the load, as in the measurements of the reference.
const PARTITIONS: &str = "6";

/// `(measurement, broker) -> one value a repetition`.
type Figures = BTreeMap<(&'static str, &'static str), Vec<f64>>;

struct Bench {
    load: PathBuf,
    modules: PathBuf,
    seconds: u32,
    figures: Figures,
}

fn main() -> Result<()> {
    let (reps, seconds) = arguments()?;
    let tools = [need::APACHE, &[Tool::Cc, Tool::Node, Tool::Npm]].concat();
    if !need::ready("bench", &tools)? {
        bail!("the benchmark needs all of these");
    }
    let mut bench =
        Bench { load: load::program()?, modules: modules()?, seconds, figures: Figures::new() };
    for turn in 0..reps {
        let mut order = ["kafka", "ours"];
        order.rotate_left(turn % 2);
        for broker in order {
            say(&format!("repetition {} of {reps}: {broker}", turn + 1))?;
            bench.measure(broker).with_context(|| format!("measuring {broker}"))?;
        }
    }
    bench.table()
}

fn arguments() -> Result<(usize, u32)> {
    let (mut reps, mut seconds) = (3, 8);
    let mut words = env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().with_context(|| format!("{word} wants a number after it"))?;
        match word.as_str() {
            "--reps" => reps = value.parse()?,
            "--seconds" => seconds = value.parse()?,
            _ => bail!("unknown option {word}; there are --reps N and --seconds N"),
        }
    }
    Ok((reps, seconds))
}

fn modules() -> Result<PathBuf> {
    Ok(cache::node("kafkajs", &cache::e2e().join("clients/kafkajs"))?.join("node_modules"))
}

fn say(line: &str) -> Result<()> {
    Ok(writeln!(io::stderr(), "{line}")?)
}

fn start(broker: &str, folder: &Path) -> Result<Judged> {
    Ok(match broker {
        "kafka" => Judged::Kafka(Peer::format(folder, Jvm::AsShipped, &[])?),
        _ => Judged::Ours(Ours::new(folder, &[])?),
    })
}

impl Bench {
    fn note(&mut self, what: &'static str, broker: &'static str, value: f64) {
        self.figures.entry((what, broker)).or_default().push(value);
    }

    fn measure(&mut self, name: &'static str) -> Result<()> {
        let scratch = Scratch::new("bench")?;
        let mut broker = start(name, scratch.path())?;
        let begun = Instant::now();
        broker.restart()?;
        first_ack(&broker)?;
        self.note("start to first ack, ms", name, begun.elapsed().as_secs_f64() * 1000.0);
        for topic in ["warm", "small", "large", "paced"] {
            Wire::connect(broker.address())?.create(topic, 6, &[])?;
        }
        self.idle(name, &mut broker)?;
        let two = self.kafkajs(&broker, scratch.path())?;
        self.note("KafkaJS consumer to both messages, ms", name, two);
        let run = |bench: &mut Bench, broker: &mut Judged, words: &[&str]| {
            bench.run(broker, words, scratch.path())
        };
        // both code paths of both brokers, before anything counts
        let warm = run(self, &mut broker, &["produce", "warm", PARTITIONS, "100", "5"])?;
        run(self, &mut broker, &["consume", "warm", PARTITIONS, &warm.count()])?;
        let seconds = self.seconds.to_string();
        for (topic, size, produce, consume) in [
            ("small", "100", &PRODUCE_SMALL, &CONSUME_SMALL),
            ("large", "1024", &PRODUCE_LARGE, &CONSUME_LARGE),
        ] {
            let words = ["produce", topic, PARTITIONS, size, &seconds];
            let produced = run(self, &mut broker, &words)?;
            self.note(produce[0], name, produced.cpu_per_million());
            self.note(produce[1], name, produced.rate() / 1000.0);
            self.note(produce[2], name, produced.get("p50"));
            self.note(produce[3], name, produced.get("p99"));
            let words = ["consume", topic, PARTITIONS, &produced.count()];
            let consumed = run(self, &mut broker, &words)?;
            self.note(consume[0], name, consumed.cpu_per_million());
            self.note(consume[1], name, consumed.rate() / 1000.0);
        }
        let paced = run(self, &mut broker, &["latency", "paced", "2000", &seconds])?;
        self.note(
            "2,000 msg/s: broker CPU, % of a core",
            name,
            100.0 * paced.cpu / paced.get("seconds"),
        );
        self.note("2,000 msg/s: ack p50, ms", name, paced.get("p50"));
        self.note("2,000 msg/s: ack p99, ms", name, paced.get("p99"));
        self.note("2,000 msg/s: end to end p50, ms", name, paced.get("e2e50"));
        self.note("2,000 msg/s: end to end p99, ms", name, paced.get("e2e99"));
        let usage = broker.process()?.usage()?;
        self.note("RSS after the load, MiB", name, usage.rss);
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "idleness is measured by letting time pass")]
    fn idle(&mut self, name: &'static str, broker: &mut Judged) -> Result<()> {
        thread::sleep(Duration::from_secs(2));
        let before = broker.process()?.usage()?;
        thread::sleep(Duration::from_secs(10));
        let after = broker.process()?.usage()?;
        self.note("idle CPU, % of a core", name, (after.cpu - before.cpu) * 10.0);
        self.note("idle RSS, MiB", name, after.rss);
        Ok(())
    }

    fn kafkajs(&self, broker: &Judged, folder: &Path) -> Result<f64> {
        let mut command = Command::new("node");
        command.env("NODE_PATH", &self.modules).arg(cache::e2e().join("bench/two.js"));
        command.arg(broker.address().to_string());
        let output = suite::run(&mut command, &folder.join("two.log"), Duration::from_mins(1))?;
        words(&output.text).get("ms").copied().with_context(|| output.text.clone())
    }

    fn run(&self, broker: &mut Judged, args: &[&str], folder: &Path) -> Result<Run> {
        let mut command = Command::new(&self.load);
        let (mode, rest) = args.split_first().context("a mode")?;
        command.arg(mode).arg(broker.address().to_string()).args(rest);
        let process: &mut Process = broker.process()?;
        let before = process.usage()?;
        let output = suite::run(&mut command, &folder.join("load.log"), Duration::from_mins(5))?;
        let cpu = process.usage()?.cpu - before.cpu;
        ensure!(output.status.success(), "{args:?} failed:\n{}", output.text);
        Ok(Run { words: words(&output.text), cpu })
    }

    fn table(&self) -> Result<()> {
        let mut out = io::stdout().lock();
        writeln!(
            out,
            "| median of the repetitions | Kastellan | Apache Kafka 4.3.1 |\n|---|---|---|"
        )?;
        let mut rows: Vec<&'static str> = self.figures.keys().map(|(what, _)| *what).collect();
        rows.dedup();
        rows.sort_by_key(|what| !what.contains("CPU s"));
        for what in rows {
            let value =
                |broker| self.figures.get(&(what, broker)).map_or(f64::NAN, |all| median(all));
            writeln!(out, "| {what} | {:.2} | {:.2} |", value("ours"), value("kafka"))?;
        }
        Ok(())
    }
}

const PRODUCE_SMALL: [&str; 4] = [
    "produce 100 B: broker CPU s per million",
    "produce 100 B: thousand msg/s",
    "produce 100 B: ack p50, ms",
    "produce 100 B: ack p99, ms",
];
const PRODUCE_LARGE: [&str; 4] = [
    "produce 1 KiB: broker CPU s per million",
    "produce 1 KiB: thousand msg/s",
    "produce 1 KiB: ack p50, ms",
    "produce 1 KiB: ack p99, ms",
];
const CONSUME_SMALL: [&str; 2] =
    ["consume 100 B: broker CPU s per million", "consume 100 B: thousand msg/s"];
const CONSUME_LARGE: [&str; 2] =
    ["consume 1 KiB: broker CPU s per million", "consume 1 KiB: thousand msg/s"];

/// What one run of the load generator printed, and what it cost the broker.
struct Run {
    words: BTreeMap<String, f64>,
    cpu: f64,
}

impl Run {
    fn get(&self, name: &str) -> f64 {
        self.words.get(name).copied().unwrap_or(f64::NAN)
    }

    fn count(&self) -> String {
        format!("{:.0}", self.get("messages"))
    }

    fn rate(&self) -> f64 {
        self.get("messages") / self.get("seconds")
    }

    fn cpu_per_million(&self) -> f64 {
        self.cpu / (self.get("messages") / 1e6)
    }
}

/// Creates a topic and writes one record to it.
fn first_ack(broker: &Judged) -> Result<()> {
    let mut wire = Wire::connect(broker.address())?;
    wire.create("first", 1, &[])?;
    wire.produce("first", 0, Batch::of(0, &["first"]).encode()).map(drop)
}
