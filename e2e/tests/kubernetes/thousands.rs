//! A hundred, a thousand and ten thousand topics, and as many users: how long they take, what the
//! operator takes for them, and that it writes nothing once they are as asked. Printed with every
//! run, as in `figures.rs`.

use std::env;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::cluster::{LIMIT, Namespace, fault, say, scenario, until};
use serde_json::{Value, json};

use crate::operated::{demo, is_ready, operator, operators};

/// So many threads create objects: one waits for each of its answers.
const CREATORS: usize = 4;

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn a_thousand_topics_become_ready_and_then_nothing_is_written() -> Result<()> {
    scenario("thousand", |namespace| {
        demo(namespace)?;
        more(namespace, 0..1000, 30)?;
        quiet(namespace)
    })
}

/// Alone: it would take from others what they need, and they from it.
#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn ten_thousand_topics_become_ready_and_then_nothing_is_written() -> Result<()> {
    if env::var_os("E2E_FULL").is_none() {
        return say("SKIPPED ten thousand topics: make e2e-full makes them");
    }
    fault("tenthousand", |namespace| {
        demo(namespace)?;
        more(namespace, 0..100, 30)?;
        let small = memory(namespace)?;
        say(&format!("FIGURE operator, 100 topics: {small} MiB (promised: 50)"))?;
        more(namespace, 100..10_000, 180)?;
        let large = memory(namespace)?;
        say(&format!("FIGURE operator, 10,000 topics: {large} MiB (promised: 120)"))?;
        quiet(namespace)?;
        gone(namespace, "kafkatopics")?;
        ensure!(small <= 50, "{small} MiB for 100 topics");
        ensure!(large <= 120, "{large} MiB for 10,000 topics");
        Ok(())
    })
}

/// Creates topics and waits until all of them are Ready.
fn more(namespace: &Namespace<'_>, numbers: std::ops::Range<usize>, promised: u32) -> Result<()> {
    let topic = |number| {
        json!({
            "apiVersion": "kastellan.dev/v1alpha1",
            "kind": "KafkaTopic",
            "metadata": { "name": format!("topic-{number}") },
            "spec": { "clusterRef": { "name": "demo" }, "partitions": 1 },
        })
    };
    // that of the cluster's is one more
    let ready = numbers.end + 1;
    made_ready((namespace, "kafkatopics"), numbers, ready, promised, topic)
}

/// Creates objects of a kind, several at a time, and waits until so many of it are Ready.
pub(crate) fn made_ready(
    (namespace, plural): (&Namespace<'_>, &str),
    numbers: std::ops::Range<usize>,
    ready: usize,
    promised: u32,
    object: impl Fn(usize) -> Value + Sync,
) -> Result<()> {
    let begin = Instant::now();
    let (api, path, count) = (&namespace.cluster.api, namespace.path(plural), numbers.len());
    let create = |first: usize| -> Result<()> {
        for number in numbers.clone().skip(first).step_by(CREATORS) {
            let answer = api.create(&path, &object(number))?;
            ensure!(answer.ok(), "{}", answer.body);
        }
        Ok(())
    };
    let made: Vec<Result<()>> = thread::scope(|scope| {
        let creators: Vec<_> =
            (0..CREATORS).map(|first| scope.spawn(move || create(first))).collect();
        creators.into_iter().map(|one| one.join().expect("nobody panics")).collect()
    });
    made.into_iter().collect::<Result<()>>()?;
    let made = begin.elapsed().as_secs_f32();
    // whoever asks for ten thousand objects takes time from those who work on them
    let pace = Duration::from_millis(u64::try_from(ready)? / 2);
    let mut last = Instant::now();
    until("all to be Ready", Duration::from_mins(10), || {
        if last.elapsed() < pace {
            return Ok(None);
        }
        last = Instant::now();
        let all = namespace.list(plural, "")?;
        Ok((all.iter().filter(|one| is_ready(one)).count() == ready).then_some(()))
    })?;
    let took = begin.elapsed().as_secs_f32();
    say(&format!(
        "FIGURE {count} {plural} Ready: {took:.1} s, {made:.1} s of it to create the objects \
         (promised: {promised})"
    ))
}

/// Deletes all of a kind and waits until they are gone, which takes longer than a namespace may.
pub(crate) fn gone(namespace: &Namespace<'_>, plural: &str) -> Result<()> {
    let begin = Instant::now();
    let path = namespace.path(plural);
    let delete = || -> Result<bool> {
        let answer = namespace.cluster.api.delete(&path)?;
        // an API server that is not done with a collection after a minute gives up
        ensure!(answer.ok() || answer.status == 504, "{}", answer.body);
        Ok(answer.ok())
    };
    until("all to be deleted", Duration::from_mins(10), || Ok(delete()?.then_some(())))?;
    until("all to be gone", Duration::from_mins(10), || {
        let left = namespace.cluster.api.get(&format!("{path}?limit=1"))?.body;
        Ok(left["items"].as_array().is_some_and(Vec::is_empty).then_some(()))
    })?;
    say(&format!("FIGURE all {plural} gone: {:.1} s", begin.elapsed().as_secs_f32()))
}

/// Memory of the operator in MiB, its working set by the kubelet's word: of the one that leads,
/// which has the most.
pub(crate) fn memory(namespace: &Namespace<'_>) -> Result<u64> {
    let each = operators(namespace)?.into_iter().map(|pod| of_pod(namespace, &pod));
    each.collect::<Result<Vec<_>>>()?.into_iter().max().context("no operator")
}

fn of_pod(namespace: &Namespace<'_>, pod: &Value) -> Result<u64> {
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
pub(crate) fn quiet(namespace: &Namespace<'_>) -> Result<()> {
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
