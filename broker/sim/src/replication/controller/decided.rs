//! What decisions come to: the first ones, those that excuse a partition, and what is counted.

use kastellan_core::{
    id::{BrokerId, Uuid},
    metadata::{
        ConfigRecord, Feature, Image, NO_LEADER, Partition, PartitionRecord, Record,
        RegisterBroker, ResourceKind, SUPPORTED, SupportedFeature, TopicRecord,
    },
};

use crate::replication::{
    cluster::Cluster,
    counter::Rare,
    node::{Env, TOPIC, topic},
};

/// The records of brokers that have ended in order, and of partitions.
pub(super) fn first(
    partitions: Vec<Partition>,
    brokers: i32,
    min_in_sync: i32,
) -> impl Iterator<Item = Record> {
    let gone = (1..=brokers).map(BrokerId).map(|id| {
        let epoch = first_epoch(id);
        let last = Uuid::from_u128(u128::from(id.0.unsigned_abs()) << 64);
        Record::RegisterBroker(RegisterBroker { epoch, ..registration(id, last) })
    });
    let named = Record::Topic(TopicRecord { name: TOPIC.to_owned(), id: topic() });
    let min = Record::Config(ConfigRecord {
        resource_type: ResourceKind::Broker.code(),
        resource_name: String::new(),
        name: "min.insync.replicas".to_owned(),
        value: Some(min_in_sync.to_string()),
    });
    let partitions = (0..).zip(partitions).map(|(index, state)| {
        Record::Partition(PartitionRecord {
            partition: index,
            topic: topic(),
            directories: vec![Uuid::nil(); state.replicas.len()],
            replicas: state.replicas,
            isr: state.isr,
            removing: Vec::new(),
            adding: Vec::new(),
            leader: NO_LEADER,
            leader_recovery_state: 0,
            leader_epoch: 0,
            partition_epoch: 0,
            elr: state.elr,
            last_known_elr: Vec::new(),
        })
    });
    gone.chain([named, min]).chain(partitions)
}

/// The epoch of the registration that a broker begins with.
pub(in super::super) fn first_epoch(id: BrokerId) -> i64 {
    id.0.into()
}

/// A broker as it registers: watched, with one log directory.
pub(super) fn registration(id: BrokerId, incarnation: Uuid) -> RegisterBroker {
    let feature =
        |it: &Feature| SupportedFeature { name: it.name.to_owned(), min: it.min, max: it.max };
    RegisterBroker {
        broker: id,
        incarnation,
        epoch: -1,
        endpoints: Vec::new(),
        features: SUPPORTED.iter().map(feature).collect(),
        rack: None,
        fenced: true,
        in_controlled_shutdown: false,
        log_dirs: vec![Uuid::from_u128(id.0.unsigned_abs().into())],
    }
}

/// The partitions that get a leader which may lack records: because that was `asked` for, or where
/// nobody is left who certainly has them. The controller has no other reason.
pub(super) fn unclean(before: &Image, records: &[Record], asked: bool) -> Vec<i32> {
    // who comes back in this very moment has lost what it had, or others would not be elected
    let back = |id: &BrokerId| {
        let is_back =
            |record: &Record| matches!(record, Record::RegisterBroker(it) if it.broker == *id);
        records.iter().any(is_back)
    };
    let elected = |record: &Record| match record {
        Record::PartitionChange(change) if change.leader_recovery_state == Some(1) => {
            let state = before.partition(&change.topic, change.partition)?;
            let nobody = state.isr.iter().chain(&state.elr).all(back);
            (asked || nobody).then_some(change.partition)
        }
        _ => None,
    };
    records.iter().filter_map(elected).collect()
}

/// Counts what has become of the partitions.
pub(super) fn note(env: &mut Env, before: &Cluster, after: &Cluster) {
    let counters = &mut env.counters;
    for (index, now) in &after.partitions {
        let Some(was) = before.partitions.get(index) else { continue };
        let has_more =
            |more: &[BrokerId], than: &[BrokerId]| more.iter().any(|id| !than.contains(id));
        counters.elections +=
            u64::from(now.leader_epoch > was.leader_epoch && now.leader.is_some());
        counters.note_if(now.leader.is_none(), Rare::NobodyLeads);
        counters.note_if(has_more(&now.isr, &was.isr), Rare::IsrExpanded);
        counters.note_if(has_more(&was.isr, &now.isr), Rare::IsrShrunk);
        counters.note_if(has_more(&now.replicas, &was.replicas), Rare::ReplicaAdded);
        counters.note_if(has_more(&was.replicas, &now.replicas), Rare::ReplicaRemoved);
        let eligible = now.leader.is_some_and(|id| was.isr.is_empty() && was.elr.contains(&id));
        counters.note_if(eligible, Rare::ElectedFromElr);
    }
}
