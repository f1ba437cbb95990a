//! A `KafkaCluster` as its author wrote it -> one that can be rendered, or why not.

use kastellan_crds::cluster::{AddressType, Listener, ListenerType, StorageType};
use kastellan_crds::condition::Reason;
use kastellan_crds::head::DeletionPolicy;
use kastellan_crds::{KafkaCluster, KafkaClusterSpec, KafkaTopicSpec, KafkaUserSpec};
use kube::ResourceExt as _;

use crate::fleet::build::{self, Platform};
use crate::fleet::guard::Door;
use crate::fleet::manifest::Object;
use crate::fleet::problem::Problem;
use crate::fleet::user::User;
use crate::fleet::{self, Topic};
use kastellan_crds::name::{ObjectName, TopicName};

/// Why an object is not carried out, until somebody changes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// In one word.
    pub reason: Reason,
    /// In sentences, with what to write instead.
    pub message: String,
}

/// A cluster whose fields are all understood.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// As `fleet` sees it.
    pub fleet: fleet::Cluster,
    /// How many brokers.
    pub replicas: i32,
    /// Its listeners.
    pub listeners: Vec<Listener>,
    /// Whether an issuer of cert-manager signs for them.
    pub issued: bool,
}

impl Parsed {
    /// Whether clients of some listener show a certificate.
    pub fn wants_certificates(&self) -> bool {
        self.listeners.iter().any(|listener| Door::from(listener).wants_certificates())
    }
}

/// Checks the cluster as `kastellan up` does, and what only Kubernetes has.
pub fn cluster(cluster: &KafkaCluster) -> Result<Parsed, Refused> {
    let name = cluster.name_any();
    if !cluster.spec.pools.is_empty() {
        return Err(not_yet("spec.pools: write replicas in their place".to_owned()));
    }
    if let Some(listener) = cluster
        .spec
        .listeners
        .iter()
        .find(|one| matches!(one.kind, ListenerType::LoadBalancer | ListenerType::ClusterIP))
    {
        return Err(not_yet(format!(
            "listener {}: type {:?} is not yet supported: write type: Internal or type: NodePort",
            listener.name, listener.kind
        )));
    }
    if let Some((listener, kind)) = cluster.spec.listeners.iter().find_map(|one| {
        let kind = one.node_port.as_ref()?.address_type;
        let named = matches!(kind, AddressType::InternalDNS | AddressType::ExternalDNS);
        named.then_some((&one.name, kind))
    }) {
        return Err(not_yet(format!(
            "listener {listener}: nodePort.addressType {kind:?} is not yet supported: write \
             InternalIP or Hostname"
        )));
    }
    let object = object(&name, cluster.namespace(), cluster.spec.clone())?;
    let fleet = build::cluster(&object, Platform::Kubernetes)
        .map_err(|problems| refused(&problems, "KafkaCluster", &name))?;
    let replicas = i32::try_from(fleet.brokers.len()).unwrap_or(i32::MAX);
    if replicas > 1 && cluster.spec.storage.storage_type == StorageType::Ephemeral {
        return Err(not_yet(
            "storage.type Ephemeral with several brokers, who would forget how they voted, is not \
             yet supported: write type: PersistentClaim, or replicas: 1"
                .to_owned(),
        ));
    }
    let certificates = cluster.spec.certificates.as_ref();
    let issued = certificates.is_some_and(|asked| asked.issuer_ref.is_some());
    Ok(Parsed { fleet, replicas, listeners: listeners(&cluster.spec), issued })
}

/// The listeners of a cluster: those that it names, or the one that stands in for them.
pub fn listeners(spec: &KafkaClusterSpec) -> Vec<Listener> {
    if spec.listeners.is_empty() { vec![plain()] } else { spec.listeners.clone() }
}

/// A topic of a cluster, or why it cannot be one.
pub fn topic(
    name: &str,
    spec: &KafkaTopicSpec,
    cluster: &Parsed,
) -> Result<(TopicName, Topic), Refused> {
    let object = object(name, None, spec.clone())?;
    build::topic(&object, &cluster.fleet).map_err(|problems| refused(&problems, "KafkaTopic", name))
}

/// A user of a cluster, or why it cannot be one.
pub fn user(name: &str, spec: &KafkaUserSpec, cluster: &Parsed) -> Result<User, Refused> {
    let object = object(name, None, spec.clone())?;
    build::user(&object, &cluster.fleet).map_err(|problems| refused(&problems, "KafkaUser", name))
}

/// The name in Kafka of a topic's object, if it is one.
pub fn topic_name(name: &str, spec: &KafkaTopicSpec) -> Option<TopicName> {
    spec.topic_name.clone().or_else(|| name.parse().ok())
}

/// Whether the topic goes with its object.
pub fn deletes(spec: &KafkaTopicSpec) -> bool {
    spec.deletion_policy == DeletionPolicy::Delete
}

fn object<S>(name: &str, namespace: Option<String>, spec: S) -> Result<Object<S>, Refused> {
    let name: ObjectName = name.parse().map_err(|why: kastellan_crds::name::InvalidName| {
        Refused { reason: Reason::InvalidConfig, message: why.to_string() }
    })?;
    Ok(Object::of_no_file(name, namespace.unwrap_or_default(), spec))
}

/// The listener of a cluster that names none.
fn plain() -> Listener {
    Listener {
        name: "plain".parse().expect("plain is a listener name"),
        port: 9092,
        kind: ListenerType::Internal,
        tls: None,
        authentication: None,
        advertised: None,
        node_port: None,
        load_balancer: None,
        service: None,
        network_peers: Vec::new(),
    }
}

fn not_yet(message: String) -> Refused {
    Refused { reason: Reason::NotYetSupported, message }
}

/// All that is wrong, in one message. Something that is not there yet has its own reason only when
/// nothing is wrong besides.
fn refused(problems: &[Problem], kind: &str, name: &str) -> Refused {
    let own = format!("{kind} {name}: ");
    let one = |problem: &Problem| {
        let message = problem.message.strip_prefix(&own).unwrap_or(&problem.message);
        match &problem.help {
            Some(help) => format!("{message}: {help}"),
            None => message.to_owned(),
        }
    };
    let later = problems.iter().all(|problem| problem.message.contains("not yet supported"));
    let reason = if later { Reason::NotYetSupported } else { Reason::InvalidConfig };
    Refused { reason, message: problems.iter().map(one).collect::<Vec<_>>().join("; ") }
}
