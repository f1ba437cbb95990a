//! Looks at the partitions of a session that are worth it.

use std::sync::Arc;

use kastellan_core::{
    id::{BrokerId, Offset},
    partition::{Fetching, From},
    session::{Entry, Look, Session, TopicKey},
};
use kastellan_protocol::ErrorCode;

use crate::{
    access::{Judge, needs::FETCH},
    broker::Broker,
    partition::{Follower, Partition, Read},
    sessions::Live,
};

/// Who asks whom.
pub(super) struct Asks<'a> {
    pub(super) broker: &'a Broker,
    pub(super) judge: &'a Judge<'a>,
    /// The rack that a consumer is in, where it may be told of a nearer replica.
    pub(super) rack: Option<&'a str>,
}

/// What a look at all of them gave.
#[derive(Debug)]
pub(super) struct Looked {
    /// In the order of their turns.
    pub(super) seen: Vec<Seen>,
    /// Bytes of records.
    pub(super) bytes: usize,
    /// Those of them that count as what a follower takes that catches up.
    pub(super) throttled: usize,
    /// Whether the client must hear of something at once.
    pub(super) urgent: bool,
}

/// What a look at one partition gave.
#[derive(Debug)]
pub(super) struct Seen {
    /// Its place in the session.
    pub(super) slot: usize,
    /// What was read, or why nothing was.
    pub(super) read: Result<Read, ErrorCode>,
    /// Whether the client hears of it.
    pub(super) told: bool,
    /// Where the log starts, for a follower that is outside of it; -1 for others.
    pub(super) log_start: Offset,
    look: Look,
}

impl Looked {
    /// Looks at every partition in the queue, until `max_bytes` are found; with `all`, the client
    /// is told of each.
    pub(super) fn new(asks: &Asks<'_>, live: &mut Live, max_bytes: usize, all: bool) -> Self {
        let mut queue = std::mem::take(&mut live.queue);
        live.session.take_queue(&mut queue);
        let mut looked =
            Self { seen: Vec::with_capacity(queue.len()), bytes: 0, throttled: 0, urgent: false };
        for slot in queue.drain(..) {
            let left = max_bytes.saturating_sub(looked.bytes);
            let most = (left, looked.bytes == 0);
            let Some(read) = look(asks, live, slot, most) else { continue };
            let look = summary(&read);
            looked.urgent |= look.urgent;
            let found = bytes(&read);
            looked.bytes += found;
            looked.throttled += if read.as_ref().is_ok_and(|it| it.throttled) { found } else { 0 };
            let told = all || live.session.is_news(slot, look);
            let log_start = log_start(live, slot, &read);
            looked.seen.push(Seen { slot, read, told, log_start, look });
        }
        live.queue = queue;
        looked
    }

    /// The client is not told yet: everything keeps its turn.
    pub(super) fn put_back(&self, session: &mut Session<Arc<Partition>>) {
        let worth = self.seen.iter().filter(|seen| seen.told || seen.has_more());
        worth.for_each(|seen| session.put_back(seen.slot));
    }

    /// The errors that the client is told.
    pub(super) fn errors(&self) -> impl Iterator<Item = ErrorCode> {
        let told = self.seen.iter().filter(|seen| seen.told);
        told.filter_map(|seen| seen.read.as_ref().err().copied())
    }

    /// The client is told: who was served goes behind those who were not.
    pub(super) fn settle(&self, session: &mut Session<Arc<Partition>>) {
        for seen in self.seen.iter().filter(|seen| seen.has_more() && !seen.look.records) {
            session.put_back(seen.slot);
        }
        for seen in self.seen.iter().filter(|seen| seen.told) {
            session.settle(seen.slot, seen.look);
        }
    }
}

impl Seen {
    fn has_more(&self) -> bool {
        self.read.as_ref().is_ok_and(|read| read.more)
    }
}

/// Has the partitions that do not do so yet tell the session of appends; true if there were any.
pub(super) fn subscribe(live: &mut Live) -> bool {
    let Live { session, heard, silent, follower, .. } = live;
    let follows = follower.is_some();
    let mut new = false;
    for slot in silent.drain(..) {
        let partition = session.entry(slot).and_then(|entry| entry.handle.as_ref());
        // One that is offline says so at the next look.
        new |= partition.is_some_and(|partition| partition.subscribe(heard, slot, follows).is_ok());
    }
    new
}

