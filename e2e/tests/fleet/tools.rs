//! Apache's command-line tools look after a fleet.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::fleet::Fleet;
use kastellan_e2e::suite::{self, Scratch};
use kastellan_e2e::{need, peer};

const SOON: Duration = Duration::from_mins(1);

/// Runs one of the tools, which must end well, and returns what it printed.
pub(crate) fn tool(
    fleet: &Fleet,
    scratch: &Scratch,
    class: &str,
    arguments: &[&str],
) -> Result<String> {
    let jars = peer::jars()?;
    let mut command = peer::java(&jars);
    command.args(["-Xmx128m", "-XX:TieredStopAtLevel=1"]);
    // one has not moved with the others
    let package = if class.starts_with("kafka.") { "" } else { "org.apache.kafka.tools." };
    command.arg(format!("{package}{class}"));
    command.args(["--bootstrap-server", &fleet.bootstrap()]).args(arguments);
    let log = scratch.path().join("tool.log");
    let output = suite::run(&mut command, &log, Duration::from_mins(1))?;
    ensure!(output.status.success(), "{class} {arguments:?}: {}", output.text);
    Ok(output.text)
}

#[test]
fn apaches_tools_describe_reassign_and_elect() -> Result<()> {
    if !need::ready("fleet/tools", need::APACHE)? {
        return Ok(());
    }
    let scratch = Scratch::new("fleet-tools")?;
    let mut fleet = Fleet::three(scratch.path(), &[])?;
    let leader = fleet.controller()?;
    let run = |class: &str, arguments: &[&str]| tool(&fleet, &scratch, class, arguments);

    let said = run("MetadataQuorumCommand", &["describe", "--status"])?;
    let has = |said: &str, part: &str| said.contains(part);
    ensure!(has(&said, &format!("LeaderId:               {leader}")), "{said}");
    ensure!(said.matches("PEER://127.0.0.1:").count() == 3, "{said}");
    let said = run("MetadataQuorumCommand", &["describe", "--replication"])?;
    ensure!(said.matches("Follower").count() == 2 && has(&said, "Leader"), "{said}");

    run("TopicCommand", &["--create", "--topic", "r", "--partitions", "1"])?;
    let said = run("TopicCommand", &["--describe", "--topic", "r"])?;
    ensure!(has(&said, "ReplicationFactor: 3") && has(&said, "min.insync.replicas=2"), "{said}");

    let first = fleet.leader("r", 0)?;
    let rest: Vec<i32> = (0..3).filter(|id| *id != first).collect();
    let plan = format!(
        r#"{{"version":1,"partitions":[{{"topic":"r","partition":0,"replicas":{rest:?}}}]}}"#
    );
    let file = scratch.path().join("plan.json");
    fs::write(&file, plan)?;
    let file = file.to_str().context("a path of ours is text")?;
    let plan = ["--reassignment-json-file", file];
    let execute = [plan[0], plan[1], "--execute", "--throttle", "100000000"];
    let said = run("reassign.ReassignPartitionsCommand", &execute)?;
    ensure!(has(&said, "Successfully started partition reassignment for r-0"), "{said}");
    fleet.wait("the replicas are others", SOON, |fleet| {
        Ok(fleet.partitions("r")?.get(&0).is_some_and(|it| it.replicas == rest))
    })?;
    let run = |class: &str, arguments: &[&str]| tool(&fleet, &scratch, class, arguments);
    let said = run("reassign.ReassignPartitionsCommand", &[plan[0], plan[1], "--verify"])?;
    ensure!(has(&said, "Reassignment of partition r-0 is completed."), "{said}");

    run("LeaderElectionCommand", &["--election-type", "preferred", "--all-topic-partitions"])?;
    ensure!(Some(&fleet.leader("r", 0)?) == rest.first(), "the preferred replica does not lead");
    let said = run("FeatureCommand", &["describe"])?;
    ensure!(has(&said, "Feature: metadata.version"), "{said}");
    Ok(())
}
