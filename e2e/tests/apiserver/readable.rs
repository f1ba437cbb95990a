//! What the API server lets in, the operator can read: one object that it cannot would keep it from
//! hearing of all the others of its kind.

use anyhow::{Context as _, Result, ensure};
use kastellan_crds::{KafkaCluster, KafkaTopic, KafkaUser};
use kastellan_e2e::kubernetes::ApiServer;
use serde_json::{Value, json};

use crate::{path, server};

/// Values that belong nowhere, or hardly anywhere.
fn garbage() -> Vec<Value> {
    vec![
        json!(1e30),
        json!(-1e30),
        json!(1e3),
        json!(0.5),
        json!(u64::MAX),
        json!(9_223_372_036_854_775_808_u64),
        json!(i64::MIN),
        json!(2_147_483_648_u64),
        json!(65_536),
        json!(-1),
        json!(true),
        json!(null),
        json!(""),
        json!("\u{0}"),
        json!("x".repeat(1 << 20)),
        json!([]),
        json!([[]]),
        json!({}),
        json!({ "": {} }),
    ]
}

/// Objects in order, with something of every type in them.
fn orderly() -> [Value; 3] {
    let object = |kind: &str, spec: Value| {
        json!({
            "apiVersion": "kastellan.dev/v1alpha1",
            "kind": kind,
            "metadata": { "name": "demo", "annotations": { "a": "b" }, "labels": { "a": "b" } },
            "spec": spec,
        })
    };
    let toleration = json!({ "key": "a", "operator": "Exists", "tolerationSeconds": 5 });
    let cluster = json!({
        "replicas": 3,
        "version": "0.1",
        "config": { "log.retention.hours": 72, "cleanup.policy": "compact" },
        "storage": { "type": "PersistentClaim", "size": 10_737_418_240_i64 },
        "listeners": [{ "name": "a", "port": 9092, "type": "NodePort", "tls": {} }],
        "certificates": { "clients": { "validityDays": 365, "renewalDays": 30 } },
        "balance": { "mode": "Suggest", "maxConcurrentMoves": 5 },
        "template": { "tolerations": [toleration], "terminationGracePeriodSeconds": 60 },
    });
    let topic = json!({
        "clusterRef": { "name": "demo" },
        "partitions": 3,
        "replicas": 2,
        "config": { "retention.ms": 1000 },
    });
    let user = json!({
        "clusterRef": { "name": "demo" },
        "authentication": { "type": "TLS", "validityDays": 30, "renewalDays": 7 },
        "acls": [{ "resource": { "type": "Topic", "name": "a" }, "operations": ["Read"] }],
        "quotas": { "producerByteRate": 1000, "requestPercentage": 50 },
    });
    [object("KafkaCluster", cluster), object("KafkaTopic", topic), object("KafkaUser", user)]
}

/// Where something stands in an object.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    if !at.is_empty() {
        found.push(at.to_owned());
    }
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                places(inner, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(list) => {
            for (index, inner) in list.iter().enumerate() {
                places(inner, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

fn read(kind: &str, object: Value) -> serde_json::Result<()> {
    match kind {
        "KafkaCluster" => serde_json::from_value::<KafkaCluster>(object).map(drop),
        "KafkaTopic" => serde_json::from_value::<KafkaTopic>(object).map(drop),
        _ => serde_json::from_value::<KafkaUser>(object).map(drop),
    }
}

/// Tries every piece of garbage in every place: how many were refused and how many let in.
fn try_all(server: &ApiServer, object: &Value) -> Result<(usize, usize)> {
    let kind = object["kind"].as_str().context("a kind")?;
    let path = format!("{}?dryRun=All&fieldValidation=Ignore", path(kind));
    let answer = server.create(&path, object)?;
    ensure!(answer.ok(), "in order, and refused: {}", answer.body);
    let mut found = Vec::new();
    places(&object["spec"], "/spec", &mut found);
    places(&object["metadata"]["annotations"], "/metadata/annotations", &mut found);
    let (mut refused, mut taken) = (0, 0);
    for place in found {
        for value in garbage() {
            let mut bad = object.clone();
            *bad.pointer_mut(&place).context("a place")? = value.clone();
            let answer = server.create(&path, &bad)?;
            ensure!(answer.status < 500, "{place}: {:?}", answer.body["message"]);
            if answer.ok() {
                let shown: String = value.to_string().chars().take(50).collect();
                read(kind, answer.body).with_context(|| {
                    format!("{kind} is let in and not read: {place} is {shown}")
                })?;
                taken += 1;
            } else {
                refused += 1;
            }
        }
    }
    Ok((refused, taken))
}

#[test]
fn garbage_is_refused_or_can_be_read() -> Result<()> {
    let Some(server) = server("apiserver-garbage")? else { return Ok(()) };
    for object in orderly() {
        let (refused, taken) = try_all(&server, &object)?;
        println!("{}: {refused} refused, {taken} let in and read", object["kind"]);
        ensure!(refused > 100 && taken > 0);
    }
    Ok(())
}
