//! What the two APIs have in common that change the voters of the quorum.

use kastellan_core::{
    metadata::Failure,
    quorum::{Request, Response},
};
use kastellan_protocol::ErrorCode;

use crate::{
    access::needs::Need,
    broker::Broker,
    call::{Call, Way},
};

/// Whether the client may, means this cluster, and has reached whoever decides.
pub(super) fn check(
    broker: &Broker,
    call: &Call,
    need: Need,
    cluster: Option<&str>,
) -> Result<(), Failure> {
    broker.judge(&call.client).check_cluster(need)?;
    if let Some(cluster) = cluster.filter(|cluster| *cluster != broker.cluster_id()) {
        let message = format!("this cluster is {}, not {cluster}", broker.cluster_id());
        return Err(Failure::new(ErrorCode::InconsistentClusterId, message));
    }
    match call.way {
        Way::Failed(code) => Err(Failure::new(code, "the active controller could not be asked")),
        _ => Ok(()),
    }
}

/// Has the quorum change its voters.
pub(super) fn change(
    broker: &Broker,
    request: Request,
    answer: impl FnOnce(Result<(), Failure>) + Send + 'static,
) {
    broker.controller.consult(request, |response| {
        let Some(Response::AddRaftVoter(standing) | Response::RemoveRaftVoter(standing)) = response
        else {
            let message = "the metadata log of this node has failed";
            return answer(Err(Failure::new(ErrorCode::KafkaStorageError, message)));
        };
        answer(standing.error.map_or(Ok(()), |code| Err(Failure::new(code, said(code)))));
    });
}

fn said(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::DuplicateVoter => "a voter has that id already: remove that one first",
        ErrorCode::VoterNotFound => {
            "no voter has that id and that directory: kafka-metadata-quorum describe --replication \
             names them"
        }
        ErrorCode::InvalidRequest => "it is the last voter: add another one first",
        ErrorCode::NotLeaderOrFollower => "this node does not lead the metadata log",
        ErrorCode::UnsupportedVersion => "the voters of a cluster of one broker do not change",
        ErrorCode::RequestTimedOut => {
            "another change is under way, or the replica has not caught up with the metadata log: \
             try again once it has"
        }
        _ => "the voters were not changed",
    }
}
