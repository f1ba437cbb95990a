//! The chart with the real Helm: checked, rendered, installed, upgraded, taken away.

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::cluster::scenario;

use crate::operated::{chart, definitions, demo, helm, image, operator, pods, ready, release};

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn the_chart_passes_lint_and_renders() -> Result<()> {
    scenario("lint", |namespace| {
        let options = image(namespace.cluster)?;
        helm(namespace.cluster, &["lint", "--strict", &chart()], &options)?;
        let rendered = helm(namespace.cluster, &["template", "kastellan", &chart()], &options)?;
        ensure!(rendered.contains("kind: Deployment"), "{rendered}");
        Ok(())
    })
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn an_upgrade_with_unchanged_objects_restarts_no_broker() -> Result<()> {
    scenario("upgrade", |namespace| {
        demo(namespace)?;
        let before = pods(namespace)?;
        ensure!(!before.is_empty(), "no brokers found");
        // the operator itself is another one afterwards
        release(namespace, "upgrade", &["podAnnotations.turn=second"])?;
        ready(namespace)?;
        let client = namespace.client()?;
        client.produce("demo-bootstrap:9092", "greetings", "one\n")?;
        ensure!(pods(namespace)? == before, "brokers were restarted by the upgrade");
        Ok(())
    })
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn after_an_uninstall_the_brokers_serve_on_and_a_new_operator_finds_them() -> Result<()> {
    scenario("uninstall", |namespace| {
        demo(namespace)?;
        let before = pods(namespace)?;
        let name = &operator(namespace);
        helm(namespace.cluster, &["uninstall", name, "--namespace", name, "--wait"], &[])?;
        let client = namespace.client()?;
        client.produce("demo-bootstrap:9092", "greetings", "one\n")?;
        release(namespace, "install", &[])?;
        ready(namespace)?;
        ensure!(pods(namespace)? == before, "brokers were restarted");
        Ok(())
    })
}

#[test]
#[ignore = "needs a Kubernetes: make e2e starts one"]
fn the_rendered_manifest_is_what_helm_installs() -> Result<()> {
    scenario("manifest", |namespace| {
        definitions(namespace.cluster)?;
        // nothing that was installed by Helm would change, were it applied
        let file = kastellan_e2e::cache::e2e().join("../manifests/install.yaml");
        let file = file.to_str().context("the folder's name is not UTF-8")?;
        namespace.cluster.kubectl(&[
            "apply",
            "--server-side",
            "--dry-run=server",
            "--force-conflicts",
            "-f",
            file,
        ])?;
        Ok(())
    })
}
