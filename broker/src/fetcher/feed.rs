//! Everything that is fetched from one node.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use kastellan_core::{
    id::BrokerId,
    machine::Millis,
    partition::{Answer, Followed, Position},
    replica::{Fetcher, PartitionKey, Request, Settled},
};
use kastellan_protocol::{
    ErrorCode,
    messages::{FetchResponse, fetch_response::PartitionData},
};
use tokio::sync::{Notify, mpsc};

use super::wire;
use crate::{
    broker::Broker,
    partition::Partition,
    peers::{PeerError, Purpose},
};

/// How much longer than the leader may wait for bytes its answer is waited for.
const GRACE: Duration = Duration::from_millis(1_500);

/// One fetcher; its task ends when this is dropped.
pub(super) struct Feed {
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    leader: BrokerId,
    nth: u8,
    machine: Mutex<Fetcher>,
    changed: Notify,
}

/// An answer, and which connection it came by.
type Came = (u64, Result<FetchResponse, PeerError>);

impl Drop for Feed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Feed {
    /// A fetcher that fetches nothing yet.
    pub(super) fn start(broker: &Arc<Broker>, (leader, nth): (BrokerId, u8)) -> Self {
        let longest = broker.settings.load().fleet.replica_fetch_backoff;
        let machine = Mutex::new(Fetcher::new(longest));
        let shared = Arc::new(Shared { leader, nth, machine, changed: Notify::new() });
        let task = tokio::spawn(run(Arc::clone(&shared), Arc::downgrade(broker)));
        Self { shared, task }
    }

    /// Fetches a partition from `position` on; `None`: later, by itself.
    pub(super) fn follow(&self, key: PartitionKey, position: Option<Position>) {
        self.shared.lock().follow(key, position);
        self.shared.changed.notify_one();
    }

    /// Fetches a partition no longer.
    pub(super) fn unfollow(&self, key: PartitionKey) {
        self.shared.lock().unfollow(key);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Fetcher> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn run(shared: Arc<Shared>, broker: Weak<Broker>) {
    let (sender, mut came) = mpsc::unbounded_channel::<Came>();
    let mut connection = 0;
    loop {
        let deadline = {
            let Some(broker) = broker.upgrade() else { return };
            while let Some(request) = {
                let now = broker.clock.monotonic();
                shared.lock().request(now)
            } {
                send(&shared, &broker, &request, (connection, sender.clone()));
            }
            let deadline = shared.lock().deadline();
            deadline.map(|deadline| broker.clock.instant(deadline))
        };
        let sleep = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = shared.changed.notified() => (),
            () = sleep => (),
            Some((of, answer)) = came.recv() => {
                let Some(broker) = broker.upgrade() else { return };
                if of == connection && !take_in(&shared, &broker, answer) {
                    // whatever else was asked goes the same way
                    connection += 1;
                }
            }
        }
    }
}

fn send(
    shared: &Shared,
    broker: &Arc<Broker>,
    request: &Request,
    (connection, came): (u64, mpsc::UnboundedSender<Came>),
) {
    let settings = broker.settings.load();
    let me = BrokerId(broker.config.node_id);
    let epoch = broker.controller.image().broker(me).map_or(-1, |known| known.epoch);
    let message = wire::request((me, epoch), &settings.fleet, request);
    let patience = settings.fleet.replica_fetch_wait_max + GRACE;
    let over = (shared.leader, Purpose::Replica(shared.nth));
    broker.peers.send(over, &message, patience, move |answer| {
        // the task may have ended
        drop(came.send((connection, answer)));
    });
}

/// Takes in an answer; false where there is none.
fn take_in(shared: &Shared, broker: &Broker, answer: Result<FetchResponse, PeerError>) -> bool {
    let now = broker.clock.now();
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            tracing::debug!(leader = shared.leader.0, %error, "cannot fetch");
            shared.lock().failed(now.monotonic);
            return false;
        }
    };
    let error = ErrorCode::try_from_code(answer.error_code).filter(|_| answer.error_code != 0);
    shared.lock().answered(answer.session_id, error);
    if let Some(error) = error {
        tracing::debug!(leader = shared.leader.0, ?error, "a fetch session is lost");
        shared.lock().failed(now.monotonic);
        return false;
    }
    for topic in answer.responses {
        for data in topic.partitions {
            let key = PartitionKey { topic: topic.topic_id, index: data.partition_index };
            take_in_one(shared, broker, key, &data);
        }
    }
    true
}

fn take_in_one(shared: &Shared, broker: &Broker, key: PartitionKey, data: &PartitionData) {
    let Some(sent) = shared.lock().sent(key) else { return };
    let Ok(partition) = broker.partitions.get_by_id(key.topic, key.index) else { return };
    let now = broker.clock.now();
    let diverging = &data.diverging_epoch;
    let answer = Answer {
        error: ErrorCode::try_from_code(data.error_code).filter(|_| data.error_code != 0),
        high_watermark: data.high_watermark,
        log_start: data.log_start_offset,
        diverging: (diverging.epoch >= 0).then_some((diverging.epoch, diverging.end_offset)),
        records: data.records.as_deref().unwrap_or_default(),
    };
    let settled = match partition.follow(now, sent, &answer) {
        Ok((Followed::Stale, _)) => return,
        Ok((_, position)) => {
            let pause = throttled(broker, &partition, key, answer.records.len());
            pause.zip(position).map_or(Settled::At(position), |(until, position)| {
                Settled::NotBefore(until, position)
            })
        }
        Err(code) => {
            tell(&partition, shared.leader, code);
            Settled::Failed(sent)
        }
    };
    shared.lock().settle(Millis(now.monotonic.0), key, settled);
}

/// Until when a partition is not to be fetched, of which so many bytes came just now: one that
/// catches up and whose catching up is throttled.
fn throttled(
    broker: &Broker,
    partition: &Partition,
    key: PartitionKey,
    bytes: usize,
) -> Option<Millis> {
    let throttle = broker.throttles.follower.set()?;
    let me = BrokerId(broker.config.node_id);
    let image = broker.controller.image();
    let known = image.partition(&key.topic, key.index);
    if !partition.topic().config().follower_throttled.covers(key.index, me)
        || known.is_some_and(|known| known.isr.contains(&me))
    {
        return None;
    }
    let now = broker.clock.monotonic();
    throttle.spend(now, bytes);
    throttle.exhausted(now)
}

/// Says what keeps a partition from being followed. Some of it is normal while metadata spreads.
fn tell(partition: &Partition, leader: BrokerId, code: ErrorCode) {
    use ErrorCode::{
        FencedLeaderEpoch, NotLeaderOrFollower, UnknownLeaderEpoch, UnknownTopicId,
        UnknownTopicOrPartition,
    };
    let leader = leader.0;
    match code {
        FencedLeaderEpoch
        | NotLeaderOrFollower
        | UnknownLeaderEpoch
        | UnknownTopicId
        | UnknownTopicOrPartition => {
            tracing::debug!(?partition, leader, ?code, "cannot follow yet");
        }
        ErrorCode::OffsetOutOfRange => tracing::error!(
            ?partition,
            leader,
            "the leader has lost what was committed, and no unclean election says so: this replica \
             keeps what it has and follows no further; elect another leader, or elect one uncleanly"
        ),
        _ => tracing::warn!(?partition, leader, ?code, "cannot follow"),
    }
}
