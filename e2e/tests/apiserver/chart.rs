//! The Helm chart, by Helm itself: linted, rendered, installed, upgraded and uninstalled on an API
//! server. What runs is tested where something can run (`e2e/tests/kubernetes/`).

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::cache;
use kastellan_e2e::kubernetes::{self, ApiServer};
use serde_json::{Value, json};

/// The release that the README installs, and its namespace.
pub(crate) const RELEASE: &str = "kastellan";
pub(crate) const SYSTEM: &str = "kastellan-system";

/// What stands before the rendered chart in `manifests/install.yaml`.
const HEAD: &str = "\
# Kastellan for every namespace of a cluster, as the chart renders it with watchAnyNamespace.
# Made from charts/kastellan: KASTELLAN_UPDATE=1 cargo test -p kastellan-e2e --test apiserver chart
apiVersion: v1
kind: Namespace
metadata:
  name: kastellan-system
  labels:
    pod-security.kubernetes.io/enforce: restricted
";

fn chart() -> PathBuf {
    cache::e2e().join("../charts/kastellan")
}

/// Runs helm without a cluster; `None` where it cannot be built, which has been said.
fn helm(arguments: &[&str]) -> Result<Option<(bool, String, String)>> {
    if !kubernetes::ready("chart")? {
        return Ok(None);
    }
    let mut helm = Command::new(kubernetes::programs()?.join("helm"));
    // nobody's configuration, and no cluster
    helm.env("KUBECONFIG", "/dev/null").env("HELM_NAMESPACE", SYSTEM);
    let output = helm.args(arguments).arg(chart()).output().context("cannot start helm")?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Some((output.status.success(), text(output.stdout), text(output.stderr))))
}

/// What the chart renders with these values.
fn rendered(values: &[&str]) -> Result<Option<String>> {
    let Some((ok, out, err)) = helm(&[&["template", RELEASE], values].concat())? else {
        return Ok(None);
    };
    ensure!(ok, "{err}");
    Ok(Some(out))
}

/// The objects that the chart renders with these values.
pub(crate) fn objects(values: &[&str]) -> Result<Option<Vec<Value>>> {
    let Some(text) = rendered(values)? else { return Ok(None) };
    let documents = serde_saphyr::from_multiple::<Value>(&text).context("rendered no YAML")?;
    let objects: Vec<Value> = documents.into_iter().filter(Value::is_object).collect();
    ensure!(objects.len() > 10, "{} objects", objects.len());
    Ok(Some(objects))
}

/// The release that rendered objects say they belong to.
pub(crate) fn release(objects: &[Value]) -> Option<&str> {
    let mut labels = objects.iter().map(|one| &one["metadata"]["labels"]);
    let instance = |labels: &'_ Value| labels["app.kubernetes.io/instance"].as_str().is_some();
    labels.find(|labels| instance(labels))?["app.kubernetes.io/instance"].as_str()
}

pub(crate) fn namespaces(server: &ApiServer, names: &[&str]) -> Result<()> {
    for name in names {
        let namespace =
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        let answer = server.create("/api/v1/namespaces", &namespace)?;
        ensure!(answer.ok(), "{answer:?}");
    }
    Ok(())
}

/// Runs helm against the server; nothing runs there, so no hook ends.
fn on(server: &ApiServer, command: &str, values: &[&str]) -> Result<String> {
    let chart = chart();
    let chart = chart.to_str().context("the chart's path is not UTF-8")?;
    let mut arguments = vec![command, RELEASE, "--namespace", SYSTEM, "--no-hooks"];
    if command != "uninstall" {
        arguments.push(chart);
    }
    arguments.extend_from_slice(values);
    let printed = server.helm(&arguments)?;
    ensure!(printed.ok, "helm {command}: {}", printed.err);
    Ok(printed.out)
}

/// Installs the chart.
pub(crate) fn install(server: &ApiServer, values: &[&str]) -> Result<()> {
    let notes = on(server, "install", values)?;
    ensure!(notes.contains("kubectl apply"), "the notes name no next command: {notes}");
    Ok(())
}

