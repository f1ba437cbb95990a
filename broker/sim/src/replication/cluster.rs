//! What the controller has decided, as brokers see it.

use std::collections::BTreeMap;

use kastellan_core::{id::BrokerId, metadata::Partition};

/// The cluster after some decision.
#[derive(Debug, Clone, Default)]
pub(super) struct Cluster {
    /// Grows with every decision.
    pub(super) version: u64,
    pub(super) brokers: BTreeMap<BrokerId, Registration>,
    pub(super) partitions: BTreeMap<i32, Partition>,
}

/// A broker as it is registered.
#[derive(Debug, Clone)]
pub(super) struct Registration {
    pub(super) incarnation: u64,
    pub(super) epoch: i64,
    pub(super) fenced: bool,
    /// The version in which it was registered: it is unfenced once it has seen that.
    pub(super) version: u64,
}

impl Cluster {
    /// The epoch of a broker's registration.
    pub(super) fn epoch_of(&self, broker: BrokerId) -> Option<i64> {
        self.brokers.get(&broker).map(|known| known.epoch)
    }

    /// Whether this very registration may join an ISR.
    pub(super) fn is_eligible(&self, broker: BrokerId, epoch: i64) -> bool {
        self.brokers.get(&broker).is_some_and(|known| !known.fenced && known.epoch == epoch)
    }

    /// Whether a broker runs, as far as the controller knows.
    pub(super) fn runs(&self, broker: BrokerId) -> bool {
        self.brokers.get(&broker).is_some_and(|known| !known.fenced)
    }
}
