//! One partition as it should be.

use std::collections::{BTreeMap, BTreeSet};

use kastellan_core::{
    id::{LeaderEpoch, Offset, Uuid},
    partition::Durability,
};
use kastellan_log::Config;
use kastellan_protocol::batch::{Header, Malformed, Scratch, batches, for_each_record};

/// A record, for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) timestamp: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
}

/// A batch as the log holds it.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) header: Header,
    pub(crate) bytes: Vec<u8>,
    pub(crate) acknowledged: bool,
}

/// A partition: what was appended, and how much of it was promised.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) topic: Uuid,
    pub(crate) durability: Durability,
    pub(crate) config: Config,
    /// By base offset.
    pub(crate) batches: BTreeMap<Offset, Batch>,
    /// By offset; those below the start stay until a restart.
    pub(crate) records: BTreeMap<Offset, Record>,
    pub(crate) start: Offset,
    /// Everything before was said to be deleted.
    pub(crate) deleted: Offset,
    /// The start offset that was checkpointed.
    pub(crate) durable_start: Offset,
    pub(crate) end: Offset,
    /// Where recovery ended since the start began, at its lowest.
    pub(crate) recovered: Offset,
    /// Everything below was said to be on the disk.
    pub(crate) durable: Offset,
    /// The largest one seen.
    pub(crate) high_watermark: Offset,
    /// What a refused append may have left behind the end.
    pub(crate) refused: Option<Batch>,
    /// A truncation to here failed half-way.
    pub(crate) half_truncated: Option<Offset>,
    /// Compactions that may have gone through: the bound and the end then, and the wall clock.
    pub(crate) compactions: Vec<(Offset, Offset, i64)>,
    /// Below, compaction may have left out what a producer wrote last, for what was cut off later.
    pub(crate) unsure: Offset,
    /// Compaction may have left gaps below, and touched nothing behind.
    pub(crate) compacted: Offset,
    pub(crate) epoch: LeaderEpoch,
}

/// The records in a batch, with their offsets.
pub(crate) fn records_of(
    bytes: &[u8],
    scratch: &mut Scratch,
) -> Result<Vec<(Offset, Record)>, Malformed> {
    let mut records = Vec::new();
    for_each_record(bytes, scratch, |record| -> Result<(), Malformed> {
        let (key, value) = (record.key.map(<[u8]>::to_vec), record.value.map(<[u8]>::to_vec));
        records.push((record.offset, Record { timestamp: record.timestamp, key, value }));
        Ok(())
    })?;
    Ok(records)
}

/// The offsets of the records in whole batches.
pub(crate) fn offsets_of(bytes: &[u8], scratch: &mut Scratch) -> BTreeSet<Offset> {
    let mut offsets = BTreeSet::new();
    for (_, raw) in batches(bytes).flatten() {
        let records = records_of(raw, scratch).unwrap_or_default();
        offsets.extend(records.into_iter().map(|(offset, _)| offset));
    }
    offsets
}

impl Partition {
    pub(crate) fn new(topic: Uuid, durability: Durability, config: Config) -> Self {
        Self {
            topic,
            durability,
            config,
            batches: BTreeMap::new(),
            records: BTreeMap::new(),
            start: 0,
            deleted: 0,
            durable_start: 0,
            end: 0,
            recovered: 0,
            durable: 0,
            high_watermark: 0,
            refused: None,
            half_truncated: None,
            compactions: Vec::new(),
            unsure: 0,
            compacted: 0,
            epoch: 0,
        }
    }

    /// Whether batches may be missing, or have other bytes than when they were appended.
    pub(crate) fn has_gaps(&self) -> bool {
        self.config.compact || !self.compactions.is_empty()
    }

    /// Takes in a batch that was appended at the end.
    pub(crate) fn push(&mut self, batch: Batch, records: Vec<(Offset, Record)>) {
        self.end = batch.header.next_offset();
        self.batches.insert(batch.header.base_offset, batch);
        self.records.extend(records);
    }

    /// Drops everything that ends behind `end`.
    pub(crate) fn cut(&mut self, end: Offset) {
        self.batches.retain(|_, batch| batch.header.next_offset() <= end);
        let last = self.batches.last_key_value().map(|(_, batch)| batch.header.next_offset());
        self.end = end;
        drop(self.records.split_off(&last.unwrap_or(0).min(end)));
        self.durable = self.durable.min(end);
    }

    /// The largest end to which everything is kept when cut at `offset`.
    pub(crate) fn boundary(&self, offset: Offset) -> Offset {
        let ends = self.batches.values().map(|batch| batch.header.next_offset());
        ends.take_while(|end| *end <= offset).last().unwrap_or(self.start)
    }

    /// The batch that holds `offset`.
    pub(crate) fn batch_at(&self, offset: Offset) -> Option<&Batch> {
        let (_, batch) = self.batches.range(..=offset).next_back()?;
        (batch.header.last_offset() >= offset).then_some(batch)
    }

    /// The newest batch of a producer that is still in the log.
    pub(crate) fn newest_of(&self, producer: i64) -> Option<&Header> {
        let newest = self.batches.values().rev().map(|batch| &batch.header);
        newest.take_while(|it| it.base_offset >= self.start).find(|it| it.producer_id == producer)
    }

    /// The batch with the producer and sequence of `header`, where it is still in the log.
    pub(crate) fn same(&self, header: &Header) -> Option<&Batch> {
        let id = |it: &Header| (it.producer_id, it.producer_epoch, it.base_sequence);
        let readable = self.batches.range(self.start..).map(|(_, batch)| batch);
        readable.into_iter().find(|batch| id(&batch.header) == id(header))
    }
}
