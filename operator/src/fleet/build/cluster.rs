//! The one cluster of the files.

use std::collections::BTreeMap;

use kastellan_core::config::{self, Scope};
use kastellan_crds::KafkaClusterSpec;
use kastellan_crds::cluster::{AT_MOST_BROKERS, OWN_PORTS, is_taken};
use kastellan_crds::name::{ClusterName, Version};

use super::{Platform, Seen, support};
use crate::fleet::manifest::Object;
use crate::fleet::problem::Problem;
use crate::fleet::{Broker, Cluster, Listener, guard};

mod maintenance;
mod security;

/// The version that a manifest may ask for: major and minor of this binary.
pub(crate) const VERSION: &str =
    concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));

/// How many brokers a cluster has that does not say: as many as outlive one of them.
const BROKERS: i32 = 3;
/// How far the ports of one broker of a machine are from those of the next.
const PORT_STEP: i32 = 10;
/// The most brokers that one machine runs.
const MOST_BROKERS: i32 = 9;
/// The most brokers that a Kubernetes runs, as the schema has it.
const MOST_PODS: i32 = 1000;

type ClusterObject = Object<KafkaClusterSpec>;

/// The cluster, if there is exactly one; it may still come with problems.
pub(super) fn only<'a>(
    objects: &'a [ClusterObject],
    problems: &mut Vec<Problem>,
) -> Option<(&'a ClusterObject, Cluster)> {
    let Some((first, others)) = objects.split_first() else {
        problems.push(
            Problem::overall("the files have no KafkaCluster")
                .help("add one; the smallest has metadata: {name: demo} and spec: {}"),
        );
        return None;
    };
    let mut seen = Seen::default();
    seen.first("KafkaCluster", first, problems);
    for other in others {
        if seen.first("KafkaCluster", other, problems) {
            let message = format!(
                "a second KafkaCluster, {}, beside {} at {}: one `kastellan up` runs one cluster",
                other.name,
                first.name,
                first.place()
            );
            problems.push(
                Problem::at(&other.field("metadata.name"), message)
                    .help("start another `kastellan up` for it, with files of its own"),
            );
        }
    }
    checked(first, Platform::Laptop, problems).map(|cluster| (first, cluster))
}

/// The cluster; it may still come with problems.
pub(super) fn checked(
    object: &ClusterObject,
    platform: Platform,
    problems: &mut Vec<Problem>,
) -> Option<Cluster> {
    let name: ClusterName = match object.name.as_str().parse() {
        Ok(name) => name,
        Err(why) => {
            problems.push(Problem::at(&object.field("metadata.name"), why.to_string()));
            return None;
        }
    };
    problems.extend(support::check(object, platform).refused);
    let mut check = Check { object, platform, problems };
    check.version();
    let count = check.replicas();
    let listeners = check.listeners();
    check.steps(count, &listeners);
    security::check(&mut check, &listeners);
    maintenance::check(&mut check);
    check.replication(count);
    let settings = check.settings(count);
    let broker = |id| Broker { id, listeners: listeners.clone(), settings: settings.clone() };
    let brokers = (0..count).map(broker).collect();
    let clients = object.spec.certificates.as_ref().and_then(|asked| asked.clients.clone());
    let (clients, place) = (clients.unwrap_or_default(), object.place());
    Some(Cluster { name, brokers, clients, place })
}

struct Check<'a> {
    object: &'a ClusterObject,
    platform: Platform,
    problems: &'a mut Vec<Problem>,
}

