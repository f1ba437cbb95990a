//! Authorities that are replaced while clients come and go, and the operator ends on the way.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{Timestamp, ToSpan as _};
use kastellan_e2e::cluster::{Client, Namespace, SECRET, say, scenario, until};
use kastellan_operator::pki::{self, OF_BROKERS, Subject};
use serde_json::{Value, json};

use crate::faults::{Producer, ended, kill_operators, started};
use crate::fleet::fleet;
use crate::operated::{
    BOOTSTRAP, condition, install, is_ready, operator, operators, pods, ready, topic,
};
use crate::users::{kcat, user};

/// Whoever comes shows a certificate; clients have a minute in each phase to read what is new.
const SECURED: &str = "
apiVersion: kastellan.dev/v1alpha1
kind: KafkaCluster
metadata: {name: demo}
spec:
  storage: {size: 1Gi, deletionPolicy: Delete}
  authorization: {superUsers: [User:nobody]}
  listeners:
  - {name: mtls, port: 9092, tls: {}, authentication: {type: TLS}}
  certificates:
    cluster: {overlapMinutes: 1}
    clients: {overlapMinutes: 1}
---
";

/// A phase takes a minute, and what brokers and kubelets need besides.
const PHASE: Duration = Duration::from_mins(3);
/// Whose presence ends the producer.
const STOP: &str = "/tmp/stop";

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn both_authorities_are_replaced_under_clients_and_nobody_notices() -> Result<()> {
    scenario("authorities", |namespace| {
        install(namespace)?;
        let objects = [
            SECURED.to_owned(),
            topic("greetings", "partitions: 3"),
            user("rider", "TLS", "Read, Write, Describe"),
        ];
        namespace.applied(&objects.concat())?;
        ready(namespace)?;
        namespace.wait("kafkausers", "rider", "to be Ready", is_ready)?;
        let client = namespace.client_of("rider")?;
        let (before, first) = (pods(namespace)?, signers(namespace)?);
        ensure!(before.len() == 3, "{} brokers", before.len());
        let producer = producer(namespace)?;

        let begin = Instant::now();
        let asked = json!({ "metadata": { "annotations": {
            "kastellan.dev/replace-cluster-ca": "now", "kastellan.dev/replace-clients-ca": "now",
        } } });
        namespace.merge("kafkaclusters", "demo", &asked)?;
        phase(namespace, "TrustingNewAuthority", &begin)?;
        known(namespace, 2)?;
        ensure!(kill_operators(namespace)? > 0, "no operator was there");
        phase(namespace, "UsingNewAuthority", &begin)?;
        ensure!(kill_operators(namespace)? > 0, "no operator was there");
        phase(namespace, "AsSpecified", &begin)?;
        let last = signers(namespace)?;
        ensure!(first.is_disjoint(&last), "an authority is still there");
        known(namespace, 1)?;
        // what a broker shows now is what its Secret has now, in the very same process
        for id in 0..3 {
            let now = certificates(namespace, &format!("demo-{id}-listener-certs"), "tls.crt")?;
            let now = now.into_iter().next().context("no certificate")?;
            let address = format!("demo-{id}.{}.svc:9092", namespace.name);
            until(&format!("broker {id} to show it"), PHASE, || {
                let shown = client.run(&["admin", &address, "shown", SECRET], "")?;
                Ok((shown.trim() == now).then_some(()))
            })?;
        }
        let took = begin.elapsed().as_secs_f32();
        let made = nothing_lost(&client, producer)?;
        ensure!(pods(namespace)? == before, "a broker was restarted");
        ready(namespace)?;
        say(&format!(
            "FIGURE both authorities replaced, each phase at least a minute, the operator killed \
             twice: {took:.0} s, 0 failed sends, 0 of {made} new connections refused, 0 restarts"
        ))
    })
}

/// Waits until the status says that a phase has begun, and says when that was.
fn phase(namespace: &Namespace<'_>, reason: &str, begin: &Instant) -> Result<()> {
    until(&format!("CertificatesValid to say {reason}"), PHASE, || {
        let cluster = namespace.get("kafkaclusters", "demo")?.context("no cluster")?;
        let valid = condition(&cluster, "CertificatesValid").context("no condition")?;
        ensure!(valid["status"] == "True", "{valid}");
        ensure!(is_ready(&cluster), "not Ready meanwhile: {:#}", cluster["status"]);
        Ok((valid["reason"] == reason).then_some(()))
    })?;
    say(&format!("authorities: {reason} after {:.0} s", begin.elapsed().as_secs_f32()))
}

/// Waits until so many authorities are known to clients, to brokers of clients, and to the user.
fn known(namespace: &Namespace<'_>, count: usize) -> Result<()> {
    until(&format!("{count} authorities to be known"), PHASE, || {
        let mut all = true;
        for secret in ["demo-cluster-ca-cert", "demo-clients-ca-cert", "rider"] {
            all &= certificates(namespace, secret, "ca.crt")?.len() == count;
        }
        Ok(all.then_some(()))
    })
}

/// SHA-256 of the certificates in a file of a Secret.
fn certificates(namespace: &Namespace<'_>, secret: &str, file: &str) -> Result<Vec<String>> {
    let secret = namespace.get("secrets", secret)?.with_context(|| format!("no {secret}"))?;
    let text = STANDARD.decode(secret["data"][file].as_str().unwrap_or_default())?;
    Ok(pki::fingerprints(&String::from_utf8(text)?))
}

