//! Looking up offsets by time, for `ListOffsets` (KIP-79, KIP-734).
//!
//! In steps, so that nobody waits for a disk while holding the log: [`Log::seek`] looks only at
//! memory and opens files, [`Seek::run`] reads them, without the log. What a step learned about a
//! closed segment stays known to the log.

mod seek;

use std::{io, sync::Arc};

use kastellan_core::{
    id::{LeaderEpoch, Offset},
    log::LogError,
};
use kastellan_protocol::batch::Scratch;

pub use self::seek::Seek;
use self::seek::{Floor, Goal};
use super::Log;
use crate::{
    disk::Disk,
    index::Largest,
    segment::{Recalled, Segment},
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

/// A lookup by time, and how far it has come.
#[derive(Debug, Clone)]
pub struct Search {
    wanted: Wanted,
    /// What lies before has been searched.
    from: Offset,
    left: Option<Left>,
}

#[derive(Debug, Clone, Copy)]
enum Wanted {
    /// The first record that is not older, in milliseconds since 1970.
    Since(i64),
    /// The first record with the largest timestamp of the log.
    Newest,
    /// Nothing more.
    Done,
}

/// The largest timestamp that is left of the segment that the start lies in.
#[derive(Debug, Clone, Copy)]
struct Left {
    segment: u64,
    start: Offset,
    largest: Option<Largest>,
}

impl Search {
    /// For the first record at or behind the start whose timestamp is at least `timestamp`, in
    /// milliseconds since 1970.
    pub fn since(timestamp: i64) -> Self {
        Self { wanted: Wanted::Since(timestamp), from: Offset::MIN, left: None }
    }

    /// For the first record that has the largest timestamp of the log.
    pub fn newest() -> Self {
        Self { wanted: Wanted::Newest, from: Offset::MIN, left: None }
    }
}

impl<D: Disk> Log<D> {
    /// The first record at or behind the start whose timestamp is at least `timestamp`.
    pub fn offset_for_time(
        &self,
        timestamp: i64,
        scratch: &mut Scratch,
    ) -> Result<Option<Timed>, LogError> {
        self.search(Search::since(timestamp), scratch)
    }

    /// The first record that has the largest timestamp of the log.
    pub fn offset_of_max_timestamp(
        &self,
        scratch: &mut Scratch,
    ) -> Result<Option<Timed>, LogError> {
        self.search(Search::newest(), scratch)
    }

    /// All steps at once, for a caller whom nobody waits for.
    fn search(&self, search: Search, scratch: &mut Scratch) -> Result<Option<Timed>, LogError> {
        let mut search = search;
        while let Some(seek) = self.seek(&search)? {
            let found = seek.run(&mut search, scratch);
            if let Some(found) = found.map_err(|error| self.unreadable(&error))? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// What to read next for `search`; `None` when there is nothing more to find.
    pub fn seek(&self, search: &Search) -> Result<Option<Seek<D>>, LogError> {
        let begun = match search.wanted {
            Wanted::Since(timestamp) => self.seek_since(timestamp, search.from),
            Wanted::Newest => self.seek_newest(search.left),
            Wanted::Done => Ok(None),
        };
        begun.map_err(|error| self.unreadable(&error))
    }

    /// What [`Log::expire`] would have to read at `now` (milliseconds since 1970) to know how old
    /// the first segments are; `None` when memory has it. For [`Seek::learn`].
    pub fn seek_age(&self, now: i64) -> Result<Option<Seek<D>>, LogError> {
        if !self.config.delete || self.config.retention_ms < 0 {
            return Ok(None);
        }
        let young =
            |largest: Largest| now.saturating_sub(largest.timestamp) <= self.config.retention_ms;
        for segment in self.segments().filter(|segment| segment.size > 0) {
            match self.known_largest(segment) {
                Recalled::Unknown => {
                    let seek = self.seek_in(segment, Goal::Largest);
                    return seek.map(Some).map_err(|error| self.unreadable(&error));
                }
                Recalled::Known(Some(largest)) if young(largest) => return Ok(None),
                Recalled::Known(_) => {}
            }
        }
        Ok(None)
    }

    fn seek_since(&self, timestamp: i64, from: Offset) -> io::Result<Option<Seek<D>>> {
        let from = from.max(self.start);
        let older = |segment: &&Segment<D>| match self.known_largest(segment) {
            Recalled::Known(Some(largest)) => largest.timestamp < timestamp,
            Recalled::Known(None) => true,
            Recalled::Unknown => false,
        };
        let mut behind = self.segments().filter(|segment| segment.end > from);
        let next = behind.find(|segment| !older(segment));
        next.map(|segment| self.seek_in(segment, Goal::Since(timestamp))).transpose()
    }

    fn seek_newest(&self, left: Option<Left>) -> io::Result<Option<Seek<D>>> {
        let mut newest: Option<(&Segment<D>, Largest)> = None;
        for segment in self.segments().filter(|segment| segment.end > self.start) {
            let same = |left: &Left| left.segment == segment.id && left.start == self.start;
            let (known, goal) = if segment.base < self.start {
                let left = left.filter(same);
                let left = left.map_or(Recalled::Unknown, |left| Recalled::Known(left.largest));
                (left, Goal::LargestLeft)
            } else {
                (self.known_largest(segment), Goal::Largest)
            };
            let Recalled::Known(largest) = known else {
                return self.seek_in(segment, goal).map(Some);
            };
            let newer = |largest: &Largest| {
                newest.is_none_or(|(_, newest)| largest.timestamp > newest.timestamp)
            };
            newest = largest.filter(newer).map(|largest| (segment, largest)).or(newest);
        }
        let Some((segment, largest)) = newest else { return Ok(None) };
        self.seek_in(segment, Goal::Newest(largest.timestamp)).map(Some)
    }

    /// The largest timestamp of a segment where memory has it.
    fn known_largest(&self, segment: &Segment<D>) -> Recalled {
        match self.active.as_ref().filter(|active| active.segment.id == segment.id) {
            Some(active) => Recalled::Known(active.index.largest),
            None => segment.known_largest(),
        }
    }

    fn seek_in(&self, segment: &Segment<D>, goal: Goal) -> io::Result<Seek<D>> {
        let active = self.active.as_ref().filter(|active| active.segment.id == segment.id);
        let floor = match (goal, active) {
            (Goal::LargestLeft, _) => Floor::Position(0),
            (Goal::Since(timestamp) | Goal::Newest(timestamp), Some(active)) => {
                Floor::Position(seek::floor(&active.index.index, timestamp, self.start))
            }
            (Goal::Since(_) | Goal::Newest(_) | Goal::Largest, _) => {
                match self.shared.index(segment.id) {
                    Some(index) => Floor::Index(index),
                    None => Floor::Unloaded(segment.open_index(&self.shared, &self.dir)?),
                }
            }
        };
        Ok(Seek {
            shared: Arc::clone(&self.shared),
            file: segment.file(&self.shared, &self.dir)?,
            segment: segment.view(),
            start: self.start,
            floor,
            goal,
        })
    }

    pub(super) fn largest(&self, segment: &Segment<D>) -> io::Result<Option<Largest>> {
        match self.known_largest(segment) {
            Recalled::Known(largest) => Ok(largest),
            Recalled::Unknown => segment.largest(&self.shared, &self.dir),
        }
    }
}
