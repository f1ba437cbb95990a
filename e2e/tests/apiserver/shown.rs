//! What kubectl shows: columns, wide columns, and the explanation of every field.

use std::env;
use std::fs;

use anyhow::{Result, ensure};
use kastellan_e2e::cache;
use kastellan_e2e::kubernetes::ApiServer;
use serde_json::{Value, json};

use crate::{create, path, server};

#[test]
fn kubectl_shows_what_one_wants_to_know() -> Result<()> {
    let Some(server) = server("apiserver-shown")? else { return Ok(()) };
    objects(&server)?;
    columns(&server)?;
    for (name, arguments) in [
        ("get", &["get", "kkc,kkt,kku"][..]),
        ("get-wide", &["get", "kkc,kkt,kku", "-o", "wide"]),
        ("explain-cluster", &["explain", "kkc.spec"]),
        ("explain-listener", &["explain", "kafkaclusters.kastellan.dev.spec.listeners"]),
        ("explain-topic", &["explain", "kkt.spec", "--recursive=false"]),
        ("explain-user", &["explain", "kku.spec.acls"]),
    ] {
        let printed = server.kubectl(arguments)?;
        ensure!(printed.ok, "{printed:?}");
        golden(name, &ageless(&printed.out))?;
    }
    let printed = server.kubectl(&["get", "kafka", "-o", "name"])?;
    ensure!(printed.out.lines().count() == 3, "the category: {printed:?}");
    Ok(())
}

/// One object of each kind, with the status that an operator would write.
fn objects(server: &ApiServer) -> Result<()> {
    let condition = |reason: &str, message: &str| {
        json!([{
            "type": "Ready",
            "status": if reason == "AsSpecified" { "True" } else { "False" },
            "reason": reason,
            "message": message,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }])
    };
    let reference = json!({ "name": "demo" });
    let scram = json!({ "type": "SCRAM-SHA-512" });
    for (kind, name, spec, status) in [
        (
            "KafkaCluster",
            "demo",
            json!({ "replicas": 3 }),
            json!({
                "conditions": condition("BrokersRestarting", "restarting broker 2"),
                "replicas": 3,
                "readyReplicas": 2,
                "version": "0.1",
                "underReplicatedPartitions": 12,
                "offlinePartitions": 0,
                "rollout": {
                    "reason": "ConfigChanged",
                    "message": "2/3: orders-4 is not in sync on broker 1",
                    "total": 3,
                },
                "rebalance": {
                    "hash": "0123456789", "running": true, "replicaMoves": 8, "leaderMoves": 2,
                    "bytes": 4096, "bytesDone": 1536, "bytesLeft": 2560,
                    "message": "3 of 8 partitions have moved",
                },
            }),
        ),
        (
            "KafkaTopic",
            "orders",
            json!({ "clusterRef": reference, "topicName": "Orders", "partitions": 6 }),
            json!({
                "conditions": condition("AsSpecified", "6 partitions, 3 replicas"),
                "partitions": 6,
                "replicas": 3,
                "topicName": "Orders",
            }),
        ),
        (
            "KafkaUser",
            "rider",
            json!({ "clusterRef": reference, "authentication": scram }),
            json!({
                "conditions": condition("ClusterNotReady", "no broker serves yet"),
                "secretName": "rider",
            }),
        ),
    ] {
        let object = json!({
            "apiVersion": "kastellan.dev/v1alpha1",
            "kind": kind,
            "metadata": { "name": name },
            "spec": spec,
        });
        create(server, &object)?;
        let path = format!("{}/{name}/status", path(kind));
        let answer = server.merge(&path, &json!({ "status": status }))?;
        ensure!(answer.ok(), "{answer:?}");
    }
    Ok(())
}

/// The columns as the API gives them, which dashboards read.
fn columns(server: &ApiServer) -> Result<()> {
    let table = server.table(&path("KafkaCluster"))?.body;
    let columns: Vec<(&str, i64)> = table["columnDefinitions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|column| Some((column["name"].as_str()?, column["priority"].as_i64()?)))
        .collect();
    let expected = [
        ("Name", 0),
        ("Ready", 0),
        ("Brokers", 0),
        ("Desired", 0),
        ("Version", 0),
        ("Under-Replicated", 1),
        ("Offline", 1),
        ("Rollout", 1),
        ("Rebalance", 1),
        ("Reason", 0),
        ("Age", 0),
        ("Message", 1),
    ];
    ensure!(columns == expected, "{columns:?}");
    let cells: &Value = &table["rows"][0]["cells"];
    ensure!(cells[1] == "False" && cells[2] == 2 && cells[3] == 3, "{cells}");
    Ok(())
}

/// Ages in words of one length, so that the second in which a test runs does not matter.
fn ageless(text: &str) -> String {
    let line = |line: &str| {
        let words = line.split(' ').map(|word| {
            let digits = word.strip_suffix('s').unwrap_or_default();
            let age = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            if age { "0s".to_owned() } else { word.to_owned() }
        });
        words.collect::<Vec<_>>().join(" ").trim_end().to_owned()
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n") + "\n"
}

/// Compares with a file in `golden/`; `BLESS=1` writes it instead.
fn golden(name: &str, text: &str) -> Result<()> {
    let file = cache::e2e().join(format!("tests/apiserver/golden/{name}.txt"));
    if env::var_os("BLESS").is_some() {
        fs::write(&file, text)?;
        return Ok(());
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    ensure!(
        text == expected,
        "{} is not what kubectl prints; if this is better, write it with BLESS=1:\n{text}",
        file.display()
    );
    Ok(())
}
