//! Names, labels, annotations and ports of all that the operator makes: one place for each.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ring::digest::{SHA256, digest};

/// The field manager of every write, and the value of the label `app.kubernetes.io/managed-by`.
pub const MANAGER: &str = "kastellan";
/// Selects what the operator made; everything else is nobody's business here.
pub const OURS: &str = "app.kubernetes.io/managed-by=kastellan";
/// Label of the pods of the operator itself, which network policies let in.
pub const OPERATOR_NAME: &str = "kastellan-operator";

/// Label: the cluster's name.
pub const CLUSTER: &str = "kastellan.dev/cluster";
/// Label: a broker's node id.
pub const NODE_ID: &str = "kastellan.dev/node-id";
/// Label of the Secrets of users: the cluster whose users they are.
pub const USERS_OF: &str = "kastellan.dev/users-of";
/// Label of claims: the id of the cluster whose data is on the volume.
pub const CLUSTER_ID: &str = "kastellan.dev/cluster-id";
/// Label of claims: which of a broker's volumes it is.
pub const VOLUME: &str = "kastellan.dev/volume";

/// Annotation of claims: the node ids of all brokers, where there are several.
pub const BROKERS: &str = "kastellan.dev/brokers";
/// Annotation of claims: the node ids of those of them that vote, where that does not follow from
/// how many there are.
pub const VOTERS: &str = "kastellan.dev/voters";
/// Annotation of the claim with a voter's metadata: the id of its directory. A claim that takes the
/// place of a lost one has none: its broker votes no more.
pub const DIRECTORY_ID: &str = "kastellan.dev/directory-id";

/// Annotation: hash of what the operator last applied; a field that it no longer applies changes
/// the hash, so that a comparison sees it.
pub const APPLIED: &str = "kastellan.dev/applied";
/// Annotation of Secrets with a certificate: when that ends.
pub const NOT_AFTER: &str = "kastellan.dev/not-after";
/// Annotation of Secrets with a certificate: hash of the authority that signed it.
pub const AUTHORITY: &str = "kastellan.dev/authority";
/// Annotation of Secrets with a certificate: hash of whom it is for.
pub const SUBJECT: &str = "kastellan.dev/subject";
/// Annotation of Secrets with an authority: since when it is in the phase of its replacement in
/// which it is.
pub const SINCE: &str = "kastellan.dev/phase-since";
/// Annotation of a `KafkaCluster`: a new value replaces the cluster's authority; of its Secret: the
/// value that was heeded last.
pub const REPLACE_CLUSTER: &str = "kastellan.dev/replace-cluster-ca";
/// Annotation of a `KafkaCluster`: a new value replaces the clients' authority; of its Secret: the
/// value that was heeded last.
pub const REPLACE_CLIENTS: &str = "kastellan.dev/replace-clients-ca";
/// Annotation of pods and their templates: hash of all that a broker reads only at its start.
pub const REVISION: &str = "kastellan.dev/revision";
/// Annotation of objects of the three kinds: `"true"` leaves all as it is.
pub const PAUSE: &str = "kastellan.dev/pause-reconciliation";
/// Annotation of a `KafkaUser`: a new value makes a new password or certificate; of its Secret: the
/// value that it was made under.
pub const ROTATE: &str = "kastellan.dev/rotate";
/// Annotation of a `KafkaTopic`: `"false"` leaves the topic alone, its deletion included.
pub const MANAGED: &str = "kastellan.dev/managed";
/// Annotation of a `KafkaCluster`: a new value restarts every broker.
pub const RESTART: &str = "kastellan.dev/restart";
/// Annotation of a `KafkaCluster`: the hash of the plan in `status.rebalance` that may be carried
/// out.
pub const APPROVE: &str = "kastellan.dev/approve-rebalance";
/// Finalizer of a `KafkaTopic` whose topic is deleted with it.
pub const FINALIZER: &str = "kastellan.dev/topic";
/// Finalizer of a `KafkaUser`, whose credentials, ACLs and quotas go with it.
pub const USER_FINALIZER: &str = "kastellan.dev/user";

/// Where brokers answer each other.
pub const PEERS_PORT: u16 = 9190;
/// Where brokers answer the operator.
pub const MANAGEMENT_PORT: u16 = 9191;
/// Where brokers answer the kubelet and Prometheus.
pub const PROBES_PORT: u16 = 9192;
/// Where brokers answer the operator as clients are answered, where it needs its own way in.
pub const OPERATOR_PORT: u16 = 9193;

