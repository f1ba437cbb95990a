//! `AddRaftVoter`: a replica of the metadata log gets a vote (KIP-853).

use std::sync::Arc;

use kastellan_core::{
    id::BrokerId,
    metadata::Failure,
    quorum::{Endpoint, ReplicaKey, Request, Voter},
};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{AddRaftVoterRequest, AddRaftVoterResponse},
};

use super::{failure, voters};
use crate::{access::needs::ADD_RAFT_VOTER, broker::Broker, call::Call, peers::LISTENER};

/// Answers once the new set of voters is committed, or at once where it cannot be changed now.
///
/// Errors: 31 without the right to Alter the cluster; 104 `INCONSISTENT_CLUSTER_ID`; 42
/// `INVALID_REQUEST` without an address of the listener for peers; 126 `DUPLICATE_VOTER`; 7
/// `REQUEST_TIMED_OUT` while it has not caught up, or while another change is under way. A change
/// is one at a time, and what is behind would hold up every decision.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: AddRaftVoterRequest = call.decode()?;
    let checked = voters::check(broker, &call, ADD_RAFT_VOTER, request.cluster_id.as_deref())
        .and_then(|()| voter(request));
    let answer = move |result| {
        let (code, message) = failure::of(result);
        let response = AddRaftVoterResponse::default();
        call.reply.send(&response.with_error_code(code).with_error_message(message));
    };
    match checked {
        Ok(voter) => voters::change(broker, Request::AddRaftVoter(voter), answer),
        Err(why) => answer(Err(why)),
    }
    Ok(())
}

fn voter(request: AddRaftVoterRequest) -> Result<Voter, Failure> {
    let endpoints: Vec<Endpoint> = request
        .listeners
        .into_iter()
        .map(|listener| Endpoint {
            // Apache's admin client has it in capitals
            name: listener.name.to_ascii_lowercase(),
            host: listener.host.to_string(),
            port: listener.port,
        })
        .collect();
    if !endpoints.iter().any(|endpoint| endpoint.name == LISTENER) {
        let message = format!("the voter's listener {LISTENER} is missing: say where it is");
        return Err(Failure::new(ErrorCode::InvalidRequest, message));
    }
    let (id, directory) = (BrokerId(request.voter_id), request.voter_directory_id);
    Ok(Voter { key: ReplicaKey { id, directory }, endpoints })
}
