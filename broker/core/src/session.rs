//! Fetch sessions (KIP-227): a consumer names its partitions once, and afterwards only what
//! changed.
//!
//! A [`Session`] knows which of its partitions are worth looking at: those that the client has just
//! moved, and those that something happened to since. A fetch costs what has changed, never the
//! number of partitions. [`Sessions`] keeps a bounded number of them.

mod cache;

use std::collections::{BTreeMap, VecDeque};

use kastellan_protocol::{ErrorCode, fetch::FetchPartition};

pub use self::cache::Sessions;
use crate::id::{Offset, Uuid};

/// How a client names a topic: by name up to version 12, by id from 13 on (KIP-516).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum TopicKey {
    /// By its name.
    Name(String),
    /// By its id.
    Id(Uuid),
}

/// One client's session. `H` is what the shell wants to keep with each partition.
#[derive(Debug)]
pub struct Session<H> {
    epoch: i32,
    topic_ids: bool,
    /// Slots keep their number for as long as the partition is in the session.
    slots: Vec<Option<Entry<H>>>,
    free: Vec<usize>,
    by_topic: BTreeMap<TopicKey, BTreeMap<i32, usize>>,
    /// Slots to look at, in the order in which they get their turn.
    queue: VecDeque<usize>,
    partitions: usize,
}

/// One partition of a session.
#[derive(Debug)]
pub struct Entry<H> {
    /// Its topic.
    pub topic: TopicKey,
    /// What the client wants of it.
    pub wanted: FetchPartition,
    /// The shell's own.
    pub handle: Option<H>,
    /// The client has asked since somebody has taken note of that: from a follower it means that it
    /// has everything before.
    pub fresh: bool,
    /// What the client was told last; -1 for nothing.
    told_high_watermark: Offset,
    told_log_start: Offset,
    queued: bool,
}

/// What a look at one partition gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The partition's high watermark, or -1.
    pub high_watermark: Offset,
    /// The partition's log start, or -1.
    pub log_start: Offset,
    /// Whether there are records for the client.
    pub records: bool,
    /// Whether there is something else that it must hear now: an error, a diverging epoch.
    pub urgent: bool,
}

impl<H> Session<H> {
    /// An empty session, whose next request carries epoch 1.
    pub fn new(topic_ids: bool) -> Self {
        Self {
            epoch: 1,
            topic_ids,
            slots: Vec::new(),
            free: Vec::new(),
            by_topic: BTreeMap::new(),
            queue: VecDeque::new(),
            partitions: 0,
        }
    }

    /// The epoch that the next request has to carry.
    pub fn epoch(&self) -> i32 {
        self.epoch
    }

    /// How many partitions are in it.
    pub fn len(&self) -> usize {
        self.partitions
    }

    /// Whether no partition is in it.
    pub fn is_empty(&self) -> bool {
        self.partitions == 0
    }

