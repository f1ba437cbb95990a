//! One step of a lookup by time: what is read of one segment, without its log.

use std::{io, sync::Arc};

use kastellan_core::id::{LeaderEpoch, Offset};
use kastellan_protocol::batch::{Malformed, Scratch, for_each_record};

use super::{Left, Search, Timed, Wanted};
use crate::{
    disk::Disk,
    index::{Index, Largest},
    log::read::invalid,
    scan::{LOOKUP, Step, Walk},
    segment::Segment,
    shared::Shared,
};

/// What to read; good for as long as anybody holds it.
#[derive(Debug)]
pub struct Seek<D: Disk> {
    pub(super) shared: Arc<Shared<D>>,
    pub(super) segment: Segment<D>,
    pub(super) file: Arc<D::File>,
    /// The log's start when this was begun.
    pub(super) start: Offset,
    pub(super) floor: Floor<D>,
    pub(super) goal: Goal,
}

/// What is wanted of the segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// The first record that is not older.
    Since(i64),
    /// The first record of this time, the largest of the log.
    Newest(i64),
    /// Its largest timestamp.
    Largest,
    /// Its largest timestamp at or behind the start, which lies within it.
    LargestLeft,
}

/// Where to begin.
#[derive(Debug)]
pub(super) enum Floor<D: Disk> {
    /// At this position.
    Position(u64),
    /// Where this says.
    Index(Arc<Index>),
    /// Where the index says that is not in memory; its files, where there are any.
    Unloaded(Option<[D::File; 2]>),
}

/// Where to begin for records of at least `timestamp`, at or behind `start`.
pub(super) fn floor(index: &Index, timestamp: i64, start: Offset) -> u64 {
    index.position(index.before_time(timestamp).max(start))
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

impl<D: Disk> Seek<D> {
    /// Reads, and notes in `search` how far it has come; the record when it is found.
    pub fn run(mut self, search: &mut Search, scratch: &mut Scratch) -> io::Result<Option<Timed>> {
        match self.goal {
            Goal::Since(timestamp) => {
                search.from = self.segment.end;
                self.first_since(timestamp, scratch)
            }
            Goal::Newest(timestamp) => {
                search.wanted = Wanted::Done;
                self.first_since(timestamp, scratch)
            }
            Goal::Largest => self.learn().map(|()| None),
            Goal::LargestLeft => {
                let largest = self.largest_left(scratch)?;
                let (segment, start) = (self.segment.id, self.start);
                search.left = Some(Left { segment, start, largest });
                Ok(None)
            }
        }
    }

    /// Reads the segment's largest timestamp, which its log knows from then on.
    pub fn learn(mut self) -> io::Result<()> {
        let largest = self.index()?.largest();
        self.segment.learn_largest(largest);
        Ok(())
    }

    /// The segment's index, read where it is not in memory.
    fn index(&mut self) -> io::Result<Arc<Index>> {
        match &mut self.floor {
            Floor::Index(index) => Ok(Arc::clone(index)),
            Floor::Unloaded(files) => self.segment.load(&self.shared, &self.file, files.take()),
            Floor::Position(_) => Err(io::Error::other("the index was not asked for")),
        }
    }

    /// The largest timestamp at or behind the start, which lies within the segment.
    fn largest_left(&self, scratch: &mut Scratch) -> io::Result<Option<Largest>> {
        let mut largest: Option<Largest> = None;
        let mut note = |timestamp, offset| {
            let newer = largest.is_none_or(|so_far| timestamp > so_far.timestamp);
            if offset >= self.start && timestamp >= 0 && newer {
                largest = Some(Largest { timestamp, offset });
            }
        };
        let mut walk = Walk::new(&*self.file, 0, self.segment.size, LOOKUP);
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

    fn first_since(&mut self, timestamp: i64, scratch: &mut Scratch) -> io::Result<Option<Timed>> {
        let floor = if let Floor::Position(position) = &self.floor {
            *position
        } else {
            let index = self.index()?;
            self.segment.learn_largest(index.largest());
            if index.largest().is_none_or(|largest| largest.timestamp < timestamp) {
                return Ok(None);
            }
            floor(&index, timestamp, self.start)
        };
        let mut walk = Walk::new(&*self.file, floor, self.segment.size, LOOKUP);
        let mut buffer = Vec::new();
        loop {
            match walk.step()? {
                Step::Batch(position, header)
                    if header.max_timestamp >= timestamp && header.last_offset() >= self.start =>
                {
                    let batch = walk.batch(position, &header, &mut buffer)?;
                    let epoch = header.leader_epoch;
                    let found = record_since(batch, (self.start, timestamp), epoch, scratch)?;
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
}

/// The first record of a batch at or behind `start` that is not older than `timestamp`.
fn record_since(
    batch: &[u8],
    (start, timestamp): (Offset, i64),
    epoch: LeaderEpoch,
    scratch: &mut Scratch,
) -> io::Result<Option<Timed>> {
    let walked = for_each_record(batch, scratch, |record| {
        if record.timestamp < timestamp || record.offset < start {
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
