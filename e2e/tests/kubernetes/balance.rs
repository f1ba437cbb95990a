//! Partitions that move: as suggested and approved, or by themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::cluster::{Client, Namespace, say, scenario};
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
        let lines: String = (0..20_000).map(|line| format!("line {line} of many\n")).collect();
        client.produce(BOOTSTRAP, "wide", &lines)?;
        edit(namespace, "kafkaclusters", "demo", &json!({ "balance": { "mode": "Suggest" } }))?;
        balanced(namespace, "AsSpecified")?;
        scaled(namespace, 5)?;
        let proposed = balanced(namespace, "RebalanceProposed")?;
        let plan = &proposed["status"]["rebalance"];
        ensure!(plan["running"] == false && plan["bytes"].as_i64() > Some(0), "{plan:#}");
        let approve = |hash: &str| {
            let annotation = format!("kastellan.dev/approve-rebalance={hash}");
            namespace.run(&["annotate", "--overwrite", "kkc", "demo", &annotation])
        };
        approve("0123456789")?;
        balanced(namespace, "ApprovalStale")?;
        let holders: BTreeSet<i64> =
            placed(&client, "wide")?.into_iter().flat_map(|(replicas, _)| replicas).collect();
        ensure!(holders == BTreeSet::from([0, 1, 2]), "something moved already: {holders:?}");
        let begin = Instant::now();
        let producer = pump(namespace, 15)?;
        approve(plan["hash"].as_str().context("no hash")?)?;
        let cluster = balanced(namespace, "AsSpecified")?;
        say(&format!("FIGURE approved to balanced: {:.1} s", begin.elapsed().as_secs_f32()))?;
        ensure!(cluster["status"]["rebalance"].is_null(), "{cluster:#}");
        nothing_lost(namespace, producer)?;
        let mut counts = BTreeMap::new();
        for (replicas, leader) in placed(&client, "wide")? {
            ensure!(replicas.len() == 3 && replicas[0] == leader, "{replicas:?} led by {leader}");
            replicas.into_iter().for_each(|id| *counts.entry(id).or_insert(0) += 1);
        }
        ensure!(counts.len() == 5 && counts.values().all(|held| *held >= 4), "{counts:?}");
        let read = client.consume(BOOTSTRAP, "wide")?.lines().count();
        ensure!(read == 20_000, "{read} of 20000 records are left");
        Ok(())
    })
}
