//! Three brokers: they find each other, outlive one of them, and take turns.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::cluster::{Client, LIMIT, Namespace, say, scenario, until};
use serde_json::{Value, json};

use crate::balance::placed;
use crate::faults::{nothing_lost, pump};
use crate::operated::{BOOTSTRAP, condition, edit, install, is_ready, is_refused, ready, topic};

/// As many brokers as a cluster has that does not say.
pub(crate) const FLEET: &str = "
apiVersion: kastellan.dev/v1alpha1
kind: KafkaCluster
metadata: {name: demo}
spec:
  storage: {size: 1Gi, deletionPolicy: Delete}
---
";

/// Installs an operator and three brokers with a topic on all of them, Ready.
pub(crate) fn fleet(namespace: &Namespace<'_>) -> Result<()> {
    install(namespace)?;
    namespace.applied(&[FLEET, &topic("greetings", "partitions: 3")].concat())?;
    let took = ready(namespace)?;
    say(&format!(
        "FIGURE apply to Ready, three brokers: {:.1} s (promised: 20)",
        took.as_secs_f32()
    ))
}

/// Asks for another number of brokers, and waits until just those serve.
pub(crate) fn scaled(namespace: &Namespace<'_>, count: i32) -> Result<()> {
    let replicas = format!("--replicas={count}");
    namespace.run(&["scale", "kafkaclusters", "demo", &replicas])?;
    namespace.wait("kafkaclusters", "demo", &format!("to have {count} brokers"), |cluster| {
        is_ready(cluster) && cluster["status"]["readyReplicas"] == count
    })?;
    Ok(())
}

