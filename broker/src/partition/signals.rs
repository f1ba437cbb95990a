//! What partitions want done that takes more than their mutex: another fetch, another ISR.
//!
//! Replication listens; in a cluster of one nobody does, and nothing is ever wanted.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use kastellan_core::{machine::Millis, replica::PartitionKey};
use tokio::sync::Notify;

/// Collects it, once for each partition.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    wanted: Mutex<Wanted>,
    woken: Notify,
}

/// What is wanted.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// By partition.
    pub(crate) of: BTreeMap<PartitionKey, Want>,
    /// The metadata has brokers that it had not, or in another state: every ISR is to be looked at.
    pub(crate) brokers: bool,
}

/// What one partition wants.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Want {
    /// Its leader is another, or it can be fetched again: the fetchers look.
    pub(crate) fetch: bool,
    /// It has an ISR to propose.
    pub(crate) proposal: bool,
    /// Its ISR is to be looked at then.
    pub(crate) review: Option<Millis>,
}

impl Signals {
    /// Adds to what a partition wants.
    pub(crate) fn want(&self, key: PartitionKey, want: Want) {
        let mut wanted = self.lock();
        let known = wanted.of.entry(key).or_default();
        known.fetch |= want.fetch;
        known.proposal |= want.proposal;
        known.review = known.review.into_iter().chain(want.review).min();
        drop(wanted);
        self.woken.notify_one();
    }

    /// The metadata says other things of brokers.
    pub(crate) fn brokers_changed(&self) {
        self.lock().brokers = true;
        self.woken.notify_one();
    }

    /// Takes all of it.
    pub(crate) fn take(&self) -> Wanted {
        std::mem::take(&mut *self.lock())
    }

    /// Waits until there is something.
    pub(crate) async fn wait(&self) {
        self.woken.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
