//! The brokers: which to start, which to restart, and which only to tell of new settings.
//!
//! A broker is asked to be what it was started as, with the settings on top that may change while
//! it runs. So after a start with today's settings nothing is set on top, and what an earlier run
//! had set is taken away.

use std::collections::{BTreeMap, BTreeSet};

use kastellan_core::config::{self, BrokerConfig, Scope, Update};
use kastellan_crds::condition::{ConditionType, Reason};

use super::{Action, Change, Observed, ObservedBroker, Plan, changes};
use crate::fleet::{Broker, Fleet};

/// Plans for the brokers; whether all of them serve and keep serving.
pub(super) fn plan(fleet: &Fleet, observed: &Observed, plan: &mut Plan) -> bool {
    let (mut starting, mut restarting) = (0, Vec::new());
    let all_serve = fleet.cluster.brokers.iter().all(|it| observed.brokers.contains_key(&it.id));
    let mut altering = Vec::new();
    for broker in &fleet.cluster.brokers {
        let Some(seen) = observed.brokers.get(&broker.id) else {
            starting += 1;
            plan.actions.push(Action::StartBroker(broker.clone()));
            continue;
        };
        let fixed = fixed(&seen.started, broker);
        if !fixed.is_empty() {
            // one after the other: the others serve meanwhile
            if all_serve && restarting.is_empty() {
                plan.actions.push(Action::RestartBroker(broker.clone()));
            }
            restarting.push(format!("broker {} for {}", broker.id, fixed.join(", ")));
            continue;
        }
        let changes = changes(&on_top(&seen.started, broker), &seen.overrides);
        if !changes.is_empty() {
            altering.push(in_words(seen, &changes));
            plan.actions.push(Action::AlterBroker(broker.id, changes));
        }
    }
    let all = fleet.cluster.brokers.len();
    let verdict = if starting > 0 {
        let message = format!("{starting} of {all} brokers to start");
        (ConditionType::Reconciling, Reason::BrokersStarting, message)
    } else if !restarting.is_empty() {
        let message = format!(
            "{} of {all} brokers to restart: {}; what is read at a broker's start only has changed",
            restarting.len(),
            restarting.join("; ")
        );
        (ConditionType::Reconciling, Reason::BrokersRestarting, message)
    } else if !altering.is_empty() {
        (ConditionType::Reconciling, Reason::ConfigUpdating, altering.join("; "))
    } else {
        let brokers = if all == 1 { "1 broker serves" } else { "all brokers serve" };
        (ConditionType::Ready, Reason::AsSpecified, brokers.to_owned())
    };
    plan.say("KafkaCluster", fleet.cluster.name.as_str(), verdict);
    starting == 0 && restarting.is_empty()
}

/// What differs and takes a restart, by name.
fn fixed(started: &Broker, asked: &Broker) -> Vec<String> {
    let listeners = (started.listeners != asked.listeners).then(|| "listeners".to_owned());
    let settings = differing(started, asked).filter(|name| {
        !dynamic(name) || (!asked.settings.contains_key(*name) && default(asked, name).is_none())
    });
    listeners.into_iter().chain(settings.cloned()).collect()
}

/// What is to be set on the running broker for it to be what is asked.
fn on_top(started: &Broker, asked: &Broker) -> BTreeMap<String, String> {
    let value = |name: &String| {
        let value = asked.settings.get(name).cloned().or_else(|| default(asked, name))?;
        Some((name.clone(), value))
    };
    differing(started, asked).filter_map(value).collect()
}

/// The settings in which two descriptions of a broker differ.
fn differing<'a>(one: &'a Broker, other: &'a Broker) -> impl Iterator<Item = &'a String> {
    let names: BTreeSet<&String> = one.settings.keys().chain(other.settings.keys()).collect();
    names.into_iter().filter(|name| one.settings.get(*name) != other.settings.get(*name))
}

/// What several brokers have from their start, though one broker could be told while it runs: a
/// topic may be made as soon as the first of them serves, and brokers refuse a
/// `min.insync.replicas` that is not every leader's (KIP-966).
const TOGETHER: [&str; 2] = ["default.replication.factor", "min.insync.replicas"];

/// Whether a broker, alone or one of several, is started with a setting.
fn starts_with(name: &str, alone: bool) -> bool {
    !dynamic(name) || (!alone && TOGETHER.contains(&name))
}

/// The settings that a broker is started with, for a renderer that sets all others on the running
/// broker.
pub fn at_start(settings: &BTreeMap<String, String>, alone: bool) -> BTreeMap<String, String> {
    let first = settings.iter().filter(|(name, _)| starts_with(name, alone));
    first.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// What is to be changed on a running broker that was started with [`at_start`] of these settings.
pub fn on_running(
    settings: &BTreeMap<String, String>,
    overrides: &BTreeMap<String, String>,
    alone: bool,
) -> Vec<Change> {
    let later = settings.iter().filter(|(name, _)| !starts_with(name, alone));
    let wanted = later.map(|(name, value)| (name.clone(), value.clone())).collect();
    changes(&wanted, overrides)
}

fn dynamic(name: &str) -> bool {
    config::find(Scope::Broker, name).is_ok_and(|setting| setting.update != Update::ReadOnly)
}

/// What a broker has that was started as `asked`, which does not mention the setting: its default,
/// or what another setting gives that stands in for it.
fn default(asked: &Broker, name: &str) -> Option<String> {
    BrokerConfig::parse(asked.settings.clone()).ok()?.value(name)
}

fn in_words(broker: &ObservedBroker, changes: &[Change]) -> String {
    let change = |(name, to): &Change| match (broker.overrides.get(name), to) {
        (Some(now), None) => format!("{name} not {now} any more"),
        (None, None) => format!("{name} as it was at the start"),
        (_, Some(value)) => format!("{name} to {value}"),
    };
    let changes: Vec<String> = changes.iter().map(change).collect();
    format!("broker {}, without a restart: {}", broker.started.id, changes.join(", "))
}
