//! What a peer asks of the quorum, and the answer on its way back.

use kastellan_core::quorum::{Request, Response};
use kastellan_protocol::{
    Refused,
    messages::{
        ApiKey, BeginQuorumEpochRequest, EndQuorumEpochRequest, FetchRequest, FetchSnapshotRequest,
        VoteRequest,
    },
};

use super::{fetch, vote};
use crate::call::{Call, Responder};

/// Writes the quorum's answer where the request came from.
pub(in crate::controller) struct Answer {
    api: ApiKey,
    reply: Responder,
}

impl Answer {
    /// Sends it. Without one the connection is closed: the peer asks somebody else.
    pub(in crate::controller) fn send(self, response: Option<Response>) {
        let reply = self.reply;
        match (self.api, response) {
            (ApiKey::Vote, Some(Response::Vote { standing, granted })) => {
                reply.send(&vote::answer(&standing, granted));
            }
            (ApiKey::BeginQuorumEpoch, Some(Response::BeginQuorumEpoch(standing))) => {
                reply.send(&vote::begin_answer(&standing));
            }
            (ApiKey::EndQuorumEpoch, Some(Response::EndQuorumEpoch(standing))) => {
                reply.send(&vote::end_answer(&standing));
            }
            (ApiKey::Fetch, Some(Response::Fetch(response))) => {
                reply.send(&fetch::answer(response));
            }
            (ApiKey::FetchSnapshot, Some(Response::FetchSnapshot(response))) => {
                reply.send(&fetch::snapshot_answer(response));
            }
            _ => reply.close("the quorum has no answer"),
        }
    }
}

/// Reads a request of the quorum; `None`, and the connection closed, for one about anything else
/// than this cluster's metadata log, or in another replica's name.
pub(in crate::controller) fn hear(call: Call, cluster: &str) -> Option<(Request, Answer)> {
    let api = call.header.api()?;
    let read = read(api, &call, cluster);
    let reply = call.reply;
    match read {
        Ok(Some((request, speaker))) => {
            let peer = call.client.peer;
            if peer.is_some_and(|peer| peer.may_be(speaker)) {
                return Some((request, Answer { api, reply }));
            }
            reply.close("a replica speaks in another one's name");
        }
        Ok(None) => reply.close("a request about another log than this cluster's metadata"),
        Err(why) => {
            tracing::debug!(?api, %why, "a peer's request is malformed");
            reply.close("a malformed request of a peer");
        }
    }
    None
}

/// The request, and the node that speaks in it.
fn read(api: ApiKey, call: &Call, cluster: &str) -> Result<Option<(Request, i32)>, Refused> {
    let version = call.version();
    let body = call.body.clone();
    let ours = |id: Option<&str>| id.is_none_or(|id| id == cluster);
    Ok(match api {
        ApiKey::Vote => {
            let request: VoteRequest = kastellan_protocol::decode(version, body)?;
            vote::read(&request).filter(|_| ours(request.cluster_id.as_deref()))
        }
        ApiKey::BeginQuorumEpoch => {
            let request: BeginQuorumEpochRequest = kastellan_protocol::decode(version, body)?;
            vote::read_begin(&request).filter(|_| ours(request.cluster_id.as_deref()))
        }
        ApiKey::EndQuorumEpoch => {
            let request: EndQuorumEpochRequest = kastellan_protocol::decode(version, body)?;
            vote::read_end(&request).filter(|_| ours(request.cluster_id.as_deref()))
        }
        ApiKey::Fetch => {
            let request: FetchRequest = kastellan_protocol::decode(version, body)?;
            fetch::read(&request).filter(|_| ours(request.cluster_id.as_deref()))
        }
        ApiKey::FetchSnapshot => {
            let request: FetchSnapshotRequest = kastellan_protocol::decode(version, body)?;
            fetch::read_snapshot(&request).filter(|_| ours(request.cluster_id.as_deref()))
        }
        _ => None,
    })
}
