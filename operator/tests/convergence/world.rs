//! A Kubernetes cluster with an operator in it, and time that passes when nothing else happens.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kastellan_operator::kubernetes::cluster::Settings;
use kastellan_operator::kubernetes::metrics::Metrics;
use kastellan_operator::kubernetes::operator::Operator;
use kastellan_operator::kubernetes::render::Identity;
use kastellan_operator::kubernetes::start;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::brokers::Fake;
use super::gate::{End, Gate};
use super::nodes;
use super::server::{Server, State};

/// Nothing takes as many seconds.
const PATIENCE: usize = 900;
/// So many seconds without a write, and nothing is going to happen, as long as watches tell all.
const QUIET: usize = 13;
/// So many, where only a look from time to time tells.
pub(crate) const LONG: usize = 35;

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) gate: Gate,
    pub(crate) brokers: Fake,
    /// For how many seconds nothing has to happen.
    pub(crate) quiet: usize,
    /// What one step has seen, for the next ones.
    pub(crate) noted: Mutex<BTreeMap<String, Value>>,
    tasks: Vec<JoinHandle<()>>,
}

impl World {
    /// Everything, with an operator that ends at a certain write.
    pub(crate) fn new(end: End) -> Self {
        let (server, gate) = (Server::new(), Gate::new(end));
        let brokers = Fake::new(&server, &gate);
        let mut world = Self {
            server,
            gate,
            brokers,
            quiet: QUIET,
            noted: Mutex::default(),
            tasks: Vec::new(),
        };
        world.start();
        world
    }

    /// Starts an operator that remembers nothing.
    pub(crate) fn start(&mut self) {
        let settings =
            Settings { broker_image: "kastellan:test".to_owned(), pull_secrets: Vec::new() };
        let brokers = Arc::new(self.brokers.clone());
        let client = self.server.client(&self.gate);
        let operator = Arc::new(Operator::new(client, brokers, settings));
        let metrics = Arc::new(Metrics::default());
        let (driver, watches) = start(&operator, metrics, &[self.server.namespace().to_owned()]);
        self.tasks = watches;
        self.tasks.push(tokio::spawn(driver.run(std::future::pending())));
    }

    /// The operator ends in the middle of whatever it does.
    pub(crate) fn kill(&mut self) {
        self.tasks.drain(..).for_each(|task| task.abort());
    }

    /// Lets time pass until nothing happens any more; an operator that ends is followed by another.
    /// Whether one was.
    pub(crate) async fn settle(&mut self) -> bool {
        let mut another = false;
        let (mut quiet, mut seen) = (0, 0);
        for _ in 0..PATIENCE {
            let gate = self.gate.clone();
            let ended = tokio::time::timeout(Duration::from_secs(1), gate.ended()).await.is_ok();
            if ended {
                another = true;
                self.kill();
                self.gate.begin_anew();
                self.start();
            }
            self.server.with(nodes::tick);
            self.brokers.pass();
            self.gate.passes();
            let now = self.server.state.lock().unwrap().changes() + self.gate.writes().len();
            quiet = if now == seen { quiet + 1 } else { 0 };
            seen = now;
            if quiet >= self.quiet {
                return another;
            }
        }
        let writes = self.gate.writes();
        panic!("still busy; the last writes: {:#?}", &writes[writes.len().saturating_sub(20)..]);
    }

