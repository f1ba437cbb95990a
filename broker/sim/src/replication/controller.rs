//! A model of the controller: one place, never down, that decides as Kafka's does (KIP-903,
//! KIP-966).

use std::{collections::BTreeMap, rc::Rc, time::Duration};

use kastellan_core::{id::BrokerId, machine::Millis, metadata::Partition, partition::Proposal};
use kastellan_protocol::ErrorCode;

use super::{
    cluster::{Cluster, Registration},
    counter::{Counters, Rare},
    mutant::Mutant,
};

/// A broker that is silent for longer is fenced.
pub(super) const SESSION: Duration = Duration::from_millis(450);

/// The controller.
#[derive(Debug)]
pub(super) struct Controller {
    now: Rc<Cluster>,
    min_in_sync: usize,
    heard: BTreeMap<BrokerId, Millis>,
    next_epoch: i64,
    mutant: Option<Mutant>,
    pub(super) counters: Counters,
    /// Partitions whose leader was elected without care.
    pub(super) unclean: Vec<i32>,
}

/// What a proposal came to.
pub(super) type Altered = Result<(), ErrorCode>;

impl Controller {
    pub(super) fn new(cluster: Cluster, min_in_sync: i32, mutant: Option<Mutant>) -> Self {
        Self {
            now: Rc::new(cluster),
            min_in_sync: usize::try_from(min_in_sync).unwrap_or(1),
            heard: BTreeMap::new(),
            next_epoch: 1,
            mutant,
            counters: Counters::default(),
            unclean: Vec::new(),
        }
    }

    /// What is decided.
    pub(super) fn cluster(&self) -> &Rc<Cluster> {
        &self.now
    }

    /// A broker comes, or comes back; `clean`: the epoch that it shut down in order in.
    pub(super) fn register(
        &mut self,
        now: Millis,
        id: BrokerId,
        incarnation: u64,
        clean: Option<i64>,
    ) {
        self.heard.insert(id, now);
        let known = self.now.brokers.get(&id).cloned();
        if known.as_ref().is_some_and(|known| known.incarnation >= incarnation) {
            return;
        }
        self.fence(id);
        let trusted = clean.is_some() && clean == known.as_ref().map(|known| known.epoch);
        let mut cluster = Cluster::clone(&self.now);
        cluster.version += 1;
        let registration = Registration {
            incarnation,
            epoch: self.next_epoch,
            fenced: true,
            version: cluster.version,
        };
        self.next_epoch += 1;
        cluster.brokers.insert(id, registration);
        if known.is_some() && !trusted {
            for partition in cluster.partitions.values_mut() {
                let held = partition.isr.contains(&id) || partition.elr.contains(&id);
                if held {
                    partition.isr.retain(|other| *other != id);
                    partition.elr.retain(|other| *other != id);
                    partition.partition_epoch += 1;
                }
            }
        }
        self.now = Rc::new(cluster);
    }

    /// A broker lives, and has seen `version`.
    pub(super) fn heartbeat(&mut self, now: Millis, id: BrokerId, epoch: i64, version: u64) {
        let Some(known) = self.now.brokers.get(&id).filter(|known| known.epoch == epoch) else {
            return;
        };
        self.heard.insert(id, now);
        if known.fenced && version >= known.version {
            self.change(|cluster| {
                if let Some(known) = cluster.brokers.get_mut(&id) {
                    known.fenced = false;
                }
            });
            self.elect_where_nobody_leads();
        }
    }

    /// Fences who has been silent.
    pub(super) fn tick(&mut self, now: Millis) {
        let silent = |id: &&BrokerId| {
            let heard = self.heard.get(id).copied().unwrap_or_default();
            self.now.runs(**id) && now.since(heard) > SESSION
        };
        let silent: Vec<_> = self.now.brokers.keys().filter(silent).copied().collect();
        for id in silent {
            self.fence(id);
        }
    }

    /// The next moment at which somebody may be fenced.
    pub(super) fn deadline(&self) -> Option<Millis> {
        let alive = self.heard.iter().filter(|(id, _)| self.now.runs(**id));
        alive.map(|(_, heard)| heard.after(SESSION + Duration::from_millis(1))).min()
    }

