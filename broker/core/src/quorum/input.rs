//! What the machine is told, and what it wants done.

use bytes::Bytes;

use super::{
    message::{FetchResponse, FetchSnapshotResponse, Request, Response},
    view::SnapshotId,
    voters::{ReplicaKey, Voters},
};
use crate::{
    id::{BrokerId, LeaderEpoch, Offset},
    machine::Ticket,
};

/// One input, with the randomness that its timeouts are drawn from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Fresh with every input.
    pub random: u64,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The log is open and the peers can be reached. First of all.
    Start,
    /// The deadline has passed.
    Tick,
    /// A request came; answered by [`Effect::Reply`] or its kin, at once or later.
    Request {
        /// Whom to answer.
        token: Ticket,
        /// What is asked.
        request: Request,
    },
    /// A request of ours was answered.
    Response {
        /// The number it was sent with.
        correlation: u64,
        /// The answer.
        response: Response,
    },
    /// A request of ours will not be answered.
    Unreachable {
        /// The number it was sent with.
        correlation: u64,
        /// Nobody listens there: the process has ended, as far as one can tell from here. A hint,
        /// which may be wrong.
        gone: bool,
    },
    /// The driver has appended records of the epoch that this replica leads in.
    Appended {
        /// One past the last of them.
        end: Offset,
    },
    /// Everything before `upto` is on the disk.
    Synced {
        /// One past the last offset that is.
        upto: Offset,
    },
    /// A snapshot of committed records was written, and the log begins behind it from now on.
    SnapshotTaken(SnapshotId),
    /// The snapshot that was fetched is on the disk, and the log begins anew, empty, at its end.
    SnapshotInstalled {
        /// Which one.
        snapshot: SnapshotId,
        /// The voters that it names, if it does.
        voters: Option<Voters>,
    },
    /// What was fetched of a snapshot is no whole snapshot.
    SnapshotDamaged,
    /// This replica must not lead: it is about to stop, or cannot do its work.
    Resign,
}

/// The state that outlives the process: `quorum-state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stored {
    /// The newest epoch that is known.
    pub epoch: LeaderEpoch,
    /// Its leader, where that is known.
    pub leader: Option<BrokerId>,
    /// Who got this replica's vote in it.
    pub voted: Option<ReplicaKey>,
}

/// What to do, strictly in this order: what a later effect says may rest on an earlier one being
/// durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Write this down, durably, before anything that follows.
    Persist(Stored),
    /// Append these whole batches; offsets and epochs are in them.
    Append(Bytes),
    /// Drop every record at and behind `end`, durably, before anything that follows.
    Truncate {
        /// The new end.
        end: Offset,
    },
    /// Sync the log; [`Event::Synced`] says when that is done.
    Sync,
    /// Send a request. The answer, or that there is none, comes back with `correlation`.
    Send {
        /// To which node.
        to: BrokerId,
        /// What to tell its answer by; never 0, never used twice by a process.
        correlation: u64,
        /// What to send.
        request: Request,
    },
    /// Answer a request.
    Reply {
        /// Which one.
        token: Ticket,
        /// The answer.
        response: Response,
    },
    /// Answer a fetch with records of the log: whole batches from `from` to the log's end.
    ReplyRecords {
        /// Which request.
        token: Ticket,
        /// The answer but for the records.
        response: FetchResponse,
        /// The first offset.
        from: Offset,
        /// The most bytes, but for the first batch, which comes whole.
        max_bytes: u32,
    },
    /// Answer with a part of a snapshot; with 98 `SNAPSHOT_NOT_FOUND` where it is gone, with 99
    /// `POSITION_OUT_OF_RANGE` where the position is none of its.
    ReplySnapshot {
        /// Which request.
        token: Ticket,
        /// The answer but for size and bytes.
        response: FetchSnapshotResponse,
        /// The most bytes.
        max_bytes: u32,
    },
    /// Write a part of a snapshot that is being fetched; at position 0 begin anew.
    SnapshotChunk {
        /// Which snapshot.
        snapshot: SnapshotId,
        /// From which byte on.
        position: u64,
        /// The bytes.
        bytes: Bytes,
    },
    /// The snapshot is whole: sync it, empty the log, begin it at the snapshot's end; then
    /// [`Event::SnapshotInstalled`] or [`Event::SnapshotDamaged`].
    SnapshotDone(SnapshotId),
    /// Records before this offset are committed.
    HighWatermark(Offset),
    /// This replica's part has changed.
    Role(Part),
}

/// What a replica is at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// What it does.
    pub role: RoleKind,
    /// In which epoch.
    pub epoch: LeaderEpoch,
    /// Who leads in it, where that is known.
    pub leader: Option<BrokerId>,
}

/// What a replica does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoleKind {
    /// Knows no leader.
    Unattached,
    /// Asks whether it would be elected (KIP-996).
    Prospective,
    /// Asks for votes.
    Candidate,
    /// Leads.
    Leader,
    /// Follows, and votes.
    Follower,
    /// Follows without a vote.
    Observer,
}
