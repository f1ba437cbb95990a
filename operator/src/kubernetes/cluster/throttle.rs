//! What moves may take of brokers: Kafka's replication throttles (KIP-73), for just the partitions
//! that move.
//!
//! The rate is a setting of brokers, and the partitions that it counts for are settings of their
//! topics. Others may set both: so it is on record that the operator does, and for which topics,
//! before it does, and stays on record until all of it is seen to be gone.

use std::collections::{BTreeMap, BTreeSet};

use kastellan_core::placement::Move;
use kastellan_crds::quantity::Quantity;
use kube::ResourceExt as _;

use super::plan::Draft;
use super::{Step, Told, World, moves};
use crate::fleet::plan::{Change, THROTTLED_RATES as RATES, THROTTLED_REPLICAS as REPLICAS};
use crate::kubernetes::names;
use crate::kubernetes::object::{Kind, text};
use crate::kubernetes::render::{self, Cluster};

/// Moves are never held back below this many bytes a second, unless the spec says so.
const LEAST: u64 = 1 << 20;
/// Where nothing is set, being held back begins below this many bytes a second.
const MOST: u64 = 64 << 20;

/// The next rate: the one asked for, and half of what it is each time that something else is found
/// to fall behind, twice as much each time that nothing is.
fn paced(asked: Option<u64>, now: Option<u64>, lagging: bool) -> Option<u64> {
    let least = asked.map_or(LEAST, |asked| asked.min(LEAST));
    if lagging {
        return Some((now.or(asked).unwrap_or(MOST) / 2).clamp(least, asked.unwrap_or(MOST)));
    }
    let Some(now) = now else { return asked };
    let more = now.saturating_mul(2).max(1);
    match asked {
        Some(asked) => Some(more.min(asked)),
        None => Some(more).filter(|more| *more < MOST),
    }
}

/// The topics that have throttled replicas by the operator's own hand.
pub(super) fn recorded(world: &World) -> Option<BTreeSet<String>> {
    let name = names::throttled(&world.cluster.name_any());
    let topics = text(world.get(Kind::ConfigMap, &name)?, "/data/topics").unwrap_or_default();
    Some(topics.split(',').filter(|topic| !topic.is_empty()).map(str::to_owned).collect())
}

/// The rate that brokers have now, if all have one: the lowest.
fn current(world: &World) -> Option<u64> {
    let Told::Overrides(all) = &world.told else { return None };
    let [leader, _] = RATES;
    all.values().map(|set| set.get(leader)?.parse().ok()).min().flatten()
}

/// Bytes a second that each broker may give and take for moves; `None`: as many as it can.
pub(super) fn rate(world: &World, cluster: &Cluster, go: &BTreeSet<i32>) -> Option<u64> {
    let balance = cluster.spec.balance.as_ref();
    let asked = balance.and_then(|it| it.max_bytes_per_second.as_ref()).map(Quantity::bytes);
    let record = world.get(Kind::ConfigMap, &names::rebalance(&cluster.name));
    let Some(placed) = &world.placed else {
        // nobody says that it is over
        return recorded(world).and_then(|_| current(world));
    };
    let held = |id: &i32| placed.held.get(id).is_some_and(|held| *held > 0);
    let busy = moves::under_way(placed) > 0
        || go.iter().any(held)
        || record
            .is_some_and(|it| !moves::next(placed, &render::planned(it), usize::MAX).is_empty());
    if !busy {
        return None;
    }
    paced(asked, current(world), moves::lags(placed, go))
}

/// The throttled replicas of topics: as leaders, and as followers.
type Lists = BTreeMap<String, [BTreeSet<(i32, i32)>; 2]>;

