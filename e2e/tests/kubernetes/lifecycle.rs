//! A cluster from its first apply to its end: served, changed, deleted, made again on its volumes.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::cluster::{LIMIT, Namespace, scenario, until};
use serde_json::{Value, json};

use crate::operated::{BOOTSTRAP, DEMO, demo, edit, install, is_ready, pods, ready, walks_outside};

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn a_client_in_a_pod_walks_through_by_dns_name() -> Result<()> {
    scenario("walk", |namespace| {
        demo(namespace)?;
        edit(namespace, "kafkaclusters", "demo", &json!({ "config": { "num.partitions": 2 } }))?;
        ready(namespace)?;
        let client = namespace.client()?;
        let said = client.run(&["franz-go", BOOTSTRAP], "")?;
        ensure!(said.contains("ok all"), "{said}");
        Ok(())
    })
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn a_client_on_a_node_walks_through_by_node_port() -> Result<()> {
    scenario("nodeport", |namespace| {
        install(namespace)?;
        let listener = "- {name: outside, port: 9094, type: NodePort}";
        namespace.applied(&DEMO.replace(
            "- {name: plain, port: 9092}",
            &format!("- {{name: plain, port: 9092}}\n  {listener}"),
        ))?;
        ready(namespace)?;
        edit(namespace, "kafkaclusters", "demo", &json!({ "config": { "num.partitions": 2 } }))?;
        ready(namespace)?;
        walks_outside(namespace)
    })
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn dynamic_settings_change_while_the_broker_runs_and_others_restart_it() -> Result<()> {
    scenario("settings", |namespace| {
        demo(namespace)?;
        let client = namespace.client()?;
        client.produce(BOOTSTRAP, "greetings", "one\ntwo\n")?;
        let before = pods(namespace)?;
        edit(
            namespace,
            "kafkaclusters",
            "demo",
            &json!({ "config": { "log.retention.hours": 24 } }),
        )?;
        ready(namespace)?;
        ensure!(pods(namespace)? == before, "a dynamic setting restarted the broker");
        // read at the start only
        edit(
            namespace,
            "kafkaclusters",
            "demo",
            &json!({ "config": { "offsets.commit.timeout.ms": 6000 } }),
        )?;
        let restarted = || Ok((pods(namespace).is_ok_and(|now| now != before)).then_some(()));
        until("the broker to be restarted", LIMIT, restarted)?;
        ready(namespace)?;
        let read = client.consume(BOOTSTRAP, "greetings")?;
        ensure!(read.lines().count() == 2, "after the restart: {read}");
        Ok(())
    })
}

fn claim(namespace: &Namespace<'_>) -> Result<Value> {
    namespace.get("persistentvolumeclaims", "data-demo-0")?.context("no volume")
}

fn end(namespace: &Namespace<'_>) -> Result<()> {
    namespace.remove("kafkatopics", "greetings")?;
    namespace.remove("kafkaclusters", "demo")?;
    namespace.gone("kafkaclusters", "demo", LIMIT)?;
    namespace.gone("kafkatopics", "greetings", LIMIT)?;
    namespace.gone("statefulsets", "demo-0", LIMIT)?;
    namespace.gone("pods", "demo-0-0", Duration::from_mins(3))
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn a_cluster_made_again_on_its_retained_volumes_has_its_data() -> Result<()> {
    scenario("retain", |namespace| {
        install(namespace)?;
        let manifest = DEMO.replace("deletionPolicy: Delete", "deletionPolicy: Retain");
        namespace.applied(&manifest)?;
        ready(namespace)?;
        let client = namespace.client()?;
        client.produce(BOOTSTRAP, "greetings", "one\ntwo\n")?;
        let before = claim(namespace)?["metadata"]["uid"].clone();
        end(namespace)?;
        ensure!(claim(namespace)?["metadata"]["uid"] == before, "the volume is another one");
        namespace.applied(&manifest)?;
        ready(namespace)?;
        let read = client.consume(BOOTSTRAP, "greetings")?;
        ensure!(read.lines().count() == 2, "on its old volume: {read:?}");
        Ok(())
    })
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn a_cluster_whose_volumes_are_to_be_deleted_leaves_nothing() -> Result<()> {
    scenario("delete", |namespace| {
        demo(namespace)?;
        let volume =
            claim(namespace)?["spec"]["volumeName"].as_str().unwrap_or_default().to_owned();
        end(namespace)?;
        namespace.gone("persistentvolumeclaims", "data-demo-0", LIMIT)?;
        let path = format!("/api/v1/persistentvolumes/{volume}");
        until("the volume to be gone", LIMIT, || {
            Ok((namespace.cluster.api.get(&path)?.status == 404).then_some(()))
        })?;
        for plural in [
            "statefulsets",
            "services",
            "configmaps",
            "secrets",
            "poddisruptionbudgets",
            "networkpolicies",
        ] {
            until(&format!("{plural} to be gone"), LIMIT, || {
                Ok(namespace.list(plural, "kastellan.dev/cluster=demo")?.is_empty().then_some(()))
            })?;
        }
        Ok(())
    })
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn a_volume_grows_is_never_made_smaller_and_nothing_else_waits_for_that() -> Result<()> {
    scenario("grow", |namespace| {
        demo(namespace)?;
        let client = namespace.client()?;
        client.produce(BOOTSTRAP, "greetings", "one\ntwo\n")?;
        let sized = |size: &str| json!({ "storage": { "size": size } });
        edit(namespace, "kafkaclusters", "demo", &sized("2Gi"))?;
        namespace.wait("persistentvolumeclaims", "data-demo-0", "to have grown", |claim| {
            claim["status"]["capacity"]["storage"] == "2Gi"
        })?;
        ready(namespace)?;
        let no = edit(namespace, "kafkaclusters", "demo", &sized("1Gi"));
        let no = no.err().context("a volume may get smaller")?.to_string();
        ensure!(no.contains("size"), "{no}");
        namespace.applied(&crate::operated::topic("more", "partitions: 2"))?;
        namespace.wait("kafkatopics", "more", "to be Ready", is_ready)?;
        let read = client.consume(BOOTSTRAP, "greetings")?;
        ensure!(read.lines().count() == 2, "on the volume that has grown: {read}");
        Ok(())
    })
}

/// The namespace is deleted by the frame of every scenario; here with all that finalizers can hold.
#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn a_namespace_with_a_cluster_and_its_operator_terminates() -> Result<()> {
    scenario("terminate", |namespace| {
        demo(namespace)?;
        namespace
            .applied(&crate::operated::topic("doomed", "partitions: 1, deletionPolicy: Delete"))?;
        namespace.wait("kafkatopics", "doomed", "to be Ready", is_ready)?;
        namespace.delete()
    })
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn two_clusters_in_two_namespaces_do_not_know_each_other() -> Result<()> {
    scenario("first", |first| {
        demo(first)?;
        let client = first.client()?;
        client.produce(BOOTSTRAP, "greetings", "first\n")?;
        let second = first.cluster.namespace("second")?;
        demo(&second)?;
        let other = format!("demo-bootstrap.{}.svc:9092", second.name);
        client.produce(&other, "greetings", "second\n")?;
        ensure!(client.consume(BOOTSTRAP, "greetings")? == "first\n");
        ensure!(client.consume(&other, "greetings")? == "second\n");
        second.delete()
    })
}
