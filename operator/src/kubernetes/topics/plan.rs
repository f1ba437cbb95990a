//! What has to be done for the topics of a cluster, and what is true of each: one pure function.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use kastellan_crds::condition::{ConditionStatus, ConditionType, Reason};
use kastellan_crds::name::{ObjectName, TopicName};
use kastellan_crds::{KafkaTopic, KafkaTopicStatus};
use kastellan_protocol::ErrorCode;
use kube::{Resource as _, ResourceExt as _};

use super::Refusals;
use super::status;
use crate::admin::{Described, Refusal};
use crate::fleet::Topic;
use crate::fleet::plan::{self, Action, Managed, Observed, ObservedTopic, Settled};
use crate::kubernetes::cluster::parse::{self, Parsed};
use crate::kubernetes::names::{FINALIZER, MANAGED, PAUSE};
use crate::kubernetes::verdict::Verdict;

/// The topics that exist, of those that matter here.
pub type Found = BTreeMap<TopicName, Described>;

/// The cluster that the topics refer to.
#[derive(Debug, Clone)]
pub enum Cluster {
    /// There is none of this name.
    Absent,
    /// It is about to go.
    Goes,
    /// It is to be left as it is, and its topics with it.
    Paused,
    /// It does not serve, in words.
    Waits(String),
    /// It serves.
    Serves(Box<Parsed>),
}

/// What the plan is made of.
#[derive(Debug, Clone)]
pub struct World {
    /// The cluster.
    pub cluster: Cluster,
    /// The objects, by name.
    pub objects: BTreeMap<String, Arc<KafkaTopic>>,
    /// What the brokers have; `None`: they did not say.
    pub found: Option<Found>,
    /// Now.
    pub now: Timestamp,
}

/// What to do, in this order; nothing of it depends on the rest of its kind.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Objects and the finalizers that they should have.
    pub finalizers: Vec<(String, Vec<String>)>,
    /// Objects and their new status.
    pub statuses: Vec<(String, KafkaTopicStatus)>,
    /// What the brokers are told.
    pub actions: Vec<Action>,
}

/// The plan for all topics of a cluster; what the brokers have refused is not asked of them again.
pub fn plan(world: &World, refusals: &Refusals) -> Plan {
    let mut plan = Plan::default();
    if matches!(world.cluster, Cluster::Paused) {
        return plan;
    }
    let owners = owners(world);
    let observed = observed(world);
    for (name, object) in &world.objects {
        if annotated(object, PAUSE, "true") {
            if object.meta().deletion_timestamp.is_none() {
                plan.say(world, name, object, &paused());
            }
            continue;
        }
        let one = One { world, name, object, owners: &owners, observed: &observed, refusals };
        if object.meta().deletion_timestamp.is_some() {
            one.goes(&mut plan);
        } else {
            one.stays(&mut plan);
        }
    }
    plan
}

impl Plan {
    /// Says what is true of an object, unless its status says so already.
    fn say(&mut self, world: &World, name: &str, object: &KafkaTopic, verdict: &Verdict) {
        let status = status::status(object, verdict, world.found.as_ref(), world.now);
        if object.status.as_ref() != Some(&status) {
            self.statuses.push((name.to_owned(), status));
        }
    }

    /// Gives an object the finalizer, or takes it; whether that has to be done first.
    fn finalizer(&mut self, name: &str, object: &KafkaTopic, wanted: bool) -> bool {
        let others = object.finalizers().iter().filter(|one| *one != FINALIZER);
        let mut finalizers: Vec<String> = others.cloned().collect();
        if wanted {
            finalizers.push(FINALIZER.to_owned());
        }
        let changes = finalizers.len() != object.finalizers().len();
        if changes {
            self.finalizers.push((name.to_owned(), finalizers));
        }
        changes
    }
}

fn annotated(object: &KafkaTopic, key: &str, value: &str) -> bool {
    object.annotations().get(key).is_some_and(|has| has == value)
}

fn paused() -> Verdict {
    let message = format!("nothing is changed: the annotation {PAUSE} says so");
    Verdict::about(ConditionType::Paused, Reason::Paused, message)
}

