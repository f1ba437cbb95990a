//! The broker: the real machines over the real log, driven as the real shell drives them, with one
//! thread and no sockets.

mod data;
mod groups;
mod metadata;
mod open;
mod topics;

use std::collections::{BTreeMap, VecDeque};

use kastellan_core::{
    group::Reply,
    id::{BrokerId, Offset, TopicPartition},
    log::Log as _,
    machine::{Millis, Ticket},
    partition::{Assignment, Durability, Opening, Partition, Settings},
    producer::Producers,
};
use kastellan_log::{Compaction, Directory, Log, Receipt, Unsynced};

pub(crate) use self::{
    groups::Groups,
    metadata::Metadata,
    open::{ROOT, count as count_start},
};
use crate::{
    disk::SimDisk,
    invariant::{Violation, forward::Ends},
};

/// The broker's own id.
pub(crate) const ME: BrokerId = BrokerId(1);
/// The topic that groups are kept in.
pub(crate) const OFFSETS: &str = "__consumer_offsets";

/// A broker that runs.
#[derive(Debug)]
pub(crate) struct Broker {
    // closed first: logs hold files, the directory holds the lock
    pub(crate) partitions: BTreeMap<TopicPartition, Served>,
    /// The cleaner's one thread has got so far.
    pub(crate) compacting: Option<Compacting>,
    pub(crate) groups: Groups,
    pub(crate) metadata: Metadata,
    pub(crate) directory: Directory<SimDisk>,
    /// Batches that were acknowledged since the world has last looked.
    pub(crate) settled: Vec<Settled>,
}

/// A compaction under way, and the log's size before.
#[derive(Debug)]
pub(crate) struct Compacting {
    pub(crate) of: TopicPartition,
    pub(crate) compaction: Compaction<SimDisk>,
    pub(crate) before: u64,
}

/// A partition that is served.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) machine: Partition<Log<SimDisk>>,
    /// Handed to the committer, which has not begun.
    pub(crate) handed: Option<Unsynced<SimDisk>>,
    /// Synced, and not told yet.
    pub(crate) done: Option<Receipt>,
    /// Who waits for the high watermark to reach an offset, in the order of offsets.
    pub(crate) waiting: VecDeque<(Offset, Waiter)>,
}

/// Who waits for a commit.
#[derive(Debug)]
pub(crate) enum Waiter {
    /// A producer, for the batch at this offset.
    Produce(Sender, Offset),
    /// Somebody who asked the coordinator.
    Group(Ticket, Reply),
}

/// Whose batch it is: the producer's place in the world, and the batch's first sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sender {
    pub(crate) producer: usize,
    pub(crate) sequence: i32,
}

/// A producer that is told what became of its batch.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) of: TopicPartition,
    pub(crate) sender: Sender,
    pub(crate) acknowledged: bool,
    /// How often the disk had failed when that was decided.
    pub(crate) failures: u64,
}

/// Why a broker does not start.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Something was seen that must not be.
    Violated(Violation),
    /// The disk refused.
    Refused(String),
}

impl From<Violation> for Stop {
    fn from(violation: Violation) -> Self {
        Self::Violated(violation)
    }
}

impl From<kastellan_log::Error> for Stop {
    fn from(error: kastellan_log::Error) -> Self {
        Self::Refused(error.to_string())
    }
}

impl From<kastellan_core::log::LogError> for Stop {
    fn from(error: kastellan_core::log::LogError) -> Self {
        Self::Refused(error.to_string())
    }
}

/// A replica without others.
pub(crate) fn replica(
    log: Log<SimDisk>,
    producers: Producers,
    durability: Durability,
) -> Partition<Log<SimDisk>> {
    let settings = Settings { durability, ..Settings::default() };
    Partition::new(log, producers, Opening { me: ME, high_watermark: 0, settings })
}

impl Served {
    /// Leads alone in `epoch`, or in that of the log where it is higher.
    pub(crate) fn lead(&mut self, now: Millis, epoch: i32) {
        self.machine.assign(now, &Assignment::alone(ME, epoch));
    }

    /// Where it begins and ends.
    pub(crate) fn ends(&self) -> Ends {
        let log = self.machine.log();
        let high_watermark = self.machine.high_watermark();
        Ends { start: log.start(), high_watermark, end: log.end() }
    }
}

/// The partition of the groups' topic.
pub(crate) fn offsets_partition() -> TopicPartition {
    TopicPartition { topic: OFFSETS.to_owned(), partition: 0 }
}
