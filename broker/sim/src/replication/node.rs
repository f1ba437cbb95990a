//! A broker: the machines of its replicas and fetchers, driven as the shell drives them.

mod follow;
mod isr;
mod lead;
mod life;
mod look;
mod produce;
mod roles;
mod standing;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    rc::Rc,
};

use kastellan_core::{
    id::{BrokerId, LeaderEpoch, Offset, TopicPartition, Uuid},
    lease::Lease,
    machine::{Millis, Now},
    partition::{Partition, Proposal},
    replica::Fetcher,
    session::Session,
};
use kastellan_log::{Directory, Log, Unsynced};

use super::{
    cluster::Cluster,
    counter::Counters,
    history::History,
    invariant::Violation,
    message::{Correlation, Message},
    mutant::Mutant,
    parameters::Parameters,
};
use crate::{disk::SimDisk, fleet::net::Network, random::Random, trace::Trace};

/// The topic, and its id.
pub(super) const TOPIC: &str = "t";

/// What every part of a world needs.
pub(super) struct Env {
    pub(super) now: Now,
    pub(super) net: Network<Message>,
    pub(super) trace: Trace,
    pub(super) counters: Counters,
    pub(super) history: History,
    /// Partitions that have seen an unclean election: nothing is promised of them any more.
    pub(super) excused: BTreeSet<i32>,
    pub(super) mutant: Option<Mutant>,
    pub(super) random: Random,
    pub(super) parameters: Parameters,
    pub(super) next: Correlation,
    /// The leader epochs as the controller has them now.
    pub(super) leader_epochs: BTreeMap<i32, i32>,
    /// When the leaders of epochs began to act, by partition.
    pub(super) acts: BTreeMap<i32, BTreeMap<LeaderEpoch, Millis>>,
    /// Brokers that are fenced.
    pub(super) fenced: BTreeSet<BrokerId>,
    /// What a broker did that it must not.
    pub(super) wrong: Option<Violation>,
}

impl Env {
    pub(super) fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub(super) fn correlation(&mut self) -> Correlation {
        self.next += 1;
        self.next
    }

    pub(super) fn send(&mut self, from: BrokerId, to: BrokerId, message: Message) {
        self.net.send(self.now.monotonic, from, to, message);
    }
}

/// A broker, up or down.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) id: BrokerId,
    pub(super) disk: SimDisk,
    pub(super) up: Option<Up>,
    pub(super) paused_until: Millis,
    /// The broker epoch that the mark of a clean shutdown names.
    pub(super) clean: Option<i64>,
    pub(super) incarnation: u64,
    /// By partition: of producers' batches before this offset its replica may know nothing, for
    /// they were deleted before it could see them. Kafka's replicas do not tell each other either.
    pub(super) ignorant: BTreeMap<i32, Offset>,
    /// What it had of the metadata when it went down.
    pub(super) remembered: Option<Rc<Cluster>>,
}

/// A broker that runs.
#[derive(Debug)]
pub(super) struct Up {
    me: BrokerId,
    // closed first: logs hold files, the directory holds the lock
    pub(super) replicas: BTreeMap<i32, Held>,
    pub(super) directory: Directory<SimDisk>,
    pub(super) epoch: Option<i64>,
    /// What it has applied of the metadata.
    pub(super) cluster: Rc<Cluster>,
    /// Whether roles were taken up from it.
    pub(super) applied: bool,
    fetchers: BTreeMap<BrokerId, Feed>,
    sessions: BTreeMap<i32, Serving>,
    next_session: i32,
    asked: Option<Asked>,
    lease: Lease,
    /// When the lease is to hear that it runs.
    runs_at: Millis,
    /// When the heartbeat was sent that has no answer yet, and until when one is waited for.
    beat: Option<(Millis, Millis)>,
    next_heartbeat: Millis,
    /// The controller does not know its registration: it registers once more.
    unknown: bool,
    pub(super) stay: Stay,
    /// The controller has let it lead.
    pub(super) led: bool,
    /// When a sync that was asked for is done.
    sync_at: Option<Millis>,
    high_watermarks: kastellan_log::checkpoint::Offsets,
}

/// Whether a broker is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stay {
    Stays,
    /// It has asked the controller for leave.
    Asks,
    MayEnd,
}

/// A replica.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) machine: Partition<Log<SimDisk>>,
    handed: Option<Unsynced<SimDisk>>,
    waiting: VecDeque<(Offset, Waiter)>,
    /// Up to here its log was held against the history.
    checked: Offset,
    /// The high watermark when it was looked at last.
    seen: Offset,
}

/// A producer that waits.
#[derive(Debug, Clone, Copy)]
struct Waiter {
    client: BrokerId,
    correlation: Correlation,
    base: Offset,
}

/// What is fetched from one node.
#[derive(Debug)]
struct Feed {
    fetcher: Fetcher,
    outstanding: VecDeque<(Correlation, Millis)>,
}

/// A follower's session, as its leader keeps it.
#[derive(Debug)]
struct Serving {
    session: Session<()>,
    follower: BrokerId,
    broker_epoch: i64,
    parked: Option<Parked>,
}

#[derive(Debug, Clone, Copy)]
struct Parked {
    correlation: Correlation,
    until: Millis,
}

/// Proposals on their way.
#[derive(Debug)]
struct Asked {
    correlation: Correlation,
    until: Millis,
    proposals: Vec<(i32, Proposal)>,
}

/// The name of partition `index`.
pub(super) fn name(index: i32) -> TopicPartition {
    TopicPartition { topic: TOPIC.to_owned(), partition: index }
}

/// The topic's id.
pub(super) fn topic() -> Uuid {
    Uuid::from_u128(11)
}