impl Draft<'_> {
    /// Has the rate count for what moves or begins to, and for nothing else, before it begins.
    pub(super) fn throttle(&mut self, cluster: &Cluster) {
        let known = recorded(self.world);
        if self.rate.is_none() && known.is_none() {
            return;
        }
        let wanted = if self.rate.is_some() { self.lists() } else { Lists::new() };
        let (changes, topics) = self.topics(known.iter().flatten(), &wanted);
        let (rates, brokers) = self.rates(cluster);
        self.soon |= self.rate.is_some() || !topics.is_empty() || !rates.is_empty();
        let name = names::throttled(&cluster.name);
        let from = self.steps.len();
        if self.rate.is_some() || brokers || !topics.is_empty() {
            self.apply(&render::throttled(cluster, &topics));
        } else {
            let uid = self.world.get(Kind::ConfigMap, &name).and_then(kube::ResourceExt::uid);
            self.steps.extend(uid.map(|uid| Step::Delete(Kind::ConfigMap, name, uid)));
        }
        let mut first: Vec<Step> = self.steps.drain(from..).collect();
        first.extend(rates);
        first.extend((!changes.is_empty()).then_some(Step::AlterTopics(changes)));
        let begins = |step: &Step| matches!(step, Step::Reassign(_));
        let at = self.steps.iter().position(begins).unwrap_or(self.steps.len());
        self.steps.splice(at..at, first);
    }

    /// What brokers are told; and whether one has a rate, or cannot say that it has none.
    fn rates(&self, cluster: &Cluster) -> (Vec<Step>, bool) {
        let Told::Overrides(all) = &self.world.told else { return (Vec::new(), true) };
        let wanted = self.rate.map(|rate| rate.to_string());
        let changes = |set: &BTreeMap<String, String>| -> Vec<Change> {
            let differs = |name: &&str| set.get(*name) != wanted.as_ref();
            let change = |name: &str| (name.to_owned(), wanted.clone());
            RATES.iter().copied().filter(differs).map(change).collect()
        };
        let told = all.iter().map(|(id, set)| (*id, changes(set)));
        let told = told.filter(|(_, changes)| !changes.is_empty());
        let steps = told.map(|(id, changes)| Step::Alter(id, changes)).collect();
        let has = |id| all.get(id).is_none_or(|set| RATES.iter().any(|it| set.contains_key(*it)));
        (steps, cluster.identity.brokers.iter().any(has))
    }

    /// What is changed of topics; and those that have throttled replicas, or get some, or of which
    /// nobody says that they have none.
    fn topics<'a>(
        &self,
        known: impl Iterator<Item = &'a String>,
        wanted: &'a Lists,
    ) -> (BTreeMap<String, Vec<Change>>, BTreeSet<String>) {
        let mut topics: BTreeSet<String> = wanted.keys().cloned().collect();
        let mut changes = BTreeMap::new();
        for topic in known.chain(wanted.keys()) {
            let Some(seen) = &self.world.throttled else {
                topics.insert(topic.clone());
                continue;
            };
            let seen = seen.get(topic);
            if REPLICAS.iter().any(|name| seen.is_some_and(|seen| seen.contains_key(*name))) {
                topics.insert(topic.clone());
            }
            let of_topic = changed(seen, wanted.get(topic));
            if !of_topic.is_empty() {
                changes.insert(topic.clone(), of_topic);
            }
        }
        (changes, topics)
    }

    /// What moves, and what this plan has move.
    fn lists(&self) -> Lists {
        let mut lists = Lists::new();
        let placed = self.world.placed.iter();
        for ((topic, index), it) in placed.flat_map(|placed| &placed.moving) {
            let added = it.added.keys().copied();
            put(&mut lists, (topic, *index), it.held_by.iter().copied(), added);
        }
        let begun = self.steps.iter().filter_map(|step| match step {
            Step::Reassign(moves) => Some(moves),
            _ => None,
        });
        for step in begun.flatten() {
            let Move { topic, index, .. } = step;
            let (from, added) = (step.from.iter().map(|id| id.0), step.added().map(|id| id.0));
            put(&mut lists, (topic, *index), from, added);
        }
        lists
    }
}

/// Adds a partition, unless nothing of it is copied.
fn put(
    lists: &mut Lists,
    (topic, index): (&str, i32),
    from: impl Iterator<Item = i32>,
    added: impl Iterator<Item = i32>,
) {
    let mut added = added.peekable();
    if added.peek().is_some() {
        let [leaders, followers] = lists.entry(topic.to_owned()).or_default();
        leaders.extend(from.map(|id| (index, id)));
        followers.extend(added.map(|id| (index, id)));
    }
}

/// What has to be changed of a topic's settings.
fn changed(
    seen: Option<&BTreeMap<String, String>>,
    wanted: Option<&[BTreeSet<(i32, i32)>; 2]>,
) -> Vec<Change> {
    let pairs = |list: &BTreeSet<(i32, i32)>| {
        list.iter().map(|(index, id)| format!("{index}:{id}")).collect::<Vec<_>>().join(",")
    };
    let [leaders, followers] = match wanted {
        Some([leaders, followers]) => [Some(pairs(leaders)), Some(pairs(followers))],
        None => [None, None],
    };
    let [leader, follower] = REPLICAS;
    let wanted = [(leader, leaders), (follower, followers)].into_iter();
    let differs =
        |name: &str, value: &Option<String>| seen.and_then(|seen| seen.get(name)) != value.as_ref();
    wanted
        .filter(|(name, value)| differs(name, value))
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_never_above_what_is_asked_and_comes_back_to_it() {
        for asked in [Some(1), Some(LEAST / 3), Some(LEAST), Some(50 * LEAST + 7), None] {
            let begun = asked;
            let mut now = begun;
            for _ in 0..100 {
                let less = paced(asked, now, true);
                assert!(less > Some(0) && less <= Some(asked.unwrap_or(MOST)), "{asked:?}");
                assert!(now.is_none() || less <= now, "{asked:?}: {now:?} to {less:?}");
                now = less;
            }
            assert_eq!(now, Some(asked.map_or(LEAST, |asked| asked.min(LEAST))));
            for _ in 0..10 {
                now = paced(asked, now, false);
            }
            assert_eq!(now, asked);
        }
    }
}