/// The certificates of both authorities.
fn signers(namespace: &Namespace<'_>) -> Result<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for secret in ["demo-cluster-ca", "demo-clients-ca"] {
        all.extend(certificates(namespace, secret, "ca.crt")?);
    }
    ensure!(all.len() == 2, "{all:?}");
    Ok(all)
}

/// A producer in the client's pod that also comes in anew every second.
fn producer(namespace: &Namespace<'_>) -> Result<Producer> {
    let mut kubectl = namespace.cluster.program("kubectl")?;
    kubectl.args(["--namespace", &namespace.name, "exec", "client", "--"]);
    kubectl.args(["admin", BOOTSTRAP, "secured", "greetings", SECRET, STOP]);
    started(kubectl)
}

/// Ends the producer, which has had no failure, and reads back all that was acknowledged; how many
/// new connections were made besides.
fn nothing_lost(client: &Client<'_>, producer: Producer) -> Result<u64> {
    client.run(&["admin", BOOTSTRAP, "stop", STOP], "")?;
    let output = ended(producer)?;
    let said = String::from_utf8_lossy(&output.stderr);
    let made = said.trim().rsplit_once(' ').context("it says nothing")?.1.parse()?;
    let acknowledged = String::from_utf8(output.stdout)?;
    let read = kcat(client, &["-C", "-o", "beginning", "-e", "-q"], "")?;
    let read: BTreeSet<&str> = read.lines().collect();
    let lost: Vec<&str> = acknowledged.lines().filter(|value| !read.contains(value)).collect();
    ensure!(acknowledged.lines().count() > 1000, "only {} records", acknowledged.lines().count());
    ensure!(lost.is_empty(), "{} acknowledged records are lost: {lost:?}", lost.len());
    Ok(made)
}

/// As after a year without an operator: every certificate between brokers has ended, and so has
/// their authority.
#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn an_authority_that_has_ended_is_replaced_without_a_restart() -> Result<()> {
    scenario("ended", |namespace| {
        fleet(namespace)?;
        operators_wanted(namespace, 0)?;
        let before = pods(namespace)?;
        end_everything(namespace)?;
        for id in 0..3 {
            let pod = format!("demo-{id}-0");
            until(&format!("broker {id} to have loaded what has ended"), PHASE, || {
                let said = namespace.run(&["logs", &pod])?;
                Ok(said.contains("whose=\"peers\" generation=2").then_some(()))
            })?;
        }
        // one that starts now finds nobody who trusts it
        namespace.run(&["delete", "pod", "demo-2-0"])?;
        let begin = Instant::now();
        operators_wanted(namespace, 1)?;
        let told = "reason=AuthorityExpired,involvedObject.name=demo";
        until("the event that tells of it", PHASE, || {
            let events =
                namespace.run(&["get", "events", "--field-selector", told, "-o", "name"])?;
            Ok((!events.trim().is_empty()).then_some(()))
        })?;
        until("the cluster to be Ready again", PHASE, || {
            let cluster = namespace.get("kafkaclusters", "demo")?.context("no cluster")?;
            let valid = condition(&cluster, "CertificatesValid").context("no condition")?;
            let whole = cluster["status"]["underReplicatedPartitions"] == 0;
            Ok((whole && is_ready(&cluster) && valid["reason"] == "AsSpecified").then_some(()))
        })?;
        let took = begin.elapsed().as_secs_f32();
        let kept = pods(namespace)?.into_iter().filter(|pod| before.contains(pod)).count();
        ensure!(kept == 2, "{kept} of the two brokers that ran are the same");
        say(&format!("FIGURE an authority that had ended, until all is well: {took:.0} s"))
    })
}

/// Scales the operator.
fn operators_wanted(namespace: &Namespace<'_>, count: u8) -> Result<()> {
    let name = operator(namespace);
    let replicas = format!("--replicas={count}");
    namespace.cluster.kubectl(&[
        "--namespace",
        &name,
        "scale",
        "deployment",
        "--all",
        &replicas,
    ])?;
    until("the operators to be as many", PHASE, || {
        Ok((operators(namespace)?.len() == usize::from(count)).then_some(()))
    })
}

/// Gives the cluster an authority that ended yesterday, and everybody what it signed.
fn end_everything(namespace: &Namespace<'_>) -> Result<()> {
    let identity = namespace.get("configmaps", "demo-identity")?.context("no record")?;
    let id = identity["data"]["clusterId"].as_str().context("no id")?;
    let past = Timestamp::now() - (24 * 3651).hours();
    let authority = pki::authority(OF_BROKERS, id, past)?;
    let write = |secret: &str, files: &[(&str, &str)]| -> Result<()> {
        let data: serde_json::Map<String, Value> = files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), json!(STANDARD.encode(text))))
            .collect();
        namespace.merge("secrets", secret, &json!({ "data": data }))?;
        Ok(())
    };
    let trusted = authority.certificate.as_str();
    write("demo-cluster-ca", &[("ca.crt", trusted), ("ca.key", &authority.key)])?;
    let nodes = (0..3).map(|node| (format!("demo-{node}-certs"), Subject::node(node, id, vec![])));
    let operator = ("demo-operator-certs".to_owned(), Subject::operator(id));
    for (secret, subject) in nodes.chain([operator]) {
        let pair = pki::sign(trusted, &authority.key, &subject, past)?;
        let files = [("ca.crt", trusted), ("tls.crt", &*pair.certificate), ("tls.key", &*pair.key)];
        write(&secret, &files)?;
    }
    Ok(())
}
