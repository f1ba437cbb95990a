//! Replicas that catch up take no more than they may, on either side; those in sync do not wait.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::fleet::Fleet;
use kastellan_e2e::need;
use kastellan_e2e::suite::Scratch;

use crate::tools::tool;

const SOON: Duration = Duration::from_mins(1);
/// Bytes that are copied: records of so many bytes each.
const BYTES: u32 = 24_000_000;
const RECORD: u32 = 1_000;
/// Bytes a second.
const RATE: u32 = 3_000_000;
/// At that rate, less what may be taken ahead and an answer.
const LEAST: Duration = Duration::from_secs(6);

/// The fleet, and Apache's tools.
struct Bench<'a> {
    fleet: &'a mut Fleet,
    scratch: &'a Scratch,
}

impl Bench<'_> {
    fn run(&self, class: &str, arguments: &[&str]) -> Result<String> {
        tool(self.fleet, self.scratch, class, arguments)
    }

    fn write(&self, topic: &str, bytes: u32) -> Result<()> {
        let (count, size) = ((bytes / RECORD).to_string(), RECORD.to_string());
        let how = ["--num-records", &count, "--record-size", &size, "--throughput", "-1"];
        self.run("ProducerPerformance", &[&["--topic", topic], how.as_slice()].concat())?;
        Ok(())
    }

    fn set(&self, kind: &str, name: &str, setting: &str) -> Result<()> {
        let what = ["--entity-type", kind, "--entity-name", name, "--alter"];
        let arguments = [what.as_slice(), &["--add-config", setting]].concat();
        self.run("kafka.admin.ConfigCommand", &arguments).map(drop)
    }

    /// Brings a topic from broker 0 to broker 1; how long that took.
    fn copy(&mut self, topic: &str) -> Result<Duration> {
        let plan = format!(
            r#"{{"version":1,"partitions":[{{"topic":"{topic}","partition":0,"replicas":[1]}}]}}"#
        );
        let file = self.scratch.path().join("plan.json");
        fs::write(&file, plan)?;
        let file = file.to_str().context("a path of ours is text")?;
        let begun = Instant::now();
        self.run(
            "reassign.ReassignPartitionsCommand",
            &["--reassignment-json-file", file, "--execute"],
        )?;
        self.fleet.wait("it is there", SOON, |fleet| {
            Ok(fleet.partitions(topic)?.get(&0).is_some_and(|it| it.replicas == [1]))
        })?;
        Ok(begun.elapsed())
    }
}

#[test]
fn catching_up_is_held_back_on_either_side_and_being_in_sync_is_not() -> Result<()> {
    if !need::ready("fleet/throttled", need::APACHE)? {
        return Ok(());
    }
    let scratch = Scratch::new("fleet-throttled")?;
    let mut fleet = Fleet::three(scratch.path(), &[])?;
    let mut bench = Bench { fleet: &mut fleet, scratch: &scratch };
    for (side, broker) in [("leader", "0"), ("follower", "1")] {
        let alone = ["--replica-assignment", "0", "--config", "min.insync.replicas=1"];
        let create = [&["--create", "--topic", side], alone.as_slice()].concat();
        bench.run("TopicCommand", &create)?;
        bench.write(side, BYTES)?;
        let rate = format!("{side}.replication.throttled.rate={RATE}");
        bench.set("brokers", broker, &rate)?;
        bench.set("topics", side, &format!("{side}.replication.throttled.replicas=*"))?;
        let took = bench.copy(side)?;
        println!("{BYTES} bytes, throttled by the {side} to {RATE} a second: {took:?}");
        ensure!(took >= LEAST, "the {side} held nothing back: {took:?}");
    }

    // a byte a second, for everybody: this would take for ever if it counted
    for broker in ["0", "1", "2"] {
        let both = "leader.replication.throttled.rate=1,follower.replication.throttled.rate=1";
        bench.set("brokers", broker, both)?;
    }
    bench.run("TopicCommand", &["--create", "--topic", "whole", "--partitions", "1"])?;
    let all = "leader.replication.throttled.replicas=*,follower.replication.throttled.replicas=*";
    bench.set("topics", "whole", all)?;
    bench.write("whole", BYTES / 8)?;
    bench.fleet.agreed("whole", SOON)
}