#[test]
fn the_chart_passes_helm_lint() -> Result<()> {
    let Some((ok, out, err)) = helm(&["lint", "--strict"])? else { return Ok(()) };
    ensure!(ok, "{out}{err}");
    Ok(())
}

#[test]
fn the_manifest_to_install_is_what_the_chart_renders() -> Result<()> {
    let values = ["--no-hooks", "--set", "watchAnyNamespace=true"];
    let Some(text) = rendered(&values)? else { return Ok(()) };
    let (file, wanted) = (cache::e2e().join("../manifests/install.yaml"), format!("{HEAD}{text}"));
    if env::var_os("KASTELLAN_UPDATE").is_some() {
        fs::write(&file, wanted)?;
        return Ok(());
    }
    let found = fs::read_to_string(&file)?;
    ensure!(found == wanted, "manifests/install.yaml is stale: its head says how to make it anew");
    Ok(())
}

#[test]
fn values_that_mean_nothing_are_refused() -> Result<()> {
    for (values, complaint) in [
        ("replica=2", "additional properties 'replica' not allowed"),
        ("watchAnyNamespace=true,watchNamespaces={a}", "maxItems"),
        ("image.digest=abc", "does not match pattern"),
        ("logFormat=xml", "must be one of"),
        ("watchNamespaces={Upper}", "does not match pattern"),
        ("serviceAccount.create=false", "say which account to use"),
    ] {
        let Some((ok, _, err)) = helm(&["template", "x", "--set", values])? else { return Ok(()) };
        ensure!(!ok && err.contains(complaint), "{values}: {err}");
    }
    let old = ["template", "x", "--kube-version", "1.30.9"];
    let Some((ok, _, err)) = helm(&old)? else { return Ok(()) };
    ensure!(!ok && err.contains("kubeVersion"), "{err}");
    Ok(())
}

/// The leaves of the values, as `image.repository`; what users fill in is a leaf, too.
fn leaves(at: &str, value: &Value) -> Vec<String> {
    match value.as_object().filter(|map| !map.is_empty()) {
        Some(map) if !["resources", "podSecurityContext"].contains(&at) => map
            .iter()
            .flat_map(|(key, value)| {
                let dot = if at.is_empty() { "" } else { "." };
                leaves(&format!("{at}{dot}{key}"), value)
            })
            .collect(),
        _ => vec![at.to_owned()],
    }
}

#[test]
fn every_value_has_a_schema_and_a_line_in_the_readme() -> Result<()> {
    let read = |file: &str| fs::read_to_string(chart().join(file));
    let values: Value = serde_saphyr::from_str(&read("values.yaml")?)?;
    let schema: Value = serde_json::from_str(&read("values.schema.json")?)?;
    let readme = read("README.md")?;
    for leaf in leaves("", &values) {
        let at = leaf.replace('.', "/properties/");
        let known = schema.pointer(&format!("/properties/{at}"));
        ensure!(known.is_some(), "{leaf} is not in values.schema.json");
        ensure!(readme.contains(&format!("`{leaf}`")), "{leaf} is not in README.md");
    }
    Ok(())
}

#[test]
fn every_pod_keeps_to_the_restricted_standard() -> Result<()> {
    let values = ["--set", "replicas=2,imagePullSecrets[0].name=registry,watchNamespaces={a,b}"];
    let Some(objects) = objects(&values)? else { return Ok(()) };
    let mut pods = 0;
    for object in objects.iter().filter(|one| one["spec"]["template"]["spec"].is_object()) {
        let (kind, pod) = (&object["kind"], &object["spec"]["template"]["spec"]);
        pods += 1;
        ensure!(pod["securityContext"]["runAsNonRoot"] == true, "{kind}: {pod}");
        let seccomp = &pod["securityContext"]["seccompProfile"]["type"];
        ensure!(seccomp == "RuntimeDefault", "{kind}: {pod}");
        ensure!(pod["imagePullSecrets"] == json!([{ "name": "registry" }]), "{kind}: {pod}");
        for container in pod["containers"].as_array().into_iter().flatten() {
            let own = &container["securityContext"];
            ensure!(own["allowPrivilegeEscalation"] == false, "{kind}: {own}");
            ensure!(own["readOnlyRootFilesystem"] == true, "{kind}: {own}");
            ensure!(own["capabilities"]["drop"] == json!(["ALL"]), "{kind}: {own}");
            ensure!(container["resources"]["limits"]["memory"].is_string(), "{kind}: no limit");
        }
    }
    ensure!(pods == 2, "the operator and what runs after it: {pods}");
    Ok(())
}

