//! From one state of a partition to the next: who leads, who is in sync and who is eligible, once
//! brokers or replicas are others. Every decision about a partition goes through here.
//!
//! The rules are Kafka's with eligible leader replicas (KIP-966, "balanced" recovery): a replica
//! that leaves the ISR while fewer than min.insync.replicas are left has everything that was
//! acknowledged, as nothing more is acknowledged then; it stays eligible until the ISR is large
//! enough again or its broker ends uncleanly. Clean leaders come from the ISR, and from the ELR
//! where the ISR is empty. Where both are empty the last leader is the best guess.

use super::{change::Place, rules::Rules};
use crate::{
    id::{BrokerId, Uuid},
    metadata::{Image, NO_LEADER, PartitionChangeRecord},
};

/// The leader may have lost records that others had: it recovers first.
pub(super) const RECOVERING: i8 = 1;

/// Which leaders are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Elect {
    /// The current one while it can, then any clean one.
    Clean,
    /// The first of the replicas if it can.
    Preferred,
    /// Any clean one, then any that runs.
    Unclean,
}

/// What a partition is to become; what is not said stays.
pub(super) struct Transition<'a> {
    /// The cluster as it will be then: it says which brokers may lead.
    image: &'a Image,
    rules: &'a Rules,
    place: Place<'a>,
    isr: Vec<BrokerId>,
    replicas: Vec<BrokerId>,
    adding: Vec<BrokerId>,
    removing: Vec<BrokerId>,
    /// In the order of the replicas that the partition has now.
    directories: Vec<Uuid>,
    recovery: i8,
    unclean_shutdown: Option<BrokerId>,
    election: Elect,
    new_epoch: Option<BrokerId>,
}

impl<'a> Transition<'a> {
    pub(super) fn new(image: &'a Image, rules: &'a Rules, place: Place<'a>) -> Self {
        let state = place.state;
        let unclean = rules.unclean(image, place.topic);
        let mut directories = state.directories.clone();
        directories.resize(state.replicas.len(), Uuid::nil());
        Self {
            image,
            rules,
            place,
            isr: state.isr.clone(),
            replicas: state.replicas.clone(),
            adding: state.adding.clone(),
            removing: state.removing.clone(),
            directories,
            recovery: state.leader_recovery_state,
            unclean_shutdown: None,
            election: if unclean { Elect::Unclean } else { Elect::Clean },
            new_epoch: None,
        }
    }

    /// The broker leaves the ISR.
    pub(super) fn without(mut self, broker: BrokerId) -> Self {
        self.isr.retain(|id| *id != broker);
        self
    }

    /// Whoever could not lead leaves the ISR.
    pub(super) fn without_the_unfit(mut self) -> Self {
        let mut isr = std::mem::take(&mut self.isr);
        isr.retain(|id| self.may_lead(*id));
        self.isr = isr;
        self
    }

    /// The broker leaves the ISR and the ELR: it may have lost what it had.
    pub(super) fn without_trust_in(mut self, broker: BrokerId) -> Self {
        self.unclean_shutdown = Some(broker);
        self.without(broker)
    }

    /// The leader found these replicas to be in sync.
    pub(super) fn with_isr(mut self, isr: Vec<BrokerId>, recovery: i8) -> Self {
        self.isr = isr;
        self.recovery = recovery;
        self
    }

    /// The partition moves, or stops moving. Replicas that are none any more leave the ISR.
    pub(super) fn with_replicas(
        mut self,
        replicas: Vec<BrokerId>,
        adding: Vec<BrokerId>,
        removing: Vec<BrokerId>,
    ) -> Self {
        self.isr.retain(|id| replicas.contains(id));
        self.replicas = replicas;
        self.adding = adding;
        self.removing = removing;
        self
    }

    /// The replica of `broker` lies in `directory`.
    pub(super) fn with_directory(mut self, broker: BrokerId, directory: Uuid) -> Self {
        let at = self.place.state.replicas.iter().position(|id| *id == broker);
        if let Some(known) = at.and_then(|at| self.directories.get_mut(at)) {
            *known = directory;
        }
        self
    }

    pub(super) fn electing(mut self, election: Elect) -> Self {
        self.election = election;
        self
    }

    /// The broker leaves the ISR where its log directory does not work.
    pub(super) fn without_if_offline(self, broker: BrokerId) -> Self {
        if self.is_offline(broker) { self.without(broker) } else { self }
    }

    /// A leader epoch begins even if `broker` led before.
    pub(super) fn in_a_new_epoch_of(mut self, broker: BrokerId) -> Self {
        self.new_epoch = Some(broker);
        self
    }

    /// The change; `None` where there is none.
    pub(super) fn record(mut self) -> Option<PartitionChangeRecord> {
        let state = self.place.state;
        self.complete_reassignment();
        if self.isr.is_empty() && !self.rules.eligible {
            // without eligible replicas the last one in sync stays: it alone has everything
            self.isr.clone_from(&state.isr);
            self.isr.retain(|id| self.replicas.contains(id));
        }
        let min = self.rules.min_in_sync(self.image, self.place.topic, self.replicas.len());
        let mut elr = self.eligible(min);
        let mut last_known = self.last_known();
        let (leader, unclean) = self.elect(&elr, &last_known);
        if let Some(leader) = leader {
            if unclean {
                elr.clear();
                // what a single replica has lost nobody else can know
                self.recovery = if self.replicas.len() > 1 { RECOVERING } else { self.recovery };
            }
            if unclean || !self.isr.contains(&leader) {
                self.isr = vec![leader];
            }
            elr.retain(|id| *id != leader);
            last_known.clear();
        }
        if self.isr.len() >= min {
            elr.clear();
            last_known.clear();
        }
        let shrinks = state.replicas.iter().any(|id| !self.replicas.contains(id));
        let mut change = self.place.change();
        let begins = leader.is_some() && (shrinks || leader == self.new_epoch);
        if leader != state.leader || begins {
            change.leader = leader.unwrap_or(NO_LEADER);
        }
        change.isr = Some(self.isr.clone()).filter(|isr| !same(isr, &state.isr));
        change.elr = Some(elr).filter(|elr| !same(elr, &state.elr));
        change.last_known_elr = Some(last_known).filter(|last| *last != state.last_known_elr);
        self.note_assignment(&mut change);
        change.leader_recovery_state =
            Some(self.recovery).filter(|recovery| *recovery != state.leader_recovery_state);
        (change != self.place.change()).then_some(change)
    }

