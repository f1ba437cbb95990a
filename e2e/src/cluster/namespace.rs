//! A test's own namespace: what it applies, looks at and waits for.
#![expect(clippy::indexing_slicing, reason = "a JSON value answers null for what it does not have")]

use std::cell::RefCell;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Client;
use super::scenario::{Cluster, restricted, until};
use crate::kubernetes::Printed;

/// A namespace of the cluster.
#[derive(Debug)]
pub struct Namespace<'a> {
    /// The cluster that it is in.
    pub cluster: &'a Cluster,
    /// Its name.
    pub name: String,
    /// Those that go after it.
    beside: RefCell<Vec<String>>,
}

impl<'a> Namespace<'a> {
    /// A new one; its name is unique among all runs on the same cluster.
    pub(super) fn new(cluster: &'a Cluster, name: &str) -> Result<Namespace<'a>> {
        static TURN: AtomicU32 = AtomicU32::new(0);
        let turn = TURN.fetch_add(1, Ordering::Relaxed);
        let name = format!("e2e-{name}-{}-{turn}", std::process::id());
        make(cluster, &name)?;
        let namespace = Namespace { cluster, name, beside: RefCell::default() };
        // no pod is let in before
        namespace.wait("serviceaccounts", "default", "its default account", |_| true)?;
        Ok(namespace)
    }

    /// Makes another namespace, which is deleted once this one is gone; its name.
    pub fn beside(&self, suffix: &str) -> Result<String> {
        let name = format!("{}-{suffix}", self.name);
        make(self.cluster, &name)?;
        self.beside.borrow_mut().push(name.clone());
        Ok(name)
    }

    /// Deletes it and waits until it is gone, with all that was in it; then those beside it.
    pub fn delete(&self) -> Result<()> {
        delete(self.cluster, &self.name)?;
        self.beside.borrow().iter().try_for_each(|name| delete(self.cluster, name))
    }

    /// `kubectl` in this namespace.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<Printed> {
        let output = self.command(arguments)?.output().context("cannot start kubectl")?;
        Ok(output.into())
    }

