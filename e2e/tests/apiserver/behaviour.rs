//! What the API server does with objects that are accepted: defaults, scale, status, selectors, and
//! two writers of one list.

use anyhow::{Result, ensure};
use kastellan_e2e::kubernetes::ApiServer;
use serde_json::{Value, json};

use crate::{create, path, server};

fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "kastellan.dev/v1alpha1",
        "kind": kind,
        "metadata": { "name": name },
        "spec": spec,
    })
}

#[test]
fn objects_behave_as_their_definitions_say() -> Result<()> {
    let Some(server) = server("apiserver-behaviour")? else { return Ok(()) };
    defaults_appear(&server)?;
    nulls_are_as_left_out(&server)?;
    the_scale_sub_resource_reads_and_writes_replicas(&server)?;
    a_cluster_with_pools_cannot_be_scaled_as_a_whole(&server)?;
    the_status_is_written_apart_from_the_spec(&server)?;
    topics_and_users_are_selected_by_cluster(&server)?;
    two_managers_share_a_list(&server)
}

fn defaults_appear(server: &ApiServer) -> Result<()> {
    let cluster = create(server, &object("KafkaCluster", "small", &json!({})))?;
    let storage = json!({ "type": "PersistentClaim", "size": "10Gi", "deletionPolicy": "Retain" });
    ensure!(cluster["spec"] == json!({ "storage": storage }), "{}", cluster["spec"]);

    let spec = json!({
        "pools": [{ "name": "a", "replicas": 3, "rack": { "name": "r" } }],
        "listeners": [{
            "name": "a",
            "port": 9092,
            "type": "LoadBalancer",
            "tls": {},
            "loadBalancer": {},
        }],
        "certificates": { "clients": {} },
        "balance": {},
        "peers": {},
    });
    let spec = create(server, &object("KafkaCluster", "large", &spec))?["spec"].clone();
    ensure!(spec["pools"][0]["roles"] == json!(["Broker", "Controller"]), "{spec}");
    ensure!(spec["listeners"][0]["tls"]["minVersion"] == "1.2", "{spec}");
    let balancer = &spec["listeners"][0]["loadBalancer"];
    ensure!(*balancer == json!({ "mode": "PerBroker", "firstPort": 9100 }), "{spec}");
    let clients = &spec["certificates"]["clients"];
    let authority = json!({
        "validityDays": 365,
        "renewalDays": 30,
        "replacement": "Certificate",
        "overlapMinutes": 60,
    });
    ensure!(*clients == authority, "{spec}");
    ensure!(spec["balance"] == json!({ "mode": "Suggest", "maxConcurrentMoves": 5 }), "{spec}");
    ensure!(spec["peers"]["transport"] == "MutualTLS", "{spec}");

    let reference = json!({ "clusterRef": { "name": "small" } });
    let topic = create(server, &object("KafkaTopic", "first", &reference))?;
    ensure!(topic["spec"]["deletionPolicy"] == "Delete", "{topic}");
    let mut spec = reference;
    spec["acls"] =
        json!([{ "resource": { "type": "Topic", "name": "a" }, "operations": ["Read"] }]);
    let acl = create(server, &object("KafkaUser", "rider", &spec))?["spec"]["acls"][0].clone();
    ensure!(acl["permission"] == "Allow" && acl["host"] == "*", "{acl}");
    ensure!(acl["resource"]["patternType"] == "Literal", "{acl}");
    Ok(())
}

fn nulls_are_as_left_out(server: &ApiServer) -> Result<()> {
    let spec = json!({ "replicas": null, "listeners": null, "storage": null, "rack": null });
    let spec = create(server, &object("KafkaCluster", "nulls", &spec))?["spec"].clone();
    ensure!(spec["storage"]["size"] == "10Gi" && spec.get("replicas").is_none(), "{spec}");
    Ok(())
}

fn the_scale_sub_resource_reads_and_writes_replicas(server: &ApiServer) -> Result<()> {
    create(server, &object("KafkaCluster", "scaled", &json!({ "replicas": 3 })))?;
    let own = format!("{}/scaled", path("KafkaCluster"));
    let status = json!({ "status": {
        "replicas": 3, "readyReplicas": 2, "selector": "kastellan.dev/cluster=scaled",
    } });
    ensure!(server.merge(&format!("{own}/status"), &status)?.ok(), "the status was refused");
    let printed = server.kubectl(&["scale", "kafkacluster/scaled", "--replicas=5"])?;
    ensure!(printed.ok, "{printed:?}");
    let scale = server.get(&format!("{own}/scale"))?.body;
    ensure!(scale["spec"]["replicas"] == 5, "{scale}");
    let read = json!({ "replicas": 3, "selector": "kastellan.dev/cluster=scaled" });
    ensure!(scale["status"] == read, "{scale}");
    ensure!(server.get(&own)?.body["spec"]["replicas"] == 5, "the cluster was not scaled");
    Ok(())
}

