//! What the manifests ask for, and what has to be done for it: pure, no Kubernetes, no processes.
//!
//! Text -> [`manifest::read`] -> documents of the three kinds -> [`build::fleet`] -> a [`Fleet`] in
//! which every name is valid and every reference leads somewhere -> [`plan::plan`] -> actions and
//! what is true of each object. Nothing here reads a file, a clock or a socket.

use std::collections::BTreeMap;

use kastellan_crds::cluster::{Authentication, Authority, Tls};
use kastellan_crds::head::DeletionPolicy;
use kastellan_crds::name::{ClusterName, ListenerName, ObjectName, TopicName};

pub mod build;
mod document;
mod explain;
pub mod guard;
pub mod manifest;
pub mod plan;
pub mod problem;
pub mod quorum;
pub mod user;
pub mod windows;

use self::problem::Place;
use self::user::User;

/// Everything that the manifests of one cluster ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fleet {
    /// The cluster itself.
    pub cluster: Cluster,
    /// Its topics, by their names in Kafka.
    pub topics: BTreeMap<TopicName, Topic>,
    /// Its users, by the names of their objects.
    pub users: BTreeMap<ObjectName, User>,
}

/// One cluster: its brokers, and what is the same for all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Its name.
    pub name: ClusterName,
    /// Its brokers, in the order of their ids.
    pub brokers: Vec<Broker>,
    /// Who signs the certificates of users.
    pub clients: Authority,
    /// Where the manifest is.
    pub place: Place,
}

/// One broker as it should run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Unique in the cluster: 0 or more.
    pub id: i32,
    /// Where clients connect, in the manifest's order; at least one.
    pub listeners: Vec<Listener>,
    /// Settings under Kafka's names; every one is in the table of broker settings.
    pub settings: BTreeMap<String, String>,
}

/// A listener as the manifest has it: the renderer turns the port into an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Its name, unique in the cluster.
    pub name: ListenerName,
    /// Its port, unique in the cluster: 1 or more.
    pub port: u16,
    /// Whether it is encrypted, and how.
    pub tls: Option<Tls>,
    /// How clients say who they are.
    pub authentication: Option<Authentication>,
}

/// One topic as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// The name of its object, which a message uses.
    pub object: ObjectName,
    /// How many partitions; `None` is the cluster's default.
    pub partitions: Option<i32>,
    /// How many replicas; `None` is the cluster's default.
    pub replicas: Option<i16>,
    /// Settings under Kafka's names; every one is in the table of topic settings.
    pub config: BTreeMap<String, String>,
    /// What becomes of it when it is no longer asked for.
    pub deletion_policy: DeletionPolicy,
    /// Where the manifest is.
    pub place: Place,
}
