//! `KafkaCluster`: observe, plan (pure), apply, status.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kastellan_core::placement::Move;
use kastellan_crds::{KafkaCluster, KafkaClusterStatus};
use kube::api::DynamicObject;

use serde_json::Value;

use super::management::{Loaded, Replicas};
use super::object::{Kind, Object};
use crate::admin::{Partition, Placed, Quorum, Vote};
use crate::fleet::plan::Change;
use crate::pki::Subject;

mod apply;
mod authority;
mod balance;
mod certificates;
mod drain;
mod identity;
mod issued;
mod loaded;
mod moves;
mod observe;
pub mod parse;
mod plan;
mod pods;
mod replacement;
mod rolls;
mod status;
mod throttle;
mod voters;
mod waits;

pub use apply::{Failed, apply};
pub use authority::Turn;
pub(super) use certificates::fingerprint;
pub use observe::{contact, now, observe};
pub use plan::{paused, plan};

/// What was seen of one cluster, and what is known besides.
#[derive(Debug, Clone)]
pub struct World {
    /// The object.
    pub cluster: KafkaCluster,
    /// Everything with the cluster's label.
    pub objects: BTreeMap<(Kind, String), DynamicObject>,
    /// Whether the API server knows what cert-manager signs, and lets the operator see it.
    pub has_issuers: bool,
    /// The Secrets that the spec names, which are not the cluster's own, as far as they are there.
    pub given: BTreeMap<String, DynamicObject>,
    /// What the brokers say.
    pub told: Told,
    /// What several brokers know of their replicas; `None`: nobody was asked, or nobody answers.
    pub replicas: Option<Replicas>,
    /// Which certificates each broker shows and trusts, or why it does not say; nobody is asked
    /// unless an authority is being replaced.
    pub loaded: BTreeMap<i32, Result<Loaded, String>>,
    /// The Secrets of the cluster's users; they are read when an authority is being replaced.
    pub users: BTreeMap<String, DynamicObject>,
    /// Who votes, where there are several; `None`: nobody was asked, or nobody answers.
    pub quorum: Option<Quorum>,
    /// Where replicas are; `None`: nobody was asked, or nobody answers.
    pub placed: Option<Placed>,
    /// The settings of the topics of which some replicas were throttled; `None`: nobody was asked,
    /// or nobody answers.
    pub throttled: Option<BTreeMap<String, BTreeMap<String, String>>>,
    /// The operator's own arguments.
    pub settings: Settings,
    /// A cluster id that nobody has, for a cluster that has none yet.
    pub fresh_id: String,
    /// What was refused at the last attempt, and the words: by kind and name, or by a broker's id.
    pub refused: BTreeMap<String, String>,
    /// Now.
    pub now: Timestamp,
}

impl World {
    /// An object of the cluster.
    pub fn get(&self, kind: Kind, name: &str) -> Option<&DynamicObject> {
        self.objects.get(&(kind, name.to_owned()))
    }

    /// All objects of a kind.
    pub fn all(&self, kind: Kind) -> impl Iterator<Item = &DynamicObject> {
        let objects = self.objects.iter().filter(move |((of, _), _)| *of == kind);
        objects.map(|(_, object)| object)
    }
}

/// What the brokers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Nobody was asked: no pod is ready.
    NotAsked,
    /// They were asked, and this is why there is no answer.
    Nothing(String),
    /// The settings that were set on each running broker, by node id.
    Overrides(BTreeMap<i32, BTreeMap<String, String>>),
}

/// What the operator was started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The image of brokers of the operator's own version.
    pub broker_image: String,
    /// Secrets with which every broker's image is pulled.
    pub pull_secrets: Vec<String>,
}

/// One thing to do; `apply` makes no choice.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Create an object that must not be there yet.
    Create(Object),
    /// Make an authority, or bring it one step further.
    Authority(Box<Authority>),
    /// Sign a certificate and apply its Secret.
    Certificate(Box<Certificate>, Seen),
    /// Apply an object; whether it was seen. One that was not must not be somebody else's.
    Apply(Object, Seen),
    /// Delete an object with this uid, in the background.
    Delete(Kind, String, String),
    /// Restart a broker.
    Roll(Roll),
    /// Change settings of a running broker.
    Alter(i32, Vec<Change>),
    /// Change settings of topics, by name.
    AlterTopics(BTreeMap<String, Vec<Change>>),
    /// Have partitions move.
    Reassign(Vec<Move>),
    /// Have their preferred replicas lead these partitions.
    Elect(Vec<Partition>),
    /// Change who votes.
    Vote(Vote),
    /// Have the others forget a broker that does not run any more.
    Unregister(i32),
}

/// An authority of the cluster's own, and what happens to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Authority {
    /// Its Secret, without its content.
    pub frame: Value,
    /// Its common name.
    pub name: &'static str,
    /// The cluster's id.
    pub cluster_id: String,
    /// What happens to it.
    pub turn: Turn,
    /// The hash of what was trusted with it when that was planned, of one that was there.
    pub seen: Option<String>,
    /// The annotation that asked for it, and its value.
    pub heeded: Option<(&'static str, String)>,
}

/// A certificate to be signed.
#[derive(Debug, Clone, PartialEq)]
pub struct Certificate {
    /// Its Secret, without its content.
    pub frame: Value,
    /// Who it is for.
    pub subject: Subject,
    /// The Secret of the authority.
    pub authority: String,
}

/// Whether an object was there when the plan was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It was, and is the cluster's.
    Ours,
    /// No object with the cluster's label has the name.
    Nowhere,
}

/// A restart of one broker.
#[derive(Debug, Clone, PartialEq)]
pub struct Roll {
    /// The broker.
    pub id: i32,
    /// Who is asked for a permit: nobody where nothing runs that could be lost, or that others
    /// could take over.
    pub permit: Option<Permit>,
    /// Its new StatefulSet, unless that is there already.
    pub stateful_set: Option<Object>,
    /// Its pod with another revision, and the uid.
    pub pod: Option<(String, String)>,
}

/// Who permits a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    /// The active controller.
    pub controller: i32,
    /// The Secret with what the operator shows to it.
    pub secret: String,
    /// The brokers whose restarts are over.
    pub over: Vec<i32>,
}

/// What to do now, and what is true until it is done.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// What to do, in this order.
    pub steps: Vec<Step>,
    /// The whole status; `None`: it is left as it is.
    pub status: Option<KafkaClusterStatus>,
    /// When to look again though nothing was heard of.
    pub wake: Option<Duration>,
}

#[cfg(test)]
mod tests;
