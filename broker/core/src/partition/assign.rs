//! What the controller decided: who leads, who follows, in which epoch.

use super::{Leader, Moved, Partition, Role};
use crate::{
    id::{BrokerId, LeaderEpoch},
    log::Log,
    machine::Millis,
    metadata,
};

/// The state of a partition as it is committed in the metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Who leads.
    pub leader: Option<BrokerId>,
    /// How many times the leader changed.
    pub leader_epoch: LeaderEpoch,
    /// How many times anything changed.
    pub partition_epoch: i32,
    /// Who holds it, those that a reassignment adds included.
    pub replicas: Vec<BrokerId>,
    /// Who is in sync.
    pub isr: Vec<BrokerId>,
    /// An unclean leader has not said yet that it has recovered.
    pub recovering: bool,
}

/// What an assignment has led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assigned {
    /// It is no newer than what is known: nothing happened.
    Stale,
    /// The role and its epoch are what they were; replicas or ISR may be others.
    Same(Moved),
    /// It leads in a new epoch from here on.
    Leads(Moved),
    /// It follows in a new epoch. Who waits here is to be sent away.
    Follows,
    /// Nobody leads, or it is none of this broker's. Who waits here is to be sent away.
    Idle,
}

impl Assignment {
    /// What the image says.
    pub fn of(partition: &metadata::Partition) -> Self {
        Self {
            leader: partition.leader,
            leader_epoch: partition.leader_epoch,
            partition_epoch: partition.partition_epoch,
            replicas: partition.replicas.clone(),
            isr: partition.isr.clone(),
            recovering: partition.leader_recovery_state != 0,
        }
    }

    /// Nothing is known yet: nobody leads here or is followed.
    pub fn unknown() -> Self {
        Self {
            leader: None,
            leader_epoch: -1,
            partition_epoch: -1,
            replicas: Vec::new(),
            isr: Vec::new(),
            recovering: false,
        }
    }

    /// The only replica leads.
    pub fn alone(me: BrokerId, leader_epoch: LeaderEpoch) -> Self {
        Self {
            leader: Some(me),
            leader_epoch,
            partition_epoch: leader_epoch,
            replicas: vec![me],
            isr: vec![me],
            recovering: false,
        }
    }
}

impl<L: Log> Partition<L> {
    /// Takes up what the controller decided.
    ///
    /// A replica of several never leads in an epoch before its log's last: that is an image from
    /// before a restart, and others may know better. A sole replica goes on in its log's epoch.
    pub fn assign(&mut self, now: Millis, assignment: &Assignment) -> Assigned {
        let alone = assignment.replicas == [self.me];
        let latest = self.log.latest_epoch();
        let epoch =
            if alone { assignment.leader_epoch.max(latest) } else { assignment.leader_epoch };
        let told = (epoch, assignment.partition_epoch);
        if told <= (self.epoch, self.partition_epoch) {
            return Assigned::Stale;
        }
        let same_epoch = epoch == self.epoch;
        // whoever has missed a change cannot tell how the leader was elected: it may have recovered
        // from that already
        let missed = assignment.partition_epoch > self.partition_epoch.saturating_add(1);
        self.unclean |= assignment.recovering || !same_epoch && missed;
        self.partition_epoch = assignment.partition_epoch;
        self.epoch = epoch;
        match assignment.leader.filter(|_| assignment.replicas.contains(&self.me)) {
            Some(leader) if leader == self.me && epoch >= latest => {
                self.lead(now, assignment, same_epoch)
            }
            Some(leader) if leader != self.me => {
                let follows = matches!(self.role, Role::Follower(_));
                self.role = Role::Follower(leader);
                if same_epoch && follows {
                    Assigned::Same(Moved::default())
                } else {
                    Assigned::Follows
                }
            }
            Some(_) | None => {
                self.role = Role::Idle;
                Assigned::Idle
            }
        }
    }

    fn lead(&mut self, now: Millis, assignment: &Assignment, same_epoch: bool) -> Assigned {
        if let Role::Leader(leader) = &mut self.role
            && same_epoch
        {
            leader.update(now, assignment, self.me);
            let proposal = leader.wants_to_propose();
            return Assigned::Same(Moved { visible: self.advance(), proposal });
        }
        self.unclean = false;
        let leader = Leader::new(now, assignment, self.me, self.log.end());
        let proposal = leader.wants_to_propose();
        self.role = Role::Leader(leader);
        Assigned::Leads(Moved { visible: self.advance(), proposal })
    }
}
