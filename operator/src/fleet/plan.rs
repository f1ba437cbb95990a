//! What has to be done to get from what is to what is asked for, and what is true meanwhile.
//!
//! One pure function: the same fleet and the same observation give the same plan, and a plan that
//! is carried out leaves nothing to plan. A plan is made anew after every action that failed, every
//! edit, and every look at the cluster; nothing is remembered in between but which topics the files
//! have asked for during this run, and which of them were as asked.

use std::collections::BTreeMap;

use kastellan_crds::condition::{ConditionType, Reason};
use kastellan_crds::head::DeletionPolicy;
use kastellan_crds::name::{ObjectName, TopicName};

use super::{Broker, Fleet, Topic};

mod brokers;
mod topic;

pub use brokers::{at_start, on_running};
pub use topic::{as_asked, plan as topic_alone};

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// The brokers that serve clients.
    pub brokers: BTreeMap<i32, ObservedBroker>,
    /// The cluster's topics that matter here: those asked for, and those in `managed`.
    pub topics: BTreeMap<TopicName, ObservedTopic>,
    /// The topics that the files have asked for earlier in this run.
    pub managed: BTreeMap<TopicName, Managed>,
}

/// A broker that serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedBroker {
    /// What it was started as.
    pub started: Broker,
    /// The settings that were changed on it since, or in an earlier run.
    pub overrides: BTreeMap<String, String>,
}

/// A topic as the cluster has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObservedTopic {
    /// How many partitions it has.
    pub partitions: i32,
    /// How many replicas each partition has.
    pub replicas: i16,
    /// The settings that were set on it.
    pub config: BTreeMap<String, String>,
}

/// What is remembered of a topic that the files asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Managed {
    /// Its object's name.
    pub object: ObjectName,
    /// What to do once it is asked for no longer.
    pub deletion_policy: DeletionPolicy,
    /// What the files asked for when the topic was last seen to be so. What differs from it later,
    /// without an edit, is another client's doing.
    pub settled: Option<Settled>,
}

/// A wish that was fulfilled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// How many partitions; `None`: any number.
    pub partitions: Option<i32>,
    /// The settings.
    pub config: BTreeMap<String, String>,
}

impl Settled {
    /// That of a topic of the files.
    pub fn of(topic: &Topic) -> Self {
        Self { partitions: topic.partitions, config: topic.config.clone() }
    }
}

/// A change of one setting: its name and its new value; `None` is back to the default.
pub type Change = (String, Option<String>);

/// One thing to do; they are independent of each other but for brokers, which come first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Start a broker that does not run.
    StartBroker(Broker),
    /// Stop a broker that runs with another configuration, and start it anew.
    RestartBroker(Broker),
    /// Change settings of a broker that runs on.
    AlterBroker(i32, Vec<Change>),
    /// Create a topic.
    CreateTopic(TopicName, Topic),
    /// Give a topic more partitions, up to this many in all.
    AddPartitions(TopicName, ObjectName, i32),
    /// Change settings of a topic.
    AlterTopic(TopicName, ObjectName, Vec<Change>),
    /// Delete a topic and its records.
    DeleteTopic(TopicName, ObjectName),
    /// Think no more of a topic that the files have let go; whether it is still there, and stays.
    ForgetTopic(TopicName, ObjectName, bool),
}

/// An object of the files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// Its kind, as in `KafkaTopic`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
}

/// What is true of an object: one of Ready, Reconciling and Stalled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Which of the three.
    pub condition: ConditionType,
    /// Why, in one word.
    pub reason: Reason,
    /// Why, in a sentence.
    pub message: String,
}

/// What to do now, and what is true of each object until it is done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// What to do.
    pub actions: Vec<Action>,
    /// What is true of the objects.
    pub verdicts: BTreeMap<Object, Verdict>,
}

impl Plan {
    /// Whether clients find everything as the files ask: the cluster, its topics and its users are
    /// Ready.
    pub fn ready(&self) -> bool {
        let mut verdicts = self.verdicts.values();
        self.actions.is_empty() && verdicts.all(|one| one.condition == ConditionType::Ready)
    }

