//! Newer definitions over objects that older ones let in, and very many objects.

use std::fs;
use std::process::Command;
use std::thread;

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::kubernetes::ApiServer;
use kastellan_e2e::need;
use serde_json::{Value, json};

use crate::cases;
use crate::manifests::manifests;

const FILES: [&str; 3] = ["kafkaclusters", "kafkatopics", "kafkausers"];

fn git(arguments: &[&str]) -> Result<Option<String>> {
    let git =
        Command::new("git").arg("-C").arg(env!("CARGO_MANIFEST_DIR")).args(arguments).output();
    let output = git.context("cannot start git")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(output.status.success().then_some(text))
}

/// The definitions as they were before the last commit that changed them.
fn previous() -> Result<Option<Vec<String>>> {
    let last = git(&["rev-list", "-1", "HEAD", "--", "../crds/yaml"])?.unwrap_or_default();
    let mut files = Vec::new();
    for file in FILES {
        let path = format!("{}^:crds/yaml/{file}.yaml", last.trim());
        let Some(text) = git(&["show", &path])? else { return Ok(None) };
        files.push(text);
    }
    Ok(Some(files))
}

fn define(server: &ApiServer, definitions: &[String]) -> Result<()> {
    let file = server.file("definitions.yaml", &definitions.join("\n---\n"))?;
    let file = file.to_str().context("the file's name is not UTF-8")?;
    let apply = ["apply", "--server-side", "--force-conflicts", "-f", file];
    for arguments in
        [&apply[..], &["wait", "--for=condition=Established", "--timeout=60s", "-f", file]]
    {
        let printed = server.kubectl(arguments)?;
        ensure!(printed.ok, "{printed:?}");
    }
    Ok(())
}

#[test]
fn objects_of_the_previous_definitions_live_on_under_those_of_now() -> Result<()> {
    let Some(server) = crate::bare("apiserver-upgrade")? else { return Ok(()) };
    let Some(previous) = previous()? else {
        return need::skip("upgrade of the definitions", "git does not have those of before");
    };
    define(&server, &previous)?;
    let mut made = Vec::new();
    for object in accepted()? {
        let kind = object["kind"].as_str().context("the object has no kind")?.to_owned();
        let answer = server.create(&crate::path(&kind), &object)?;
        // what is new among the cases was not accepted before
        if answer.ok() {
            let name = answer.body["metadata"]["name"].as_str().unwrap_or_default();
            made.push((format!("{}/{name}", crate::path(&kind)), answer.body["spec"].clone()));
        }
    }
    ensure!(made.len() > 10, "only {} objects were accepted before", made.len());
    server.define()?;
    for (path, spec) in made {
        let now = server.get(&path)?;
        ensure!(now.ok() && contains(&now.body["spec"], &spec), "{path}: {spec} is now {now:?}");
        // the operator and everybody else can still write it
        let label = json!({ "metadata": { "labels": { "touched": "yes" } } });
        let touched = server.merge(&path, &label)?;
        ensure!(touched.ok(), "{path}: {touched:?}");
    }
    Ok(())
}

/// Objects that the definitions of now let in: those of the manifests, and what cases begin with.
fn accepted() -> Result<Vec<Value>> {
    let mut objects = Vec::new();
    for file in manifests()? {
        let text = fs::read_to_string(file)?;
        objects.extend(serde_saphyr::from_multiple::<Value>(&text)?);
    }
    for (kind, cases) in cases::all() {
        let specs = cases.iter().filter_map(|case| Some((case, case.before.as_ref()?)));
        for (number, (case, spec)) in specs.enumerate() {
            let mut object = case.object(kind, spec);
            object["metadata"]["name"] = format!("case-{number}").into();
            objects.push(object);
        }
    }
    Ok(objects)
}

/// Whether everything of `less` is in `more`: defaults may have been added.
fn contains(more: &Value, less: &Value) -> bool {
    match (more, less) {
        (Value::Object(more), Value::Object(less)) => less
            .iter()
            .all(|(key, value)| more.get(key).is_some_and(|there| contains(there, value))),
        (Value::Array(more), Value::Array(less)) => {
            more.len() == less.len()
                && more.iter().zip(less).all(|(more, less)| contains(more, less))
        }
        (more, less) => more == less,
    }
}

#[test]
fn thousands_of_topics_are_listed_page_by_page_and_by_cluster() -> Result<()> {
    const TOPICS: usize = 3_000;
    let Some(server) = crate::server("apiserver-many")? else { return Ok(()) };
    let topics = crate::path("KafkaTopic");
    let create = |first: usize| -> Result<()> {
        for number in (first..TOPICS).step_by(4) {
            let cluster = if number % 3 == 0 { "third" } else { "other" };
            let topic = json!({
                "apiVersion": "kastellan.dev/v1alpha1",
                "kind": "KafkaTopic",
                "metadata": { "name": format!("topic-{number}") },
                "spec": { "clusterRef": { "name": cluster }, "config": { "retention.ms": 1 } },
            });
            let answer = server.create(&topics, &topic)?;
            ensure!(answer.ok(), "{answer:?}");
        }
        Ok(())
    };
    let made: Vec<Result<()>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|first| scope.spawn(move || create(first))).collect();
        threads.into_iter().map(|thread| thread.join().expect("nobody panics")).collect()
    });
    made.into_iter().collect::<Result<()>>()?;
    let (mut seen, mut next) = (0, String::new());
    loop {
        let page = server.get(&format!("{topics}?limit=500&continue={next}"))?.body;
        seen += page["items"].as_array().context("no items")?.len();
        next = page["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
        if next.is_empty() {
            break;
        }
    }
    ensure!(seen == TOPICS, "{seen} topics");
    let third = server.get(&format!("{topics}?fieldSelector=spec.clusterRef.name%3Dthird"))?.body;
    let third = third["items"].as_array().context("no items")?.len();
    ensure!(third == TOPICS / 3, "{third} topics of one cluster");
    Ok(())
}
