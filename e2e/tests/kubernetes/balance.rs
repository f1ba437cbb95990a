//! Partitions that move: as suggested and approved, or by themselves.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::cluster::{Client, LIMIT, Namespace, say, scenario, until};
use serde_json::{Value, json};

use crate::faults::{nothing_lost, pump};
use crate::fleet::{fleet, scaled};
use crate::operated::{BOOTSTRAP, condition, edit, is_ready, topic};

/// The brokers of each partition of a topic, the preferred leader first, and who leads it.
pub(crate) fn placed(client: &Client<'_>, name: &str) -> Result<Vec<(Vec<i64>, i64)>> {
    let all = client.run(&["kcat", "-L", "-J", "-b", BOOTSTRAP, "-t", name], "")?;
    let all: Value = serde_json::from_str(&all).context("kcat's JSON")?;
    let partitions = all["topics"][0]["partitions"].as_array().context("no partitions")?;
    let one = |partition: &Value| {
        let replicas = partition["replicas"].as_array().into_iter().flatten();
        let replicas = replicas.filter_map(|replica| replica["id"].as_i64()).collect();
        (replicas, partition["leader"].as_i64().unwrap_or(-1))
    };
    Ok(partitions.iter().map(one).collect())
}

/// How many replicas of a topic each broker holds.
fn held(placed: &[(Vec<i64>, i64)]) -> BTreeMap<i64, usize> {
    let mut held = BTreeMap::new();
    for id in placed.iter().flat_map(|(replicas, _)| replicas) {
        *held.entry(*id).or_insert(0) += 1;
    }
    held
}

/// Writes so many records to all partitions of the topic `wide`, each with a text.
fn fill(client: &Client<'_>, count: usize, text: &str) -> Result<()> {
    let lines: Vec<String> = (0..count).map(|number| format!("{number} {text}\n")).collect();
    let words = ["kcat", "-E", "-b", BOOTSTRAP, "-P", "-t", "wide", "-X", "acks=all"];
    // else a whole batch goes to one partition
    let each = ["-X", "sticky.partitioning.linger.ms=0"];
    client.run(&[&words[..], &each].concat(), &lines.concat())?;
    Ok(())
}

