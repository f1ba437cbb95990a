//! Writes one compacted segment, batch by batch.

use std::sync::Arc;

use kastellan_core::log::LogError;
use kastellan_protocol::batch::{Header, Malformed, RecordView, Scratch, filter, for_each_record};

use super::{Compaction, file_of, keys::Keys, malformed};
use crate::{
    disk::{Disk, File},
    log::invalid,
    scan::{SWEEP, Step, Walk},
    segment::{Builder, Segment},
};

/// Bytes that are gathered before they are written.
const CHUNK: usize = 1 << 20;

/// A segment being written.
#[derive(Debug)]
pub(super) struct Writer<'a, D: Disk> {
    of: &'a Compaction<D>,
    keys: &'a Keys,
    scratch: &'a mut Scratch,
    file: Arc<D::File>,
    index: Builder,
    pending: Vec<u8>,
    size: u64,
}

impl<'a, D: Disk> Writer<'a, D> {
    pub(super) fn new(
        of: &'a Compaction<D>,
        keys: &'a Keys,
        scratch: &'a mut Scratch,
        file: Arc<D::File>,
        index: Builder,
    ) -> Self {
        Self { of, keys, scratch, file, index, pending: Vec::new(), size: 0 }
    }

    /// Writes what stays of a segment; of the group's last one the last batch stays anyway.
    pub(super) fn copy(&mut self, segment: &Segment<D>, last: bool) -> Result<(), LogError> {
        let unreadable = |error| self.of.unreadable(&error);
        let file = file_of(segment).map_err(unreadable)?;
        let mut walk = Walk::new(&**file, 0, segment.size, SWEEP);
        let mut buffer = Vec::new();
        while let Step::Batch(position, header) =
            walk.step().map_err(|error| self.of.unreadable(&error))?
        {
            let ends = last && walk.position() == segment.size;
            let batch = walk.batch(position, &header, &mut buffer);
            let batch = batch.map_err(|error| self.of.unreadable(&error))?;
            let kept = self.filter(batch, &header, ends);
            let kept = kept.map_err(|error| self.of.unreadable(&malformed(error)))?;
            if let Some(header) = kept {
                self.index.batch(self.size, &header);
                self.size += header.size() as u64;
            }
            if self.pending.len() >= CHUNK {
                self.flush()?;
            }
        }
        if walk.position() < segment.size {
            return Err(self.of.unreadable(&invalid(&walk)));
        }
        Ok(())
    }

    /// Gathers what is left of a batch and returns its header; `None` when nothing is.
    fn filter(
        &mut self,
        batch: &[u8],
        header: &Header,
        ends: bool,
    ) -> Result<Option<Header>, Malformed> {
        let keys = self.keys;
        if header.is_control() || header.base_offset >= keys.end {
            self.pending.extend_from_slice(batch);
            return Ok(Some(*header));
        }
        let now = self.of.bounds.now;
        let expired = header.delete_horizon().is_some_and(|horizon| now >= horizon);
        let keep = |record: &RecordView<'_>| {
            let stays =
                |key| keys.is_last(key, record.offset) && (record.value.is_some() || !expired);
            record.offset >= keys.end || record.key.is_some_and(stays)
        };
        let mut horizon = None;
        if header.delete_horizon().is_none() {
            let later = now.saturating_add(self.of.config.delete_retention_ms);
            for_each_record(batch, self.scratch, |record| {
                if record.value.is_none() && record.offset < keys.end && keep(&record) {
                    horizon = Some(later);
                }
                Ok::<_, Malformed>(())
            })?;
        }
        let start = self.pending.len();
        let filtered = filter(batch, horizon, self.scratch, &mut self.pending, keep)?;
        let last_of_producer = self.of.bounds.producers.get(&header.producer_id);
        let of_producer = header.has_producer() && last_of_producer == Some(&header.last_offset());
        if filtered.kept == 0 && !ends && !of_producer {
            self.pending.truncate(start);
            return Ok(None);
        }
        Ok(Some(filtered.header))
    }

    fn flush(&mut self) -> Result<(), LogError> {
        if !self.pending.is_empty() {
            let position = self.size - self.pending.len() as u64;
            let written = self.file.write_at(&self.pending, position);
            written.map_err(|error| self.of.poison(&error))?;
            self.pending.clear();
        }
        Ok(())
    }

    /// Writes the rest and syncs; returns the size and the indexes.
    pub(super) fn finish(mut self) -> Result<(u64, Builder), LogError> {
        self.flush()?;
        self.file.sync().map_err(|error| self.of.poison(&error))?;
        Ok((self.size, self.index))
    }
}
