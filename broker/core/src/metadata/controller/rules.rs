//! What elections and in-sync replicas go by: features and settings of the whole cluster.

use std::time::Duration;

use super::sessions::Lengths;
use crate::{
    config::{BrokerConfig, Overrides},
    lease,
    metadata::{
        ConfigRecord, ConfigResource, Image, Record, ResourceKind, Topic,
        feature::ELIGIBLE_LEADER_REPLICAS,
    },
};

pub(super) const MIN_IN_SYNC: &str = "min.insync.replicas";
const UNCLEAN: &str = "unclean.leader.election.enable";

/// The rules as features and settings are at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rules {
    /// Whether replicas that leave an ISR below min.insync.replicas stay eligible (KIP-966).
    pub(super) eligible: bool,
    /// min.insync.replicas of topics that do not override it.
    pub(super) min_in_sync: usize,
    /// unclean.leader.election.enable of topics that do not override it.
    pub(super) unclean: bool,
    /// How long brokers may be silent.
    pub(super) sessions: Lengths,
    /// leader.imbalance.check.interval.seconds; `None` where auto.leader.rebalance.enable is off.
    pub(super) balance: Option<Duration>,
}

impl Rules {
    /// The rules of `image` for a controller that was started with `fixed`. What is set for single
    /// brokers does not count: another controller would decide otherwise.
    pub(super) fn of(image: &Image, fixed: &BrokerConfig) -> Self {
        let none = std::sync::Arc::default();
        let cluster = image.config(&ConfigResource::broker("")).unwrap_or(&none);
        let config = fixed.with_dynamic(cluster, &Overrides::new());
        let fleet = &config.fleet;
        Self {
            eligible: image.feature(ELIGIBLE_LEADER_REPLICAS) > 0,
            min_in_sync: config.topic_default(MIN_IN_SYNC).trim().parse().unwrap_or(1),
            unclean: is_true(&config.topic_default(UNCLEAN)),
            sessions: Lengths {
                heard: fleet.session_timeout,
                assumed: lease::assumed(fleet.session_timeout, fleet.heartbeat_interval),
            },
            balance: fleet.auto_leader_rebalance.then_some(fleet.leader_imbalance_check),
        }
    }

    /// How many replicas of a partition have to be in sync before anything is acknowledged: never
    /// more than it has.
    pub(super) fn min_in_sync(&self, image: &Image, topic: &Topic, replicas: usize) -> usize {
        let own = text(image, topic, MIN_IN_SYNC).and_then(|text| text.trim().parse().ok());
        own.unwrap_or(self.min_in_sync).min(replicas)
    }

    /// Whether a replica that may lack records is elected rather than none.
    pub(super) fn unclean(&self, image: &Image, topic: &Topic) -> bool {
        text(image, topic, UNCLEAN).map_or(self.unclean, |own| is_true(&own))
    }

    /// Whether a change of this setting can change partitions.
    pub(super) fn decides(name: &str) -> bool {
        matches!(name, MIN_IN_SYNC | UNCLEAN)
    }
}

/// The records that leave one min.insync.replicas for the whole cluster next to those of topics.
pub(super) fn one_min_in_sync(image: &Image, rules: &Rules) -> Vec<Record> {
    let record = |resource: &ConfigResource, value| {
        Record::Config(ConfigRecord {
            resource_type: resource.kind.code(),
            resource_name: resource.name.clone(),
            name: MIN_IN_SYNC.to_owned(),
            value,
        })
    };
    let sets = |resource: &ConfigResource| {
        image.config(resource).is_some_and(|set| set.contains_key(MIN_IN_SYNC))
    };
    let all = ConfigResource::broker("");
    let common = (!sets(&all)).then(|| record(&all, Some(rules.min_in_sync.to_string())));
    let own = |resource: &&ConfigResource| {
        resource.kind == ResourceKind::Broker && !resource.name.is_empty() && sets(resource)
    };
    let removed = image.configured().filter(own).map(|resource| record(resource, None));
    common.into_iter().chain(removed).collect()
}

fn text(image: &Image, topic: &Topic, name: &str) -> Option<String> {
    image.config(&ConfigResource::topic(&topic.name))?.get(name).cloned()
}

fn is_true(text: &str) -> bool {
    text.trim().eq_ignore_ascii_case("true")
}