impl Check<'_> {
    fn complain(&mut self, field: &str, message: &str, help: impl Into<String>) {
        let message = format!("KafkaCluster {}: {message}", self.object.name);
        self.problems.push(Problem::at(&self.object.field(field), message).help(help));
    }

    fn version(&mut self) {
        if let Some(version) = self.object.spec.version.as_ref().map(Version::as_str)
            && version != VERSION
        {
            let message = format!("spec.version: this is Kastellan {VERSION}, not {version:?}");
            self.complain("spec.version", &message, format!("write version: \"{VERSION}\""));
        }
    }

    /// How many brokers: as many as can be honoured.
    fn replicas(&mut self) -> i32 {
        let (most, place) = match self.platform {
            Platform::Laptop => (MOST_BROKERS, " for one machine"),
            Platform::Kubernetes => (MOST_PODS, ""),
        };
        match self.object.spec.replicas {
            None => BROKERS,
            Some(count) if (1..=most).contains(&count) => count,
            Some(other) => {
                self.complain(
                    "spec.replicas",
                    &format!("spec.replicas: {other} is not a number of brokers{place}"),
                    format!("write a number from 1 to {most}"),
                );
                1
            }
        }
    }

    fn listeners(&mut self) -> Vec<Listener> {
        let listeners = &self.object.spec.listeners;
        if listeners.is_empty() {
            let name = "plain".parse().expect("plain is a listener name");
            return vec![Listener { name, port: 9092, tls: None, authentication: None }];
        }
        let mut ports = BTreeMap::new();
        let mut names = BTreeMap::new();
        for (index, listener) in listeners.iter().enumerate() {
            let path = format!("spec.listeners[{index}]");
            let name = listener.name.as_str();
            if names.insert(name, index).is_some() {
                let message = format!("a second listener is named {name}");
                self.complain(&format!("{path}.name"), &message, "give it another name");
            }
            if listener.port == 0 {
                let message = format!("listener {name}: port 0 is no port");
                self.complain(&format!("{path}.port"), &message, "write a port from 1 to 65535");
            }
            if OWN_PORTS.contains(&listener.port) {
                let message =
                    format!("listener {name}: port {} is the brokers' own", listener.port);
                let (first, last) = (OWN_PORTS.start(), OWN_PORTS.end());
                let help = format!("write a port that is not from {first} to {last}, as 9092");
                self.complain(&format!("{path}.port"), &message, help);
            }
            if let Some(first) = ports.insert(listener.port, name) {
                let port = listener.port;
                let message = format!("listener {name}: port {port} is taken by listener {first}");
                self.complain(&format!("{path}.port"), &message, "give it another port");
            }
        }
        listeners
            .iter()
            .map(|listener| Listener {
                name: listener.name.clone(),
                port: listener.port,
                tls: listener.tls.clone(),
                authentication: listener.authentication.clone(),
            })
            .collect()
    }

    /// Listeners of one machine's brokers whose ports meet.
    fn steps(&mut self, brokers: i32, listeners: &[Listener]) {
        if self.platform != Platform::Laptop {
            return;
        }
        for (index, later) in listeners.iter().enumerate() {
            let meets = |other: &&Listener| {
                let apart = i32::from(later.port) - i32::from(other.port);
                apart != 0 && apart % PORT_STEP == 0 && (apart / PORT_STEP).abs() < brokers
            };
            let Some(other) = listeners.iter().take(index).find(meets) else { continue };
            let apart = i32::from(later.port) - i32::from(other.port);
            let (whose, whom) = (&other.name, (apart / PORT_STEP).abs());
            let message = format!(
                "listener {}: port {} is broker {whom}'s of listener {whose}: broker number i \
                 takes the ports i times {PORT_STEP} further on",
                later.name, later.port
            );
            let path = format!("spec.listeners[{index}].port");
            self.complain(&path, &message, "give it a port that ends with another digit");
        }
    }

    /// Settings that would need more brokers than there are.
    fn replication(&mut self, brokers: i32) {
        for name in AT_MOST_BROKERS {
            let value = self.object.spec.config.get(name).and_then(|value| value.0.parse().ok());
            if let Some(value) = value.filter(|value: &i64| *value > i64::from(brokers)) {
                let message = format!("{name}: {value} needs {value} brokers; there is {brokers}");
                let help = format!("write {name}: {brokers}, or leave it out");
                self.complain(&format!("spec.config.{name}"), &message, help);
            }
        }
    }

    /// The brokers' settings. Three brokers and more keep three copies of what is written, of which
    /// two have to be in sync, where nothing else is asked for.
    fn settings(&mut self, brokers: i32) -> BTreeMap<String, String> {
        let object = self.object;
        let asked = object.spec.authorization.as_ref();
        let mut settings = asked.map(guard::authorization).unwrap_or_default();
        if brokers >= BROKERS {
            let defaults = [("default.replication.factor", "3"), ("min.insync.replicas", "2")];
            settings.extend(defaults.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        for (name, value) in &object.spec.config {
            let place = object.field(&format!("spec.config.{name}"));
            if is_taken(name) {
                let message = format!(
                    "KafkaCluster {}: settings of listeners, storage, identity and security follow \
                     from other fields of the spec",
                    object.name
                );
                let help = format!("take {name} out of config");
                self.problems.push(Problem::at(&place, message).help(help));
            } else if let Err(why) = config::check(Scope::Broker, name, &value.0) {
                let message = format!("KafkaCluster {}: {why}", object.name);
                self.problems.push(Problem::at(&place, message));
            }
            settings.insert(name.clone(), value.0.clone());
        }
        settings
    }
}