#[test]
fn a_release_comes_changes_and_goes_and_leaves_what_users_made() -> Result<()> {
    let Some(server) = crate::bare("apiserver-chart")? else { return Ok(()) };
    namespaces(&server, &[SYSTEM, "a", "b"])?;
    install(&server, &["--set", "watchNamespaces={a}"])?;
    let topic = json!({
        "apiVersion": "kastellan.dev/v1alpha1",
        "kind": "KafkaTopic",
        "metadata": { "name": "greetings" },
        "spec": { "clusterRef": { "name": "demo" } },
    });
    wait_for_definitions(&server)?;
    let topics = "/apis/kastellan.dev/v1alpha1/namespaces/a/kafkatopics";
    let made = server.create(topics, &topic)?;
    ensure!(made.ok(), "{made:?}");

    on(&server, "upgrade", &["--set", "watchNamespaces={b},replicas=2"])?;
    let roles = "/apis/rbac.authorization.k8s.io/v1/namespaces";
    let role = |namespace| format!("{roles}/{namespace}/roles/kastellan-system-kastellan");
    ensure!(server.get(&role("a"))?.status == 404, "the role of a namespace that is not watched");
    ensure!(server.get(&role("b"))?.ok(), "no role in the namespace that is watched now");
    let budget = format!("/apis/policy/v1/namespaces/{SYSTEM}/poddisruptionbudgets/kastellan");
    ensure!(server.get(&budget)?.ok(), "two replicas have a budget");

    on(&server, "uninstall", &[])?;
    ensure!(server.get(&format!("{topics}/greetings"))?.ok(), "the user's topic went along");
    let left = "serviceaccounts,deployments,roles,rolebindings,clusterroles,clusterrolebindings,\
                validatingadmissionpolicies,validatingadmissionpolicybindings,\
                poddisruptionbudgets,secrets";
    let labelled = "app.kubernetes.io/instance=kastellan";
    let printed = server.kubectl(&["get", left, "-A", "-l", labelled, "-o", "name"])?;
    ensure!(printed.ok && printed.out.trim().is_empty(), "left behind: {printed:?}");
    let secrets = server.kubectl(&["get", "secrets", "-n", SYSTEM, "-o", "name"])?;
    ensure!(secrets.out.trim().is_empty(), "left behind: {secrets:?}");

    // again, over definitions that an earlier release has left
    on(&server, "install", &[])?;
    ensure!(server.get(&format!("{topics}/greetings"))?.ok(), "the user's topic is gone");
    Ok(())
}

fn wait_for_definitions(server: &ApiServer) -> Result<()> {
    let wait = ["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"];
    let printed = server.kubectl(&wait)?;
    ensure!(printed.ok, "{printed:?}");
    Ok(())
}

#[test]
fn the_manifest_to_install_is_applied_and_deleted_without_helm() -> Result<()> {
    let Some(server) = crate::bare("apiserver-install")? else { return Ok(()) };
    let file = cache::e2e().join("../manifests/install.yaml");
    let file = file.to_str().context("the file's name is not UTF-8")?;
    for apply in [&["apply", "--server-side"][..], &["apply", "--server-side"]] {
        let printed = server.kubectl(&[apply, &["--validate=strict", "-f", file]].concat())?;
        ensure!(printed.ok, "{printed:?}");
    }
    let printed = server.kubectl(&["delete", "--wait=false", "-f", file])?;
    ensure!(printed.ok, "{printed:?}");
    Ok(())
}

#[test]
fn the_page_shows_what_kubectl_prints() -> Result<()> {
    let page = fs::read_to_string(cache::e2e().join("../operator/KUBERNETES.md"))?;
    let printed = fs::read_to_string(cache::e2e().join("tests/apiserver/golden/get.txt"))?;
    ensure!(page.contains(printed.trim_end()), "operator/KUBERNETES.md shows an older table");
    Ok(())
}
