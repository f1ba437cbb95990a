//! What a replica does at a time, and what it keeps only for as long as it does that.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    message::FetchRequest,
    view::SnapshotId,
    voters::{Endpoint, ReplicaKey},
};
use crate::{
    id::{BrokerId, Offset},
    machine::{Millis, Ticket},
};

#[derive(Debug)]
pub(super) enum Role {
    Unattached(Unattached),
    Prospective(Campaign),
    Candidate(Campaign),
    Leader(Box<Leader>),
    Follower(Follower),
}

impl Role {
    pub(super) fn unattached() -> Self {
        Self::Unattached(Unattached { until: Millis::ZERO, ask_at: Millis::ZERO })
    }
}

/// Knows no leader, and looks for one.
#[derive(Debug)]
pub(super) struct Unattached {
    /// When a voter loses patience.
    pub(super) until: Millis,
    /// When to ask somebody who leads.
    pub(super) ask_at: Millis,
}

/// Asks for votes, or whether there would be any.
#[derive(Debug)]
pub(super) struct Campaign {
    /// When to try again.
    pub(super) until: Millis,
    pub(super) granted: BTreeSet<BrokerId>,
    pub(super) refused: BTreeSet<BrokerId>,
}

impl Campaign {
    pub(super) fn until(until: Millis) -> Self {
        Self { until, granted: BTreeSet::new(), refused: BTreeSet::new() }
    }
}

/// Leads.
#[derive(Debug)]
pub(super) struct Leader {
    /// The offset of its epoch's first record.
    pub(super) begins: Offset,
    /// When its epoch began.
    pub(super) since: Millis,
    /// How far everybody else is.
    pub(super) progress: BTreeMap<ReplicaKey, Progress>,
    /// Fetches that wait for something new.
    pub(super) parked: Vec<Parked>,
    /// When to tell voters that do not fetch who leads.
    pub(super) begin_at: Millis,
    /// A change of the voters that is not committed.
    pub(super) change: Option<Change>,
}

/// How far a replica is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    /// Everything before is on its disk.
    pub(super) end: Offset,
    /// When it asked last.
    pub(super) fetched: Millis,
    /// The same, in milliseconds since 1970.
    pub(super) fetched_wall: i64,
    /// When it last had everything there was, in milliseconds since 1970; -1: never.
    pub(super) caught_up_wall: i64,
    /// The log's end when it asked last, and when that was: who reaches it was caught up then.
    pub(super) seen: (Offset, i64),
}

/// A fetch that waits.
#[derive(Debug)]
pub(super) struct Parked {
    pub(super) token: Ticket,
    pub(super) request: FetchRequest,
    pub(super) until: Millis,
}

/// A change of the voters under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    /// Whom to answer; nobody where the leader changed them itself.
    pub(super) token: Option<(Ticket, Kind)>,
    /// The offset of the record.
    pub(super) at: Offset,
}

/// Which API changes the voters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Add,
    Remove,
    Update,
}

/// Follows a leader.
#[derive(Debug)]
pub(super) struct Follower {
    /// Where the leader listens, if that is not a voter's known endpoint.
    pub(super) endpoints: Vec<Endpoint>,
    /// When to give the leader up.
    pub(super) until: Millis,
    /// Whether the leader has answered a fetch within that time.
    pub(super) fetched: bool,
    /// When to fetch next, if nothing else stands against it.
    pub(super) fetch_at: Millis,
    /// The snapshot that is being fetched, and from where on.
    pub(super) download: Option<Download>,
    /// When to tell the leader of a new directory or endpoint.
    pub(super) update_at: Millis,
}

/// A snapshot on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Download {
    pub(super) snapshot: SnapshotId,
    pub(super) position: u64,
    /// All of it is here, and the driver works on it.
    pub(super) whole: bool,
}
