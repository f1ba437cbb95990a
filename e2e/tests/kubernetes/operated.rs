//! An operator in the test's namespace, and what the scenarios ask of it.

use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use kastellan_e2e::cache;
use kastellan_e2e::cluster::{Cluster, Namespace};
use kastellan_e2e::suite::{Scratch, walk};
use serde_json::{Value, json};

/// One broker with a topic, the smallest cluster that there is.
pub(crate) const DEMO: &str = "
apiVersion: kastellan.dev/v1alpha1
kind: KafkaCluster
metadata: {name: demo}
spec:
  replicas: 1
  storage: {size: 1Gi, deletionPolicy: Delete}
  listeners:
  - {name: plain, port: 9092}
---
apiVersion: kastellan.dev/v1alpha1
kind: KafkaTopic
metadata: {name: greetings}
spec:
  clusterRef: {name: demo}
  partitions: 3
";

/// Where a pod reaches the brokers of `demo`.
pub(crate) const BOOTSTRAP: &str = "demo-bootstrap:9092";

/// The path of the chart.
pub(crate) fn chart() -> String {
    cache::e2e().join("../charts/kastellan").display().to_string()
}

/// The options that make the chart use the image under test.
pub(crate) fn image(cluster: &Cluster) -> Result<Vec<String>> {
    image_named(&cluster.image)
}

/// The options that make the chart use an image, as `localhost/kastellan:1`.
pub(crate) fn image_named(image: &str) -> Result<Vec<String>> {
    let (repository, tag) = image.rsplit_once(':').context("the image has no tag")?;
    let set = |setting: String| ["--set-string".to_owned(), setting];
    let settings = [
        set(format!("image.repository={repository}")),
        set(format!("image.tag={tag}")),
        set("image.pullPolicy=IfNotPresent".to_owned()),
    ];
    Ok(settings.concat())
}

/// Helm that has to succeed; what it printed.
pub(crate) fn helm(cluster: &Cluster, words: &[&str], options: &[String]) -> Result<String> {
    let words: Vec<&str> =
        words.iter().copied().chain(options.iter().map(String::as_str)).collect();
    let printed = cluster.helm(&words)?;
    ensure!(printed.ok, "helm {}: {}{}", words.join(" "), printed.out, printed.err);
    Ok(printed.out)
}

/// The first release of the run brings the definitions, as a user's first one does; those of the
/// scenarios leave them alone.
pub(crate) fn definitions(cluster: &Cluster) -> Result<()> {
    static DONE: OnceLock<std::result::Result<(), String>> = OnceLock::new();
    let install = || -> Result<()> {
        let words = [
            "upgrade",
            "--install",
            "kastellan",
            &chart(),
            "--namespace",
            "kastellan-system",
            "--create-namespace",
            "--wait",
            "--timeout",
            "2m",
        ];
        helm(cluster, &words, &image(cluster)?)?;
        Ok(())
    };
    match DONE.get_or_init(|| install().map_err(|error| format!("{error:#}"))) {
        Ok(()) => Ok(()),
        Err(error) => bail!("{error}"),
    }
}

/// Installs an operator that watches this namespace only, in one of its own.
pub(crate) fn install(namespace: &Namespace<'_>) -> Result<()> {
    definitions(namespace.cluster)?;
    namespace.beside("operator")?;
    release(namespace, "install", &[])
}

/// The name of the operator's namespace, and of its release: what a release has of the whole
/// Kubernetes needs a name of its own.
pub(crate) fn operator(namespace: &Namespace<'_>) -> String {
    format!("{}-operator", namespace.name)
}

/// The operator's pods.
pub(crate) fn operators(namespace: &Namespace<'_>) -> Result<Vec<Value>> {
    let label = "app.kubernetes.io/name=kastellan-operator";
    let path = format!("/api/v1/namespaces/{}/pods?labelSelector={label}", operator(namespace));
    let pods = namespace.cluster.api.get(&path)?.body;
    Ok(pods["items"].as_array().cloned().unwrap_or_default())
}

