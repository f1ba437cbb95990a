//! Leaders say which replicas are in sync (KIP-497, KIP-841, KIP-903).

use kastellan_protocol::ErrorCode;

use super::{
    Controller, Effect, Failure, IsrProposal, MAX_PARTITIONS_PER_REQUEST, ProposalResults, Reply,
    change::Place, create_topics::apply_all, decide, transition::Transition,
};
use crate::{
    id::{BrokerId, Uuid},
    machine::Ticket,
    metadata::{Image, Partition, PartitionChangeRecord, Record},
};

impl Controller {
    /// Decides about what `broker` proposes for partitions that it leads, each on top of the ones
    /// before it. Answers with [`Reply::Altered`].
    pub(super) fn alter_partition(
        &self,
        ticket: Ticket,
        (broker, epoch): (BrokerId, i64),
        topics: Vec<(Uuid, Vec<IsrProposal>)>,
        effects: &mut Vec<Effect>,
    ) {
        if let Err(failure) = self.registration(broker, Some(epoch)) {
            effects.push(Effect::Reply(ticket, Reply::Failed(failure)));
            return;
        }
        let mut image = self.image.clone();
        let mut records = Vec::new();
        let mut answers: ProposalResults = Vec::with_capacity(topics.len());
        for (topic, proposals) in topics {
            let mut results = Vec::with_capacity(proposals.len());
            for proposal in &proposals {
                let result = if records.len() < MAX_PARTITIONS_PER_REQUEST {
                    self.propose(&image, broker, &topic, proposal)
                } else {
                    Err(Failure::new(ErrorCode::OperationNotAttempted, "too many at once"))
                };
                let result = result.and_then(|change| {
                    let change = change.map(Record::PartitionChange);
                    apply_all(&mut image, change.as_slice());
                    records.extend(change);
                    outcome(&image, broker, &topic, proposal)
                });
                results.push((proposal.partition, result));
            }
            answers.push((topic, results));
        }
        decide(ticket, records, Reply::Altered(answers), false, effects);
    }

    fn propose(
        &self,
        image: &Image,
        broker: BrokerId,
        topic: &Uuid,
        proposal: &IsrProposal,
    ) -> Result<Option<PartitionChangeRecord>, Failure> {
        if image.topic_by_id(topic).is_none() {
            return Err(Failure::new(ErrorCode::UnknownTopicId, "there is no such topic"));
        }
        let place = Place::of(image, topic, proposal.partition).ok_or_else(|| {
            Failure::new(ErrorCode::UnknownTopicOrPartition, "there is no such partition")
        })?;
        check(image, place.state, broker, proposal)?;
        let isr = proposal.isr.iter().map(|(id, _)| *id).collect();
        let transition = Transition::new(image, &self.rules, place);
        Ok(transition.with_isr(isr, proposal.leader_recovery_state).record())
    }
}

/// Whether a proposal comes from the leader, knows the newest state, and is possible.
fn check(
    image: &Image,
    state: &Partition,
    broker: BrokerId,
    proposal: &IsrProposal,
) -> Result<(), Failure> {
    let refuse = |code, message: String| Err(Failure::new(code, message));
    let IsrProposal { leader_epoch, partition_epoch, leader_recovery_state: recovery, .. } =
        *proposal;
    if leader_epoch > state.leader_epoch || partition_epoch > state.partition_epoch {
        let message = "the leader knows newer epochs than this controller".to_owned();
        return refuse(ErrorCode::NotController, message);
    }
    if leader_epoch < state.leader_epoch {
        let message = format!("the leader epoch is {}", state.leader_epoch);
        return refuse(ErrorCode::FencedLeaderEpoch, message);
    }
    if state.leader != Some(broker) {
        let message = format!("broker {} does not lead the partition", broker.0);
        return refuse(ErrorCode::InvalidRequest, message);
    }
    if partition_epoch < state.partition_epoch {
        let message = format!("the partition epoch is {}", state.partition_epoch);
        return refuse(ErrorCode::InvalidUpdateVersion, message);
    }
    let isr = &proposal.isr;
    let distinct: std::collections::BTreeSet<_> = isr.iter().map(|(id, _)| *id).collect();
    let replicas = distinct.iter().all(|id| state.replicas.contains(id));
    if distinct.len() != isr.len() || !replicas || !distinct.contains(&broker) {
        let message = "an ISR has the leader and other replicas, each once".to_owned();
        return refuse(ErrorCode::InvalidRequest, message);
    }
    let recovering = recovery != 0;
    if !matches!(recovery, 0 | 1)
        || (recovering && isr.len() > 1)
        || (recovering && state.leader_recovery_state == 0)
    {
        let message = "a leader recovers alone, and only after an unclean election".to_owned();
        return refuse(ErrorCode::InvalidRequest, message);
    }
    let ineligible = |(id, epoch): &&(BrokerId, Option<i64>)| {
        let known = image.broker(*id).filter(|it| it.is_active() && image.is_online(state, *id));
        !known.is_some_and(|known| epoch.is_none_or(|epoch| epoch == known.epoch))
    };
    if let Some((id, _)) = isr.iter().find(ineligible) {
        let message = format!(
            "broker {} is fenced, about to stop, or not the process that was in sync",
            id.0
        );
        return refuse(ErrorCode::IneligibleReplica, message);
    }
    Ok(())
}

/// The state that the leader is told, unless it was replaced.
fn outcome(
    image: &Image,
    broker: BrokerId,
    topic: &Uuid,
    proposal: &IsrProposal,
) -> Result<Partition, Failure> {
    let state = image.partition(topic, proposal.partition).expect("it was there a moment ago");
    if state.leader == Some(broker) {
        return Ok(Partition::clone(state));
    }
    Err(Failure::new(ErrorCode::NewLeaderElected, "done, and with it another replica leads"))
}
