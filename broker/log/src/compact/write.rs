//! Writes one compacted segment, batch by batch.

use std::sync::Arc;

use kastellan_core::log::LogError;
use kastellan_protocol::batch::{Fate, Header, Malformed, RecordView, Scratch, filter};

use super::{Compaction, Halt, Source, Written, brake, keys::Keys, source::malformed};
use crate::{
    disk::{Advice, Disk, File, Open, read_full},
    segment::Builder,
};

/// Bytes that are gathered before they are written.
const CHUNK: usize = 1 << 20;

/// What passed through a writer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) read: u64,
    pub(super) dropped: u64,
}

/// A segment being written.
#[derive(Debug)]
pub(super) struct Writer<'a, D: Disk> {
    of: &'a Compaction<D>,
    keys: &'a Keys,
    scratch: &'a mut Scratch,
    /// There once something has to be written: until then the output is what was read.
    file: Option<Arc<D::File>>,
    index: Option<Builder>,
    pending: Vec<u8>,
    /// Bytes of the output, pending ones included.
    size: u64,
    tally: Tally,
}

impl<'a, D: Disk> Writer<'a, D> {
    pub(super) fn new(of: &'a Compaction<D>, keys: &'a Keys, scratch: &'a mut Scratch) -> Self {
        let (pending, tally) = (Vec::new(), Tally::default());
        Self { of, keys, scratch, file: None, index: None, pending, size: 0, tally }
    }

    /// Writes what stays of a group of segments; nothing when that is one segment as it is.
    pub(super) fn group(mut self, group: &[Source]) -> Result<(Option<Written<D>>, Tally), Halt> {
        let (Some(first), Some(last)) = (group.first(), group.last()) else {
            return Ok((None, self.tally));
        };
        let interval = self.of.config.index_interval_bytes;
        self.index = Some(Builder::new(first.base, interval));
        if group.len() > 1 {
            self.create(first)?;
        }
        let mut cold = true;
        for source in group {
            let mut source = source.clone();
            let ends = source.end == last.end;
            self.copy(&mut source, ends)?;
            cold &= source.cold == Some(true);
        }
        self.flush()?;
        let (Some(file), Some(index)) = (self.file, self.index) else {
            return Ok((None, self.tally));
        };
        let replaces = group.iter().map(|source| source.id).collect();
        let (base, end, size) = (first.base, last.end, self.size);
        Ok((Some(Written { replaces, base, end, size, index, file, cold }), self.tally))
    }

    fn create(&mut self, first: &Source) -> Result<(), Halt> {
        let of = self.of;
        let path = of.cleaned(first.base);
        self.file = Some(of.named(|it| {
            let file = it.shared.disk.open(&path, Open::Truncate);
            file.map(Arc::new).map_err(|error| it.unwritten(&error))
        })?);
        Ok(())
    }

    /// Writes what stays of a segment; of the group's last one the last batch stays anyway.
    fn copy(&mut self, source: &mut Source, last: bool) -> Result<(), Halt> {
        let of = self.of;
        let unreadable = |error| of.unreadable(&error);
        let file = source.open(&of.shared.disk, &of.dir).map_err(unreadable)?;
        let mut reading = source.read(&file);
        loop {
            let position = reading.position();
            let Some((header, batch)) = reading.next().map_err(unreadable)? else { break };
            let read = header.size();
            self.tally.read += read as u64;
            if !brake(&of.bounds, read) {
                return Err(Halt::Abandoned);
            }
            let ends = last && position + read as u64 == source.size;
            let start = self.pending.len();
            let (kept, changed) =
                self.filter(batch, &header, ends).map_err(|error| unreadable(malformed(error)))?;
            if self.file.is_none() {
                if !changed {
                    self.pending.clear();
                    self.note(header);
                    continue;
                }
                // the first change: all before it is written now
                let rewritten = self.pending.split_off(start);
                self.create(source)?;
                self.catch_up(&file, position)?;
                self.pending.extend_from_slice(&rewritten);
            }
            if let Some(header) = kept {
                self.note(header);
            }
            if self.pending.len() >= CHUNK {
                self.flush()?;
            }
        }
        if source.cold == Some(true) {
            file.advise(Advice::DontNeed, source.size);
        }
        Ok(())
    }

