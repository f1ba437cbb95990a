//! The clients people use walk through the broker, unchanged: KafkaJS, kcat, confluent-kafka,
//! franz-go, Java.
//!
//! With `KASTELLAN_JUDGE=kafka` they walk through Apache Kafka instead, which proves the scripts.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use kastellan_e2e::judged::{self, Judged};
use kastellan_e2e::need::Tool;
use kastellan_e2e::suite::{self, Scratch};
use kastellan_e2e::{cache, peer};

/// A rebalance at once instead of after three seconds: the walk is about answers, not about
/// waiting.
const SETTINGS: &[(&str, &str)] =
    &[("group.initial.rebalance.delay.ms", "0"), ("num.partitions", "2")];

/// The steps of every client that has an admin API.
const STEPS: &[&str] = &[
    "walk-through",
    "committed",
    "rebalance",
    "codec-gzip",
    "idempotent",
    "long-value",
    "offsets-by-timestamp",
    "partitions",
    "delete-topic",
    "all",
];

/// The codecs that KafkaJS has not built in.
const CODECS: &[&str] = &["codec-snappy", "codec-lz4", "codec-zstd"];

fn sources(client: &str) -> PathBuf {
    cache::e2e().join("clients").join(client)
}

/// Starts the broker, gives its address to the command that `program` makes in the scratch folder,
/// and judges the walk.
fn walk(client: &str, steps: &[&str], program: impl FnOnce(&str, &Path) -> Command) -> Result<()> {
    let scratch = Scratch::new(client)?;
    let mut broker = Judged::start(scratch.path(), SETTINGS)?;
    let address = broker.address().to_string();
    let result = suite::walk(
        &mut program(&address, scratch.path()),
        &scratch.path().join("client.log"),
        steps,
    );
    match result {
        Ok(output) => {
            // kept by the test runner unless the test fails or --nocapture asks for it
            #[expect(
                clippy::print_stdout,
                reason = "the figures of each step, for whoever asks with --nocapture"
            )]
            {
                println!("{client}:\n{}", output.text);
            }
            broker.process()?.check_alive()
        }
        Err(error) => Err(error.context(format!(
            "{client} against {address}; the broker's log ends:\n{}",
            broker.process()?.tail()
        ))),
    }
}

#[test]
fn kafkajs_walks_through() -> Result<()> {
    if !judged::ready("clients/kafkajs", &[Tool::Node, Tool::Npm])? {
        return Ok(());
    }
    let source = sources("kafkajs");
    let modules = cache::node("kafkajs", &source)?;
    walk("kafkajs", STEPS, |address, _| {
        let mut command = Command::new("node");
        command
            .env("NODE_PATH", modules.join("node_modules"))
            .arg(source.join("walk.js"))
            .arg(address);
        command
    })
}

#[test]
fn kcat_walks_through() -> Result<()> {
    if !judged::ready("clients/kcat", &[Tool::Kcat])? {
        return Ok(());
    }
    let steps: Vec<&str> = STEPS
        .iter()
        .chain(CODECS)
        .copied()
        .filter(|step| !["partitions", "delete-topic"].contains(step))
        .collect();
    walk("kcat", &steps, |address, folder| {
        let mut command = Command::new("bash");
        command.arg(sources("kcat").join("walk.sh")).arg(address).arg(folder);
        command
    })
}

#[test]
fn confluent_kafka_walks_through() -> Result<()> {
    if !judged::ready("clients/confluent-kafka", &[Tool::Python])? {
        return Ok(());
    }
    let mut command = cache::script("confluent-kafka", "walk.py")?;
    let steps: Vec<&str> =
        STEPS.iter().chain(CODECS).chain(&["static-member", "configs"]).copied().collect();
    walk("confluent-kafka", &steps, |address, _| {
        command.arg(address);
        command
    })
}

#[test]
fn franz_go_walks_through() -> Result<()> {
    if !judged::ready("clients/franz-go", &[Tool::Go])? {
        return Ok(());
    }
    let source = sources("franz-go");
    let keys = [source.join("go.sum"), source.join("walk.go")];
    let program = cache::prepared("franz-go", &keys, |folder| {
        cache::run(
            Command::new("go")
                .args(["build", "-o"])
                .arg(folder.join("walk"))
                .arg(".")
                .current_dir(&source),
        )
    })?;
    let steps: Vec<&str> = STEPS.iter().chain(CODECS).chain(&["configs"]).copied().collect();
    walk("franz-go", &steps, |address, _| {
        let mut command = Command::new(program.join("walk"));
        command.arg(address);
        command
    })
}

#[test]
fn the_java_client_walks_through() -> Result<()> {
    if !judged::ready("clients/java", &[Tool::Java, Tool::Maven])? {
        return Ok(());
    }
    let source = sources("java");
    let jars = peer::maven("kafka-java-client", &source.join("pom.xml"))?;
    let steps: Vec<&str> = STEPS.iter().chain(CODECS).chain(&["configs"]).copied().collect();
    walk("java", &steps, |address, _| {
        let mut command = Command::new("java");
        command.arg("-cp").arg(format!("{}/*", jars.display())).arg("-XX:TieredStopAtLevel=1");
        command
            .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
            .arg(source.join("Walk.java"))
            .arg(address);
        command
    })
}