    /// A move is over when everything that was to be added is in sync, and something that stays.
    fn complete_reassignment(&mut self) {
        let stays = |id: &BrokerId| !self.removing.contains(id);
        let isr: Vec<_> = self.isr.iter().copied().filter(stays).collect();
        let moving = !self.adding.is_empty() || !self.removing.is_empty();
        if moving && !isr.is_empty() && self.adding.iter().all(|id| isr.contains(id)) {
            self.replicas = self.replicas.iter().copied().filter(stays).collect();
            self.isr = isr;
            self.adding.clear();
            self.removing.clear();
        }
    }

    /// Who is eligible next to the ISR, in the order of the replicas.
    fn eligible(&self, min: usize) -> Vec<BrokerId> {
        if !self.rules.eligible || self.isr.len() >= min {
            return Vec::new();
        }
        let state = self.place.state;
        let had_all = |id: &BrokerId| state.isr.contains(id) || state.elr.contains(id);
        let has = |id: &BrokerId| {
            had_all(id) && !self.isr.contains(id) && self.unclean_shutdown != Some(*id)
        };
        self.replicas.iter().copied().filter(has).collect()
    }

    /// Who led last, for a partition whose ISR is empty.
    fn last_known(&self) -> Vec<BrokerId> {
        let state = self.place.state;
        if !self.rules.eligible || !self.isr.is_empty() {
            return Vec::new();
        }
        if !state.last_known_elr.is_empty() {
            return state.last_known_elr.clone();
        }
        let had_all = |id: &&BrokerId| state.isr.contains(id) || state.elr.contains(id);
        state.leader.or_else(|| state.replicas.iter().find(had_all).copied()).into_iter().collect()
    }

    /// The leader, and whether it may lack records.
    fn elect(&self, elr: &[BrokerId], last_known: &[BrokerId]) -> (Option<BrokerId>, bool) {
        let from_elr = |id: &BrokerId| self.isr.is_empty() && elr.contains(id);
        let clean = |id: &&BrokerId| {
            self.replicas.contains(id)
                && (self.isr.contains(id) || from_elr(id))
                && self.may_lead(**id)
        };
        let preferred = self.replicas.first().filter(|_| self.election == Elect::Preferred);
        let current = self.place.state.leader.as_ref();
        let mut in_turn = preferred.into_iter().chain(current).chain(&self.replicas);
        if let Some(leader) = in_turn.find(clean) {
            return (Some(*leader), false);
        }
        let guess = match last_known {
            [last] if self.isr.is_empty() && elr.is_empty() => Some(last),
            _ => None,
        };
        let any = self.replicas.iter().filter(|_| self.election == Elect::Unclean);
        let mut unclean = guess.into_iter().chain(any);
        let leader = unclean.find(|id| self.replicas.contains(id) && self.may_lead(**id));
        (leader.copied(), leader.is_some())
    }

    /// Whether the broker runs, means to stay, and its log directory works.
    fn may_lead(&self, id: BrokerId) -> bool {
        self.image.broker(id).is_some_and(|it| it.is_active()) && !self.is_offline(id)
    }

    /// Whether the replica's log directory is known not to work.
    fn is_offline(&self, id: BrokerId) -> bool {
        let directory = self.directory_of(id);
        self.image.broker(id).is_some_and(|broker| {
            let listed = broker.log_dirs.is_empty() || broker.log_dirs.contains(&directory);
            !directory.is_nil() && !listed
        })
    }

    fn directory_of(&self, id: BrokerId) -> Uuid {
        let at = self.place.state.replicas.iter().position(|replica| *replica == id);
        at.and_then(|at| self.directories.get(at)).copied().unwrap_or_default()
    }

    fn note_assignment(&mut self, change: &mut PartitionChangeRecord) {
        let state = self.place.state;
        // a new replica of a broker with one directory has no choice
        let only = |id: &BrokerId| match self.image.broker(*id).map(|it| &it.log_dirs[..]) {
            Some([only]) if !state.replicas.contains(id) => *only,
            _ => self.directory_of(*id),
        };
        let directories: Vec<_> = self.replicas.iter().map(only).collect();
        let mut before = state.directories.clone();
        before.resize(state.replicas.len(), Uuid::nil());
        let taken = |now: &mut Vec<BrokerId>, before: &Vec<BrokerId>| {
            Some(std::mem::take(now)).filter(|now| now != before)
        };
        change.directories = (directories != before).then_some(directories);
        change.replicas = taken(&mut self.replicas, &state.replicas);
        change.adding = taken(&mut self.adding, &state.adding);
        change.removing = taken(&mut self.removing, &state.removing);
    }
}

/// Whether two lists name the same brokers.
fn same(some: &[BrokerId], others: &[BrokerId]) -> bool {
    some.len() == others.len() && some.iter().all(|id| others.contains(id))
}
