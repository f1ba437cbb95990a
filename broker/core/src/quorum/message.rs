//! What replicas of the metadata log say to each other: Kafka's messages, for the one partition
//! that there is (KIP-595, KIP-630, KIP-853, KIP-996).
//!
//! The shell codes them with the crate `kafka-protocol`. Names are those of Kafka's schemas.

use bytes::Bytes;
use kastellan_protocol::ErrorCode;

use super::{
    describe::Description,
    view::SnapshotId,
    voters::{Endpoint, ReplicaKey, Voter},
};
use crate::id::{BrokerId, LeaderEpoch, Offset};

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is Kafka's API of that name")]
pub enum Request {
    Vote(VoteRequest),
    BeginQuorumEpoch(BeginQuorumEpochRequest),
    EndQuorumEpoch(EndQuorumEpochRequest),
    Fetch(FetchRequest),
    FetchSnapshot(FetchSnapshotRequest),
    UpdateRaftVoter(UpdateRaftVoterRequest),
    AddRaftVoter(Voter),
    RemoveRaftVoter(ReplicaKey),
    DescribeQuorum,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is Kafka's API of that name")]
pub enum Response {
    Vote { standing: Standing, granted: bool },
    BeginQuorumEpoch(Standing),
    EndQuorumEpoch(Standing),
    Fetch(FetchResponse),
    FetchSnapshot(FetchSnapshotResponse),
    UpdateRaftVoter(Standing),
    AddRaftVoter(Standing),
    RemoveRaftVoter(Standing),
    DescribeQuorum(Result<Description, Standing>),
}

/// What every answer says: an error, and what the answering replica knows of the leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What went wrong, if anything did.
    pub error: Option<ErrorCode>,
    /// The epoch that the answering replica is in.
    pub epoch: LeaderEpoch,
    /// The leader of that epoch, where it is known.
    pub leader: Option<BrokerId>,
    /// Where that leader listens.
    pub endpoints: Vec<Endpoint>,
}

/// Asks for a vote, or whether there would be one (KIP-996).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoteRequest {
    /// Who is asked.
    pub voter: ReplicaKey,
    /// Who asks.
    pub candidate: ReplicaKey,
    /// The epoch it wants to lead in; before a candidacy, the one it is in.
    pub epoch: LeaderEpoch,
    /// The epoch of its last record.
    pub last_epoch: LeaderEpoch,
    /// One past its last offset.
    pub last_offset: Offset,
    /// Whether it only wants to know.
    pub pre_vote: bool,
}

/// Says who leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeginQuorumEpochRequest {
    /// Who is told.
    pub voter: ReplicaKey,
    /// Who leads.
    pub leader: BrokerId,
    /// In which epoch.
    pub epoch: LeaderEpoch,
    /// Where the leader listens.
    pub endpoints: Vec<Endpoint>,
}

/// Says that a leader leads no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndQuorumEpochRequest {
    /// Who led.
    pub leader: BrokerId,
    /// In which epoch.
    pub epoch: LeaderEpoch,
    /// Who had better follow, the best first.
    pub successors: Vec<ReplicaKey>,
}

/// Asks for records, and says how far one's own go: those before `offset` are on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchRequest {
    /// Who asks.
    pub replica: ReplicaKey,
    /// The epoch that it believes to be the present one.
    pub epoch: LeaderEpoch,
    /// One past its last offset.
    pub offset: Offset,
    /// The epoch of its last record.
    pub last_epoch: LeaderEpoch,
    /// The high watermark that it knows (KIP-1166); `Offset::MAX` from those who do not tell.
    pub high_watermark: Offset,
    /// How long to wait for something new, in milliseconds.
    pub max_wait_ms: u32,
    /// The most bytes wanted; one batch comes in any case.
    pub max_bytes: u32,
}

/// Records, or where the asking replica's log went another way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchResponse {
    /// Errors and leader.
    pub standing: Standing,
    /// One past the last committed offset.
    pub high_watermark: Offset,
    /// The first offset in the leader's log.
    pub log_start: Offset,
    /// Up to where the logs may agree: this epoch ended here.
    pub diverging: Option<(LeaderEpoch, Offset)>,
    /// The snapshot to fetch first.
    pub snapshot: Option<SnapshotId>,
    /// Whole batches.
    pub records: Bytes,
}

/// Asks for a part of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchSnapshotRequest {
    /// Who asks.
    pub replica: ReplicaKey,
    /// The epoch that it believes to be the present one.
    pub epoch: LeaderEpoch,
    /// Which snapshot.
    pub snapshot: SnapshotId,
    /// From which byte on.
    pub position: u64,
    /// The most bytes wanted.
    pub max_bytes: u32,
}

/// A part of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchSnapshotResponse {
    /// Errors and leader.
    pub standing: Standing,
    /// Which snapshot.
    pub snapshot: SnapshotId,
    /// The size of the whole, in bytes.
    pub size: u64,
    /// From which byte on.
    pub position: u64,
    /// The bytes.
    pub bytes: Bytes,
}

/// A voter's present directory and endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateRaftVoterRequest {
    /// The epoch that the voter is in.
    pub epoch: LeaderEpoch,
    /// The voter as it is now.
    pub voter: Voter,
}