    /// Whether no broker is to be started or restarted.
    pub fn is_served(&self) -> bool {
        let stops =
            |action: &Action| matches!(action, Action::StartBroker(_) | Action::RestartBroker(_));
        !self.actions.iter().any(stops)
    }

    /// Says what is true of an object, in the place of what was said before.
    pub fn say(
        &mut self,
        kind: &'static str,
        name: &str,
        verdict: (ConditionType, Reason, String),
    ) {
        let (condition, reason, message) = verdict;
        let object = Object { kind, name: name.to_owned() };
        self.verdicts.insert(object, Verdict { condition, reason, message });
    }
}

/// The plan for `fleet`, given what was `observed`.
pub fn plan(fleet: &Fleet, observed: &Observed) -> Plan {
    let mut plan = Plan::default();
    let serving = brokers::plan(fleet, observed, &mut plan);
    for (name, topic) in &fleet.topics {
        let verdict = if serving {
            topic::plan(name, topic, observed, &mut plan.actions)
        } else {
            let message = "waiting for the cluster".to_owned();
            (ConditionType::Reconciling, Reason::ClusterNotReady, message)
        };
        plan.say("KafkaTopic", topic.object.as_str(), verdict);
    }
    if serving {
        gone(fleet, observed, &mut plan);
    }
    for name in fleet.users.keys() {
        // who carries them out says more
        let message = "waiting for the cluster".to_owned();
        let verdict = (ConditionType::Reconciling, Reason::ClusterNotReady, message);
        plan.say("KafkaUser", name.as_str(), verdict);
    }
    plan
}

/// How fast a broker copies throttled replicas, as a leader and as a follower (KIP-73).
pub const THROTTLED_RATES: [&str; 2] =
    ["leader.replication.throttled.rate", "follower.replication.throttled.rate"];
/// The replicas of a topic for which that counts, of leaders and of followers.
pub const THROTTLED_REPLICAS: [&str; 2] =
    ["leader.replication.throttled.replicas", "follower.replication.throttled.replicas"];

/// Settings that belong to whoever moves replicas about, and are never taken back.
const LEFT_ALONE: [&str; 5] = [
    THROTTLED_RATES[0],
    THROTTLED_RATES[1],
    THROTTLED_REPLICAS[0],
    THROTTLED_REPLICAS[1],
    "replica.alter.log.dirs.io.max.bytes.per.second",
];

/// What has to change for `there` to become `asked`: what differs is set, what nobody asked for is
/// taken away.
fn changes(asked: &BTreeMap<String, String>, there: &BTreeMap<String, String>) -> Vec<Change> {
    let differs =
        |(name, value): &(&String, &String)| there.get(*name).is_none_or(|now| !same(now, value));
    let set = asked.iter().filter(differs).map(|(name, value)| (name.clone(), Some(value.clone())));
    let foreign =
        |name: &&String| !asked.contains_key(*name) && !LEFT_ALONE.contains(&name.as_str());
    let take = there.keys().filter(foreign).map(|name| (name.clone(), None));
    let mut changes: Vec<Change> = set.chain(take).collect();
    changes.sort();
    changes
}

/// Whether two values are one: a list may have spaces behind its commas.
fn same(one: &str, other: &str) -> bool {
    one.split(',').map(str::trim).eq(other.split(',').map(str::trim))
}

/// Topics that the files have asked for and no longer do.
fn gone(fleet: &Fleet, observed: &Observed, plan: &mut Plan) {
    for (name, managed) in &observed.managed {
        if fleet.topics.contains_key(name) {
            continue;
        }
        let object = managed.object.clone();
        let there = observed.topics.contains_key(name);
        if there && managed.deletion_policy == DeletionPolicy::Delete {
            // an object that stays, and only names another topic now, has a verdict of its own
            if fleet.topics.values().all(|topic| topic.object != object) {
                let message = "no longer in the files: to be deleted".to_owned();
                let verdict = (ConditionType::Reconciling, Reason::TopicDeleting, message);
                plan.say("KafkaTopic", object.as_str(), verdict);
            }
            plan.actions.push(Action::DeleteTopic(name.clone(), object));
        } else {
            plan.actions.push(Action::ForgetTopic(name.clone(), object, there));
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
