//! `RemoveRaftVoter`: a replica of the metadata log votes no more (KIP-853).

use std::sync::Arc;

use kastellan_core::{
    id::BrokerId,
    quorum::{ReplicaKey, Request},
};
use kastellan_protocol::{
    Refused,
    messages::{RemoveRaftVoterRequest, RemoveRaftVoterResponse},
};

use super::{failure, voters};
use crate::{access::needs::REMOVE_RAFT_VOTER, broker::Broker, call::Call};

/// Answers once the new set of voters is committed, or at once where it cannot be changed now. Who
/// leads the quorum leads until its own removal is committed.
///
/// Errors: 31 without the right to Alter the cluster; 104 `INCONSISTENT_CLUSTER_ID`; 127
/// `VOTER_NOT_FOUND`; 42 `INVALID_REQUEST` for the last one; 7 `REQUEST_TIMED_OUT` while another
/// change is under way.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: RemoveRaftVoterRequest = call.decode()?;
    let checked = voters::check(broker, &call, REMOVE_RAFT_VOTER, request.cluster_id.as_deref());
    let answer = move |result| {
        let (code, message) = failure::of(result);
        let response = RemoveRaftVoterResponse::default();
        call.reply.send(&response.with_error_code(code).with_error_message(message));
    };
    let (id, directory) = (BrokerId(request.voter_id), request.voter_directory_id);
    match checked {
        Ok(()) => {
            let request = Request::RemoveRaftVoter(ReplicaKey { id, directory });
            voters::change(broker, request, answer);
        }
        Err(why) => answer(Err(why)),
    }
    Ok(())
}
