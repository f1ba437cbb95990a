//! One partition's replica: what is appended, what a reader may see, and how its log agrees with
//! those of the others.
//!
//! The same machine leads or follows, as the controller's [`Assignment`] says. A leader appends,
//! knows from its followers' fetches how far they are, and moves the high watermark; a follower
//! appends what it was sent, and truncates where its log left the leader's (KIP-101, KIP-279,
//! KIP-320, KIP-966). Pure and generic over its [`Log`], so that the simulator runs the same
//! decisions on a disk that loses blocks.

mod append;
mod assign;
mod delete;
mod epoch;
mod follow;
mod in_sync;
mod lead;
mod read;
mod replica;

use std::time::Duration;

use kastellan_protocol::ErrorCode;

use self::lead::Leader;
pub use self::{
    append::{Appending, Outcome},
    assign::{Assigned, Assignment},
    follow::{Answer, Followed, Position},
    in_sync::Proposal,
    lead::Fetching,
    read::{Fetched, From, Isolation, Listed, Place},
};
use crate::{
    id::{BrokerId, LeaderEpoch, Offset},
    log::{Log, LogError},
    producer::Producers,
};

/// What an acknowledgement of `acks=all` promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Kafka's rule: every in-sync replica has it, in its page cache at least.
    #[default]
    Replicated,
    /// It is on the disk of every in-sync replica, too.
    Fsync,
}

/// What the topic and the broker want of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// What `acks=all` promises.
    pub durability: Durability,
    /// `min.insync.replicas`, 1 or more.
    pub min_in_sync: i32,
    /// `replica.lag.time.max.ms`: for how long a follower may be behind and stay in sync.
    pub lag: Duration,
}

impl Default for Settings {
    /// Kafka's defaults.
    fn default() -> Self {
        let lag = Duration::from_secs(30);
        Self { durability: Durability::Replicated, min_in_sync: 1, lag }
    }
}

/// What a replica starts from, beside its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// The broker that holds it.
    pub me: BrokerId,
    /// The high watermark as it was checkpointed last; 0 where it never was.
    pub high_watermark: Offset,
    /// What is wanted of it.
    pub settings: Settings,
}

/// What an input has changed, for the shell to act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moved {
    /// Readers see more than before; who waits for the high watermark may be answered.
    pub visible: bool,
    /// [`Partition::take_proposal`] has something to send.
    pub proposal: bool,
}

/// One replica of a partition.
#[expect(clippy::struct_field_names, reason = "\"partition epoch\" is Kafka's word")]
#[derive(Debug)]
pub struct Partition<L> {
    me: BrokerId,
    log: L,
    producers: Producers,
    settings: Settings,
    /// The leader epoch of the last assignment; -1 before the first.
    epoch: LeaderEpoch,
    /// The partition epoch that goes with it.
    partition_epoch: i32,
    /// One past the last offset that readers see; never ahead of the log, and never falls but for
    /// an unclean election.
    high_watermark: Offset,
    /// One past the last offset that is known to be on the disk.
    synced: Offset,
    /// An unclean election may have left committed records out since this replica last agreed with
    /// a leader, or nobody can tell: then truncating below the high watermark is right.
    unclean: bool,
    role: Role,
}

/// What the replica does at present.
#[derive(Debug)]
enum Role {
    /// It has not been assigned, or nobody leads.
    Idle,
    Leader(Leader),
    Follower(BrokerId),
}

impl<L: Log> Partition<L> {
    /// A replica that waits to be assigned. What was recovered counts as synced: recovery has
    /// checked it, and a restarted broker has nothing better.
    pub fn new(log: L, producers: Producers, opening: Opening) -> Self {
        let (start, end) = (log.start(), log.end());
        Self {
            me: opening.me,
            log,
            producers,
            settings: opening.settings,
            epoch: -1,
            partition_epoch: -1,
            high_watermark: opening.high_watermark.clamp(start, end),
            synced: end,
            unclean: true,
            role: Role::Idle,
        }
    }

    /// The log.
    pub fn log(&self) -> &L {
        &self.log
    }

    /// The log, to be maintained: rolled, cleaned, compacted. Appends go through
    /// [`Partition::append`].
    pub fn log_mut(&mut self) -> &mut L {
        &mut self.log
    }

    /// The log, for whoever closes or deletes it.
    pub fn into_log(self) -> L {
        self.log
    }

    /// The producers that are remembered.
    pub fn producers(&self) -> &Producers {
        &self.producers
    }

    /// The producers, to be expired or rebuilt.
    pub fn producers_mut(&mut self) -> &mut Producers {
        &mut self.producers
    }

    /// What `acks=all` promises here.
    pub fn durability(&self) -> Durability {
        self.settings.durability
    }

    /// What is wanted of the replica from now on.
    pub fn configure(&mut self, settings: Settings) -> Moved {
        self.settings = settings;
        Moved { visible: self.advance(), proposal: false }
    }

    /// One past the last offset that readers see.
    pub fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// Whether it leads.
    pub fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    /// Whether others hold the partition, too, as far as is known.
    pub fn is_replicated(&self) -> bool {
        match &self.role {
            Role::Idle | Role::Follower(_) => true,
            Role::Leader(leader) => !leader.followers.is_empty(),
        }
    }

    /// Who leads, as far as this replica was told.
    pub fn leader(&self) -> Option<BrokerId> {
        match &self.role {
            Role::Idle => None,
            Role::Leader(_) => Some(self.me),
            Role::Follower(leader) => Some(*leader),
        }
    }

    /// Everything before `upto` is on the disk. True: readers see more than before.
    pub fn synced(&mut self, upto: Offset) -> bool {
        self.synced = self.synced.max(upto.min(self.log.end()));
        self.advance()
    }

    /// How far this replica's own log counts.
    fn own_end(&self) -> Offset {
        match self.settings.durability {
            Durability::Replicated => self.log.end(),
            Durability::Fsync => self.synced,
        }
    }

    fn as_leader(&self) -> Result<&Leader, ErrorCode> {
        match &self.role {
            Role::Leader(leader) => Ok(leader),
            Role::Idle | Role::Follower(_) => Err(ErrorCode::NotLeaderOrFollower),
        }
    }
}

/// The error code that tells a client what a log said.
pub fn code(error: &LogError) -> ErrorCode {
    match error {
        LogError::OutOfRange { .. } => ErrorCode::OffsetOutOfRange,
        LogError::Poisoned(_) | LogError::Unreadable(_) => ErrorCode::KafkaStorageError,
    }
}

#[cfg(test)]
mod tests;