    /// Checks that a request continues this session, and expects the next one.
    ///
    /// Errors: 71 `INVALID_FETCH_SESSION_EPOCH`, 106 `FETCH_SESSION_TOPIC_ID_ERROR` for a client
    /// that went from names to ids or back.
    pub fn advance(&mut self, epoch: i32, topic_ids: bool) -> Result<(), ErrorCode> {
        if epoch != self.epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        if topic_ids != self.topic_ids {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        self.epoch = if epoch == i32::MAX { 1 } else { epoch + 1 };
        Ok(())
    }

    /// Adds a partition or changes what is wanted of it; it will be looked at. Returns its slot.
    pub fn put(&mut self, topic: &TopicKey, wanted: FetchPartition) -> usize {
        let known = self.by_topic.get(topic).and_then(|slots| slots.get(&wanted.index)).copied();
        let slot = known.unwrap_or_else(|| self.insert(topic, wanted));
        if let Some(Some(entry)) = self.slots.get_mut(slot) {
            if wanted.log_start_offset >= 0 {
                // a follower takes nothing from answers to what it would not ask any more: it may
                // not have heard what it was told
                (entry.told_high_watermark, entry.told_log_start) = (-1, -1);
            }
            entry.wanted = wanted;
            entry.fresh = true;
        }
        self.mark(slot);
        slot
    }

    /// Drops a partition, if it is in the session.
    pub fn forget(&mut self, topic: &TopicKey, index: i32) {
        let Some(slots) = self.by_topic.get_mut(topic) else { return };
        let Some(slot) = slots.remove(&index) else { return };
        if slots.is_empty() {
            self.by_topic.remove(topic);
        }
        let entry = self.slots.get_mut(slot).and_then(Option::take);
        // A slot in the queue is used again only after its turn: a number stands there once.
        if entry.is_none_or(|entry| !entry.queued) {
            self.free.push(slot);
        }
        self.partitions -= 1;
    }

    /// Something happened to a partition: it will be looked at.
    pub fn mark(&mut self, slot: usize) {
        if let Some(Some(entry)) = self.slots.get_mut(slot)
            && !entry.queued
        {
            entry.queued = true;
            self.queue.push_back(slot);
        }
    }

    /// Moves the slots to look at to `into`, in the order of their turns. Each has to come back
    /// through [`Self::put_back`] or [`Self::settle`].
    pub fn take_queue(&mut self, into: &mut Vec<usize>) {
        while let Some(slot) = self.queue.pop_front() {
            match self.slots.get_mut(slot) {
                Some(Some(entry)) => {
                    entry.queued = false;
                    into.push(slot);
                }
                // Forgotten while it waited for its turn.
                Some(None) => self.free.push(slot),
                None => {}
            }
        }
    }

    /// A partition keeps its turn: it was not reached, or the client has not been told yet. Called
    /// in order, these come before what is marked later.
    pub fn put_back(&mut self, slot: usize) {
        self.mark(slot);
    }

    /// What a slot holds.
    pub fn entry(&mut self, slot: usize) -> Option<&mut Entry<H>> {
        self.slots.get_mut(slot)?.as_mut()
    }

    /// The topic of the partition in a slot.
    pub fn topic(&self, slot: usize) -> Option<&TopicKey> {
        self.slots.get(slot)?.as_ref().map(|entry| &entry.topic)
    }

    /// The number of the partition in a slot.
    pub fn index(&self, slot: usize) -> Option<i32> {
        self.slots.get(slot)?.as_ref().map(|entry| entry.wanted.index)
    }

    /// Whether the client has to be told of a look: records, an error, or offsets that moved.
    pub fn is_news(&self, slot: usize, look: Look) -> bool {
        let Some(Some(entry)) = self.slots.get(slot) else { return false };
        look.records
            || look.urgent
            || look.high_watermark != entry.told_high_watermark
            || look.log_start != entry.told_log_start
    }

    /// The client has been told. With records or an error the partition goes to the end of the
    /// queue, since there may be more; otherwise it rests until it is marked.
    pub fn settle(&mut self, slot: usize, look: Look) {
        let Some(Some(entry)) = self.slots.get_mut(slot) else { return };
        // What went wrong has to be told again until it goes right.
        let told = |offset| if look.urgent { -1 } else { offset };
        entry.told_high_watermark = told(look.high_watermark);
        entry.told_log_start = told(look.log_start);
        if look.records || look.urgent {
            self.mark(slot);
        }
    }

    fn insert(&mut self, topic: &TopicKey, wanted: FetchPartition) -> usize {
        let entry = Entry {
            topic: topic.clone(),
            wanted,
            handle: None,
            fresh: true,
            told_high_watermark: -1,
            told_log_start: -1,
            queued: false,
        };
        let slot = self.free.pop().unwrap_or(self.slots.len());
        match self.slots.get_mut(slot) {
            Some(place) => *place = Some(entry),
            None => self.slots.push(Some(entry)),
        }
        if let Some(slots) = self.by_topic.get_mut(topic) {
            slots.insert(wanted.index, slot);
        } else {
            self.by_topic.insert(topic.clone(), BTreeMap::from([(wanted.index, slot)]));
        }
        self.partitions += 1;
        slot
    }
}

#[cfg(test)]
mod tests;
