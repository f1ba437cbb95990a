//! Which fields of a spec this version carries out. A field is refused unless it stands here, so
//! that a new one is never accepted in silence.

use kastellan_crds::KafkaClusterSpec;
use serde::Serialize;
use serde_json::Value;

use crate::fleet::manifest::Object;
use crate::fleet::problem::Problem;

/// Where a spec is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// By `kastellan up`, with processes of this machine.
    Laptop,
    /// By the operator.
    Kubernetes,
}

impl Platform {
    /// What is carried out there.
    fn done(self) -> &'static [&'static str] {
        match self {
            Self::Laptop => DONE,
            Self::Kubernetes => DONE_ON_KUBERNETES,
        }
    }

    /// What is said, and not applied there.
    fn ignored(self) -> &'static [&'static str] {
        match self {
            Self::Laptop => KUBERNETES,
            Self::Kubernetes => &[],
        }
    }
}

/// What `up` carries out, each with everything below it. `[]` stands for every element of a list.
pub(super) const DONE: &[&str] = &[
    "spec.version",
    "spec.replicas",
    "spec.config",
    "spec.listeners[].name",
    "spec.listeners[].port",
    "spec.listeners[].type",
    "spec.listeners[].tls.minVersion",
    "spec.listeners[].authentication.type",
    "spec.listeners[].authentication.principalMappingRules",
    "spec.listeners[].authentication.oauth",
    "spec.authorization",
];

/// What the operator carries out.
pub(super) const DONE_ON_KUBERNETES: &[&str] = &[
    "spec.version",
    "spec.image",
    "spec.replicas",
    "spec.config",
    "spec.storage.type",
    "spec.storage.size",
    "spec.storage.storageClassName",
    "spec.storage.deletionPolicy",
    "spec.storage.volumes[].name",
    "spec.storage.volumes[].size",
    "spec.storage.volumes[].storageClassName",
    "spec.storage.metadataVolume",
    "spec.listeners[].name",
    "spec.listeners[].port",
    "spec.listeners[].type",
    "spec.listeners[].nodePort",
    "spec.listeners[].service",
    "spec.listeners[].networkPeers",
    "spec.listeners[].tls",
    "spec.listeners[].authentication.type",
    "spec.listeners[].authentication.principalMappingRules",
    "spec.listeners[].authentication.oauth",
    "spec.authorization",
    "spec.certificates.cluster",
    "spec.certificates.clients",
    "spec.certificates.issuerRef",
    "spec.maintenance",
    "spec.balance.mode",
    "spec.balance.maxBytesPerSecond",
    "spec.balance.maxConcurrentMoves",
    "spec.cordonedBrokers",
    "spec.removedBrokers",
    "spec.resources",
    "spec.template",
    "spec.paused",
    "spec.hibernated",
];

/// What only Kubernetes has: said, and not applied, for the same manifests have to run on a laptop.
pub(super) const KUBERNETES: &[&str] = &[
    "spec.image",
    "spec.storage",
    "spec.listeners[].advertised",
    "spec.listeners[].nodePort",
    "spec.listeners[].loadBalancer",
    "spec.listeners[].service",
    "spec.listeners[].networkPeers",
    "spec.listeners[].tls.secretName",
    "spec.certificates",
    "spec.rack",
    "spec.balance",
    "spec.cordonedBrokers",
    "spec.removedBrokers",
    "spec.resources",
    "spec.template",
    "spec.maintenance",
];

/// What to write in place of fields that cannot just be left out without a second thought.
const INSTEAD: &[(&str, &str)] = &[
    ("spec.pools", "write replicas: 1 in its place"),
    ("spec.paused", "stop `kastellan up` to leave everything as it is"),
    ("spec.hibernated", "stop `kastellan up`, with --data-dir, to keep the data"),
];

/// What of a cluster's spec is not as written.
#[derive(Default)]
pub(super) struct Findings {
    /// Asked for and not yet supported: an error.
    pub(super) refused: Vec<Problem>,
    /// For Kubernetes only: worth a line.
    pub(super) ignored: Vec<Problem>,
}

/// Looks at everything that `object` asks for.
pub(super) fn check(object: &Object<KafkaClusterSpec>, platform: Platform) -> Findings {
    let mut walk = Walk { object, platform, findings: Findings::default() };
    let (asked, default) = (plain(&object.spec), plain(&KafkaClusterSpec::default()));
    walk.look("spec", "spec", &asked, Some(&default));
    walk.findings
}

fn plain(spec: &impl Serialize) -> Value {
    serde_json::to_value(spec).expect("a spec is plain data")
}

struct Walk<'a> {
    object: &'a Object<KafkaClusterSpec>,
    platform: Platform,
    findings: Findings,
}

impl Walk<'_> {
    /// `path` is the field as the manifest has it, `pattern` the same with `[]` for every element.
    fn look(&mut self, path: &str, pattern: &str, asked: &Value, default: Option<&Value>) {
        let done = self.platform.done();
        if done.contains(&pattern) || Some(asked) == default {
            return;
        }
        let below = |known: &&str| {
            let rest = known.strip_prefix(pattern);
            rest.is_some_and(|rest| rest.starts_with(['.', '[']))
        };
        match asked {
            Value::Object(fields) if done.iter().any(below) => {
                for (name, value) in fields {
                    let default = default.and_then(|default| default.get(name));
                    let path = format!("{path}.{name}");
                    self.look(&path, &format!("{pattern}.{name}"), value, default);
                }
            }
            Value::Array(elements) if done.iter().any(below) => {
                for (index, value) in elements.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    self.look(&path, &format!("{pattern}[]"), value, None);
                }
            }
            _ => self.report(path, pattern),
        }
    }

    fn report(&mut self, path: &str, pattern: &str) {
        let place = self.object.field(path);
        let name = &self.object.name;
        if self.platform.ignored().contains(&pattern) {
            let message =
                format!("KafkaCluster {name}: {path} is for Kubernetes: not applied here");
            self.findings.ignored.push(Problem::at(&place, message));
            return;
        }
        let message = format!("KafkaCluster {name}: {path} is not yet supported");
        let instead = INSTEAD.iter().find(|(field, _)| *field == pattern);
        let help = instead.map_or("leave it out for now", |(_, help)| help);
        self.findings.refused.push(Problem::at(&place, message).help(help));
    }
}

#[cfg(test)]
mod tests;
