//! Replication on this broker: what it follows is fetched, and who is in sync is proposed.
//!
//! One task listens to what partitions want ([`crate::partition::Signals`]); one more for each
//! leader fetches over a connection of its own. They run on threads of their own, apart from those
//! of clients and of the quorum. A cluster of one has none of it.

mod feed;
mod isr;
mod wire;

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Weak},
    time::Duration,
};

use kastellan_core::{id::BrokerId, replica::PartitionKey};
use tokio::runtime::{self, Runtime};

use self::{feed::Feed, isr::Proposals};
use crate::{broker::Broker, partition::Wanted};

/// Threads for it: one works on what was fetched while another sends.
const THREADS: usize = 2;

/// The threads; they end when this is dropped.
#[derive(Debug)]
pub(crate) struct Replication {
    runtime: Option<Runtime>,
}

impl Replication {
    /// Begins to follow and to propose.
    pub(crate) fn start(broker: &Arc<Broker>) -> io::Result<Self> {
        let runtime = runtime::Builder::new_multi_thread()
            .enable_time()
            .worker_threads(THREADS)
            .max_blocking_threads(2)
            .thread_name("replication")
            .build()?;
        runtime.spawn(run(Arc::downgrade(broker)));
        Ok(Self { runtime: Some(runtime) })
    }
}

impl Drop for Replication {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
    }
}

/// Who follows whom.
#[derive(Default)]
struct Following {
    feeds: BTreeMap<(BrokerId, u8), Feed>,
    of: BTreeMap<PartitionKey, (BrokerId, u8)>,
}

/// Listens until the broker is gone.
async fn run(broker: Weak<Broker>) {
    let mut following = Following::default();
    let mut proposals = Proposals::new();
    let Some(signals) = broker.upgrade().map(|it| Arc::clone(it.partitions.signals())) else {
        return;
    };
    loop {
        {
            let Some(broker) = broker.upgrade() else { return };
            let wanted = signals.take();
            for (key, want) in &wanted.of {
                if want.fetch {
                    following.follow(&broker, *key);
                }
            }
            proposals.heed(&broker, wanted);
            proposals.work(&broker);
        }
        tokio::select! {
            () = signals.wait() => (),
            () = proposals.wait() => (),
        }
    }
}

impl Following {
    /// Moves a partition to the fetcher of its leader.
    fn follow(&mut self, broker: &Arc<Broker>, key: PartitionKey) {
        let partition = broker.partitions.get_by_id(key.topic, key.index).ok();
        let wanted = partition.and_then(|partition| partition.following());
        let fetchers = broker.settings.load().fleet.replica_fetchers.clamp(1, 255);
        let spread = key.index.unsigned_abs() as usize % fetchers;
        let nth = u8::try_from(spread).unwrap_or(0);
        let place = wanted.map(|(leader, _)| (leader, nth));
        if let Some(before) = self.of.get(&key).copied()
            && Some(before) != place
        {
            self.of.remove(&key);
            if let Some(feed) = self.feeds.get(&before) {
                feed.unfollow(key);
            }
        }
        if let Some((place, (_, position))) = place.zip(wanted) {
            self.of.insert(key, place);
            let feed = self.feeds.entry(place).or_insert_with(|| Feed::start(broker, place));
            feed.follow(key, position);
        }
    }
}

/// What there is to do of what was wanted.
impl Wanted {
    /// Whether anything is.
    fn is_empty(&self) -> bool {
        self.of.is_empty() && !self.brokers
    }
}