fn look(
    asks: &Asks<'_>,
    live: &mut Live,
    slot: usize,
    (left, whole): (usize, bool),
) -> Option<Result<Read, ErrorCode>> {
    let entry = live.session.entry(slot)?;
    let (wanted, broker) = (entry.wanted, asks.broker);
    if !may_read(asks, entry) {
        return Some(Err(ErrorCode::TopicAuthorizationFailed));
    }
    if entry.handle.as_ref().is_none_or(|known| known.is_deleted()) {
        let found = match &entry.topic {
            TopicKey::Name(name) => broker.partitions.get(name, wanted.index),
            TopicKey::Id(id) => broker.partitions.get_by_id(*id, wanted.index),
        };
        entry.handle = found.as_ref().ok().cloned();
        match found {
            Err(code) => return Some(Err(code)),
            Ok(_) => live.silent.push(slot),
        }
        if live.eager {
            subscribe(live);
        }
    }
    let follower = live.follower;
    let entry = live.session.entry(slot)?;
    let fresh = std::mem::take(&mut entry.fresh);
    let partition = entry.handle.as_ref()?;
    let most = usize::try_from(wanted.max_bytes).unwrap_or(0);
    let from = From {
        offset: wanted.fetch_offset,
        // Any number below 0 stands for none, as in Kafka.
        current_leader_epoch: wanted.current_leader_epoch.max(-1),
        last_fetched_epoch: wanted.last_fetched_epoch,
        max_bytes: most.min(left),
        // The first records come whole, however little the client wants.
        at_least_one: whole,
    };
    let Some((replica, broker_epoch)) = follower else {
        let image = || broker.controller.image();
        let nearer = asks.rack.and_then(|rack| partition.nearer(rack, from.offset, &image()));
        return Some(match nearer {
            Some(nearer) => partition.refer(from, nearer),
            None => partition.read(from),
        });
    };
    let known = broker.controller.image();
    let eligible = known.broker(replica).is_some_and(|known| known.may_join_isr(broker_epoch));
    let who = Fetching { replica, broker_epoch, eligible, log_start: wanted.log_start_offset };
    drop(known);
    let me = BrokerId(broker.config.node_id);
    let throttle = broker.throttles.leader.set();
    let covered = |_: &&_| partition.topic().config().leader_throttled.covers(wanted.index, me);
    let follower = Follower { who, fresh, throttle: throttle.filter(covered) };
    Some(partition.read_for(broker.clock.monotonic(), follower, from))
}

/// Whether the client may read this topic. Whether a topic of some name exists is told only to who
/// may; an id is no secret.
fn may_read(asks: &Asks<'_>, entry: &Entry<Arc<Partition>>) -> bool {
    let Asks { broker, judge, .. } = asks;
    if judge.allows_all() {
        return true;
    }
    match (&entry.topic, &entry.handle) {
        (TopicKey::Name(name), _) => judge.may(FETCH, name),
        (TopicKey::Id(_), Some(known)) if !known.is_deleted() => {
            judge.may(FETCH, known.topic().name())
        }
        (TopicKey::Id(id), _) => {
            let topic = broker.partitions.topic_by_id(*id);
            topic.is_none_or(|topic| judge.may(FETCH, topic.name()))
        }
    }
}

/// Where a follower that is outside of the log finds its start.
fn log_start(live: &mut Live, slot: usize, read: &Result<Read, ErrorCode>) -> Offset {
    let outside = matches!(read, Err(ErrorCode::OffsetOutOfRange)) && live.follower.is_some();
    let entry = live.session.entry(slot).filter(|_| outside);
    let ends = entry.and_then(|entry| entry.handle.as_ref()?.ends().ok());
    ends.map_or(-1, |(start, _end)| start)
}

fn bytes(read: &Result<Read, ErrorCode>) -> usize {
    let records = read.as_ref().ok().and_then(|read| read.records.as_ref());
    records.map_or(0, |records| records.len)
}

fn summary(read: &Result<Read, ErrorCode>) -> Look {
    match read {
        Ok(read) => Look {
            high_watermark: read.high_watermark,
            log_start: read.log_start,
            records: read.records.is_some(),
            urgent: read.diverging.is_some() || read.preferred.is_some(),
        },
        Err(_) => Look { high_watermark: -1, log_start: -1, records: false, urgent: true },
    }
}
