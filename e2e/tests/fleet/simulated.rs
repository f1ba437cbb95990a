//! `kastellan simulate` looks at a fleet, and what it plans comes true.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::fleet::Fleet;
use kastellan_e2e::need;
use kastellan_e2e::ours;
use kastellan_e2e::suite::Scratch;
use serde_json::{Value, json};

use crate::tools::tool;

const SOON: Duration = Duration::from_mins(1);

fn kastellan(fleet: &Fleet, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new(ours::binary()?);
    let output = command.args(arguments).env("KASTELLAN_BOOTSTRAP", fleet.bootstrap()).output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{arguments:?}: {stderr}");
    Ok(String::from_utf8(output.stdout)?)
}

fn simulate(fleet: &Fleet, arguments: &[&str]) -> Result<Value> {
    let text = kastellan(fleet, &[&["simulate"], arguments, &["-o", "json"]].concat())?;
    serde_json::from_str(&text).with_context(|| text)
}

/// The plan in the form that Apache's tool takes.
fn as_reassignment(plan: &Value) -> Value {
    let moves = plan["moves"].as_array().into_iter().flatten();
    let one = |step: &Value| {
        let (topic, partition) = (&step["topic"], &step["partition"]);
        json!({"topic": topic, "partition": partition, "replicas": step["to"]})
    };
    json!({"version": 1, "partitions": moves.map(one).collect::<Vec<_>>()})
}

#[test]
fn a_broker_that_leaves_is_emptied_as_the_simulation_says() -> Result<()> {
    if !need::ready("fleet/simulated", need::APACHE)? {
        return Ok(());
    }
    let scratch = Scratch::new("fleet-simulated")?;
    let settings = [("default.replication.factor", "3"), ("min.insync.replicas", "2")];
    let mut fleet = Fleet::form(scratch.path(), 4, &settings)?;
    fleet.start_all()?;
    kastellan(&fleet, &["topics", "create", "orders", "--partitions", "8"])?;
    ensure!(simulate(&fleet, &["balance"])?["blocked"] == json!([]), "nothing stands badly");

    let alone = simulate(&fleet, &["remove", "2", "3"])?;
    let blocked = alone["blocked"].as_array().context("it says what is blocked")?;
    ensure!(blocked.len() == 8 && blocked[0]["cause"] == "TooFewBrokers", "{alone}");

    let plan = simulate(&fleet, &["remove", "3"])?;
    ensure!(plan["brokers"][3]["before"]["replicas"] != 0, "broker 3 has something: {plan}");
    ensure!(plan["brokers"][3]["after"]["replicas"] == 0, "and is empty then: {plan}");
    ensure!(plan["blocked"] == json!([]) && plan["more"] == false, "{plan}");

    let file = scratch.path().join("plan.json");
    fs::write(&file, as_reassignment(&plan).to_string())?;
    let file = file.to_str().context("a path of ours is text")?;
    let plan = ["--reassignment-json-file", file, "--execute"];
    tool(&fleet, &scratch, "reassign.ReassignPartitionsCommand", &plan)?;

    fleet.wait("broker 3 is empty", SOON, |fleet| {
        Ok(fleet.partitions("orders")?.values().all(|it| !it.replicas.contains(&3)))
    })?;
    let again = simulate(&fleet, &["remove", "3"])?;
    ensure!(again["moves"] == json!([]), "nothing is left to do: {again}");
    let before = |at: usize| again["brokers"][at]["before"]["replicas"].clone();
    ensure!((0..3).all(|at| before(at) == 8), "{again}");
    Ok(())
}
