//! Which partitions a broker has to do with, kept up to date record by record: fencing a broker
//! costs what it holds, not what there is.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    id::{BrokerId, Uuid},
    metadata::{Image, Partition},
};

/// A partition: its topic and its index.
pub(super) type Key = (Uuid, i32);

/// Partitions by what they are to brokers. A fold over the image, like the image itself.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Index {
    brokers: BTreeMap<BrokerId, Held>,
    /// With replicas outside the ISR that may lead, or that could once.
    eligible: BTreeSet<Key>,
    /// Led by another than the preferred replica.
    misplaced: BTreeSet<Key>,
    partitions: usize,
}

/// What one broker holds.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Held {
    /// Partitions it leads.
    pub(super) led: BTreeSet<Key>,
    /// Partitions in whose ISR it is, or that it leads.
    pub(super) in_sync: BTreeSet<Key>,
    /// Partitions in whose ELR it is.
    pub(super) eligible: BTreeSet<Key>,
    /// Partitions without a leader of which it is a replica.
    pub(super) leaderless: BTreeSet<Key>,
}

static NOTHING: Held = Held {
    led: BTreeSet::new(),
    in_sync: BTreeSet::new(),
    eligible: BTreeSet::new(),
    leaderless: BTreeSet::new(),
};

impl Index {
    /// The index of everything in `image`.
    pub(super) fn of(image: &Image) -> Self {
        let mut index = Self::default();
        for topic in image.topics() {
            for (partition, state) in &topic.partitions {
                index.update((topic.id, *partition), None, Some(state));
            }
        }
        index
    }

    /// A partition that was `before` is `after` now.
    pub(super) fn update(
        &mut self,
        key: Key,
        before: Option<&Partition>,
        after: Option<&Partition>,
    ) {
        if let Some(state) = before {
            self.note(key, state, |set, key| {
                set.remove(&key);
            });
            self.partitions -= 1;
            for id in state.isr.iter().chain(&state.elr).chain(&state.replicas).chain(&state.leader)
            {
                if self.brokers.get(id).is_some_and(|held| *held == NOTHING) {
                    self.brokers.remove(id);
                }
            }
        }
        if let Some(state) = after {
            self.note(key, state, |set, key| {
                set.insert(key);
            });
            self.partitions += 1;
        }
    }

    fn note(&mut self, key: Key, state: &Partition, change: fn(&mut BTreeSet<Key>, Key)) {
        for id in state.isr.iter().chain(&state.leader) {
            change(&mut self.entry(*id).in_sync, key);
        }
        for id in &state.elr {
            change(&mut self.entry(*id).eligible, key);
        }
        if let Some(leader) = state.leader {
            change(&mut self.entry(leader).led, key);
            if state.replicas.first() != Some(&leader) {
                change(&mut self.misplaced, key);
            }
        } else {
            for id in &state.replicas {
                change(&mut self.entry(*id).leaderless, key);
            }
        }
        if !state.elr.is_empty() || !state.last_known_elr.is_empty() {
            change(&mut self.eligible, key);
        }
    }

    fn entry(&mut self, id: BrokerId) -> &mut Held {
        self.brokers.entry(id).or_default()
    }

    /// What a broker holds.
    pub(super) fn held(&self, broker: BrokerId) -> &Held {
        self.brokers.get(&broker).unwrap_or(&NOTHING)
    }

    /// All partitions without a leader that have replicas.
    pub(super) fn leaderless(&self) -> BTreeSet<Key> {
        self.brokers.values().flat_map(|held| held.leaderless.iter().copied()).collect()
    }

    /// Brokers that are in the ISR of something, or lead something.
    pub(super) fn in_sync_brokers(&self) -> impl Iterator<Item = BrokerId> {
        self.brokers.iter().filter(|(_, held)| !held.in_sync.is_empty()).map(|(id, _)| *id)
    }

    /// Partitions with replicas outside the ISR that may lead, or that could once.
    pub(super) fn eligible(&self) -> &BTreeSet<Key> {
        &self.eligible
    }

    /// Partitions led by another than the preferred replica.
    pub(super) fn misplaced(&self) -> &BTreeSet<Key> {
        &self.misplaced
    }

    /// How many partitions there are.
    pub(super) fn partitions(&self) -> usize {
        self.partitions
    }
}