/// Labels of everything that belongs to a cluster.
pub fn labels(cluster: &str) -> BTreeMap<String, String> {
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    BTreeMap::from([
        label("app.kubernetes.io/name", "kafka"),
        label("app.kubernetes.io/instance", cluster),
        label("app.kubernetes.io/managed-by", MANAGER),
        label(CLUSTER, cluster),
    ])
}

/// Labels of what belongs to one broker.
pub fn broker_labels(cluster: &str, id: i32) -> BTreeMap<String, String> {
    let mut labels = labels(cluster);
    labels.insert(NODE_ID.to_owned(), id.to_string());
    labels
}

/// The recorded bootstrap.
pub fn identity(cluster: &str) -> String {
    format!("{cluster}-identity")
}

/// The plan of moves that is being carried out.
pub fn rebalance(cluster: &str) -> String {
    format!("{cluster}-rebalance")
}

/// The topics whose moving replicas are throttled.
pub fn throttled(cluster: &str) -> String {
    format!("{cluster}-throttled")
}

/// A broker's StatefulSet, and its Service for listeners inside.
pub fn broker(cluster: &str, id: i32) -> String {
    format!("{cluster}-{id}")
}

/// A broker's pod.
pub fn pod(cluster: &str, id: i32) -> String {
    format!("{cluster}-{id}-0")
}

/// The ConfigMap by which a voter formats its directory; it goes once that has served.
pub fn directory(cluster: &str, id: i32) -> String {
    format!("{cluster}-{id}-directory")
}

/// The name under which other brokers find a broker's pod.
pub fn peer(cluster: &str, id: i32, namespace: &str) -> String {
    host(&format!("{}.{}", pod(cluster, id), headless(cluster)), namespace)
}

/// The headless Service.
pub fn headless(cluster: &str) -> String {
    format!("{cluster}-brokers")
}

/// The Service that clients inside begin with.
pub fn bootstrap(cluster: &str) -> String {
    format!("{cluster}-bootstrap")
}

/// The Service that clients of a listener for outside begin with.
pub fn listener_bootstrap(cluster: &str, listener: &str) -> String {
    format!("{cluster}-{listener}-bootstrap")
}

/// The Service of one broker on a listener for outside.
pub fn listener_broker(cluster: &str, listener: &str, id: i32) -> String {
    format!("{cluster}-{listener}-{id}")
}

/// The Secret of the cluster's authority.
pub fn authority(cluster: &str) -> String {
    format!("{cluster}-cluster-ca")
}

/// The Secret with the certificate that clients have to trust.
pub fn cluster_certificate(cluster: &str) -> String {
    format!("{cluster}-cluster-ca-cert")
}

/// The Secret of the clients' authority.
pub fn clients_authority(cluster: &str) -> String {
    format!("{cluster}-clients-ca")
}

/// The Secret with the certificate of the clients' authority.
pub fn clients_certificate(cluster: &str) -> String {
    format!("{cluster}-clients-ca-cert")
}

/// The Secret of the certificate that a broker shows to clients.
pub fn listener_certificate(cluster: &str, id: i32) -> String {
    format!("{cluster}-{id}-listener-certs")
}

/// The Secret of a broker's certificate.
pub fn broker_certificate(cluster: &str, id: i32) -> String {
    format!("{cluster}-{id}-certs")
}

/// The Secret of the operator's certificate.
pub fn operator_certificate(cluster: &str) -> String {
    format!("{cluster}-operator-certs")
}

/// The claim of one of a broker's volumes.
pub fn claim(volume: &str, cluster: &str, id: i32) -> String {
    format!("{volume}-{cluster}-{id}")
}

/// The name that resolves to a Service from every namespace.
pub fn host(service: &str, namespace: &str) -> String {
    format!("{service}.{namespace}.svc")
}

/// The first `length` hexadecimal digits of the SHA-256 of a text.
pub fn hash(text: &str, length: usize) -> String {
    let digest = digest(&SHA256, text.as_bytes());
    let mut hash = digest.as_ref().iter().fold(String::new(), |mut hash, byte| {
        write!(hash, "{byte:02x}").expect("a String takes everything");
        hash
    });
    hash.truncate(length);
    hash
}
