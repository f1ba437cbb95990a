//! Deliberate mistakes, made between the machine and its log or its callers.

use super::super::*;

/// One mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mutant {
    /// Replicas that leave the ISR are never eligible.
    ForgetEligible,
    /// Whoever was eligible once stays so.
    EligibleForEver,
    /// Fencing does not touch partitions.
    FencedLeadOn,
    /// The ISR never shrinks.
    KeepIsr,
    /// A broker that crashed is believed to have everything.
    TrustUncleanShutdown,
    /// The epochs of a proposal are not looked at.
    IgnoreEpochs,
    /// Any process with the id of a replica counts as in sync.
    IgnoreIncarnations,
    /// Some decisions are not written down.
    ForgetRecord,
    /// A broker may end while it still leads.
    EndTooEarly,
    /// Silence is never noticed.
    NeverTick,
    /// A new controller waits for nobody.
    ForgetSessions,
    /// Whoever asks for the preferred leader gets any.
    ElectUnasked,
    /// A second process with the same id may come at once.
    TakeDuplicates,
    /// Replicas that a move adds count as added at once.
    MoveAtOnce,
    /// Other settings leave partitions as they are.
    ForgetConsequences,
    /// A broker leads again before it has caught up.
    UnfenceTooEarly,
    /// What was lost in an unclean election is not told.
    HideUncleanElections,
    /// One id is handed out twice.
    RepeatProducerIds,
}

impl Mutant {
    pub(super) const ALL: [Self; 18] = [
        Self::ForgetEligible,
        Self::EligibleForEver,
        Self::FencedLeadOn,
        Self::KeepIsr,
        Self::TrustUncleanShutdown,
        Self::IgnoreEpochs,
        Self::IgnoreIncarnations,
        Self::ForgetRecord,
        Self::EndTooEarly,
        Self::NeverTick,
        Self::ForgetSessions,
        Self::ElectUnasked,
        Self::TakeDuplicates,
        Self::MoveAtOnce,
        Self::ForgetConsequences,
        Self::UnfenceTooEarly,
        Self::HideUncleanElections,
        Self::RepeatProducerIds,
    ];

    /// The input as the machine gets it.
    pub(super) fn input(self, image: &Image, mut input: Input) -> Input {
        match (self, &mut input) {
            (
                Self::TrustUncleanShutdown,
                Input::RegisterBroker { registration, previous_epoch, .. },
            ) => {
                *previous_epoch = image.broker(registration.broker).map(|known| known.epoch);
            }
            (Self::TakeDuplicates, Input::RegisterBroker { registration, .. }) => {
                if let Some(known) = image.broker(registration.broker) {
                    registration.incarnation = known.incarnation;
                }
            }
            (Self::UnfenceTooEarly, Input::Heartbeat { heartbeat, .. }) => {
                heartbeat.metadata_offset = image.offset();
            }
            (Self::ElectUnasked, Input::ElectLeaders { election, .. }) => {
                *election = Election::Unclean;
            }
            (
                Self::IgnoreEpochs | Self::IgnoreIncarnations,
                Input::AlterPartition { topics, .. },
            ) => {
                for (topic, proposals) in topics {
                    for proposal in proposals {
                        self.proposal(image, topic, proposal);
                    }
                }
            }
            _ => (),
        }
        input
    }

    fn proposal(self, image: &Image, topic: &Uuid, proposal: &mut IsrProposal) {
        let Some(state) = image.partition(topic, proposal.partition) else { return };
        if self == Self::IgnoreEpochs {
            proposal.leader_epoch = state.leader_epoch;
            proposal.partition_epoch = state.partition_epoch;
        } else {
            proposal.isr.iter_mut().for_each(|(_, epoch)| *epoch = None);
        }
    }

    /// The record as the log gets it; `None`: not at all.
    pub(super) fn record(self, image: &Image, input: &Input, record: &Record) -> Option<Record> {
        let mut record = record.clone();
        let fencing =
            matches!(input, Input::Tick | Input::Refused { .. } | Input::Heartbeat { .. });
        let Record::PartitionChange(change) = &mut record else { return Some(record) };
        let state = image.partition(&change.topic, change.partition)?;
        match self {
            Self::ForgetEligible => change.elr = Some(Vec::new()),
            Self::EligibleForEver => change.elr = None,
            Self::FencedLeadOn if fencing => return None,
            Self::KeepIsr if change.isr.as_ref().is_some_and(|isr| isr.len() < state.isr.len()) => {
                change.isr = None;
            }
            Self::MoveAtOnce if change.adding.is_some() => change.adding = Some(Vec::new()),
            Self::ForgetConsequences if matches!(input, Input::AlterConfigs { .. }) => return None,
            Self::HideUncleanElections => change.leader_recovery_state = None,
            _ => (),
        }
        Some(record)
    }

    /// The answer as the caller gets it.
    pub(super) fn reply(self, reply: Reply) -> Reply {
        match (self, reply) {
            (Self::EndTooEarly, Reply::Heartbeat { is_caught_up, is_fenced, .. }) => {
                Reply::Heartbeat { is_caught_up, is_fenced, should_shut_down: true }
            }
            (Self::RepeatProducerIds, Reply::ProducerIds { first, count }) => {
                Reply::ProducerIds { first: (first - 1).max(0), count }
            }
            (_, reply) => reply,
        }
    }
}
