//! A replica votes for one candidate in an epoch, whatever it forgets in between (Raft, 5.2).
//!
//! Told by the answers that went out and by the candidacies that began, not by what a replica
//! remembers. KAFKA-10527 was a violation of it.

use kastellan_core::{id::LeaderEpoch, quorum::ReplicaKey};

use super::{Check, Invariant, ensure};
use crate::fleet::env::Env;

pub(crate) fn check(
    env: &mut Env,
    epoch: LeaderEpoch,
    voter: ReplicaKey,
    candidate: ReplicaKey,
) -> Check {
    env.counters.compared(Invariant::OneVotePerEpoch);
    let first = *env.model.votes.entry((epoch, voter)).or_insert(candidate);
    ensure(first == candidate, Invariant::OneVotePerEpoch, || {
        format!(
            "{:?} voted for {:?} and for {:?} in epoch {epoch}",
            voter.id, first.id, candidate.id
        )
    })
}
