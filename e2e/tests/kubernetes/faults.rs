//! Processes and nodes that end at the wrong moment, with a producer running.

use std::collections::BTreeSet;
use std::io;
use std::process::{Command, Output, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use kastellan_e2e::cluster::{Namespace, fault, scenario, until};
use serde_json::{Value, json};

use crate::operated::{
    BOOTSTRAP, DEMO, demo, edit, install, is_ready, operator, operators, ready, topic,
};
use crate::smoke::lose;

/// How long an operator may take to be there.
const LIMIT: Duration = Duration::from_mins(1);

/// A producer that runs; what it says is read all the time, or kubectl would listen no more.
pub(crate) type Producer = JoinHandle<io::Result<Output>>;

/// Starts what `kubectl` is to exec.
pub(crate) fn started(mut kubectl: Command) -> Result<Producer> {
    kubectl.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = kubectl.spawn().context("cannot start the producer")?;
    Ok(thread::spawn(move || child.wait_with_output()))
}

/// What it said, once it has ended.
pub(crate) fn ended(producer: Producer) -> Result<Output> {
    let output = producer.join().map_err(|_panic| anyhow!("the producer's reader panicked"))??;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the producer gave up: {error}");
    Ok(output)
}

/// Starts a producer in the client's pod.
pub(crate) fn pump(namespace: &Namespace<'_>, seconds: u32) -> Result<Producer> {
    let mut kubectl = namespace.cluster.program("kubectl")?;
    kubectl.args(["--namespace", &namespace.name, "exec", "client", "--"]);
    kubectl.args(["admin", BOOTSTRAP, "pump", "greetings", &seconds.to_string()]);
    started(kubectl)
}

/// Everything that was acknowledged is there.
pub(crate) fn nothing_lost(namespace: &Namespace<'_>, producer: Producer) -> Result<()> {
    let output = ended(producer)?;
    let acknowledged = String::from_utf8(output.stdout)?;
    let words = [
        "timeout",
        "60",
        "kcat",
        "-b",
        BOOTSTRAP,
        "-C",
        "-t",
        "greetings",
        "-o",
        "beginning",
        "-e",
        "-q",
    ];
    let mut kubectl = vec!["exec", "client", "--"];
    kubectl.extend(words);
    let read = namespace.run(&kubectl)?;
    let read: BTreeSet<&str> = read.lines().collect();
    let lost: Vec<&str> = acknowledged.lines().filter(|value| !read.contains(value)).collect();
    ensure!(acknowledged.lines().count() > 100, "only {} records", acknowledged.lines().count());
    ensure!(lost.is_empty(), "{} acknowledged records are lost: {lost:?}", lost.len());
    Ok(())
}

/// The broker's pod: the node that it is on, and its container.
fn broker(namespace: &Namespace<'_>) -> Result<(String, String)> {
    let pod = namespace.get("pods", "demo-0-0")?.context("no broker")?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let container = text(&pod["status"]["containerStatuses"][0]["containerID"]);
    text(&pod["spec"]["nodeName"]).zip(container).context("the broker does not run")
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn a_broker_that_is_killed_loses_nothing_that_was_acknowledged() -> Result<()> {
    scenario("kill", |namespace| {
        demo(namespace)?;
        let _client = namespace.client()?;
        let producer = pump(namespace, 15)?;
        for _ in 0..2 {
            let (node, container) = broker(namespace)?;
            namespace.cluster.kill(&node, &container, "SIGKILL")?;
            namespace.wait("pods", "demo-0-0", "to be ready again", |pod| {
                let status = &pod["status"]["containerStatuses"][0];
                status["ready"] == true && status["containerID"] != container.as_str()
            })?;
        }
        nothing_lost(namespace, producer)
    })
}

/// Kills every operator that runs at this moment; how many.
pub(crate) fn kill_operators(namespace: &Namespace<'_>) -> Result<u64> {
    let mut killed = 0;
    for pod in operators(namespace)? {
        let container = pod["status"]["containerStatuses"][0]["containerID"].as_str();
        let node = pod["spec"]["nodeName"].as_str();
        if let Some((container, node)) = container.zip(node) {
            // it may have ended already
            killed += u64::from(namespace.cluster.kill(node, container, "SIGKILL").is_ok());
        }
    }
    Ok(killed)
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn an_operator_that_is_killed_again_and_again_gets_there_all_the_same() -> Result<()> {
    scenario("operator", |namespace| {
        install(namespace)?;
        let config = json!({ "config": { "offsets.commit.timeout.ms": 6000 } });
        let more = json!({ "partitions": 6 });
        // each step with another operator, killed somewhere on its way
        let steps: [(&str, &dyn Fn() -> Result<()>); 4] = [
            ("apply", &|| namespace.applied(DEMO)),
            ("topic", &|| namespace.applied(&topic("second", "partitions: 2"))),
            ("settings", &|| edit(namespace, "kafkaclusters", "demo", &config).map(drop)),
            ("grow", &|| edit(namespace, "kafkatopics", "greetings", &more).map(drop)),
        ];
        let mut killed = 0;
        for (name, step) in steps {
            // the one that was started after the step before may still be on its way
            killed += until("an operator that can be killed", LIMIT, || {
                let killed = kill_operators(namespace)?;
                Ok((killed > 0).then_some(killed))
            })?;
            step()?;
            for _ in 0..3 {
                killed += kill_operators(namespace)?;
                // the moments differ from run to run, and the end must not
                moment(u64::from(std::process::id()) * (killed + 1) % 900 + 100);
            }
            // a fresh one, without the pause that grows with each crash
            let operator = operator(namespace);
            let delete = ["-n", &operator, "delete", "pods", "--all", "--wait=false"];
            namespace.cluster.kubectl(&delete)?;
            ready(namespace).with_context(|| format!("after {name}"))?;
        }
        namespace.wait("kafkatopics", "second", "to be Ready", is_ready)?;
        ensure!(killed >= 4, "only {killed} operators were killed");
        Ok(())
    })
}

#[expect(clippy::disallowed_methods, reason = "a fault needs a moment that nobody chose")]
fn moment(milliseconds: u64) {
    thread::sleep(Duration::from_millis(milliseconds));
}

/// The volume is the node's own, so the broker waits for the node to come back.
#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn a_drained_node_gives_its_broker_back_and_nothing_is_lost() -> Result<()> {
    fault("drain", |namespace| {
        demo(namespace)?;
        let _client = namespace.client()?;
        let (node, _) = broker(namespace)?;
        let producer = pump(namespace, 20)?;
        let cordon = namespace.cluster.kubectl(&["cordon", &node]);
        let evicted =
            cordon.and_then(|_| namespace.run(&["delete", "pod", "demo-0-0", "--wait=true"]));
        let pending = evicted.and_then(|_| {
            namespace.wait("pods", "demo-0-0", "to be Pending", |pod| {
                pod["status"]["phase"] == "Pending"
            })
        });
        // whatever happened, the node is the others' too
        namespace.cluster.kubectl(&["uncordon", &node])?;
        pending?;
        ready(namespace)?;
        nothing_lost(namespace, producer)
    })
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn a_node_that_hangs_for_a_while_comes_back_with_its_broker() -> Result<()> {
    fault("node", |namespace| {
        demo(namespace)?;
        let (node, _) = broker(namespace)?;
        lose(namespace, &node)?;
        ready(namespace)?;
        let client = namespace.client()?;
        client.produce(BOOTSTRAP, "greetings", "one\n")?;
        Ok(())
    })
}
