//! The client in the binary, beside other people's clients and other people's brokers: what
//! `kastellan produce` writes they read, what they write `kastellan consume` prints, and every
//! command does on Apache Kafka what it does on Kastellan.
#![expect(clippy::indexing_slicing, reason = "a JSON value without a field gives null for it")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::judged::{self, Judged};
use kastellan_e2e::need::{self, Tool};
use kastellan_e2e::ours;
use kastellan_e2e::peer::{Jvm, Peer};
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::{cache, process};
use serde_json::Value;

/// Reads a topic to its end with confluent-kafka; prints key:value, and the headers where there are
/// some.
const READ: &str = r"
import sys
from confluent_kafka import Consumer, TopicPartition
consumer = Consumer({'bootstrap.servers': sys.argv[1], 'group.id': 'judge'})
low, high = consumer.get_watermark_offsets(TopicPartition('t', 0), timeout=30)
consumer.assign([TopicPartition('t', 0, low)])
for _ in range(high - low):
    message = consumer.poll(30)
    text = lambda part: '' if part is None else part.decode()
    headers = ''.join(f' {name}={value.decode()}' for name, value in message.headers() or [])
    print(f'{text(message.key())}:{text(message.value())}{headers}')
consumer.close()
";

/// Runs a program on some input; what it prints.
fn run(command: &mut Command, input: &str) -> Result<String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("start {command:?}"))?;
    child.stdin.take().context("stdin was piped")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}: {stderr}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

fn kastellan(address: &str, arguments: &[&str], input: &str) -> Result<String> {
    let mut command = Command::new(ours::binary()?);
    run(command.args(arguments).env("KASTELLAN_BOOTSTRAP", address), input)
}

fn document(address: &str, arguments: &[&str]) -> Result<Value> {
    let text = kastellan(address, &[arguments, &["-o", "json"]].concat(), "")?;
    serde_json::from_str(&text).with_context(|| format!("{arguments:?}: {text}"))
}

#[test]
fn what_it_writes_others_read_and_what_they_write_it_prints() -> Result<()> {
    if !judged::ready("cli", &[Tool::Kcat, Tool::Python])? {
        return Ok(());
    }
    let scratch = Scratch::new("cli")?;
    let broker = Judged::start(scratch.path(), &[])?;
    let address = broker.address().to_string();
    kastellan(&address, &["topics", "create", "t", "--partitions", "1"], "")?;
    let mut expected = String::new();
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let arguments = ["produce", "t", "-k", ":", "-z", codec, "-H", "codec=ours"];
        let line = format!("{codec}:ours\n");
        kastellan(&address, &arguments, &line)?;
        expected += &line;
    }
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let mut kcat = Command::new("kcat");
        kcat.args(["-P", "-b", &address, "-t", "t", "-K:", "-z", codec]);
        let line = format!("{codec}:theirs\n");
        run(&mut kcat, &line)?;
        expected += &line;
    }
    ensure!(kastellan(&address, &["consume", "t", "-k", ":"], "")? == expected);
    let mut kcat = Command::new("kcat");
    kcat.args(["-C", "-q", "-e", "-b", &address, "-t", "t", "-o", "beginning", "-K:"]);
    ensure!(run(&mut kcat, "")? == expected);
    let requirements = cache::e2e().join("clients/confluent-kafka/requirements.txt");
    let mut python = Command::new(cache::python(&requirements)?);
    let read = run(python.args(["-B", "-c", READ, &address]), "")?;
    ensure!(read == expected.replace(":ours\n", ":ours codec=ours\n"), "{read}");
    Ok(())
}

#[test]
fn every_command_does_on_apache_kafka_what_it_does_on_kastellan() -> Result<()> {
    if !need::ready("cli on Apache Kafka", need::APACHE)? {
        return Ok(());
    }
    let scratch = Scratch::new("cli-ours")?;
    let broker = Judged::start(scratch.path(), &[])?;
    let ours = walk(&broker.address().to_string())?;
    let scratch = Scratch::new("cli-peer")?;
    let peer = walk_on_the_peer(scratch.path())?;
    ensure!(ours == peer, "ours: {ours:#}\nApache Kafka: {peer:#}");
    Ok(())
}

fn walk_on_the_peer(folder: &Path) -> Result<Value> {
    let mut peer = Peer::format(folder, Jvm::Test, &[])?;
    peer.start()?;
    let address = peer.address().to_string();
    // its port answers before it knows itself
    while document(&address, &["status"])?["brokers"] == Value::Array(Vec::new()) {
        process::pause();
    }
    walk(&address)
}

/// What the commands show, less what differs from run to run.
fn walk(address: &str) -> Result<Value> {
    let mut seen = Vec::new();
    let create =
        ["topics", "create", "t", "--partitions", "2", "--config", "max.message.bytes=9000"];
    seen.push(kastellan(address, &create, "")?.into());
    let alter = ["topics", "alter", "t", "--partitions", "3", "--config", "retention.ms=-1"];
    kastellan(address, &alter, "")?;
    kastellan(address, &["topics", "alter", "t", "--unset", "max.message.bytes"], "")?;
    let lines: Vec<_> = (0..1000).map(|number| format!("k{number}:v{number}\n")).collect();
    let lines = lines.concat();
    let mut written = document(address, &["produce", "t", "-k", ":"])?;
    ensure!(written["records"] == 0);
    let text = kastellan(address, &["produce", "t", "-k", ":", "-o", "json"], &lines)?;
    written = serde_json::from_str(&text)?;
    seen.push(written["partitions"].clone());
    let mut topic = document(address, &["topics", "describe", "t"])?;
    topic[0]["id"] = Value::Null;
    for partition in topic[0]["partitions"].as_array_mut().context("partitions")? {
        for field in ["leader", "replicas", "isr"] {
            partition[field] = Value::Null;
        }
    }
    seen.push(topic);
    seen.push(kastellan(address, &["consume", "t", "-k", ":", "--offsets", "-p", "1"], "")?.into());
    kastellan(address, &["consume", "t", "-g", "g", "-n", "400"], "")?;
    let mut groups = document(address, &["groups"])?;
    ensure!(groups[0]["lagSeconds"].is_number(), "{groups}");
    groups[0]["lagSeconds"] = Value::Null;
    seen.push(groups);
    let reset = ["groups", "reset-offsets", "g", "--topic", "t:1", "--to-offset", "7", "--execute"];
    kastellan(address, &reset, "")?;
    let group = document(address, &["groups", "describe", "g"])?;
    seen.push(group[0]["offsets"][1]["committed"].clone());
    kastellan(address, &["groups", "delete", "g"], "")?;
    seen.push(document(address, &["groups"])?);
    kastellan(address, &["topics", "delete", "t"], "")?;
    seen.push(document(address, &["topics"])?);
    Ok(Value::Array(seen))
}