/// The object that each topic belongs to: the oldest that names it.
fn owners(world: &World) -> BTreeMap<TopicName, &str> {
    let mut owners: BTreeMap<TopicName, (&str, &KafkaTopic)> = BTreeMap::new();
    let age = |object: &KafkaTopic| {
        let time = object.meta().creation_timestamp.as_ref().map(|time| time.0);
        (time, object.uid())
    };
    for (name, object) in &world.objects {
        if annotated(object, MANAGED, "false") {
            continue;
        }
        let Some(topic) = parse::topic_name(name, &object.spec) else { continue };
        let older = owners.get(&topic).is_none_or(|(_, first)| age(object) < age(first));
        if older {
            owners.insert(topic, (name, object));
        }
    }
    owners.into_iter().map(|(topic, (name, _))| (topic, name)).collect()
}

/// What there is as `fleet` sees it: topics that were as asked, by their last status, have been
/// changed by somebody else when they are not any more.
fn observed(world: &World) -> Observed {
    let mut observed = Observed::default();
    for (name, topic) in world.found.iter().flatten() {
        let there = ObservedTopic {
            partitions: topic.partitions,
            replicas: topic.replicas,
            config: topic.config.clone(),
        };
        observed.topics.insert(name.clone(), there);
    }
    let Cluster::Serves(cluster) = &world.cluster else { return observed };
    for (name, object) in world.objects.iter().filter(|(_, object)| was_ready(object)) {
        if let Ok((topic, asked)) = parse::topic(name, &object.spec, cluster) {
            let managed = Managed {
                object: asked.object.clone(),
                deletion_policy: asked.deletion_policy,
                settled: Some(Settled::of(&asked)),
            };
            observed.managed.insert(topic, managed);
        }
    }
    observed
}

/// Whether the topic was as this very spec asks when its status was last written.
fn was_ready(object: &KafkaTopic) -> bool {
    let Some(status) = &object.status else { return false };
    let mut conditions = status.observed.conditions.iter();
    let ready = conditions.find(|condition| condition.kind == ConditionType::Ready);
    status.observed.observed_generation == object.meta().generation
        && ready.is_some_and(|ready| ready.status == ConditionStatus::True)
}

/// One object at its turn.
struct One<'a> {
    world: &'a World,
    name: &'a str,
    object: &'a KafkaTopic,
    owners: &'a BTreeMap<TopicName, &'a str>,
    observed: &'a Observed,
    refusals: &'a Refusals,
}

