//! `GET /v1/replicas`: how many replicas each broker has, and how many of them are in sync.

use std::collections::BTreeMap;

use hyper::StatusCode;
use kastellan_core::metadata::Partition;
use serde::Serialize;

use super::{Api, Refusal, json};
use crate::{controller::Active, manage::http::Answer};

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Replicas {
    /// The node id of the active controller, while there is one.
    active_controller: Option<i32>,
    partitions: usize,
    /// Partitions that nobody leads.
    offline: usize,
    /// Partitions with a replica that is not in sync.
    under_replicated: usize,
    brokers: Vec<Of>,
}

/// The replicas of one broker.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Of {
    id: i32,
    replicas: usize,
    in_sync: usize,
}

pub(super) fn get(api: &Api) -> Result<Answer, Refusal> {
    api.ask(|broker| {
        let image = broker.controller.image();
        let mut by_broker: BTreeMap<i32, Of> =
            image.brokers().map(|broker| (broker.id.0, Of::default())).collect();
        let mut replicas = Replicas::default();
        for partition in image.topics().flat_map(|topic| topic.partitions.values()) {
            replicas.count(partition, &mut by_broker);
        }
        replicas.active_controller = match broker.controller.active() {
            Active::Here => Some(broker.config.node_id),
            Active::There(id) => Some(id.0),
            Active::Nobody => None,
        };
        replicas.brokers = by_broker.into_iter().map(|(id, of)| Of { id, ..of }).collect();
        json(StatusCode::OK, &replicas)
    })
}

impl Replicas {
    fn count(&mut self, partition: &Partition, by_broker: &mut BTreeMap<i32, Of>) {
        self.partitions += 1;
        self.offline += usize::from(partition.leader.is_none());
        self.under_replicated += usize::from(partition.isr.len() < partition.replicas.len());
        for id in &partition.replicas {
            let of = by_broker.entry(id.0).or_default();
            of.replicas += 1;
            of.in_sync += usize::from(partition.isr.contains(id));
        }
    }
}

#[cfg(test)]
mod tests {
    use kastellan_core::id::BrokerId;

    use super::*;

    #[test]
    fn a_replica_that_is_not_in_sync_is_its_brokers() {
        let ids = |ids: &[i32]| ids.iter().copied().map(BrokerId).collect();
        let (mut replicas, mut by_broker) = Default::default();
        for (isr, leader) in [(&[0, 1][..], Some(BrokerId(0))), (&[0], None)] {
            let partition =
                Partition { replicas: ids(&[0, 1]), isr: ids(isr), leader, ..Partition::default() };
            Replicas::count(&mut replicas, &partition, &mut by_broker);
        }
        assert_eq!((replicas.partitions, replicas.offline, replicas.under_replicated), (2, 1, 1));
        assert_eq!(by_broker[&0], Of { id: 0, replicas: 2, in_sync: 2 });
        assert_eq!(by_broker[&1], Of { id: 0, replicas: 2, in_sync: 1 });
    }
}
