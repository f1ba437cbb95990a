//! An idempotent producer as clients are: five batches in flight, retries in order, a new epoch
//! when it is told that its sequence does not fit.

use std::collections::{BTreeMap, VecDeque};

use kastellan_core::{
    id::{TopicPartition, Uuid},
    producer::increment,
};
use kastellan_protocol::batch::Builder;

use crate::{parameters::Parameters, random::Random};

/// Batches that a client keeps in flight at most.
const IN_FLIGHT: usize = 5;

/// A producer; without an id until it is given one.
#[derive(Debug, Default)]
pub(crate) struct Producer {
    pub(crate) id: Option<i64>,
    pub(crate) epoch: i16,
    pub(crate) lanes: BTreeMap<TopicPartition, Lane>,
}

/// What a producer sends to one partition.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    pub(crate) topic: Uuid,
    pub(crate) next: i32,
    /// In the order of their sequences; acknowledged ones may be among them.
    pub(crate) sent: VecDeque<Sent>,
}

/// A batch that was sent at least once.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) sequence: i32,
    pub(crate) bytes: Vec<u8>,
    pub(crate) fate: Fate,
}

/// What is known of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It waits for the disk.
    Waiting,
    /// It failed, or the broker died: to be sent again.
    Unknown,
    /// It was acknowledged.
    Acknowledged,
}

impl Producer {
    /// The lane to a partition of the topic with this id; what was sent to an earlier topic of that
    /// name is forgotten.
    pub(crate) fn lane(&mut self, of: &TopicPartition, topic: Uuid) -> &mut Lane {
        let lane = self.lanes.entry(of.clone()).or_default();
        if lane.topic != topic {
            *lane = Lane { topic, ..Lane::default() };
        }
        lane
    }

    /// Begins again in a new epoch, as a client does after an error that no retry can heal.
    pub(crate) fn start_over(&mut self) {
        self.epoch = self.epoch.saturating_add(1);
        self.lanes.clear();
    }

    /// The broker is gone: nobody knows what became of what waits.
    pub(crate) fn disconnect(&mut self) {
        let sent = self.lanes.values_mut().flat_map(|lane| &mut lane.sent);
        sent.filter(|it| it.fate == Fate::Waiting).for_each(|it| it.fate = Fate::Unknown);
    }
}

impl Lane {
    /// The first batch that has to be sent again, before any new one.
    pub(crate) fn to_retry(&self) -> Option<&Sent> {
        self.sent.iter().find(|sent| sent.fate == Fate::Unknown)
    }

    /// Whether another batch may be sent.
    pub(crate) fn has_room(&self) -> bool {
        let open = self.sent.iter().filter(|sent| sent.fate != Fate::Acknowledged).count();
        open < IN_FLIGHT && self.to_retry().is_none()
    }

    /// Notes a new batch of `count` records; the oldest acknowledged ones are forgotten.
    pub(crate) fn push(&mut self, bytes: Vec<u8>, count: i32) -> Sent {
        let sent = Sent { sequence: self.next, bytes, fate: Fate::Waiting };
        self.next = increment(self.next, count);
        self.sent.push_back(sent.clone());
        while self.sent.len() > IN_FLIGHT
            && self.sent.front().is_some_and(|first| first.fate == Fate::Acknowledged)
        {
            self.sent.pop_front();
        }
        sent
    }

    /// Notes what became of a batch.
    pub(crate) fn settle(&mut self, sequence: i32, fate: Fate) {
        let sent = self.sent.iter_mut().find(|sent| sent.sequence == sequence);
        if let Some(sent) = sent.filter(|sent| sent.fate != Fate::Acknowledged) {
            sent.fate = fate;
        }
    }
}

/// Who sends a batch, and where to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) of: &'a TopicPartition,
    /// Id, epoch and first sequence; `None` for a producer without idempotence.
    pub(crate) producer: Option<(i64, i16, i32)>,
    pub(crate) wall: i64,
    pub(crate) compacted: bool,
}

/// A batch of random records whose values say where they belong.
pub(crate) fn batch(random: &mut Random, parameters: &Parameters, origin: Origin<'_>) -> Builder {
    let mut builder = Builder::new(0, -1);
    if let Some((id, epoch, sequence)) = origin.producer {
        builder.producer(id, epoch, sequence);
    }
    if let Some(codec) = random.choose(&parameters.codecs) {
        builder.compressed(*codec);
    }
    let unique = random.next();
    for at in 0..=random.below(parameters.max_records) {
        let key = format!("k{}", random.below(parameters.keys));
        let mut value =
            format!("{} {:?} {unique:016x}+{at} ", origin.of, origin.producer).into_bytes();
        let filler = random.below(parameters.max_value);
        value.extend((0..filler).map(|_| random.next().to_le_bytes()[0]));
        let tombstone = origin.compacted && random.chance(15);
        let value = (!tombstone).then_some(value.as_slice());
        let keyed = origin.compacted || random.chance(50);
        let timestamp = origin.wall + random.between(-500, 500);
        builder.record(timestamp, keyed.then_some(key.as_bytes()), value, &[]);
    }
    builder
}
