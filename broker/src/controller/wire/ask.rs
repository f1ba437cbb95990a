//! Asking a peer on the quorum's behalf.

use std::time::Duration;

use kastellan_core::{
    id::BrokerId,
    quorum::{Request, Response},
};
use kastellan_protocol::protocol;

use super::{fetch, vote};
use crate::peers::{PeerError, Peers, Purpose};

/// Whom to ask, and for how long to wait.
pub(in crate::controller) struct Asking<'a> {
    pub(in crate::controller) peers: &'a Peers,
    pub(in crate::controller) cluster: &'a str,
    pub(in crate::controller) to: BrokerId,
    pub(in crate::controller) patience: Duration,
}

/// There is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::controller) struct Unanswered {
    /// Nobody listens there.
    pub(in crate::controller) gone: bool,
}

/// Sends a request. `then` is called once, with the answer or that there is none, on a thread of
/// the peers or on this one.
pub(in crate::controller) fn ask(
    asking: &Asking<'_>,
    request: Request,
    then: impl FnOnce(Result<Response, Unanswered>) + Send + 'static,
) {
    let cluster = asking.cluster;
    match request {
        Request::Vote(asked) => {
            send(asking, Purpose::Quorum, &vote::ask(&asked, cluster), then, |it| {
                vote::answered(&it)
            });
        }
        Request::BeginQuorumEpoch(asked) => {
            send(asking, Purpose::Quorum, &vote::begin(&asked, cluster), then, |it| {
                vote::begun(&it)
            });
        }
        Request::EndQuorumEpoch(asked) => {
            send(asking, Purpose::Quorum, &vote::end(&asked, cluster), then, |it| vote::ended(&it));
        }
        Request::Fetch(asked) => {
            send(asking, Purpose::QuorumFetch, &fetch::ask(&asked, cluster), then, fetch::answered);
        }
        Request::FetchSnapshot(asked) => {
            let request = fetch::ask_snapshot(&asked, cluster);
            send(asking, Purpose::QuorumFetch, &request, then, fetch::snapshot_answered);
        }
        // the voters are those of the settings, and only a leader's clients ask for the rest
        Request::UpdateRaftVoter(_)
        | Request::AddRaftVoter(_)
        | Request::RemoveRaftVoter(_)
        | Request::DescribeQuorum => then(Err(Unanswered { gone: false })),
    }
}

fn send<R: protocol::Request>(
    asking: &Asking<'_>,
    purpose: Purpose,
    request: &R,
    then: impl FnOnce(Result<Response, Unanswered>) + Send + 'static,
    read: impl FnOnce(R::Response) -> Option<Response> + Send + 'static,
) where
    R::Response: 'static,
{
    let to = asking.to;
    asking.peers.send((to, purpose), request, asking.patience, move |answer| {
        let gone = answer.as_ref().is_err_and(PeerError::is_refused);
        if let Err(why) = &answer {
            tracing::debug!(node = to.0, %why, "a replica of the metadata log does not answer");
        }
        then(answer.ok().and_then(read).ok_or(Unanswered { gone }));
    });
}
