//! Records about partitions.

use kastellan_protocol::primitive::{Malformed, Reader};

use super::fields::{
    Out, Tags, read_brokers, read_nullable_brokers, read_uuids, write_brokers, write_uuids,
};
use crate::id::{BrokerId, LeaderEpoch, Uuid};

/// The leader of a partition that has none.
pub const NO_LEADER: BrokerId = BrokerId(-1);
/// In a change: the leader, and with it the leader epoch, stays.
pub const NO_LEADER_CHANGE: BrokerId = BrokerId(-2);

/// A partition was created: `PartitionRecord`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionRecord {
    /// Its index; 0 or more.
    pub partition: i32,
    /// Its topic.
    pub topic: Uuid,
    /// Who holds it, the preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// Who is in sync.
    pub isr: Vec<BrokerId>,
    /// Replicas that a reassignment takes away.
    pub removing: Vec<BrokerId>,
    /// Replicas that a reassignment adds.
    pub adding: Vec<BrokerId>,
    /// Who leads, or [`NO_LEADER`].
    pub leader: BrokerId,
    /// 0: recovered; 1: an unclean leader has to recover first.
    pub leader_recovery_state: i8,
    /// How many times the leader changed.
    pub leader_epoch: LeaderEpoch,
    /// How many times anything changed.
    pub partition_epoch: i32,
    /// The log directory of each replica, in their order; nil where it is not known.
    pub directories: Vec<Uuid>,
    /// Replicas that may lead although they left the ISR (KIP-966).
    pub elr: Vec<BrokerId>,
    /// The last ones that were eligible, when nobody is (KIP-966).
    pub last_known_elr: Vec<BrokerId>,
}

/// A partition changed: `PartitionChangeRecord`. What is `None` stays. Every change adds one to the
/// partition epoch, a change that names a leader one to the leader epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionChangeRecord {
    /// Its index.
    pub partition: i32,
    /// Its topic.
    pub topic: Uuid,
    /// Who is in sync now.
    pub isr: Option<Vec<BrokerId>>,
    /// Who leads now, [`NO_LEADER`] or [`NO_LEADER_CHANGE`].
    pub leader: BrokerId,
    /// Who holds it now.
    pub replicas: Option<Vec<BrokerId>>,
    /// Whom a reassignment takes away now.
    pub removing: Option<Vec<BrokerId>>,
    /// Whom a reassignment adds now.
    pub adding: Option<Vec<BrokerId>>,
    /// The recovery state now.
    pub leader_recovery_state: Option<i8>,
    /// Who is eligible now (KIP-966).
    pub elr: Option<Vec<BrokerId>>,
    /// Who was eligible last (KIP-966).
    pub last_known_elr: Option<Vec<BrokerId>>,
    /// The log directories now.
    pub directories: Option<Vec<Uuid>>,
}

impl PartitionRecord {
    /// 1 adds the directories (KIP-858), 2 the eligible leaders (KIP-966).
    pub(super) fn version(&self) -> u32 {
        if self.elr.is_empty() && self.last_known_elr.is_empty() { 1 } else { 2 }
    }

    pub(super) fn write(&self, out: &mut Out<'_>) {
        out.i32(self.partition);
        out.uuid(&self.topic);
        write_brokers(out, &self.replicas);
        write_brokers(out, &self.isr);
        write_brokers(out, &self.removing);
        write_brokers(out, &self.adding);
        out.i32(self.leader.0);
        out.i32(self.leader_epoch);
        out.i32(self.partition_epoch);
        write_uuids(out, &self.directories);
        let mut tags = Tags::default();
        if self.leader_recovery_state != 0 {
            tags.add(0, |out| out.i8(self.leader_recovery_state));
        }
        tags.brokers(1, some(&self.elr));
        tags.brokers(2, some(&self.last_known_elr));
        tags.write(out);
    }

    pub(super) fn read(reader: &mut Reader<'_>, version: u32) -> Result<Self, Malformed> {
        let mut record = Self {
            partition: reader.i32()?,
            topic: reader.uuid()?,
            replicas: read_brokers(reader)?,
            isr: read_brokers(reader)?,
            removing: read_brokers(reader)?,
            adding: read_brokers(reader)?,
            leader: BrokerId(reader.i32()?),
            leader_recovery_state: 0,
            leader_epoch: reader.i32()?,
            partition_epoch: reader.i32()?,
            directories: if version >= 1 { read_uuids(reader)? } else { Vec::new() },
            elr: Vec::new(),
            last_known_elr: Vec::new(),
        };
        reader.tagged_fields(|tag, bytes| {
            match tag {
                0 => record.leader_recovery_state = Reader::new(bytes).i8()?,
                1 => record.elr = read_nullable_brokers(bytes)?.unwrap_or_default(),
                2 => record.last_known_elr = read_nullable_brokers(bytes)?.unwrap_or_default(),
                _ => (),
            }
            Ok::<_, Malformed>(())
        })?;
        Ok(record)
    }
}

impl PartitionChangeRecord {
    /// A change of nothing, to be filled in.
    pub fn new(topic: Uuid, partition: i32) -> Self {
        Self {
            partition,
            topic,
            isr: None,
            leader: NO_LEADER_CHANGE,
            replicas: None,
            removing: None,
            adding: None,
            leader_recovery_state: None,
            elr: None,
            last_known_elr: None,
            directories: None,
        }
    }

    pub(super) fn version(&self) -> u32 {
        match (&self.elr, &self.last_known_elr, &self.directories) {
            (None, None, None) => 0,
            (None, None, Some(_)) => 1,
            _ => 2,
        }
    }

    pub(super) fn write(&self, out: &mut Out<'_>) {
        out.i32(self.partition);
        out.uuid(&self.topic);
        let mut tags = Tags::default();
        tags.brokers(0, self.isr.as_deref());
        if self.leader != NO_LEADER_CHANGE {
            tags.add(1, |out| out.i32(self.leader.0));
        }
        tags.brokers(2, self.replicas.as_deref());
        tags.brokers(3, self.removing.as_deref());
        tags.brokers(4, self.adding.as_deref());
        if let Some(state) = self.leader_recovery_state {
            tags.add(5, |out| out.i8(state));
        }
        tags.brokers(6, self.elr.as_deref());
        tags.brokers(7, self.last_known_elr.as_deref());
        if let Some(directories) = &self.directories {
            tags.add(8, |out| write_uuids(out, directories));
        }
        tags.write(out);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let partition = reader.i32()?;
        let mut change = Self::new(reader.uuid()?, partition);
        reader.tagged_fields(|tag, bytes| {
            let mut field = Reader::new(bytes);
            match tag {
                0 => change.isr = read_nullable_brokers(bytes)?,
                1 => change.leader = BrokerId(field.i32()?),
                2 => change.replicas = read_nullable_brokers(bytes)?,
                3 => change.removing = read_nullable_brokers(bytes)?,
                4 => change.adding = read_nullable_brokers(bytes)?,
                5 => change.leader_recovery_state = Some(field.i8()?).filter(|state| *state >= 0),
                6 => change.elr = read_nullable_brokers(bytes)?,
                7 => change.last_known_elr = read_nullable_brokers(bytes)?,
                8 => change.directories = Some(read_uuids(&mut field)?),
                _ => (),
            }
            Ok::<_, Malformed>(())
        })?;
        Ok(change)
    }
}

fn some(brokers: &[BrokerId]) -> Option<&[BrokerId]> {
    (!brokers.is_empty()).then_some(brokers)
}