/// `helm install` or `helm upgrade` of this namespace's operator.
pub(crate) fn release(namespace: &Namespace<'_>, verb: &str, settings: &[&str]) -> Result<()> {
    let name = operator(namespace);
    let name = name.as_str();
    let words = [verb, name, &chart(), "--namespace", name, "--wait", "--timeout", "2m"];
    let mut options = image(namespace.cluster)?;
    options.extend(["--set", "crds.install=false"].map(str::to_owned));
    options.extend(["--set".to_owned(), format!("watchNamespaces={{{}}}", namespace.name)]);
    options.extend(settings.iter().flat_map(|setting| ["--set".to_owned(), (*setting).to_owned()]));
    helm(namespace.cluster, &words, &options)?;
    Ok(())
}

/// A condition of an object.
pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == kind)
}

/// Whether the newest spec of the object is Ready.
pub(crate) fn is_ready(object: &Value) -> bool {
    condition(object, "Ready").is_some_and(|ready| {
        ready["status"] == "True" && ready["observedGeneration"] == object["metadata"]["generation"]
    })
}

/// Whether the newest spec of the object is not Ready for that reason.
pub(crate) fn is_refused(object: &Value, reason: &str) -> bool {
    condition(object, "Ready").is_some_and(|ready| {
        ready["status"] == "False"
            && ready["reason"] == reason
            && ready["observedGeneration"] == object["metadata"]["generation"]
    })
}

/// Waits for `demo` and its topic `greetings`; how long that took.
pub(crate) fn ready(namespace: &Namespace<'_>) -> Result<Duration> {
    let begin = Instant::now();
    namespace.wait("kafkaclusters", "demo", "to be Ready", is_ready)?;
    let took = begin.elapsed();
    namespace.wait("kafkatopics", "greetings", "to be Ready", is_ready)?;
    Ok(took)
}

/// Installs an operator and the cluster `demo`, Ready.
pub(crate) fn demo(namespace: &Namespace<'_>) -> Result<()> {
    install(namespace)?;
    namespace.applied(DEMO)?;
    ready(namespace)?;
    Ok(())
}

/// The uids of the brokers' pods: others after a restart by deletion.
pub(crate) fn pods(namespace: &Namespace<'_>) -> Result<Vec<(String, u64)>> {
    let pods = namespace.list("pods", "kastellan.dev/cluster")?;
    let identity = |pod: &Value| {
        let restarts = pod["status"]["containerStatuses"][0]["restartCount"].as_u64();
        Some((pod["metadata"]["uid"].as_str()?.to_owned(), restarts?))
    };
    pods.iter().map(|pod| identity(pod).context("a pod without a status")).collect()
}

/// Changes the spec of an object by a merge patch.
pub(crate) fn edit(
    namespace: &Namespace<'_>,
    plural: &str,
    name: &str,
    spec: &Value,
) -> Result<Value> {
    namespace.merge(plural, name, &json!({ "spec": spec }))
}

/// A topic of `demo`.
pub(crate) fn topic(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: kastellan.dev/v1alpha1\nkind: KafkaTopic\nmetadata: {{name: {name}}}\n\
         spec: {{clusterRef: {{name: demo}}, {spec}}}\n---\n"
    )
}

/// Where a client on a node begins: the port that the listener has there.
pub(crate) fn outside(namespace: &Namespace<'_>) -> Result<String> {
    let service = namespace.get("services", "demo-outside-bootstrap")?.context("no Service")?;
    let port = service["spec"]["ports"][0]["nodePort"].as_u64().context("no port")?;
    let node = namespace.cluster.nodes()?.into_iter().next().context("no node")?;
    Ok(format!("{}:{port}", node.address))
}

/// A client on a node walks through.
pub(crate) fn walks_outside(namespace: &Namespace<'_>) -> Result<()> {
    let folder = Scratch::new("outside")?;
    let script = cache::e2e().join("clients/kcat/walk.sh");
    let mut kcat = Command::new("bash");
    kcat.arg(script).arg(outside(namespace)?).arg(folder.path());
    walk(&mut kcat, &folder.path().join("log"), &["walk-through", "idempotent", "all"]).map(drop)
}
