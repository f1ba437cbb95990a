//! The two sparse indexes of a segment: offset to position, timestamp to offset.
//!
//! An entry is noted for the batch with which `index.interval.bytes` were written since the last
//! one, as Kafka does: (its last offset, its position), and (the largest timestamp so far, the last
//! offset of the batch that has it). Both are derived from the log: what does not look right on the
//! disk is built again.

use kastellan_core::id::Offset;

/// Bytes of an offset index entry.
pub(crate) const OFFSET_ENTRY: usize = 8;
/// Bytes of a time index entry.
pub(crate) const TIME_ENTRY: usize = 12;

/// The largest timestamp of some batches, and the last offset of the first batch that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Largest {
    pub(crate) timestamp: i64,
    pub(crate) offset: Offset,
}

/// The indexes of one segment, in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Index {
    base: Offset,
    /// (last offset of a batch relative to the base, its position), ascending.
    offsets: Vec<(u32, u32)>,
    /// (timestamp, offset relative to the base), ascending in both.
    times: Vec<(i64, u32)>,
}

impl Index {
    pub(crate) fn new(base: Offset) -> Self {
        Self { base, offsets: Vec::new(), times: Vec::new() }
    }

    /// Bytes in memory, about.
    pub(crate) fn weight(&self) -> usize {
        self.offsets.len() * OFFSET_ENTRY + self.times.len() * 16 + 64
    }

    /// How many entries there are, of offsets and of times.
    pub(crate) fn entries(&self) -> (usize, usize) {
        (self.offsets.len(), self.times.len())
    }

    /// Keeps the first entries only.
    pub(crate) fn cut(&mut self, (offsets, times): (usize, usize)) {
        self.offsets.truncate(offsets);
        self.times.truncate(times);
    }

    fn relative(&self, offset: Offset) -> Option<u32> {
        u32::try_from(i32::try_from(offset.checked_sub(self.base)?).ok()?).ok()
    }

    pub(crate) fn note_offset(&mut self, last_offset: Offset, position: u64) {
        if let (Some(relative), Ok(position)) =
            (self.relative(last_offset), u32::try_from(position))
        {
            self.offsets.push((relative, position));
        }
    }

    /// Notes a timestamp, unless it is not larger than the last one noted.
    pub(crate) fn note_time(&mut self, largest: Largest) {
        let newer = match self.times.last() {
            Some((timestamp, _)) => largest.timestamp > *timestamp,
            None => largest.timestamp >= 0,
        };
        if let (true, Some(relative)) = (newer, self.relative(largest.offset)) {
            self.times.push((largest.timestamp, relative));
        }
    }

    /// Whether either file would grow beyond `max_bytes` with one more entry.
    pub(crate) fn is_full(&self, max_bytes: usize) -> bool {
        self.offsets.len() >= max_bytes / OFFSET_ENTRY
            || self.times.len() + 1 >= max_bytes / TIME_ENTRY
    }

    /// Where to start looking for the batch that holds `offset`.
    pub(crate) fn position(&self, offset: Offset) -> u64 {
        let Some(relative) = self.relative(offset.max(self.base)) else {
            return self.last_position();
        };
        let behind = self.offsets.partition_point(|(noted, _)| *noted <= relative);
        let floor = behind.checked_sub(1).and_then(|floor| self.offsets.get(floor));
        floor.map_or(0, |(_, position)| u64::from(*position))
    }

    /// The last position noted.
    pub(crate) fn last_position(&self) -> u64 {
        self.offsets.last().map_or(0, |(_, position)| u64::from(*position))
    }

    /// From which offset on to look for a timestamp of at least `timestamp`.
    pub(crate) fn before_time(&self, timestamp: i64) -> Offset {
        let behind = self.times.partition_point(|(noted, _)| *noted < timestamp);
        let floor = behind.checked_sub(1).and_then(|floor| self.times.get(floor));
        floor.map_or(self.base, |(_, relative)| self.base + i64::from(*relative))
    }

