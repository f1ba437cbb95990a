//! What a plan is made from.

use std::{collections::BTreeMap, sync::Arc};

use super::Move;
use crate::id::BrokerId;

/// A cluster at one moment. Brokers that only partitions name count as gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picture {
    /// Each broker once.
    pub brokers: Vec<Broker>,
    /// Each partition once.
    pub partitions: Vec<Partition>,
}

/// A broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Its node id.
    pub id: BrokerId,
    /// Its rack. Brokers without one share none.
    pub rack: Option<String>,
    /// What becomes of it.
    pub state: State,
    /// Its disks; `None` where that is not known, and nothing is ever too large for it.
    pub disk: Option<Disk>,
}

/// What becomes of a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It holds replicas like the others.
    Active,
    /// It keeps what it has and gets nothing new.
    Cordoned,
    /// All that it has goes elsewhere, copied from it if need be.
    Draining,
    /// It does not come back, nor does what it had.
    Gone,
}

/// The disks of a broker together, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// How large they are.
    pub total: u64,
    /// How much of that is free.
    pub free: u64,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Its topic.
    pub topic: Arc<str>,
    /// Its index.
    pub index: i32,
    /// Who holds it, the preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// Who is in sync: where it can be copied from.
    pub in_sync: Vec<BrokerId>,
    /// How many replicas it should have; 1 or more.
    pub factor: usize,
    /// How large a replica is.
    pub bytes: u64,
    /// Bytes written to it in a second; 0 where that is not known.
    pub written: u64,
    /// Bytes read from its leader in a second by consumers; 0 where that is not known.
    pub read: u64,
    /// It is being moved already, with `replicas` as its goal: left alone, and counted.
    pub moving: bool,
}

/// What a broker holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many replicas.
    pub replicas: u64,
    /// How many of them are the preferred leader.
    pub leaders: u64,
    /// How many bytes these take.
    pub bytes: u64,
    /// How many bytes a second are written to it and read from it.
    pub rate: u64,
}

impl Picture {
    /// What each broker holds, those that hold nothing included.
    pub fn tallies(&self) -> BTreeMap<BrokerId, Tally> {
        let mut tallies: BTreeMap<_, Tally> =
            self.brokers.iter().map(|broker| (broker.id, Tally::default())).collect();
        for partition in &self.partitions {
            for (slot, id) in partition.replicas.iter().enumerate() {
                let tally = tallies.entry(*id).or_default();
                tally.replicas += 1;
                tally.leaders += u64::from(slot == 0);
                tally.bytes = tally.bytes.saturating_add(partition.bytes);
                tally.rate = tally.rate.saturating_add(partition.rate(slot == 0));
            }
        }
        tallies
    }

    /// Carries out a move: all that were added are in sync, all that were removed are gone.
    pub fn carry_out(&mut self, step: &Move) {
        let same = |it: &&mut Partition| it.topic == step.topic && it.index == step.index;
        let Some(partition) = self.partitions.iter_mut().find(same) else { return };
        let bytes = partition.bytes;
        for broker in &mut self.brokers {
            let Some(disk) = &mut broker.disk else { continue };
            match (step.from.contains(&broker.id), step.to.contains(&broker.id)) {
                (true, false) => disk.free = disk.free.saturating_add(bytes).min(disk.total),
                (false, true) => disk.free = disk.free.saturating_sub(bytes),
                _ => (),
            }
        }
        partition.in_sync.retain(|id| step.to.contains(id));
        partition.in_sync.extend(step.added());
        partition.replicas.clone_from(&step.to);
    }
}

impl Partition {
    /// What one of its replicas takes of a broker's network and disk, in bytes a second.
    pub(super) fn rate(&self, leads: bool) -> u64 {
        self.written.saturating_add(if leads { self.read } else { 0 })
    }
}
