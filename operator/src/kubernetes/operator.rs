//! One pass over one key: look, plan, do, say; again until there is nothing left to do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kastellan_crds::{KafkaCluster, KafkaTopic, KafkaUser};
use kube::Client;
use kube::ResourceExt as _;

use super::api::{self, ApiError, Namespace};
use super::cluster::{self, Settings};
use super::events::Events;
use super::index::Index;
use super::kafka::Brokers;
use super::queue::Outcome;
use super::{topics, users};

/// What a pass is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The cluster itself.
    Cluster,
    /// All of its topics at once.
    Topics,
    /// All of its users at once.
    Users,
}

impl Part {
    /// As metrics and log lines write it: the kind of the objects.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Cluster => "KafkaCluster",
            Self::Topics => "KafkaTopic",
            Self::Users => "KafkaUser",
        }
    }
}

/// What is looked after in one pass: the cluster of this name, which need not be there, or what
/// refers to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Which of it.
    pub part: Part,
    /// The namespace.
    pub namespace: String,
    /// The cluster's name.
    pub cluster: String,
}

impl Key {
    /// The same cluster's other part.
    pub fn part(&self, part: Part) -> Self {
        Self { part, ..self.clone() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}/{}", self.part.kind(), self.namespace, self.cluster)
    }
}

/// Looks and does at most so many times in one pass; then others have their turn.
const ROUNDS: usize = 8;

/// All that passes share.
pub struct Operator {
    /// The API server.
    pub client: Client,
    /// The brokers of all clusters.
    pub brokers: Arc<dyn Brokers>,
    /// The operator's own arguments.
    pub settings: Settings,
    /// The topics that the watches know.
    pub topics: Arc<Index<KafkaTopic>>,
    /// The users that the watches know.
    pub users: Arc<Index<KafkaUser>>,
    /// What people read with `kubectl describe`.
    pub events: Events,
    /// What is remembered between passes, by namespace and cluster; all of it may be lost.
    memory: Mutex<BTreeMap<(String, String), Memory>>,
}

/// What is remembered of a cluster.
#[derive(Debug, Default)]
struct Memory {
    /// What was refused at the last attempt.
    refused: BTreeMap<String, String>,
    /// What the brokers refused of topics.
    topics: topics::Refusals,
    /// What was refused of users.
    users: users::Refusals,
}

/// Why a pass did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// The API server.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A step.
    #[error(transparent)]
    Step(#[from] cluster::Failed),
}

impl fmt::Debug for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operator").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What a pass has found out.
#[derive(Debug, PartialEq, Eq)]
pub struct Passed {
    /// How it ended.
    pub outcome: Outcome,
    /// Other keys for which it changed something.
    pub nudged: BTreeSet<Key>,
}

impl Operator {
    /// An operator that remembers nothing.
    pub fn new(client: Client, brokers: Arc<dyn Brokers>, settings: Settings) -> Self {
        let events = Events::new(client.clone());
        Self {
            client,
            brokers,
            settings,
            topics: Arc::default(),
            users: Arc::default(),
            events,
            memory: Mutex::default(),
        }
    }

    fn memory(&self) -> MutexGuard<'_, BTreeMap<(String, String), Memory>> {
        // nothing that panics is done under it
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember<T>(&self, key: &Key, with: impl FnOnce(&mut Memory) -> T) -> T {
        with(self.memory().entry((key.namespace.clone(), key.cluster.clone())).or_default())
    }

    fn forget(&self, key: &Key) {
        self.memory().remove(&(key.namespace.clone(), key.cluster.clone()));
    }

    /// One pass over a key.
    pub async fn pass(&self, key: &Key) -> Result<Passed, PassError> {
        let namespace = Namespace::new(self.client.clone(), &key.namespace);
        match key.part {
            Part::Cluster => self.cluster(key, &namespace).await,
            Part::Topics => self.topics(key, &namespace).await,
            Part::Users => self.users(key, &namespace).await,
        }
    }

    async fn cluster(&self, key: &Key, namespace: &Namespace) -> Result<Passed, PassError> {
        let mut nudged = BTreeSet::new();
        for _ in 0..ROUNDS {
            let brokers = &*self.brokers;
            let world = cluster::observe(namespace, key, brokers, &self.settings).await?;
            let Some(mut world) = world else {
                self.forget(key);
                return Ok(Passed { outcome: Outcome::Gone, nudged });
            };
            world.refused = self.remember(key, |memory| memory.refused.clone());
            let plan = cluster::plan(&world);
            if let Some(status) = &plan.status
                && world.cluster.status.as_ref() != Some(status)
            {
                let told = serde_json::to_value(status).unwrap_or_default();
                api::apply_status::<KafkaCluster>(namespace, &key.cluster, &told).await?;
                self.events.of_cluster(&world.cluster, status).await;
                nudged.extend([Part::Topics, Part::Users].map(|part| key.part(part)));
            }
            if plan.steps.is_empty() {
                self.remember(key, |memory| memory.refused.clear());
                return Ok(Passed { outcome: Outcome::Done(plan.wake), nudged });
            }
            let contact = cluster::contact(&world, key);
            let refused = cluster::apply(&plan.steps, namespace, brokers, contact.as_ref()).await?;
            let again = !refused.is_empty();
            let known = self.remember(key, |memory| {
                std::mem::replace(&mut memory.refused, refused.clone()) == refused
            });
            if again && known {
                // said already: once more later
                return Ok(Passed { outcome: Outcome::Done(plan.wake), nudged });
            }
        }
        Ok(Passed { outcome: Outcome::Done(Some(Duration::from_millis(200))), nudged })
    }

    async fn users(&self, key: &Key, namespace: &Namespace) -> Result<Passed, PassError> {
        let mut refusals = self.remember(key, |memory| std::mem::take(&mut memory.users));
        let passed = users::pass(self, key, namespace, &mut refusals).await;
        self.remember(key, |memory| memory.users = refusals);
        passed
    }

    async fn topics(&self, key: &Key, namespace: &Namespace) -> Result<Passed, PassError> {
        let mut refusals = self.remember(key, |memory| std::mem::take(&mut memory.topics));
        let passed = topics::pass(self, key, namespace, &mut refusals).await;
        self.remember(key, |memory| memory.topics = refusals);
        passed
    }
}

/// The name and namespace of an object, for log lines.
pub fn named<K: kube::Resource>(object: &K) -> String {
    format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any())
}