    /// A broker leads nothing and is in no ISR any more.
    pub(super) fn fence(&mut self, id: BrokerId) {
        if !self.now.runs(id) {
            return;
        }
        self.change(|cluster| {
            if let Some(known) = cluster.brokers.get_mut(&id) {
                known.fenced = true;
            }
        });
        for index in self.indexes() {
            let Some(mut partition) = self.now.partitions.get(&index).cloned() else { continue };
            if partition.isr.contains(&id) {
                partition.isr.retain(|other| *other != id);
                self.keep_eligible(&mut partition, &[id]);
                partition.partition_epoch += 1;
                if partition.leader == Some(id) {
                    partition.leader = None;
                    partition.leader_epoch += 1;
                }
                self.put(index, partition);
            }
        }
        self.elect_where_nobody_leads();
    }

    /// A leader proposes another ISR.
    pub(super) fn alter(
        &mut self,
        from: BrokerId,
        epoch: i64,
        index: i32,
        proposal: &Proposal,
    ) -> Altered {
        if self.now.epoch_of(from) != Some(epoch) {
            return Err(ErrorCode::StaleBrokerEpoch);
        }
        let mut partition =
            self.now.partitions.get(&index).cloned().ok_or(ErrorCode::UnknownTopicOrPartition)?;
        if proposal.leader_epoch != partition.leader_epoch || partition.leader != Some(from) {
            return Err(ErrorCode::FencedLeaderEpoch);
        }
        if proposal.partition_epoch != partition.partition_epoch
            && self.mutant != Some(Mutant::AcceptStalePartitionEpochs)
        {
            self.counters.note(Rare::StaleProposalRefused);
            return Err(ErrorCode::InvalidUpdateVersion);
        }
        for (member, member_epoch) in &proposal.isr {
            let stale = *member_epoch != -1 && self.now.epoch_of(*member) != Some(*member_epoch);
            if stale || !self.now.runs(*member) || !partition.replicas.contains(member) {
                self.counters.note(Rare::IneligibleMemberRefused);
                return Err(ErrorCode::IneligibleReplica);
            }
        }
        if partition.leader_recovery_state != 0 && proposal.isr.len() > 1 {
            return Err(ErrorCode::InvalidRequest);
        }
        let before = std::mem::take(&mut partition.isr);
        partition.isr = proposal.isr.iter().map(|(member, _)| *member).collect();
        partition.isr.sort_unstable();
        let gone: Vec<_> =
            before.iter().filter(|member| !partition.isr.contains(member)).copied().collect();
        self.counters.note_if(partition.isr.len() > before.len(), Rare::IsrExpanded);
        self.counters.note_if(!gone.is_empty(), Rare::IsrShrunk);
        self.keep_eligible(&mut partition, &gone);
        partition.leader_recovery_state = 0;
        partition.partition_epoch += 1;
        self.put(index, partition);
        self.finish_reassignment(index);
        Ok(())
    }

    /// Makes another member of the ISR the leader.
    pub(super) fn elect_another(&mut self, index: i32, nth: usize) {
        let Some(mut partition) = self.now.partitions.get(&index).cloned() else { return };
        let anybody = self.mutant == Some(Mutant::ElectAnybody);
        let from = if anybody { &partition.replicas } else { &partition.isr };
        let others = from.iter().filter(|id| Some(**id) != partition.leader && self.now.runs(**id));
        let others: Vec<_> = others.copied().collect();
        let Some(chosen) = others.get(nth % others.len().max(1)) else { return };
        if !partition.isr.contains(chosen) {
            partition.isr.push(*chosen);
        }
        self.lead(index, partition, *chosen);
    }

    /// Where nobody may lead, somebody does all the same, at the risk of what only others have.
    pub(super) fn elect_uncleanly(&mut self) {
        for index in self.indexes() {
            let Some(mut partition) = self.now.partitions.get(&index).cloned() else { continue };
            if partition.leader.is_some() {
                continue;
            }
            let Some(chosen) = partition.replicas.iter().find(|id| self.now.runs(**id)).copied()
            else {
                continue;
            };
            partition.isr = vec![chosen];
            partition.elr.clear();
            partition.leader_recovery_state = i8::from(partition.replicas.len() > 1);
            self.unclean.push(index);
            self.lead(index, partition, chosen);
        }
    }

