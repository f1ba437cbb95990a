//! What the controller is asked for, by brokers and by administrators.

use std::rc::Rc;

use kastellan_core::{
    id::BrokerId,
    machine::Ticket,
    metadata::{
        self, Election, Heartbeat, Input, IsrProposal, Partition, PartitionChangeRecord, Record,
        Reply,
    },
    partition::Proposal,
};
use kastellan_protocol::ErrorCode;

use super::{Controller, Round, apply, decided::registration};
use crate::replication::{
    counter::Rare,
    message::{CONTROLLER, Correlation, Message},
    mutant::Mutant,
    node::{Env, TOPIC, topic},
};

const TICKET: Ticket = Ticket(0);

impl Controller {
    /// A broker says something. Where nobody decides, it meets nobody.
    pub(in super::super) fn hear(&mut self, env: &mut Env, from: BrokerId, message: Message) {
        if self.machine.is_none() {
            return;
        }
        match message {
            Message::Register { incarnation, clean } => {
                let registration = registration(from, incarnation);
                let input =
                    Input::RegisterBroker { ticket: TICKET, registration, previous_epoch: clean };
                self.step(env, input, |_| None);
                env.send(CONTROLLER, from, Message::Image(Rc::clone(self.cluster())));
            }
            Message::Heartbeat { epoch, version, sent, leaves } => {
                let heartbeat = Heartbeat {
                    broker: from,
                    epoch,
                    metadata_offset: version,
                    want_fence: false,
                    want_shut_down: leaves,
                    offline_dirs: Vec::new(),
                };
                self.step(
                    env,
                    Input::Heartbeat { ticket: TICKET, heartbeat },
                    |reply| match reply {
                        Reply::Heartbeat { is_fenced, should_shut_down, .. } => {
                            Some((from, Message::Beaten { sent, is_fenced, should_shut_down }))
                        }
                        // nothing else is refused than a registration that is over
                        _ => Some((from, Message::Unknown { sent })),
                    },
                );
                if version < self.cluster().version {
                    env.send(CONTROLLER, from, Message::Image(Rc::clone(self.cluster())));
                }
            }
            Message::Gone { epoch } => {
                self.step(env, Input::Refused { broker: from, epoch }, |_| None);
            }
            Message::AlterPartition { correlation, epoch, proposals } => {
                self.alter(env, (from, epoch), correlation, &proposals);
            }
            _ => {}
        }
    }

    fn alter(
        &mut self,
        env: &mut Env,
        (from, epoch): (BrokerId, i64),
        correlation: Correlation,
        proposals: &[(i32, Proposal)],
    ) {
        let one = |(index, proposal): &(i32, Proposal)| {
            let newest = self.state(*index).map(|state| state.partition_epoch);
            let partition_epoch = match newest {
                Some(newest) if env.is(Mutant::AcceptStalePartitionEpochs) => newest,
                _ => proposal.partition_epoch,
            };
            let known = |epoch: i64| Some(epoch).filter(|epoch| *epoch >= 0);
            IsrProposal {
                partition: *index,
                leader_epoch: proposal.leader_epoch,
                partition_epoch,
                isr: proposal.isr.iter().map(|(id, epoch)| (*id, known(*epoch))).collect(),
                leader_recovery_state: 0,
            }
        };
        let topics = vec![(topic(), proposals.iter().map(one).collect())];
        let indexes: Vec<_> = proposals.iter().map(|(index, _)| *index).collect();
        let input = Input::AlterPartition { ticket: TICKET, broker: from, epoch, topics };
        self.step(env, input, |reply| {
            let results = match reply {
                Reply::Altered(topics) => {
                    let all = topics.into_iter().flat_map(|(_, results)| results);
                    all.map(|(index, it)| (index, it.map(drop).map_err(|it| it.code))).collect()
                }
                other => {
                    let code = other.failure().code;
                    indexes.iter().map(|index| (*index, Err(code))).collect()
                }
            };
            Some((from, Message::Altered { correlation, results }))
        });
        let answer = self.rounds.back().and_then(|round| round.answer.as_ref());
        if let Some((_, Message::Altered { results, .. })) = answer {
            env.trace.note(format_args!("  {from:?} is answered {results:?}"));
            let refused = |code| results.iter().any(|(_, result)| *result == Err(code));
            let (stale, unfit) =
                (refused(ErrorCode::InvalidUpdateVersion), refused(ErrorCode::IneligibleReplica));
            env.counters.note_if(stale, Rare::StaleProposalRefused);
            env.counters.note_if(unfit, Rare::IneligibleMemberRefused);
        }
    }

    /// Makes another member of the ISR the preferred leader, and has it elected.
    pub(in super::super) fn elect_another(&mut self, env: &Env, index: i32, nth: usize) {
        let Some(mut state) = self.state(index).cloned() else { return };
        let anybody = env.is(Mutant::ElectAnybody);
        let from = if anybody { &state.replicas } else { &state.isr };
        let runs = |id: BrokerId| self.now.runs(id);
        let others: Vec<_> =
            from.iter().filter(|id| Some(**id) != state.leader && runs(**id)).copied().collect();
        let Some(chosen) = others.get(nth % others.len().max(1)).copied() else { return };
        if anybody && !state.isr.contains(&chosen) {
            state.isr.push(chosen);
            return self.elect_badly(env, index, (chosen, state.isr));
        }
        if state.adding.is_empty() && state.removing.is_empty() {
            let mut target = state.replicas.clone();
            target.sort_by_key(|id| *id != chosen);
            self.reassign(env, index, target);
        }
        let partitions = Some(vec![(TOPIC.to_owned(), vec![index])]);
        let election = Election::Preferred;
        self.step(env, Input::ElectLeaders { ticket: TICKET, election, partitions }, |_| None);
    }

    /// Writes down what the machine would never decide.
    fn elect_badly(&mut self, env: &Env, index: i32, (chosen, isr): (BrokerId, Vec<BrokerId>)) {
        let Some(machine) = &mut self.machine else { return };
        let change = PartitionChangeRecord {
            isr: Some(isr),
            leader: chosen,
            ..PartitionChangeRecord::new(topic(), index)
        };
        apply(machine, &[Record::PartitionChange(change)]);
        let (at, image) = (env.now.monotonic, machine.image().clone());
        let at = self.rounds.back().map_or(at, |round| round.at.max(at));
        self.rounds.push_back(Round { at, image, unclean: Vec::new(), answer: None });
    }

    /// Where nobody may lead, somebody does all the same, at the risk of what only others have.
    pub(in super::super) fn elect_uncleanly(&mut self, env: &Env) {
        let election = Election::Unclean;
        let input = Input::ElectLeaders { ticket: TICKET, election, partitions: None };
        self.step(env, input, |_| None);
    }

    /// An administrator says that a broker is gone for good, which may well run.
    pub(in super::super) fn unregister(&mut self, env: &Env, broker: BrokerId) {
        self.step(env, Input::UnregisterBroker { ticket: TICKET, broker }, |_| None);
    }

    /// Moves a partition to other brokers.
    pub(in super::super) fn reassign(&mut self, env: &Env, index: i32, target: Vec<BrokerId>) {
        let topics = vec![(TOPIC.to_owned(), vec![(index, Some(target))])];
        let input =
            Input::ReassignPartitions { ticket: TICKET, topics, allow_factor_change: false };
        self.step(env, input, |_| None);
    }

    /// A partition as it is decided, committed or not.
    fn state(&self, index: i32) -> Option<&Partition> {
        let image = self.machine.as_ref().map(metadata::Controller::image)?;
        image.partition(&topic(), index).map(|state| &**state)
    }
}
