//! From the release before this one: its chart, its definitions, its operator and its brokers.

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::cluster::{Namespace, Previous, fault, say};
use kastellan_e2e::need;
use kastellan_e2e::suite::Scratch;

use crate::faults::{nothing_lost, pump};
use crate::fleet::FLEET;
use crate::operated::{chart, definitions, helm, image, image_named, pods, ready, topic};

/// The release that brings the definitions, now and before: users have one.
const RELEASE: &str = "kastellan";
const SYSTEM: &str = "kastellan-system";

/// Alone: for a while the definitions of all scenarios are those of before.
#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn an_upgrade_from_the_previous_commit_restarts_no_broker() -> Result<()> {
    let Some(previous) = Previous::find()? else {
        return need::skip_here(
            "upgrade from the previous commit",
            "no image of an earlier commit was kept on this machine: make image keeps one of each \
             commit, make e2e-full makes that of the commit before this one",
        );
    };
    fault("previous", |namespace| {
        if namespace.cluster.provider().name() == "existing" {
            return say(
                "SKIPPED previous: the definitions are those of a cluster of other people's",
            );
        }
        say(&format!("previous: from {}", previous.commit))?;
        definitions(namespace.cluster)?;
        let scratch = Scratch::new("previous")?;
        let old = previous.chart(scratch.path())?.display().to_string();
        let now = image(namespace.cluster)?;
        upgrade(namespace, &old, &image_named(&previous.image)?)?;
        let result = from(namespace, || upgrade(namespace, &chart(), &now));
        // while there is an operator that lets go of them
        let topics = namespace.kubectl(&["delete", "kkt", "--all", "--timeout=60s"]);
        // whatever happened, the definitions are the others' too
        helm(
            namespace.cluster,
            &["upgrade", RELEASE, &chart(), "--namespace", SYSTEM, "--wait", "--timeout", "2m"],
            &now,
        )?;
        result?;
        ensure!(topics?.ok, "the topics do not go");
        Ok(())
    })
}

/// Has the release watch this namespace, with a chart and an image.
fn upgrade(namespace: &Namespace<'_>, chart: &str, image: &[String]) -> Result<()> {
    let watched = format!("watchNamespaces={{{}}}", namespace.name);
    let words = ["upgrade", RELEASE, chart, "--namespace", SYSTEM, "--wait", "--timeout", "2m"];
    helm(namespace.cluster, &[&words[..], &["--set", &watched]].concat(), image).map(drop)
}

/// Brokers that the operator of before has made, under that of now.
fn from(namespace: &Namespace<'_>, upgrade: impl FnOnce() -> Result<()>) -> Result<()> {
    namespace.applied(&[FLEET, &topic("greetings", "partitions: 3")].concat())?;
    ready(namespace).context("by the operator of before")?;
    let _client = namespace.client()?;
    let before = pods(namespace)?;
    ensure!(before.len() == 3, "{} brokers", before.len());
    let producer = pump(namespace, 30)?;
    upgrade()?;
    // the operator of now has seen it: a topic that only it has made
    namespace.applied(&topic("later", "partitions: 1"))?;
    namespace.wait("kafkatopics", "later", "to be Ready", crate::operated::is_ready)?;
    nothing_lost(namespace, producer)?;
    ready(namespace)?;
    ensure!(pods(namespace)? == before, "brokers were restarted by the upgrade");
    Ok(())
}