/// The brokers' pods, by name.
pub(crate) fn brokers(namespace: &Namespace<'_>) -> Result<Vec<Value>> {
    namespace.list("pods", "kastellan.dev/cluster")
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn three_brokers_come_up_and_keep_three_copies() -> Result<()> {
    scenario("three", |namespace| {
        fleet(namespace)?;
        let client = namespace.client()?;
        client.produce(BOOTSTRAP, "greetings", "one\ntwo\nthree\n")?;
        let read = client.consume(BOOTSTRAP, "greetings")?;
        let read: BTreeSet<&str> = read.lines().collect();
        ensure!(read == BTreeSet::from(["one", "two", "three"]), "{read:?}");
        let greetings = namespace.get("kafkatopics", "greetings")?.context("no topic")?;
        ensure!(greetings["status"]["replicas"] == 3, "{greetings:#}");
        let least =
            client.run(&["admin", BOOTSTRAP, "get", "greetings", "min.insync.replicas"], "")?;
        ensure!(least.trim() == "2", "{least}");
        let cluster = namespace.get("kafkaclusters", "demo")?.context("no cluster")?;
        ensure!(cluster["status"]["readyReplicas"] == 3, "{cluster:#}");
        let pods = brokers(namespace)?;
        let nodes: BTreeSet<&str> =
            pods.iter().filter_map(|pod| pod["spec"]["nodeName"].as_str()).collect();
        ensure!((pods.len(), nodes.len()) == (3, 3), "{nodes:?}");
        // nobody formats a directory by its first id any more
        for id in 0..3 {
            let name = format!("demo-{id}-directory");
            ensure!(namespace.get("configmaps", &name)?.is_none(), "{name} is there");
        }
        Ok(())
    })
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn a_pod_that_is_deleted_with_force_loses_nothing_that_was_acknowledged() -> Result<()> {
    scenario("force", |namespace| {
        fleet(namespace)?;
        let _client = namespace.client()?;
        let producer = pump(namespace, 20)?;
        for name in ["demo-0-0", "demo-1-0"] {
            let pod = namespace.get("pods", name)?.context("no broker")?;
            namespace.run(&["delete", "pod", name, "--force", "--grace-period=0"])?;
            namespace.wait("pods", name, "to be another one, ready", |now| {
                now["metadata"]["uid"] != pod["metadata"]["uid"]
                    && now["status"]["containerStatuses"][0]["ready"] == true
            })?;
            ready(namespace)?;
        }
        nothing_lost(namespace, producer)
    })
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn a_setting_that_takes_a_restart_takes_each_broker_in_turn_and_fails_no_send() -> Result<()> {
    scenario("turns", |namespace| {
        fleet(namespace)?;
        let _client = namespace.client()?;
        // fewer replicas than have to be in sync: nobody waits for what cannot be
        namespace.applied(&topic("alone", "partitions: 3, replicas: 1"))?;
        namespace.wait("kafkatopics", "alone", "to be Ready", is_ready)?;
        let before = pods(namespace)?;
        // the producer ends with an error as soon as a send fails
        let producer = pump(namespace, 40)?;
        let config = json!({ "config": { "offsets.topic.num.partitions": 7 } });
        edit(namespace, "kafkaclusters", "demo", &config)?;
        let begin = Instant::now();
        namespace.wait("kafkaclusters", "demo", "to be rolled", |cluster| {
            cluster["status"]["rollout"].is_object()
        })?;
        until("each broker to have been restarted", Duration::from_mins(2), || {
            let now = brokers(namespace)?;
            let away = 3 - now.iter().filter(|pod| serves(pod)).count();
            ensure!(away <= 1, "{away} brokers are away at once");
            let new = now.iter().filter(|pod| serves(pod) && !before.contains(&uid(pod))).count();
            Ok((new == 3).then_some(()))
        })?;
        ready(namespace)?;
        say(&format!("FIGURE three brokers restarted: {:.1} s", begin.elapsed().as_secs_f32()))?;
        nothing_lost(namespace, producer)
    })
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn a_broker_that_lost_its_volume_is_filled_again_and_votes_again() -> Result<()> {
    scenario("refill", |namespace| {
        fleet(namespace)?;
        let client = namespace.client()?;
        client.produce(BOOTSTRAP, "greetings", "one\ntwo\n")?;
        let claim = namespace.get("persistentvolumeclaims", "data-demo-2")?.context("no claim")?;
        namespace.run(&["delete", "pvc", "data-demo-2", "--wait=false"])?;
        namespace.run(&["delete", "pod", "demo-2-0"])?;
        namespace.wait("persistentvolumeclaims", "data-demo-2", "to be another one", |now| {
            now["metadata"]["uid"] != claim["metadata"]["uid"]
        })?;
        let begin = Instant::now();
        let voted = directory(&claim).context("broker 2 had no vote")?;
        let again = namespace.wait("persistentvolumeclaims", "data-demo-2", "to vote", |now| {
            directory(now).is_some()
        })?;
        // another directory: nobody votes with the old one's name and without its memory
        ensure!(directory(&again) != Some(voted), "{again:#}");
        let took = begin.elapsed();
        say(&format!("FIGURE empty volume to a vote again: {:.1} s", took.as_secs_f32()))?;
        let cluster = namespace.wait("kafkaclusters", "demo", "to be whole", |cluster| {
            let status = &cluster["status"];
            is_ready(cluster)
                && status["readyReplicas"] == 3
                && status["underReplicatedPartitions"] == 0
                && condition(cluster, "Degraded").is_some_and(|it| it["status"] == "False")
        })?;
        ensure!(cluster["status"]["offlinePartitions"] == 0, "{cluster:#}");
        let read = client.consume(BOOTSTRAP, "greetings")?;
        ensure!(read.lines().collect::<BTreeSet<_>>() == BTreeSet::from(["one", "two"]), "{read}");
        Ok(())
    })
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn more_brokers_join_and_take_new_partitions_while_nobody_is_restarted() -> Result<()> {
    scenario("join", |namespace| {
        fleet(namespace)?;
        let client = namespace.client()?;
        let before = pods(namespace)?;
        let producer = pump(namespace, 20)?;
        let begin = Instant::now();
        scaled(namespace, 5)?;
        say(&format!("FIGURE three brokers become five: {:.1} s", begin.elapsed().as_secs_f32()))?;
        let after = pods(namespace)?;
        ensure!(after.len() == 5 && before.is_subset(&after), "somebody was restarted: {after:?}");
        nothing_lost(namespace, producer)?;
        voting(namespace, &[0, 1, 2, 3, 4])?;
        namespace.applied(&topic("wide", "partitions: 5"))?;
        namespace.wait("kafkatopics", "wide", "to be Ready", is_ready)?;
        let record = namespace.get("configmaps", "demo-identity")?.context("no record")?;
        ensure!(record["data"]["voters"] == "0,1,2", "{record:#}");
        client.produce(BOOTSTRAP, "wide", "one\ntwo\n")?;
        let read = client.consume(BOOTSTRAP, "wide")?;
        ensure!(read.lines().collect::<BTreeSet<_>>() == BTreeSet::from(["one", "two"]), "{read}");
        // one that was restarted since comes back as one of five
        namespace.run(&["delete", "pod", "demo-4-0"])?;
        ready(namespace)?;
        edit(namespace, "kafkaclusters", "demo", &json!({ "replicas": 1 }))?;
        let refused = namespace.wait("kafkaclusters", "demo", "to be refused", |cluster| {
            is_refused(cluster, "NotYetSupported")
        })?;
        let message = condition(&refused, "Ready").map(|ready| ready["message"].to_string());
        ensure!(
            message.is_some_and(|text| text.contains("write replicas: 2 or more")),
            "{refused:#}"
        );
        Ok(())
    })
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn a_broker_from_the_middle_goes_another_votes_for_it_and_no_number_comes_back() -> Result<()> {
    scenario("middle", |namespace| {
        fleet(namespace)?;
        let client = namespace.client()?;
        let before = pods(namespace)?;
        scaled(namespace, 4)?;
        // ends with an error as soon as a send fails
        let producer = pump(namespace, 30)?;
        let begin = Instant::now();
        edit(namespace, "kafkaclusters", "demo", &json!({ "removedBrokers": [1], "replicas": 3 }))?;
        let gone = || Ok(namespace.get("pods", "demo-1-0")?.is_none().then_some(()));
        until("broker 1 to be gone", LIMIT, gone)?;
        voting(namespace, &[0, 2, 3])?;
        namespace.wait("kafkaclusters", "demo", "to be three others", |cluster| {
            is_ready(cluster) && cluster["status"]["readyReplicas"] == 3
        })?;
        let took = begin.elapsed();
        say(&format!("FIGURE a voter replaced by another: {:.1} s", took.as_secs_f32()))?;
        nothing_lost(namespace, producer)?;
        let left = pods(namespace)?;
        ensure!(left.intersection(&before).count() == 2, "somebody was restarted: {left:?}");
        // whoever comes next, is none that voted before, and finds the ones that are left
        scaled(namespace, 4)?;
        let record = namespace.get("configmaps", "demo-identity")?.context("no record")?;
        ensure!(record["data"]["brokers"] == "0,2,3,4", "{record:#}");
        stays_while_it_has_to(namespace, &client)
    })
}

/// One of four brokers cannot go, as a topic has four replicas: it says so, gets nothing new, holds
/// nobody else up, and goes once the topic does.
fn stays_while_it_has_to(namespace: &Namespace<'_>, client: &Client<'_>) -> Result<()> {
    namespace.applied(&topic("full", "partitions: 1, replicas: 4, deletionPolicy: Delete"))?;
    namespace.wait("kafkatopics", "full", "to be Ready", is_ready)?;
    edit(namespace, "kafkaclusters", "demo", &json!({ "removedBrokers": [], "replicas": 3 }))?;
    let refused = namespace.wait("kafkaclusters", "demo", "to be blocked", |cluster| {
        is_refused(cluster, "DrainBlocked")
    })?;
    let message = condition(&refused, "Ready").map(|ready| ready["message"].to_string());
    ensure!(message.is_some_and(|text| text.contains("full-0")), "{refused:#}");
    namespace.applied(&topic("wide", "partitions: 12"))?;
    namespace.wait("kafkatopics", "wide", "to be Ready", is_ready)?;
    for (replicas, _) in placed(client, "wide")? {
        ensure!(!replicas.contains(&4), "something new came to broker 4: {replicas:?}");
    }
    namespace.remove("kafkatopics", "full")?;
    namespace.gone("pods", "demo-4-0", Duration::from_mins(3))?;
    ready(namespace)?;
    Ok(())
}

/// The directory that a broker votes with, as its claim says once the others do.
fn directory(claim: &Value) -> Option<&str> {
    claim["metadata"]["annotations"]["kastellan.dev/directory-id"].as_str()
}

/// Waits until these brokers have their votes.
fn voting(namespace: &Namespace<'_>, ids: &[i32]) -> Result<()> {
    for id in ids {
        let name = format!("data-demo-{id}");
        let votes = |claim: &Value| directory(claim).is_some();
        namespace.wait("persistentvolumeclaims", &name, "to vote", votes)?;
    }
    Ok(())
}

/// Whether a pod is ready and stays.
fn serves(pod: &Value) -> bool {
    pod["status"]["containerStatuses"][0]["ready"] == true
        && pod["metadata"]["deletionTimestamp"].is_null()
}

fn uid(pod: &Value) -> String {
    pod["metadata"]["uid"].as_str().unwrap_or_default().to_owned()
}

/// The uids of the brokers' pods.
fn pods(namespace: &Namespace<'_>) -> Result<BTreeSet<String>> {
    Ok(brokers(namespace)?.iter().map(uid).collect())
}
