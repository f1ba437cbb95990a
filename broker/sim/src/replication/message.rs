//! What goes over the network.

use std::rc::Rc;

use kastellan_core::{
    id::{BrokerId, LeaderEpoch, Offset, Uuid},
    machine::Millis,
    partition::{Position, Proposal},
};
use kastellan_protocol::ErrorCode;

use super::cluster::Cluster;

/// The controller's place in the network.
pub(super) const CONTROLLER: BrokerId = BrokerId(0);
/// Where the clients begin.
pub(super) const CLIENTS: i32 = 100;

/// Tells which question an answer belongs to.
pub(super) type Correlation = u64;

/// A message.
#[derive(Debug, Clone)]
pub(super) enum Message {
    Register {
        incarnation: Uuid,
        clean: Option<i64>,
    },
    Heartbeat {
        epoch: i64,
        version: i64,
        sent: Millis,
        leaves: bool,
    },
    Beaten {
        sent: Millis,
        is_fenced: bool,
        should_shut_down: bool,
    },
    /// The heartbeat that was sent then is of a registration that is not the broker's.
    Unknown {
        sent: Millis,
    },
    /// The connections of a process are reset: it has ended.
    Gone {
        epoch: i64,
    },
    Image(Rc<Cluster>),
    AlterPartition {
        correlation: Correlation,
        epoch: i64,
        proposals: Vec<(i32, Proposal)>,
    },
    Altered {
        correlation: Correlation,
        results: Vec<(i32, Result<(), ErrorCode>)>,
    },
    Fetch(Fetch),
    Fetched(Fetched),
    Produce(Produce),
    Produced {
        correlation: Correlation,
        epoch: LeaderEpoch,
        result: Result<Offset, ErrorCode>,
    },
    Read {
        correlation: Correlation,
        partition: i32,
        offset: Offset,
    },
    Seen {
        correlation: Correlation,
        result: Result<Seen, ErrorCode>,
    },
}

/// A follower asks.
#[derive(Debug, Clone)]
pub(super) struct Fetch {
    pub(super) correlation: Correlation,
    pub(super) broker_epoch: i64,
    pub(super) session_id: i32,
    pub(super) session_epoch: i32,
    pub(super) wanted: Vec<(i32, Position)>,
    pub(super) forgotten: Vec<i32>,
}

/// A leader answers.
#[derive(Debug, Clone)]
pub(super) struct Fetched {
    pub(super) correlation: Correlation,
    pub(super) error: Option<ErrorCode>,
    pub(super) session_id: i32,
    pub(super) partitions: Vec<(i32, Answered)>,
}

/// What a leader says of one partition.
#[derive(Debug, Clone, Default)]
pub(super) struct Answered {
    pub(super) error: Option<ErrorCode>,
    pub(super) high_watermark: Offset,
    pub(super) log_start: Offset,
    pub(super) diverging: Option<(LeaderEpoch, Offset)>,
    pub(super) records: Vec<u8>,
}

/// A producer's batch.
#[derive(Debug, Clone)]
pub(super) struct Produce {
    pub(super) correlation: Correlation,
    pub(super) partition: i32,
    pub(super) all: bool,
    pub(super) batch: Vec<u8>,
}

/// What a consumer was shown.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) records: Vec<u8>,
    /// The newest offset as `ListOffsets` says it; a follower says none.
    pub(super) latest: Option<Result<Offset, ErrorCode>>,
}
