//! Looking up offsets by time, for `ListOffsets`.

use std::io;

use kastellan_core::{
    id::{LeaderEpoch, Offset},
    log::LogError,
};
use kastellan_protocol::batch::{Malformed, Scratch, for_each_record};

use super::{Log, read::invalid};
use crate::{
    disk::Disk,
    index::Largest,
    scan::{LOOKUP, Step, Walk},
    segment::Segment,
};

/// A record found by its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timed {
    /// Its offset.
    pub offset: Offset,
    /// Its timestamp, in milliseconds since 1970.
    pub timestamp: i64,
    /// The leader epoch of its batch.
    pub epoch: LeaderEpoch,
}

/// Ends a walk over records: found, or malformed.
enum Halt {
    Found(Timed),
    Malformed(Malformed),
}

impl From<Malformed> for Halt {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl<D: Disk> Log<D> {
    /// The first record at or behind the start whose timestamp is at least `timestamp`.
    pub fn offset_for_time(
        &self,
        timestamp: i64,
        scratch: &mut Scratch,
    ) -> Result<Option<Timed>, LogError> {
        for segment in self.segments().filter(|segment| segment.end > self.start) {
            let found = self.largest(segment).and_then(|largest| match largest {
                Some(largest) if largest.timestamp >= timestamp => {
                    self.first_since(segment, timestamp, scratch)
                }
                _ => Ok(None),
            });
            if let Some(found) = found.map_err(|error| self.unreadable(&error))? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The first record that has the largest timestamp of the log.
    pub fn offset_of_max_timestamp(
        &self,
        scratch: &mut Scratch,
    ) -> Result<Option<Timed>, LogError> {
        let mut newest: Option<(&Segment<D>, Largest)> = None;
        for segment in self.segments().filter(|segment| segment.end > self.start) {
            let largest = if segment.base < self.start {
                self.largest_left(segment, scratch)
            } else {
                self.largest(segment)
            };
            if let Some(largest) = largest.map_err(|error| self.unreadable(&error))?
                && newest.is_none_or(|(_, newest)| largest.timestamp > newest.timestamp)
            {
                newest = Some((segment, largest));
            }
        }
        let Some((segment, largest)) = newest else { return Ok(None) };
        self.first_since(segment, largest.timestamp, scratch)
            .map_err(|error| self.unreadable(&error))
    }

    pub(super) fn largest(&self, segment: &Segment<D>) -> io::Result<Option<Largest>> {
        match self.active.as_ref().filter(|active| active.segment.id == segment.id) {
            Some(active) => Ok(active.index.largest),
            None => segment.largest(&self.shared, &self.dir),
        }
    }

    /// The largest timestamp at or behind the start, which lies within the segment.
    fn largest_left(
        &self,
        segment: &Segment<D>,
        scratch: &mut Scratch,
    ) -> io::Result<Option<Largest>> {
        let mut largest: Option<Largest> = None;
        let mut note = |timestamp, offset| {
            let newer = largest.is_none_or(|so_far| timestamp > so_far.timestamp);
            if offset >= self.start && timestamp >= 0 && newer {
                largest = Some(Largest { timestamp, offset });
            }
        };
        let file = segment.file(&self.shared, &self.dir)?;
        let mut walk = Walk::new(&*file, 0, segment.size, LOOKUP);
        let mut buffer = Vec::new();
        loop {
            match walk.step()? {
                // a batch that compaction emptied has no time
                Step::Batch(_, header) if header.count == 0 => {}
                Step::Batch(_, header) if header.base_offset >= self.start => {
                    note(header.max_timestamp, header.last_offset());
                }
                Step::Batch(position, header) if header.last_offset() >= self.start => {
                    let batch = walk.batch(position, &header, &mut buffer)?;
                    for_each_record(batch, scratch, |record| -> Result<(), Malformed> {
                        note(record.timestamp, record.offset);
                        Ok(())
                    })
                    .map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))?;
                }
                Step::Batch(..) => {}
                Step::End => return Ok(largest),
                Step::Invalid => return Err(invalid(&walk)),
            }
        }
    }

    fn first_since(
        &self,
        segment: &Segment<D>,
        timestamp: i64,
        scratch: &mut Scratch,
    ) -> io::Result<Option<Timed>> {
        let floor = |index: &crate::index::Index| {
            index.position(index.before_time(timestamp).max(self.start))
        };
        let floor = match self.active.as_ref().filter(|active| active.segment.id == segment.id) {
            Some(active) => floor(&active.index.index),
            None => floor(&*segment.index(&self.shared, &self.dir)?),
        };
        let file = segment.file(&self.shared, &self.dir)?;
        let mut walk = Walk::new(&*file, floor, segment.size, LOOKUP);
        let mut buffer = Vec::new();
        loop {
            match walk.step()? {
                Step::Batch(position, header)
                    if header.max_timestamp >= timestamp && header.last_offset() >= self.start =>
                {
                    let batch = walk.batch(position, &header, &mut buffer)?;
                    let found =
                        self.record_since(batch, header.leader_epoch, timestamp, scratch)?;
                    if found.is_some() {
                        return Ok(found);
                    }
                }
                Step::Batch(..) => {}
                Step::End => return Ok(None),
                Step::Invalid => return Err(invalid(&walk)),
            }
        }
    }

    fn record_since(
        &self,
        batch: &[u8],
        epoch: LeaderEpoch,
        timestamp: i64,
        scratch: &mut Scratch,
    ) -> io::Result<Option<Timed>> {
        let walked = for_each_record(batch, scratch, |record| {
            if record.timestamp < timestamp || record.offset < self.start {
                return Ok(());
            }
            let (offset, timestamp) = (record.offset, record.timestamp);
            Err(Halt::Found(Timed { offset, timestamp, epoch }))
        });
        match walked {
            Ok(()) => Ok(None),
            Err(Halt::Found(found)) => Ok(Some(found)),
            Err(Halt::Malformed(why)) => Err(io::Error::new(io::ErrorKind::InvalidData, why)),
        }
    }
}