    fn note(&mut self, header: Header) {
        if let Some(index) = &mut self.index {
            index.batch(self.size, &header);
        }
        self.size += header.size() as u64;
    }

    /// Copies the part of a segment that stays as it is.
    fn catch_up(&mut self, file: &D::File, until: u64) -> Result<(), Halt> {
        let Some(out) = self.file.clone() else { return Ok(()) };
        let mut buffer = vec![0; CHUNK.min(usize::try_from(until).unwrap_or(CHUNK))];
        let mut position = 0;
        while position < until {
            let left = usize::try_from(until - position).unwrap_or(CHUNK).min(CHUNK);
            let chunk = buffer.get_mut(..left).unwrap_or_default();
            let read = read_full(file, chunk, position).map_err(|e| self.of.unreadable(&e))?;
            if read < left {
                let short = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
                return Err(self.of.unreadable(&short).into());
            }
            out.write_at(chunk, position).map_err(|error| self.of.unwritten(&error))?;
            self.tally.read += left as u64;
            if !brake(&self.of.bounds, 2 * left) {
                return Err(Halt::Abandoned);
            }
            position += left as u64;
        }
        Ok(())
    }

    /// Gathers what is left of a batch and returns its header, `None` when nothing is, and whether
    /// that is another batch than it was.
    fn filter(
        &mut self,
        batch: &[u8],
        header: &Header,
        ends: bool,
    ) -> Result<(Option<Header>, bool), Malformed> {
        let keys = self.keys;
        if header.is_control() || header.base_offset >= keys.end {
            self.pending.extend_from_slice(batch);
            return Ok((Some(*header), false));
        }
        let now = self.of.bounds.now;
        let expired = header.delete_horizon().is_some_and(|horizon| now >= horizon);
        let judge = |record: &RecordView<'_>| match (record.key, record.value) {
            _ if record.offset >= keys.end => Fate::Keep,
            (Some(key), _) if !keys.is_last(key, record.offset) => Fate::Drop,
            (Some(_), Some(_)) => Fate::Keep,
            (Some(_), None) if !expired => Fate::KeepForNow,
            (Some(_) | None, _) => Fate::Drop,
        };
        let start = self.pending.len();
        let horizon = now.saturating_add(self.of.config.delete_retention_ms.max(0));
        let filtered = filter(batch, horizon, self.scratch, &mut self.pending, judge)?;
        self.tally.dropped += u64::try_from(filtered.dropped).unwrap_or(0);
        let last_of_producer = self.of.bounds.producers.get(&header.producer_id);
        let of_producer = header.has_producer() && last_of_producer == Some(&header.last_offset());
        if filtered.kept == 0 && !ends && !of_producer {
            self.pending.truncate(start);
            return Ok((None, true));
        }
        Ok((Some(filtered.header), !filtered.unchanged))
    }

    fn flush(&mut self) -> Result<(), Halt> {
        let Some(file) = self.file.as_ref().filter(|_| !self.pending.is_empty()) else {
            return Ok(());
        };
        let of = self.of;
        let unwritten = |error| -> LogError { of.unwritten(&error) };
        let len = self.pending.len();
        let position = self.size - len as u64;
        file.write_at(&self.pending, position).map_err(unwritten)?;
        // bit by bit, so that the sync at the end finds little to do and delays nobody's
        file.write_back(position, len as u64).map_err(unwritten)?;
        self.pending.clear();
        self.pending.shrink_to(2 * CHUNK);
        if brake(&of.bounds, len) { Ok(()) } else { Err(Halt::Abandoned) }
    }
}
