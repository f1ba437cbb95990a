//! Proposals to the controller: one request at a time, for all partitions.

use kastellan_core::{
    id::BrokerId,
    machine::Millis,
    partition::{Assignment, Proposal},
};
use kastellan_protocol::ErrorCode;

use super::{Asked, Env, Node};
use crate::replication::{
    counter::Rare,
    message::{CONTROLLER, Correlation, Message},
    mutant::Mutant,
};

/// Milliseconds after which an answer is not waited for any more.
const PATIENCE: u64 = 400;

impl Node {
    /// Sends what leaders want to propose, unless something is under way.
    pub(super) fn propose(&mut self, env: &mut Env) {
        let id = self.id;
        let Some(up) = self.up.as_mut().filter(|up| up.asked.is_none()) else { return };
        let Some(epoch) = up.epoch else { return };
        let mut proposals = Vec::new();
        for (index, held) in &mut up.replicas {
            if let Some(mut proposal) = held.machine.take_proposal() {
                if env.is(Mutant::ForgetTheMaximalIsr) {
                    let refused = Some(Err(ErrorCode::InvalidRequest));
                    held.machine.proposal_answered(env.now.monotonic, &proposal, refused);
                }
                if env.is(Mutant::ExpandTooEarly) {
                    add_everybody(&mut proposal, id, &up.cluster, *index);
                }
                proposals.push((*index, proposal));
            } else if env.is(Mutant::ExpandTooEarly)
                && held.machine.is_leader()
                && let Some(known) = up.cluster.partitions.get(index)
                && known.isr.len() < known.replicas.len()
            {
                let isr = known.isr.iter().map(|member| (*member, -1)).collect();
                let (leader_epoch, partition_epoch) = (known.leader_epoch, known.partition_epoch);
                let mut proposal = Proposal { leader_epoch, partition_epoch, isr };
                add_everybody(&mut proposal, id, &up.cluster, *index);
                proposals.push((*index, proposal));
            }
        }
        if proposals.is_empty() {
            return;
        }
        env.trace.note(format_args!("  {id:?} proposes {proposals:?}"));
        let correlation = env.correlation();
        let until = Millis(env.now.monotonic.0 + PATIENCE);
        let message = Message::AlterPartition { correlation, epoch, proposals: proposals.clone() };
        up.asked = Some(Asked { correlation, until, proposals });
        env.send(id, CONTROLLER, message);
    }

    /// The controller has answered.
    pub(in super::super) fn altered(
        &mut self,
        env: &mut Env,
        correlation: Correlation,
        results: &[(i32, Result<(), ErrorCode>)],
    ) {
        let Some(up) = &mut self.up else { return };
        let Some(asked) = up.asked.take_if(|asked| asked.correlation == correlation) else {
            return;
        };
        let mut touched = Vec::new();
        for (index, proposal) in asked.proposals {
            let result = results.iter().find(|(of, _)| *of == index).map(|(_, result)| *result);
            if let Some(held) = up.replicas.get_mut(&index) {
                held.machine.proposal_answered(env.now.monotonic, &proposal, result);
                touched.push(index);
            }
        }
        for index in touched {
            self.moved(env, index);
        }
        self.propose(env);
    }

    /// Gives up on an answer that does not come.
    pub(super) fn expire_proposals(&mut self, env: &mut Env) {
        let Some(up) = &mut self.up else { return };
        let now = env.now.monotonic;
        let Some(asked) = up.asked.take_if(|asked| asked.until <= now) else { return };
        env.counters.note(Rare::ProposalTimedOut);
        for (index, proposal) in &asked.proposals {
            if let Some(held) = up.replicas.get_mut(index) {
                held.machine.proposal_answered(now, proposal, None);
            }
        }
        self.propose(env);
    }

    /// Looks at the ISRs where it is time; `all`: everywhere, for the metadata is another.
    pub(super) fn review(&mut self, env: &mut Env, all: bool) {
        let (id, now) = (self.id, env.now.monotonic);
        let Some(up) = &mut self.up else { return };
        for (index, held) in &mut up.replicas {
            let due = held.machine.review_deadline().is_some_and(|deadline| deadline <= now);
            if !due && !all {
                continue;
            }
            let cluster = &up.cluster;
            held.machine.review(now, |id, epoch| cluster.is_eligible(id, epoch));
            if due
                && env.is(Mutant::ShrinkWithoutAsking)
                && let Some(known) = up.cluster.partitions.get(index)
                && known.leader_epoch == held.machine.epoch()
            {
                let alone = Assignment {
                    isr: vec![id],
                    partition_epoch: known.partition_epoch + 1,
                    ..Assignment::of(known)
                };
                held.machine.assign(now, &alone);
            }
        }
        self.propose(env);
    }
}

fn add_everybody(
    proposal: &mut Proposal,
    me: BrokerId,
    cluster: &crate::replication::cluster::Cluster,
    index: i32,
) {
    let Some(known) = cluster.partitions.get(&index) else { return };
    for replica in known.replicas.iter().filter(|replica| **replica != me) {
        if proposal.isr.iter().all(|(member, _)| member != replica) && cluster.runs(*replica) {
            proposal.isr.push((*replica, -1));
        }
    }
}
