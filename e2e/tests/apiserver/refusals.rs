//! Every rule refuses what it is for, in the words that it was given.

use anyhow::{Context as _, Result, bail, ensure};
use kastellan_e2e::kubernetes::{Answer, ApiServer};
use serde_json::{Value, json};

use crate::cases::{self, Case};
use crate::{create, path, server};

#[test]
fn what_breaks_a_rule_is_refused_in_the_words_of_that_rule() -> Result<()> {
    let Some(server) = server("apiserver-refusals")? else { return Ok(()) };
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (kind, cases) in cases::all() {
        for case in &cases {
            count += 1;
            if let Err(why) = judge(&server, kind, case) {
                wrong.push(format!("{kind}: {why:#}\n  {case:?}"));
            }
        }
    }
    ensure!(wrong.is_empty(), "{} of {count} cases:\n{}", wrong.len(), wrong.join("\n"));
    println!("{count} of {count} objects refused as they should be");
    Ok(())
}

fn judge(server: &ApiServer, kind: &str, case: &Case) -> Result<()> {
    let path = path(kind);
    let object = case.object(kind, &case.spec);
    let Some(before) = &case.before else {
        return refused(&server.create(&format!("{path}?dryRun=All"), &object)?, case);
    };
    let mut changed = create(server, &case.object(kind, before))?;
    let name = object["metadata"]["name"].as_str().context("a name is a text")?;
    let own = format!("{path}/{name}");
    changed["spec"] = case.spec.clone();
    let answer = server.replace(&format!("{own}?dryRun=All"), &changed)?;
    ensure!(server.delete(&own)?.ok(), "{own} cannot be deleted");
    refused(&answer, case)
}

/// Whether the answer is the one refusal that `case` asks for.
fn refused(answer: &Answer, case: &Case) -> Result<()> {
    let causes = answer.body["details"]["causes"].as_array().cloned().unwrap_or_default();
    let [only] = &causes[..] else {
        bail!("status {}, {}", answer.status, answer.body);
    };
    let said = only["message"].as_str().unwrap_or_default();
    ensure!(said.ends_with(&format!(": {}", case.refused)), "said {said:?}");
    let at = case.at.as_deref().unwrap_or("<nil>");
    ensure!(only["field"] == at, "at {} instead of {at}", only["field"]);
    Ok(())
}

#[test]
fn what_the_schema_does_not_have_is_refused_and_named() -> Result<()> {
    let Some(server) = server("apiserver-schema")? else { return Ok(()) };
    values_out_of_range_are_refused(&server)?;
    unknown_fields_are_refused_when_strict_and_warned_about_otherwise(&server)
}

fn values_out_of_range_are_refused(server: &ApiServer) -> Result<()> {
    for (kind, spec, expected) in [
        (
            "KafkaCluster",
            json!({ "replicas": 0 }),
            "spec.replicas in body should be greater than or equal to 1",
        ),
        (
            "KafkaCluster",
            json!({ "listeners": [{ "name": "a", "port": 65536 }] }),
            "should be less than or equal to 65535",
        ),
        (
            "KafkaCluster",
            json!({ "listeners": [{ "name": "a", "port": 1 }, { "name": "a", "port": 2 }] }),
            "spec.listeners[1]: Duplicate value: {\"name\":\"a\"}",
        ),
        (
            "KafkaCluster",
            json!({ "listeners": [{ "name": "a", "port": 1, "type": "Ingress" }] }),
            "supported values: \"Internal\", \"ClusterIP\", \"NodePort\", \"LoadBalancer\"",
        ),
        (
            "KafkaCluster",
            json!({ "config": { "delete.topic.enable": true } }),
            "must be of type integer,string: \"boolean\"",
        ),
        ("KafkaCluster", json!({ "version": 0.1 }), "must be of type string: \"number\""),
        (
            "KafkaCluster",
            json!({ "cordonedBrokers": [1, 1] }),
            "spec.cordonedBrokers[1]: Duplicate value: 1",
        ),
        ("KafkaTopic", json!({}), "spec.clusterRef: Required value"),
        (
            "KafkaTopic",
            json!({ "clusterRef": { "name": "demo" }, "partitions": 0 }),
            "greater than or equal to 1",
        ),
        (
            "KafkaUser",
            json!({ "clusterRef": { "name": "demo" }, "acls": [{ "resource": { "type": "Cluster" }, "operations": [] }] }),
            "should have at least 1 items",
        ),
    ] {
        let object = json!({
            "apiVersion": "kastellan.dev/v1alpha1",
            "kind": kind,
            "metadata": { "name": "demo" },
            "spec": spec,
        });
        let answer = server.create(&format!("{}?dryRun=All", path(kind)), &object)?;
        let said = answer.body["message"].as_str().unwrap_or_default();
        ensure!(answer.status == 422 && said.contains(expected), "{spec}: {}", answer.body);
    }
    Ok(())
}

fn unknown_fields_are_refused_when_strict_and_warned_about_otherwise(
    server: &ApiServer,
) -> Result<()> {
    for (kind, spec, field) in [
        ("KafkaCluster", json!({ "listener": [] }), "spec.listener"),
        ("KafkaTopic", json!({ "clusterRef": { "name": "a" }, "partition": 3 }), "spec.partition"),
        (
            "KafkaCluster",
            json!({ "listeners": [{ "name": "a", "port": 1, "tls": { "x": 1 } }] }),
            "spec.listeners[0].tls.x",
        ),
    ] {
        let object: Value = json!({
            "apiVersion": "kastellan.dev/v1alpha1",
            "kind": kind,
            "metadata": { "name": "demo" },
            "spec": spec,
        });
        let said = format!("unknown field \"{field}\"");
        let strict =
            server.create(&format!("{}?dryRun=All&fieldValidation=Strict", path(kind)), &object)?;
        let message = strict.body["message"].as_str().unwrap_or_default();
        ensure!(strict.status == 400 && message.contains(&said), "{field}: {strict:?}");
        let warned =
            server.create(&format!("{}?dryRun=All&fieldValidation=Warn", path(kind)), &object)?;
        let warnings = warned.warnings.join("\n").replace('\\', "");
        ensure!(warned.ok() && warnings.contains(&said), "{field}: {warned:?}");
    }
    Ok(())
}