    pub(crate) fn largest(&self) -> Option<Largest> {
        let (timestamp, relative) = *self.times.last()?;
        Some(Largest { timestamp, offset: self.base + i64::from(relative) })
    }

    /// The bytes of the `.index` file.
    pub(crate) fn offset_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.offsets.len() * OFFSET_ENTRY);
        for (offset, position) in &self.offsets {
            bytes.extend_from_slice(&offset.to_be_bytes());
            bytes.extend_from_slice(&position.to_be_bytes());
        }
        bytes
    }

    /// The bytes of the `.timeindex` file.
    pub(crate) fn time_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.times.len() * TIME_ENTRY);
        for (timestamp, offset) in &self.times {
            bytes.extend_from_slice(&timestamp.to_be_bytes());
            bytes.extend_from_slice(&offset.to_be_bytes());
        }
        bytes
    }

    /// Reads both files of a segment of `size` bytes whose offsets end at `end`; `None` where they
    /// cannot be its indexes.
    pub(crate) fn parse(
        base: Offset,
        end: Offset,
        size: u64,
        offsets: &[u8],
        times: &[u8],
    ) -> Option<Self> {
        let mut index = Self::new(base);
        let (entries, rest) = offsets.as_chunks::<OFFSET_ENTRY>();
        for entry in entries {
            let (offset, position) = entry.split_first_chunk::<4>()?;
            let entry =
                (u32::from_be_bytes(*offset), u32::from_be_bytes(*position.first_chunk::<4>()?));
            let ascends =
                index.offsets.last().is_none_or(|last| last.0 < entry.0 && last.1 < entry.1);
            let inside = base + i64::from(entry.0) < end && u64::from(entry.1) < size;
            (ascends && inside).then(|| index.offsets.push(entry))?;
        }
        let (entries, other) = times.as_chunks::<TIME_ENTRY>();
        for entry in entries {
            let (timestamp, offset) = entry.split_first_chunk::<8>()?;
            let entry =
                (i64::from_be_bytes(*timestamp), u32::from_be_bytes(*offset.first_chunk::<4>()?));
            let ascends =
                index.times.last().is_none_or(|last| last.0 < entry.0 && last.1 <= entry.1);
            let inside = base + i64::from(entry.1) < end;
            (ascends && inside).then(|| index.times.push(entry))?;
        }
        (rest.is_empty() && other.is_empty()).then_some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Index {
        let mut index = Index::new(100);
        for (offset, position) in [(109, 4100), (119, 8300), (129, 12_500)] {
            index.note_offset(offset, position);
            index.note_time(Largest { timestamp: offset * 10, offset });
        }
        index
    }

    #[test]
    fn positions_are_those_of_the_entry_at_or_below() {
        let index = sample();
        let positions = [100, 108, 109, 118, 119, 500].map(|offset| index.position(offset));
        assert_eq!(positions, [0, 0, 4100, 4100, 8300, 12_500]);
        assert_eq!(index.position(i64::MAX), 12_500);
        let starts = [0, 1090, 1091, 1290, 9999].map(|time| index.before_time(time));
        assert_eq!(starts, [100, 100, 109, 119, 129]);
    }

    #[test]
    fn bytes_are_read_as_they_were_written_and_damage_is_refused() {
        let index = sample();
        let (offsets, times) = (index.offset_bytes(), index.time_bytes());
        assert_eq!(Index::parse(100, 130, 13_000, &offsets, &times), Some(index));
        assert_eq!(Index::parse(100, 129, 13_000, &offsets, &times), None);
        assert_eq!(Index::parse(100, 130, 12_500, &offsets, &times), None);
        assert_eq!(Index::parse(100, 130, 13_000, &offsets[..23], &times), None);
        let mut lost = offsets.clone();
        lost[8..].fill(0);
        assert_eq!(Index::parse(100, 130, 13_000, &lost, &times), None);
    }
}
