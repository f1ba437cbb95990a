//! What the metadata says: brokers, topics, and partitions that are not as they should be.

use kastellan_core::{
    id::BrokerId,
    metadata::{Image, Partition},
};

use super::text::{Kind, Text};
use crate::{broker::Broker, controller::Active, manage::blockers::min_isr};

/// A metric: its name, what it means, its value.
type Gauge = (&'static str, &'static str, i64);

/// Partitions counted in one walk over the metadata. Those of this broker are those that it leads.
#[derive(Debug, Default)]
struct Counted {
    partitions: usize,
    offline: usize,
    not_preferred: usize,
    led: usize,
    under_replicated: usize,
    under_min_isr: usize,
    at_min_isr: usize,
    replicas: usize,
}

impl Counted {
    fn count(&mut self, me: BrokerId, partition: &Partition, min_isr: usize) {
        self.partitions += 1;
        self.offline += usize::from(partition.leader.is_none());
        let preferred = partition.replicas.first().copied();
        self.not_preferred += usize::from(partition.leader != preferred);
        self.replicas += usize::from(partition.replicas.contains(&me));
        if partition.leader != Some(me) {
            return;
        }
        let (isr, wanted) = (partition.isr.len(), min_isr.min(partition.replicas.len()));
        self.led += 1;
        self.under_replicated += usize::from(isr < partition.replicas.len());
        self.under_min_isr += usize::from(isr < wanted);
        self.at_min_isr += usize::from(isr == wanted);
    }
}

pub(super) fn write(text: &mut Text, broker: &Broker) {
    let (image, settings) = (broker.controller.image(), broker.settings.load());
    let me = BrokerId(broker.config.node_id);
    let mut counted = Counted::default();
    for topic in image.topics() {
        let min_isr = min_isr(&image, topic, &settings);
        for partition in topic.partitions.values() {
            counted.count(me, partition, min_isr);
        }
    }
    let active_here = broker.controller.active() == Active::Here;
    let gauges = controller(&image, &counted, active_here)
        .into_iter()
        .chain(own(broker, &image, me, &counted));
    for (name, help, value) in gauges {
        text.one(name, Kind::Gauge, help, value);
    }
}

/// What Kafka's controller tells of the cluster; here every broker does.
fn controller(image: &Image, counted: &Counted, active_here: bool) -> [Gauge; 7] {
    let fenced = image.brokers().filter(|broker| broker.fenced).count();
    let active = image.brokers().count() - fenced;
    [
        (
            "kafka_controller_kafkacontroller_activecontrollercount",
            "1 where this process is the active controller.",
            i64::from(active_here),
        ),
        (
            "kafka_controller_kafkacontroller_activebrokercount",
            "Brokers that may lead.",
            int(active),
        ),
        (
            "kafka_controller_kafkacontroller_fencedbrokercount",
            "Registered brokers that may not lead.",
            int(fenced),
        ),
        (
            "kafka_controller_kafkacontroller_globaltopiccount",
            "Topics of the cluster.",
            int(image.topic_count()),
        ),
        (
            "kafka_controller_kafkacontroller_globalpartitioncount",
            "Partitions of the cluster.",
            int(counted.partitions),
        ),
        (
            "kafka_controller_kafkacontroller_offlinepartitionscount",
            "Partitions of the cluster without a leader.",
            int(counted.offline),
        ),
        (
            "kafka_controller_kafkacontroller_preferredreplicaimbalancecount",
            "Partitions of the cluster that their preferred replica does not lead.",
            int(counted.not_preferred),
        ),
    ]
}

/// What concerns the broker itself.
fn own(broker: &Broker, image: &Image, me: BrokerId, counted: &Counted) -> [Gauge; 9] {
    [
        (
            "kafka_server_replicamanager_partitioncount",
            "Partitions with a replica on this broker.",
            int(counted.replicas),
        ),
        (
            "kafka_server_replicamanager_leadercount",
            "Partitions that this broker leads.",
            int(counted.led),
        ),
        (
            "kafka_server_replicamanager_underreplicatedpartitions",
            "Partitions led here that have replicas out of sync.",
            int(counted.under_replicated),
        ),
        (
            "kafka_server_replicamanager_underminisrpartitioncount",
            "Partitions led here with fewer replicas in sync than min.insync.replicas.",
            int(counted.under_min_isr),
        ),
        (
            "kafka_server_replicamanager_atminisrpartitioncount",
            "Partitions led here with as many replicas in sync as min.insync.replicas.",
            int(counted.at_min_isr),
        ),
        (
            "kafka_server_replicamanager_offlinereplicacount",
            "Replicas of this broker whose log does not work.",
            int(broker.partitions.offline()),
        ),
        (
            "kafka_server_broker_metadata_metrics_last_applied_record_offset",
            "The offset of the newest metadata that is known here.",
            image.offset(),
        ),
        (
            "kastellan_fenced",
            "1 where this broker may not lead.",
            i64::from(image.broker(me).is_none_or(|broker| broker.fenced)),
        ),
        ("kastellan_node_id", "The broker's node id.", i64::from(me.0)),
    ]
}

fn int(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_counts_where_it_is_led() {
        let ids = |ids: &[i32]| ids.iter().map(|id| BrokerId(*id)).collect::<Vec<_>>();
        let partition = |leader, isr: &[i32]| Partition {
            replicas: ids(&[1, 2, 3]),
            isr: ids(isr),
            leader,
            ..Partition::default()
        };
        let mut counted = Counted::default();
        counted.count(BrokerId(1), &partition(Some(BrokerId(1)), &[1, 2, 3]), 2);
        counted.count(BrokerId(1), &partition(Some(BrokerId(1)), &[1, 2]), 2);
        counted.count(BrokerId(1), &partition(Some(BrokerId(1)), &[1]), 2);
        counted.count(BrokerId(1), &partition(Some(BrokerId(2)), &[2]), 2);
        counted.count(BrokerId(1), &partition(None, &[2]), 2);
        assert_eq!((counted.partitions, counted.replicas, counted.led), (5, 5, 3));
        assert_eq!((counted.offline, counted.not_preferred), (1, 2));
        assert_eq!((counted.under_replicated, counted.under_min_isr), (2, 1));
        assert_eq!(counted.at_min_isr, 1);
    }
}