fn a_cluster_with_pools_cannot_be_scaled_as_a_whole(server: &ApiServer) -> Result<()> {
    let printed = server.kubectl(&["scale", "kafkacluster/large", "--replicas=5"])?;
    ensure!(
        !printed.ok && printed.err.contains("write replicas or pools, not both"),
        "{printed:?}"
    );
    Ok(())
}

fn the_status_is_written_apart_from_the_spec(server: &ApiServer) -> Result<()> {
    let condition = json!({
        "type": "Ready",
        "status": "True",
        "reason": "AsSpecified",
        "message": "1 of 1 broker serves",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "observedGeneration": 1,
    });
    let mut cluster = object("KafkaCluster", "apart", &json!({ "replicas": 1 }));
    cluster["status"] = json!({ "conditions": [condition], "replicas": 9 });
    let made = create(server, &cluster)?;
    ensure!(made.get("status").is_none(), "a status came in with the object: {made}");

    let own = format!("{}/apart", path("KafkaCluster"));
    let change = json!({ "spec": { "replicas": 2 }, "status": {
        "conditions": [condition], "replicas": 1, "readyReplicas": 1, "clusterId": "x",
    } });
    let after = server.merge(&format!("{own}/status"), &change)?.body;
    ensure!(after["spec"]["replicas"] == 1, "the status wrote the spec: {after}");
    ensure!(after["status"]["conditions"][0]["type"] == "Ready", "{after}");
    ensure!(after["metadata"]["generation"] == 1, "a status is no new generation: {after}");
    let wait = ["wait", "--for=condition=Ready", "--timeout=10s", "kkc/apart"];
    ensure!(server.kubectl(&wait)?.ok, "kubectl does not see that the cluster is ready");

    let after = server.merge(&own, &json!({ "spec": { "replicas": 2 }, "status": null }))?.body;
    ensure!(after["status"]["clusterId"] == "x", "the spec wrote the status: {after}");
    ensure!(after["metadata"]["generation"] == 2, "{after}");

    let twice = json!({ "status": { "conditions": [condition, condition] } });
    let refused = server.merge(&format!("{own}/status"), &twice)?;
    ensure!(refused.status == 422, "two conditions of one type: {refused:?}");
    Ok(())
}

fn topics_and_users_are_selected_by_cluster(server: &ApiServer) -> Result<()> {
    for kind in ["KafkaTopic", "KafkaUser"] {
        let other = json!({ "clusterRef": { "name": "other" } });
        create(server, &object(kind, "of-other", &other))?;
        let selected = format!("{}?fieldSelector=spec.clusterRef.name%3Dother", path(kind));
        let list = server.get(&selected)?.body;
        let names: Vec<&Value> = list["items"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| &one["metadata"]["name"])
            .collect();
        ensure!(names == ["of-other"], "{kind}: {names:?}");
    }
    Ok(())
}

fn two_managers_share_a_list(server: &ApiServer) -> Result<()> {
    let own = format!("{}/shared", path("KafkaCluster"));
    for (manager, name, port) in [("one", "plain", 9092), ("two", "tls", 9093)] {
        let spec = json!({ "listeners": [{ "name": name, "port": port }] });
        let path = format!("{own}?fieldManager={manager}");
        let answer = server.apply(&path, &object("KafkaCluster", "shared", &spec))?;
        ensure!(answer.ok(), "{answer:?}");
    }
    let spec = server.get(&own)?.body["spec"].clone();
    ensure!(spec["listeners"].as_array().is_some_and(|all| all.len() == 2), "{spec}");
    let spec = json!({ "listeners": [{ "name": "tls", "port": 9094 }] });
    let path = format!("{own}?fieldManager=one");
    let answer = server.apply(&path, &object("KafkaCluster", "shared", &spec))?;
    ensure!(answer.status == 409, "the other manager's port was taken over: {answer:?}");
    Ok(())
}