impl One<'_> {
    /// Says what is true.
    fn say(&self, plan: &mut Plan, condition: ConditionType, reason: Reason, message: String) {
        let verdict = Verdict::about(condition, reason, message);
        plan.say(self.world, self.name, self.object, &verdict);
    }

    /// The topic's name in Kafka, if the object is the one that it belongs to.
    fn owned(&self) -> Option<TopicName> {
        let topic = parse::topic_name(self.name, &self.object.spec)?;
        (self.owners.get(&topic) == Some(&self.name)).then_some(topic)
    }

    /// An object that is being deleted: its topic goes first, if it goes at all.
    fn goes(&self, plan: &mut Plan) {
        if !self.object.finalizers().iter().any(|one| one == FINALIZER) {
            return;
        }
        let kept = annotated(self.object, MANAGED, "false") || !parse::deletes(&self.object.spec);
        let topic = self.owned().filter(|_| !kept);
        let (Some(topic), Ok(object)) = (topic, self.name.parse::<ObjectName>()) else {
            plan.finalizer(self.name, self.object, false);
            return;
        };
        let waits = match (&self.world.cluster, &self.world.found) {
            (Cluster::Absent | Cluster::Goes, _) => {
                // its topics go with it, or stay with its volumes
                plan.finalizer(self.name, self.object, false);
                return;
            }
            (Cluster::Serves(_), Some(found)) if !found.contains_key(&topic) => {
                plan.finalizer(self.name, self.object, false);
                return;
            }
            (Cluster::Serves(_), Some(_)) => None,
            (Cluster::Waits(words), _) => Some(words.as_str()),
            _ => Some("the brokers do not answer"),
        };
        let (kind, reason) = (ConditionType::Reconciling, Reason::TopicDeleting);
        if let Some(words) = waits {
            return self.say(plan, kind, reason, format!("to be deleted: {words}"));
        }
        let action = Action::DeleteTopic(topic, object);
        if let Some(refusal) = self.refusals.find(&action) {
            let message = format!("the cluster refused to delete it: {}", refusal.message);
            return self.say(plan, ConditionType::Stalled, Reason::RequestRefused, message);
        }
        plan.actions.push(action);
    }

    /// An object that stays.
    fn stays(&self, plan: &mut Plan) {
        if annotated(self.object, MANAGED, "false") {
            plan.finalizer(self.name, self.object, false);
            let message = format!("left to itself: the annotation {MANAGED} says so");
            return self.say(plan, ConditionType::Ready, Reason::Unmanaged, message);
        }
        let cluster = &self.object.spec.cluster_ref.name;
        match &self.world.cluster {
            Cluster::Absent | Cluster::Goes => {
                plan.finalizer(self.name, self.object, false);
                let message = format!("there is no KafkaCluster {cluster} in this namespace");
                self.say(plan, ConditionType::Reconciling, Reason::ClusterNotFound, message);
            }
            // what was true stays true as long as nobody can tell otherwise
            Cluster::Paused => {}
            Cluster::Waits(_) if was_ready(self.object) => {}
            Cluster::Waits(words) => {
                let message = format!("waiting for KafkaCluster {cluster}: {words}");
                self.say(plan, ConditionType::Reconciling, Reason::ClusterNotReady, message);
            }
            Cluster::Serves(cluster) => self.wanted(cluster, plan),
        }
    }

    /// A topic of a cluster that serves.
    fn wanted(&self, cluster: &Parsed, plan: &mut Plan) {
        let (name, topic) = match parse::topic(self.name, &self.object.spec, cluster) {
            Ok(wanted) => wanted,
            Err(refused) => {
                return self.say(plan, ConditionType::Stalled, refused.reason, refused.message);
            }
        };
        let owner = self.owners.get(&name).copied().unwrap_or(self.name);
        if owner != self.name {
            plan.finalizer(self.name, self.object, false);
            let message = format!(
                "the topic {name} belongs to KafkaTopic {owner}, which is older: delete one of \
                 the two"
            );
            return self.say(plan, ConditionType::Stalled, Reason::ResourceConflict, message);
        }
        let deletes = parse::deletes(&self.object.spec);
        if plan.finalizer(self.name, self.object, deletes) && deletes {
            // without it the topic could outlive its object
            return;
        }
        if self.world.found.is_none() {
            if !was_ready(self.object) {
                let message = "the brokers do not answer".to_owned();
                self.say(plan, ConditionType::Reconciling, Reason::ClusterNotReady, message);
            }
            return;
        }
        self.compare(&name, &topic, plan);
    }

    /// The topic as it is and as it should be.
    fn compare(&self, name: &TopicName, topic: &Topic, plan: &mut Plan) {
        let mut actions = Vec::new();
        let (condition, reason, message) =
            plan::topic_alone(name, topic, self.observed, &mut actions);
        let refused = actions.iter().find_map(|action| self.refusals.find(action));
        if let Some(refusal) = refused {
            let (condition, reason) = refused_as(refusal);
            let message = format!("the cluster refused: {}", refusal.message);
            self.say(plan, condition, reason, message);
            return;
        }
        if actions.is_empty() || condition == ConditionType::Stalled {
            self.say(plan, condition, reason, message);
        }
        plan.actions.extend(actions);
    }
}

/// What a refusal means for whoever reads the status.
fn refused_as(refusal: &Refusal) -> (ConditionType, Reason) {
    let invalid = [
        ErrorCode::InvalidConfig,
        ErrorCode::InvalidPartitions,
        ErrorCode::InvalidReplicationFactor,
        ErrorCode::InvalidTopicException,
        ErrorCode::InvalidRequest,
    ];
    match refusal {
        refusal if refusal.retriable => (ConditionType::Reconciling, Reason::RequestRefused),
        refusal if invalid.iter().any(|error| refusal.is(*error)) => {
            (ConditionType::Stalled, Reason::InvalidConfig)
        }
        _ => (ConditionType::Stalled, Reason::RequestRefused),
    }
}