    /// What a person does.
    pub(crate) fn change<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        self.server.with(act)
    }

    /// `kubectl create`.
    pub(crate) fn create(&self, kind: &str, name: &str, spec: &Value) {
        let object = json!({
            "apiVersion": "kastellan.dev/v1alpha1",
            "kind": kind,
            "metadata": { "name": name },
            "spec": spec,
        });
        let resource = format!("{}s", kind.to_lowercase());
        self.change(|state| state.create(&resource, &object, "kubectl").unwrap());
    }

    /// `kubectl patch --type merge`.
    pub(crate) fn patch(&self, resource: &str, name: &str, patch: &Value) {
        self.change(|state| state.merge(resource, name, false, patch).unwrap());
    }

    /// `kubectl delete`.
    pub(crate) fn delete(&self, resource: &str, name: &str) {
        let id = (resource.to_owned(), name.to_owned());
        self.change(|state| state.begin_to_go(&id));
    }

    pub(crate) fn get(&self, resource: &str, name: &str) -> Option<Value> {
        let id = (resource.to_owned(), name.to_owned());
        self.server.state.lock().unwrap().objects.get(&id).map(|stored| stored.value.clone())
    }

    /// The reason of an object's condition, if that has the status.
    pub(crate) fn reason(&self, resource: &str, name: &str, kind: &str, status: &str) -> String {
        let object = self.get(resource, name).unwrap_or_default();
        let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let found = conditions.iter().find(|one| one["type"] == kind && one["status"] == status);
        found.map_or_else(
            || format!("no {kind}={status} in {}", object["status"]),
            |one| one["reason"].as_str().unwrap_or_default().to_owned(),
        )
    }

    /// Everything there is, in a form in which two runs are compared.
    pub(crate) fn dump(&self) -> String {
        let state = self.server.state.lock().unwrap();
        assert!(state.illegal.is_empty(), "{:#?}", state.illegal);
        let mut text = String::new();
        let mut ids: Vec<String> = Vec::new();
        let mut ports: Vec<(String, String)> = Vec::new();
        let mut hashes: Vec<(String, String)> = Vec::new();
        for ((resource, name), stored) in &state.objects {
            let mut value = stored.value.clone();
            if let Some(id) = value["data"]["clusterId"].as_str() {
                ids.push(id.to_owned());
            }
            if let Some(id) = value["metadata"]["labels"]["kastellan.dev/cluster-id"].as_str() {
                ids.push(id.to_owned());
            }
            if resource == "configmaps" {
                // one that has the cluster's id in it has another hash in its name
                let (broker, hash) = name.rsplit_once('-').unwrap_or_default();
                let of_content = hash.len() == 10 && stored.value["immutable"] == true;
                hashes.extend(of_content.then(|| (name.clone(), format!("{broker}-HASH"))));
            }
            for port in value["spec"]["ports"].as_array().into_iter().flatten() {
                let port = port["nodePort"].as_i64().map(|port| format!(":{port}"));
                ports.extend(port.map(|port| (port, format!(":PORT-OF-{name}"))));
            }
            if resource == "secrets" {
                // keys and certificates are never the same
                let files = value["data"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
                value["data"] = json!(files);
                value["metadata"]["annotations"] = json!(null);
            }
            scrub(&mut value);
            writeln!(text, "{resource}/{name} {value}").unwrap();
        }
        for data in self.brokers.data.lock().unwrap().values() {
            writeln!(text, "{data:?}").unwrap();
        }
        let text = hashes.iter().fold(text, |text, (name, plain)| text.replace(name, plain));
        let text = ports.iter().fold(text, |text, (port, name)| text.replace(port, name));
        let text = text.replace(self.server.namespace(), "NAMESPACE");
        ids.iter().fold(text, |text, id| {
            let identity = Identity { cluster_id: id.clone(), ..Identity::default() };
            let directory = |text: String, node: i32| {
                text.replace(&identity.directory(node), &format!("DIRECTORY-{node}"))
            };
            (0..3).fold(text, directory).replace(id, "ID")
        })
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Takes away what differs between two runs that mean the same.
fn scrub(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for name in [
                "uid",
                "resourceVersion",
                "creationTimestamp",
                "deletionTimestamp",
                "lastTransitionTime",
                "generation",
                "observedGeneration",
                "credentialsVersion",
                // of a status: never the same
                "certificates",
                "kastellan.dev/applied",
                "kastellan.dev/revision",
                "nodePort",
                "clusterIP",
                "clusterIPs",
            ] {
                fields.remove(name);
            }
            fields.values_mut().for_each(scrub);
        }
        Value::Array(elements) => elements.iter_mut().for_each(scrub),
        Value::String(text) => {
            // of two runs one may have been on the day before
            const BEFORE: &str = "certificate ends ";
            if let Some(at) = text.find(BEFORE).map(|at| at + BEFORE.len()) {
                text.replace_range(at..at + "2026-12-01".len(), "DATE");
            }
        }
        _ => {}
    }
}