    /// Moves a partition to other brokers.
    pub(super) fn reassign(&mut self, index: i32, target: &[BrokerId]) {
        let Some(mut partition) = self.now.partitions.get(&index).cloned() else { return };
        if !partition.adding.is_empty() || !partition.removing.is_empty() {
            return;
        }
        let adding: Vec<_> =
            target.iter().filter(|id| !partition.replicas.contains(id)).copied().collect();
        let removing: Vec<_> =
            partition.replicas.iter().filter(|id| !target.contains(id)).copied().collect();
        self.counters.note_if(!adding.is_empty(), Rare::ReplicaAdded);
        partition.replicas.extend(&adding);
        (partition.adding, partition.removing) = (adding, removing);
        partition.partition_epoch += 1;
        self.put(index, partition);
        self.finish_reassignment(index);
    }

    /// The reassignment is done once all that come are in sync.
    fn finish_reassignment(&mut self, index: i32) {
        let Some(mut partition) = self.now.partitions.get(&index).cloned() else { return };
        let done = partition.adding.iter().all(|id| partition.isr.contains(id));
        let stays: Vec<_> =
            partition.isr.iter().filter(|id| !partition.removing.contains(id)).copied().collect();
        let enough = stays.len() >= self.needed(&partition).min(partition.isr.len());
        if partition.removing.is_empty() && done {
            if !partition.adding.is_empty() {
                partition.adding.clear();
                partition.partition_epoch += 1;
                self.put(index, partition);
            }
            return;
        }
        if !done || !enough || stays.is_empty() {
            return;
        }
        self.counters.note(Rare::ReplicaRemoved);
        let removing = std::mem::take(&mut partition.removing);
        partition.adding.clear();
        partition.replicas.retain(|id| !removing.contains(id));
        partition.elr.retain(|id| !removing.contains(id));
        partition.isr = stays;
        partition.partition_epoch += 1;
        // a leader that goes is replaced; one that stays leads on in a new epoch
        let stays = partition.leader.filter(|id| partition.isr.contains(id));
        let leader = stays.or_else(|| partition.isr.iter().find(|id| self.now.runs(**id)).copied());
        if let Some(leader) = leader {
            self.lead(index, partition, leader);
        } else {
            partition.leader = None;
            partition.leader_epoch += 1;
            self.put(index, partition);
        }
    }

    fn elect_where_nobody_leads(&mut self) {
        for index in self.indexes() {
            let Some(mut partition) = self.now.partitions.get(&index).cloned() else { continue };
            if partition.leader.is_some() {
                continue;
            }
            let runs = |id: &&BrokerId| self.now.runs(**id);
            if let Some(chosen) = partition.isr.iter().find(runs).copied() {
                self.lead(index, partition, chosen);
            } else if let Some(chosen) = partition.elr.iter().find(runs).copied() {
                self.counters.note(Rare::ElectedFromElr);
                partition.isr = vec![chosen];
                self.keep_eligible(&mut partition, &[]);
                self.lead(index, partition, chosen);
            } else {
                self.counters.note(Rare::NobodyLeads);
            }
        }
    }

    fn lead(&mut self, index: i32, mut partition: Partition, leader: BrokerId) {
        self.counters.elections += 1;
        partition.leader = Some(leader);
        partition.leader_epoch += 1;
        partition.partition_epoch += 1;
        self.put(index, partition);
    }

    /// The eligible replicas after members have left, or others have come (KIP-966).
    fn keep_eligible(&self, partition: &mut Partition, gone: &[BrokerId]) {
        if partition.isr.len() >= self.needed(partition) {
            partition.elr.clear();
            return;
        }
        partition.elr.extend(gone);
        let isr = &partition.isr;
        partition.elr.retain(|id| !isr.contains(id));
    }

    fn needed(&self, partition: &Partition) -> usize {
        self.min_in_sync.min(partition.replicas.len())
    }

    fn indexes(&self) -> Vec<i32> {
        self.now.partitions.keys().copied().collect()
    }

    fn put(&mut self, index: i32, partition: Partition) {
        self.change(|cluster| drop(cluster.partitions.insert(index, partition)));
    }

    fn change(&mut self, change: impl FnOnce(&mut Cluster)) {
        let mut cluster = Cluster::clone(&self.now);
        cluster.version += 1;
        change(&mut cluster);
        self.now = Rc::new(cluster);
    }
}
