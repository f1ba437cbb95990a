//! What has to be done to get from what is to what is asked for, and what is true meanwhile.
//!
//! One pure function: the same fleet and the same observation give the same plan. A plan is made
//! anew after every action that failed and every edit; nothing is remembered in between but which
//! topics the files have asked for during this run.

use std::collections::BTreeMap;

use kastellan_crds::cluster::DeletionPolicy;
use kastellan_crds::condition::{ConditionType, Reason};
use kastellan_crds::name::{ObjectName, TopicName};

use super::{Broker, Fleet, Topic};

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// The brokers that serve clients, as they were started.
    pub brokers: BTreeMap<i32, Broker>,
    /// The cluster's topics that matter here: those asked for, and those in `managed`.
    pub topics: BTreeMap<TopicName, ObservedTopic>,
    /// The topics that the files have asked for earlier in this run.
    pub managed: BTreeMap<TopicName, Managed>,
}

/// A topic as the cluster has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObservedTopic {
    /// How many partitions it has.
    pub partitions: i32,
    /// How many replicas each partition has.
    pub replicas: i16,
    /// The values in force of the settings that the files mention.
    pub config: BTreeMap<String, String>,
}

/// What is remembered of a topic that the files asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Managed {
    /// Its object's name.
    pub object: ObjectName,
    /// What to do once it is asked for no longer.
    pub deletion_policy: DeletionPolicy,
    /// The settings that it was first asked for with.
    pub config: BTreeMap<String, String>,
}

/// One thing to do; they are independent of each other but for brokers, which come first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Start a broker that does not run.
    StartBroker(Broker),
    /// Stop a broker that runs with another configuration, and start it anew.
    RestartBroker(Broker),
    /// Create a topic.
    CreateTopic(TopicName, Topic),
    /// Give a topic more partitions, up to this many in all.
    AddPartitions(TopicName, ObjectName, i32),
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
    /// Whether clients find everything as the files ask: the cluster and all its topics are Ready.
    /// Users do not count, as no listener asks who a client is.
    pub fn ready(&self) -> bool {
        self.actions.is_empty()
            && self.verdicts.iter().all(|(object, verdict)| {
                object.kind == "KafkaUser" || verdict.condition == ConditionType::Ready
            })
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
    brokers(fleet, observed, &mut plan);
    let serving = plan.actions.is_empty();
    for (name, topic) in &fleet.topics {
        let verdict = if serving {
            one_topic(name, topic, observed, &mut plan.actions)
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
        let message = "users come with a later version; nothing was done for this one".to_owned();
        let verdict = (ConditionType::Stalled, Reason::NotYetSupported, message);
        plan.say("KafkaUser", name.as_str(), verdict);
    }
    plan
}

fn brokers(fleet: &Fleet, observed: &Observed, plan: &mut Plan) {
    let (mut starting, mut restarting) = (0, 0);
    for broker in &fleet.cluster.brokers {
        match observed.brokers.get(&broker.id) {
            Some(running) if running == broker => {}
            Some(_) => {
                restarting += 1;
                plan.actions.push(Action::RestartBroker(broker.clone()));
            }
            None => {
                starting += 1;
                plan.actions.push(Action::StartBroker(broker.clone()));
            }
        }
    }
    let all = fleet.cluster.brokers.len();
    let verdict = if starting > 0 {
        let message = format!("{starting} of {all} brokers to start");
        (ConditionType::Reconciling, Reason::BrokersStarting, message)
    } else if restarting > 0 {
        let message =
            format!("{restarting} of {all} brokers to restart with another configuration");
        (ConditionType::Reconciling, Reason::BrokersRestarting, message)
    } else {
        let brokers = if all == 1 { "1 broker serves" } else { "all brokers serve" };
        (ConditionType::Ready, Reason::AsSpecified, brokers.to_owned())
    };
    plan.say("KafkaCluster", fleet.cluster.name.as_str(), verdict);
}

fn one_topic(
    name: &TopicName,
    topic: &Topic,
    observed: &Observed,
    actions: &mut Vec<Action>,
) -> (ConditionType, Reason, String) {
    let Some(there) = observed.topics.get(name) else {
        actions.push(Action::CreateTopic(name.clone(), topic.clone()));
        return (ConditionType::Reconciling, Reason::TopicCreating, "to be created".to_owned());
    };
    let asked = topic.partitions.unwrap_or(there.partitions);
    if asked < there.partitions {
        let message = format!(
            "{}: the topic has {} partitions and partitions cannot be removed: write partitions: \
             {} or delete the topic",
            topic.place, there.partitions, there.partitions
        );
        return (ConditionType::Stalled, Reason::PartitionsCannotShrink, message);
    }
    if let Some(message) = cannot_change(topic, there, observed.managed.get(name)) {
        return (ConditionType::Stalled, Reason::NotYetSupported, message);
    }
    if asked > there.partitions {
        let object = topic.object.clone();
        actions.push(Action::AddPartitions(name.clone(), object, asked));
        let message = format!("from {} to {asked} partitions", there.partitions);
        return (ConditionType::Reconciling, Reason::PartitionsAdding, message);
    }
    let plural = if asked == 1 { "" } else { "s" };
    (ConditionType::Ready, Reason::AsSpecified, format!("{asked} partition{plural}"))
}

/// What of a topic that is there cannot be changed by this version, and what to do instead.
fn cannot_change(
    topic: &Topic,
    there: &ObservedTopic,
    managed: Option<&Managed>,
) -> Option<String> {
    let place = &topic.place;
    if let Some(replicas) = topic.replicas
        && replicas != there.replicas
    {
        return Some(format!(
            "{place}: the topic has {} replicas; changing their number is not yet supported: \
             write replicas: {}",
            there.replicas, there.replicas
        ));
    }
    let changed = topic.config.iter().find_map(|(name, asked)| {
        let now = there.config.get(name)?;
        (!same(now, asked)).then(|| format!("{name} is {now}"))
    });
    let first = managed.map(|managed| &managed.config).into_iter().flatten();
    let removed = || {
        let mut gone = first.filter(|(name, _)| !topic.config.contains_key(*name));
        gone.next().map(|(name, now)| format!("{name} is still {now}"))
    };
    changed.or_else(removed).map(|what| {
        format!(
            "{place}: {what}; changing the settings of a topic that is there is not yet \
             supported: write what it is, or delete the topic"
        )
    })
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
mod tests;