    /// `kubectl` that has to succeed; what it printed.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        let printed = self.kubectl(arguments)?;
        ensure!(printed.ok, "kubectl {}: {}{}", arguments.join(" "), printed.out, printed.err);
        Ok(printed.out)
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = self.cluster.program("kubectl")?;
        command.args(["--namespace", &self.name]).args(arguments);
        Ok(command)
    }

    /// `kubectl apply -f -` of a manifest.
    pub fn apply(&self, manifest: &str) -> Result<Printed> {
        fed(self.command(&["apply", "-f", "-"])?, manifest)
    }

    /// [`Namespace::apply`] that has to succeed.
    pub fn applied(&self, manifest: &str) -> Result<()> {
        let printed = self.apply(manifest)?;
        ensure!(printed.ok, "refused: {}\n{manifest}", printed.err);
        Ok(())
    }

    /// The path of a collection, as `pods` or `kafkatopics`.
    pub fn path(&self, plural: &str) -> String {
        let group = match plural {
            "kafkaclusters" | "kafkatopics" | "kafkausers" => "/apis/kastellan.dev/v1alpha1",
            "statefulsets" | "deployments" => "/apis/apps/v1",
            "poddisruptionbudgets" => "/apis/policy/v1",
            "networkpolicies" => "/apis/networking.k8s.io/v1",
            "leases" => "/apis/coordination.k8s.io/v1",
            _ => "/api/v1",
        };
        format!("{group}/namespaces/{}/{plural}", self.name)
    }

    /// An object, when it is there.
    pub fn get(&self, plural: &str, name: &str) -> Result<Option<Value>> {
        let answer = self.cluster.api.get(&format!("{}/{name}", self.path(plural)))?;
        ensure!(answer.ok() || answer.status == 404, "{plural} {name}: {}", answer.body);
        Ok(answer.ok().then_some(answer.body))
    }

    /// All objects of a kind, or those with a label, as `kastellan.dev/cluster=demo`.
    pub fn list(&self, plural: &str, label: &str) -> Result<Vec<Value>> {
        let path = format!("{}?labelSelector={label}", self.path(plural));
        let answer = self.cluster.api.get(&path)?;
        ensure!(answer.ok(), "{plural}: {}", answer.body);
        Ok(answer.body["items"].as_array().cloned().unwrap_or_default())
    }

    /// A JSON merge patch of an object.
    pub fn merge(&self, plural: &str, name: &str, change: &Value) -> Result<Value> {
        let answer = self.cluster.api.merge(&format!("{}/{name}", self.path(plural)), change)?;
        ensure!(answer.ok(), "{plural} {name}: {}", answer.body);
        Ok(answer.body)
    }

    /// Deletes an object, and does not wait.
    pub fn remove(&self, plural: &str, name: &str) -> Result<()> {
        let answer = self.cluster.api.delete(&format!("{}/{name}", self.path(plural)))?;
        ensure!(answer.ok(), "{plural} {name}: {}", answer.body);
        Ok(())
    }

    /// Waits until an object is there and as it should be; the error has the object as it is.
    pub fn wait(
        &self,
        plural: &str,
        name: &str,
        what: &str,
        good: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let mut last = Value::Null;
        let look = || {
            last = self.get(plural, name)?.unwrap_or_default();
            let found = !last.is_null() && good(&last);
            Ok(found.then(|| last.clone()))
        };
        let found = until(&format!("{plural} {name}: {what}"), LIMIT, look);
        last["metadata"]["managedFields"].take();
        found.with_context(|| format!("it is: {last:#}"))
    }

    /// Waits until an object is gone.
    pub fn gone(&self, plural: &str, name: &str, limit: Duration) -> Result<()> {
        until(&format!("{plural} {name} to be gone"), limit, || {
            Ok(self.get(plural, name)?.is_none().then_some(()))
        })
    }

    /// A pod with foreign Kafka clients, Ready.
    pub fn client(&self) -> Result<Client<'_>> {
        Client::start(self, None)
    }

    /// The same with the Secret of a user.
    pub fn client_of(&self, secret: &str) -> Result<Client<'_>> {
        Client::start(self, Some(secret))
    }

    /// What is in the namespace, for the message of a failure.
    pub(super) fn report(&self) -> String {
        let said = |arguments: &[&str]| {
            self.kubectl(arguments).map_or_else(|error| error.to_string(), |printed| printed.out)
        };
        let mut report =
            said(&["get", "pods,pvc,kafkaclusters,kafkatopics,kafkausers", "-o", "wide"]);
        report += &said(&["get", "events", "--sort-by=.lastTimestamp"]);
        for pod in self.list("pods", "").unwrap_or_default() {
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            report += &["\n--- ", name, "\n", &said(&["logs", name, "--tail=40"])].concat();
        }
        report
    }
}

fn make(cluster: &Cluster, name: &str) -> Result<()> {
    let answer = cluster.api.create("/api/v1/namespaces", &restricted(name))?;
    ensure!(answer.ok(), "cannot make the namespace: {}", answer.body);
    Ok(())
}

fn delete(cluster: &Cluster, name: &str) -> Result<()> {
    let path = format!("/api/v1/namespaces/{name}");
    cluster.api.delete(&path)?;
    let mut last = Value::Null;
    let gone = until("the namespace to be gone", LIMIT, || {
        let answer = cluster.api.get(&path)?;
        last = answer.body;
        Ok((answer.status == 404).then_some(()))
    });
    gone.with_context(|| format!("{name} is {}", last["status"]))
}

/// Most things take a second or two; the machine may be busy.
pub const LIMIT: Duration = Duration::from_mins(1);

/// Runs a program with `input` as its stdin.
pub(super) fn fed(mut command: Command, input: &str) -> Result<Printed> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot start the program")?;
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(input.as_bytes())?;
    }
    Ok(child.wait_with_output()?.into())
}
