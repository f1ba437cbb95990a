//! The figures that were promised, printed with every run: this machine may be busy with other
//! things, so only what does not depend on its speed fails.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::cluster::{LIMIT, Namespace, say, scenario, until};
use serde_json::{Value, json};

use crate::operated::{DEMO, demo, install, is_ready, operator, operators, ready};

/// How many topics there are in the large scenario.
const TOPICS: usize = 1000;

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn from_apply_to_ready() -> Result<()> {
    scenario("figures", |namespace| {
        install(namespace)?;
        namespace.applied(DEMO)?;
        let took = ready(namespace)?;
        say(&format!(
            "FIGURE apply to Ready, one broker: {:.1} s (promised: 8)",
            took.as_secs_f32()
        ))
    })
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn a_thousand_topics_become_ready_and_then_nothing_is_written() -> Result<()> {
    scenario("thousand", |namespace| {
        demo(namespace)?;
        let begin = Instant::now();
        for number in 0..TOPICS {
            let topic = json!({
                "apiVersion": "kastellan.dev/v1alpha1",
                "kind": "KafkaTopic",
                "metadata": { "name": format!("topic-{number}") },
                "spec": { "clusterRef": { "name": "demo" }, "partitions": 1 },
            });
            let answer = namespace.cluster.api.create(&namespace.path("kafkatopics"), &topic)?;
            ensure!(answer.ok(), "{}", answer.body);
        }
        let made = begin.elapsed().as_secs_f32();
        until("all topics to be Ready", Duration::from_mins(4), || {
            let topics = namespace.list("kafkatopics", "")?;
            let ready = topics.iter().filter(|topic| is_ready(topic)).count();
            Ok((ready == TOPICS + 1).then_some(()))
        })?;
        let took = begin.elapsed().as_secs_f32();
        say(&format!(
            "FIGURE {TOPICS} topics Ready: {took:.1} s, {made:.1} s of it to create the objects (promised: 30)"
        ))?;
        say(&format!(
            "FIGURE operator, {TOPICS} topics: {} MiB (promised: 50 at 100, 120 at 10,000)",
            memory(namespace)?
        ))?;
        quiet(namespace)
    })
}

/// Memory of the operator in MiB, its working set by the kubelet's word.
fn memory(namespace: &Namespace<'_>) -> Result<u64> {
    let pod = operators(namespace)?.into_iter().next().context("no operator")?;
    let node = pod["spec"]["nodeName"].as_str().context("no node")?;
    let name = pod["metadata"]["name"].as_str().context("no name")?;
    let path = format!("/api/v1/nodes/{node}/proxy/metrics/resource");
    // the kubelet looks every 10 s or so
    until("the operator's memory", LIMIT, || {
        let answer = namespace.cluster.api.get(&path)?.body;
        let text = answer.as_str().unwrap_or_default();
        let line = text.lines().find(|line| {
            line.starts_with("container_memory_working_set_bytes{") && line.contains(name)
        });
        let value = line.and_then(|line| line.rsplit_once("} ")?.1.split(' ').next());
        let bytes = value.and_then(|value| value.parse::<f64>().ok());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size")]
        Ok(bytes.map(|bytes| (bytes / 1_048_576.0) as u64))
    })
}

/// The operator writes nothing while nothing changes, its lease excepted; where the API server's
/// audit log can be read.
fn quiet(namespace: &Namespace<'_>) -> Result<()> {
    let kubeconfig = namespace.cluster.provider().kubeconfig();
    let log = kubeconfig.with_file_name("logs").join("audit.log");
    if !log.exists() {
        return say(
            "FIGURE writes of an idle operator: not counted, the audit log is out of reach",
        );
    }
    let account = format!("system:serviceaccount:{}:", operator(namespace));
    let writes = || -> Result<Vec<String>> {
        let text = fs::read_to_string(&log)?;
        let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let ours = events.filter(|event| {
            event["user"]["username"].as_str().is_some_and(|user| user.starts_with(&account))
                && event["objectRef"]["resource"] != "leases"
        });
        Ok(ours.map(|event| format!("{} {}", event["verb"], event["requestURI"])).collect())
    };
    // what is on its way may arrive first
    let mut before = writes()?.len();
    let mut since = Instant::now();
    let still = until("15 s without a write", Duration::from_mins(2), || {
        let now = writes()?;
        if now.len() != before {
            (before, since) = (now.len(), Instant::now());
        }
        Ok((since.elapsed() > Duration::from_secs(15)).then_some(()))
    });
    let last = |writes: Vec<String>| writes.into_iter().rev().take(10).collect::<Vec<_>>();
    still.with_context(|| format!("the last writes: {:#?}", writes().map(last)))?;
    say("FIGURE writes of an idle operator in 15 s: 0 (promised: 0)")
}