/// Waits until partitions are spread, or should be, for a reason.
fn balanced(namespace: &Namespace<'_>, reason: &str) -> Result<Value> {
    namespace.wait("kafkaclusters", "demo", &format!("to be {reason}"), |cluster| {
        condition(cluster, "Balanced").is_some_and(|it| it["reason"] == reason)
    })
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn new_brokers_get_their_share_once_the_plan_is_approved() -> Result<()> {
    scenario("approve", |namespace| {
        fleet(namespace)?;
        let client = namespace.client()?;
        namespace.applied(&topic("wide", "partitions: 10"))?;
        namespace.wait("kafkatopics", "wide", "to be Ready", is_ready)?;
        fill(&client, 20_000, "one of many")?;
        let balance = json!({ "mode": "Suggest", "maxBytesPerSecond": "64Ki" });
        edit(namespace, "kafkaclusters", "demo", &json!({ "balance": balance }))?;
        balanced(namespace, "AsSpecified")?;
        scaled(namespace, 5)?;
        let proposed = balanced(namespace, "RebalanceProposed")?;
        let plan = &proposed["status"]["rebalance"];
        ensure!(plan["running"] == false && plan["bytes"].as_i64() > Some(0), "{plan:#}");
        let least = plan["secondsLeft"].as_u64().context("no estimate")?;
        ensure!(least > 1, "it is over before anything is seen of it: {plan:#}");
        let approve = |hash: &str| {
            let annotation = format!("kastellan.dev/approve-rebalance={hash}");
            namespace.run(&["annotate", "--overwrite", "kkc", "demo", &annotation])
        };
        approve("0123456789")?;
        balanced(namespace, "ApprovalStale")?;
        let holders = held(&placed(&client, "wide")?);
        ensure!(holders.keys().copied().eq(0..3), "something moved already: {holders:?}");
        let begin = Instant::now();
        // in this order: the plan is another one once there is more to move
        approve(plan["hash"].as_str().context("no hash")?)?;
        let producer = pump(namespace, 15)?;
        let slow = |cluster: &Value| cluster["status"]["rebalance"]["bytesPerSecond"] == 65_536;
        namespace.wait("kafkaclusters", "demo", "to move no faster than it may", slow)?;
        let cluster = balanced(namespace, "AsSpecified")?;
        let took = begin.elapsed();
        say(&format!(
            "FIGURE approved to balanced: {:.1} s (at 64 KiB a second: {least})",
            took.as_secs_f32()
        ))?;
        // a second's worth is free, and so is an answer that was begun
        ensure!(took.as_secs() + 2 >= least / 2, "{took:?} for {plan:#}");
        until("nothing to be held back any more", LIMIT, || {
            Ok(namespace.get("configmaps", "demo-throttled")?.is_none().then_some(()))
        })?;
        ensure!(cluster["status"]["rebalance"].is_null(), "{cluster:#}");
        nothing_lost(namespace, producer)?;
        let placed = placed(&client, "wide")?;
        for (replicas, leader) in &placed {
            ensure!(replicas.first() == Some(leader), "{replicas:?} led by {leader}");
        }
        let counts = held(&placed);
        ensure!(counts.len() == 5 && counts.values().all(|held| *held >= 4), "{counts:?}");
        let read = client.consume(BOOTSTRAP, "wide")?.lines().count();
        ensure!(read == 20_000, "{read} of 20000 records are left");
        Ok(())
    })
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn three_brokers_become_five_and_three_again_while_records_are_written() -> Result<()> {
    scenario("elastic", |namespace| {
        fleet(namespace)?;
        let client = namespace.client()?;
        namespace.applied(&topic("wide", "partitions: 10"))?;
        namespace.wait("kafkatopics", "wide", "to be Ready", is_ready)?;
        fill(&client, 30_000, &"x".repeat(1000))?;
        // a group, so that there are its offsets to move
        let words = ["timeout", "60", "kcat", "-E", "-b", BOOTSTRAP, "-q", "-c", "10"];
        let group = ["-X", "auto.offset.reset=earliest", "-G", "riders", "wide"];
        client.run(&[&words[..], &group].concat(), "")?;
        edit(namespace, "kafkaclusters", "demo", &json!({ "balance": { "mode": "Auto" } }))?;
        balanced(namespace, "AsSpecified")?;
        // ends with an error as soon as a send fails
        let producer = pump(namespace, 45)?;
        let begin = Instant::now();
        scaled(namespace, 5)?;
        until("the new brokers to have their share", LIMIT, || {
            let counts = held(&placed(&client, "wide")?);
            Ok((counts.len() == 5 && counts.values().all(|held| *held >= 4)).then_some(()))
        })?;
        balanced(namespace, "AsSpecified")?;
        let up = begin.elapsed();
        let begin = Instant::now();
        scaled(namespace, 3)?;
        let down = begin.elapsed();
        say(&format!(
            "FIGURE 3 -> 5 -> 3 brokers with 90 MB: {:.1} s up and balanced, {:.1} s down",
            up.as_secs_f32(),
            down.as_secs_f32()
        ))?;
        for id in [3, 4] {
            for (resource, name) in [
                ("statefulsets", format!("demo-{id}")),
                ("pods", format!("demo-{id}-0")),
                ("services", format!("demo-{id}")),
                ("secrets", format!("demo-{id}-certs")),
                ("persistentvolumeclaims", format!("data-demo-{id}")),
            ] {
                let gone = || Ok(namespace.get(resource, &name)?.is_none().then_some(()));
                until(&format!("{resource} {name} to be gone"), LIMIT, gone)?;
            }
        }
        let record = namespace.get("configmaps", "demo-identity")?.context("no record")?;
        ensure!(record["data"]["brokers"] == "0,1,2", "{record:#}");
        for name in ["wide", "greetings", "__consumer_offsets"] {
            for (replicas, leader) in placed(&client, name)? {
                let stays = |id: &i64| (0..3).contains(id);
                ensure!(replicas.iter().chain([&leader]).all(stays), "{name}: {replicas:?}");
            }
        }
        nothing_lost(namespace, producer)?;
        let read = client.consume(BOOTSTRAP, "wide")?.lines().count();
        ensure!(read == 30_000, "{read} of 30000 records are left");
        Ok(())
    })
}
