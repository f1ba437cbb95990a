//! What the controller has decided, as brokers see it.

use std::collections::BTreeMap;

use kastellan_core::{
    id::{BrokerId, Uuid},
    metadata::{Image, Partition},
};

use super::node::topic;

/// The cluster after some decision.
#[derive(Debug, Clone, Default)]
pub(super) struct Cluster {
    /// The offset of the last record: grows with every decision.
    pub(super) version: i64,
    pub(super) brokers: BTreeMap<BrokerId, Registration>,
    pub(super) partitions: BTreeMap<i32, Partition>,
}

/// A broker as it is registered.
#[derive(Debug, Clone)]
pub(super) struct Registration {
    pub(super) incarnation: Uuid,
    pub(super) epoch: i64,
    pub(super) fenced: bool,
    /// It is about to stop.
    pub(super) leaves: bool,
}

impl Cluster {
    /// What there is in the metadata.
    pub(super) fn of(image: &Image) -> Self {
        let brokers = image.brokers().map(|known| {
            let registration = Registration {
                incarnation: known.incarnation,
                epoch: known.epoch,
                fenced: known.fenced,
                leaves: known.in_controlled_shutdown,
            };
            (known.id, registration)
        });
        let partitions = image.topic_by_id(&topic()).into_iter().flat_map(|it| &it.partitions);
        Self {
            version: image.offset(),
            brokers: brokers.collect(),
            partitions: partitions.map(|(index, it)| (*index, Partition::clone(it))).collect(),
        }
    }

    /// The epoch of a broker's registration.
    pub(super) fn epoch_of(&self, broker: BrokerId) -> Option<i64> {
        self.brokers.get(&broker).map(|known| known.epoch)
    }

    /// Whether this very registration may join an ISR.
    pub(super) fn is_eligible(&self, broker: BrokerId, epoch: i64) -> bool {
        let known = self.brokers.get(&broker);
        known.is_some_and(|known| !known.fenced && !known.leaves && known.epoch == epoch)
    }

    /// Whether a broker runs, as far as the controller knows.
    pub(super) fn runs(&self, broker: BrokerId) -> bool {
        self.brokers.get(&broker).is_some_and(|known| !known.fenced)
    }
}
