//! More of several brokers: five that vote, ports on the nodes, sleep, and old volumes.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::cluster::{Client, LIMIT, Namespace, say, scenario, until};
use serde_json::json;

use crate::fleet::{FLEET, brokers};
use crate::operated::{
    BOOTSTRAP, edit, install, is_ready, is_refused, outside, pods, ready, topic, walks_outside,
};

/// Everything that was written, in any order.
fn reads(client: &Client<'_>, wanted: &[&str]) -> Result<()> {
    let read = client.consume(BOOTSTRAP, "greetings")?;
    let read: BTreeSet<&str> = read.lines().collect();
    ensure!(read == wanted.iter().copied().collect(), "{read:?} instead of {wanted:?}");
    Ok(())
}

/// Two of five may be away, those that vote included: the other three are most of them.
#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn five_voters_outlive_two_of_them() -> Result<()> {
    scenario("five", |namespace| {
        install(namespace)?;
        let manifest = FLEET.replace("spec:\n", "spec:\n  replicas: 5\n");
        namespace.applied(&[&*manifest, &topic("greetings", "partitions: 3")].concat())?;
        let took = ready(namespace)?;
        say(&format!("FIGURE apply to Ready, five brokers: {:.1} s", took.as_secs_f32()))?;
        let client = namespace.client()?;
        let record = namespace.get("configmaps", "demo-identity")?.context("no record")?;
        ensure!(record["data"]["formatted"] == "0,1,2,3,4", "{record:#}");
        client.produce(BOOTSTRAP, "greetings", "one\ntwo\n")?;
        let before = brokers(namespace)?;
        let words = ["delete", "pod", "demo-0-0", "demo-1-0", "--force", "--grace-period=0"];
        namespace.run(&words)?;
        // decided by whoever of the five is there
        namespace.applied(&topic("meanwhile", "partitions: 2"))?;
        namespace.wait("kafkatopics", "meanwhile", "to be Ready", is_ready)?;
        let new = |name: &str| {
            let uid = |pod: &serde_json::Value| pod["metadata"]["uid"].clone();
            let old = before.iter().find(|pod| pod["metadata"]["name"] == name).map(uid);
            namespace.wait("pods", name, "to be another one, ready", |pod| {
                Some(uid(pod)) != old && pod["status"]["containerStatuses"][0]["ready"] == true
            })
        };
        new("demo-0-0")?;
        new("demo-1-0")?;
        namespace.wait("kafkaclusters", "demo", "to be whole", |cluster| {
            is_ready(cluster) && cluster["status"]["readyReplicas"] == 5
        })?;
        client.produce(BOOTSTRAP, "greetings", "three\n")?;
        reads(&client, &["one", "two", "three"])
    })
}

/// What kcat on a node prints.
fn kcat(namespace: &Namespace<'_>, words: &[&str]) -> Result<String> {
    let mut kcat = Command::new("timeout");
    kcat.args(["60", "kcat", "-E", "-b", &outside(namespace)?]).args(words);
    let output = kcat.output()?;
    ensure!(output.status.success(), "kcat: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn three_brokers_are_reached_by_node_port_before_and_after_they_have_slept() -> Result<()> {
    scenario("outside", |namespace| {
        let listeners = "spec:\n  config: {num.partitions: 2}\n  listeners:\n  \
                         - {name: plain, port: 9092}\n  \
                         - {name: outside, port: 9094, type: NodePort}\n";
        let manifest = FLEET.replace("spec:\n", listeners);
        install(namespace)?;
        namespace.applied(&[&*manifest, &topic("greetings", "partitions: 3")].concat())?;
        ready(namespace)?;
        walks_outside(namespace)?;
        let client = namespace.client()?;
        client.produce(BOOTSTRAP, "greetings", "one\ntwo\n")?;
        edit(namespace, "kafkaclusters", "demo", &json!({ "hibernated": true }))?;
        namespace.wait("kafkaclusters", "demo", "to sleep", |cluster| {
            is_refused(cluster, "Hibernated")
        })?;
        until("all brokers to be gone", LIMIT, || {
            Ok(brokers(namespace)?.is_empty().then_some(()))
        })?;
        edit(namespace, "kafkaclusters", "demo", &json!({ "hibernated": false }))?;
        ready(namespace)?;
        reads(&client, &["one", "two"])?;
        let read = kcat(namespace, &["-C", "-t", "greetings", "-o", "beginning", "-e", "-q"])?;
        ensure!(read.lines().count() == 2, "{read}");
        Ok(())
    })
}

/// The operator has a way in of its own where no listener is for pods.
#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn three_brokers_that_nobody_inside_is_let_in_to_are_formed_and_restarted() -> Result<()> {
    scenario("only", |namespace| {
        let listener = "spec:\n  listeners:\n  - {name: outside, port: 9094, type: NodePort}\n";
        let manifest = FLEET.replace("spec:\n", listener);
        install(namespace)?;
        namespace.applied(&[&*manifest, &topic("greetings", "partitions: 3")].concat())?;
        ready(namespace)?;
        let before = pods(namespace)?;
        let config = json!({ "config": { "offsets.topic.num.partitions": 7 } });
        edit(namespace, "kafkaclusters", "demo", &config)?;
        until("each broker to have been restarted", Duration::from_mins(2), || {
            // a pod that was just made has no status
            let now = pods(namespace).unwrap_or_default();
            let new = now.iter().filter(|pod| !before.contains(pod)).count();
            Ok((new == 3).then_some(()))
        })?;
        ready(namespace)?;
        let told = kcat(namespace, &["-L", "-t", "greetings"])?;
        ensure!(told.contains(" 3 brokers:"), "{told}");
        Ok(())
    })
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn three_brokers_made_again_on_their_retained_volumes_have_their_data() -> Result<()> {
    scenario("again", |namespace| {
        let manifest = FLEET.replace("deletionPolicy: Delete", "deletionPolicy: Retain");
        let topic = topic("greetings", "partitions: 3, deletionPolicy: Retain");
        let manifest = [manifest, topic].concat();
        install(namespace)?;
        namespace.applied(&manifest)?;
        ready(namespace)?;
        let client = namespace.client()?;
        client.produce(BOOTSTRAP, "greetings", "one\ntwo\nthree\n")?;
        let claims = || -> Result<Vec<serde_json::Value>> {
            let claims = namespace.list("persistentvolumeclaims", "kastellan.dev/cluster=demo")?;
            Ok(claims.iter().map(|claim| claim["metadata"]["uid"].clone()).collect())
        };
        let before = claims()?;
        ensure!(before.len() == 3, "{before:?}");
        let id = |namespace: &Namespace<'_>| -> Result<serde_json::Value> {
            let cluster = namespace.get("kafkaclusters", "demo")?.context("no cluster")?;
            Ok(cluster["status"]["clusterId"].clone())
        };
        let was = id(namespace)?;
        namespace.run(&["delete", "kkt", "greetings", "--wait=false"])?;
        namespace.run(&["delete", "kkc", "demo"])?;
        namespace.gone("kafkatopics", "greetings", LIMIT)?;
        until("all brokers to be gone", LIMIT, || {
            Ok(brokers(namespace)?.is_empty().then_some(()))
        })?;
        ensure!(claims()? == before, "the volumes are others");
        namespace.applied(&manifest)?;
        ready(namespace)?;
        ensure!(id(namespace)? == was, "it is another cluster");
        reads(&client, &["one", "two", "three"])
    })
}
