//! Following: what the leader sent is appended, and what it does not have is cut off.
//!
//! A follower fetches from the end of its log and says which epoch its last record has. Where that
//! record is none of the leader's, it is told where the leader's history left its own, truncates
//! there and asks again (KIP-101, KIP-279). It never decides by offsets or by the high watermark
//! alone.

use kastellan_protocol::{
    ErrorCode,
    batch::{Header, batches, check_crc},
};

use super::{Durability, Partition, Role, code};
use crate::{
    id::{LeaderEpoch, Offset},
    log::{Appended, Log},
    machine::Now,
};

/// From where a follower fetches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The end of its log.
    pub offset: Offset,
    /// The epoch of its last record, or -1.
    pub last_epoch: LeaderEpoch,
    /// The leader epoch in which it follows.
    pub leader_epoch: LeaderEpoch,
    /// The first offset of its log.
    pub log_start: Offset,
}

/// What the leader answered for one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<'a> {
    /// What went wrong.
    pub error: Option<ErrorCode>,
    /// The leader's high watermark, or -1.
    pub high_watermark: Offset,
    /// The first offset of the leader's log, or -1.
    pub log_start: Offset,
    /// Where the leader's log left this one: the epoch and its end there.
    pub diverging: Option<(LeaderEpoch, Offset)>,
    /// Batches; the last may be cut.
    pub records: &'a [u8],
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Followed {
    /// The answer belongs to a question that would not be asked any more.
    Stale,
    /// As many bytes were appended, perhaps none. `visible`: readers see more, or the log's start
    /// has moved.
    Appended {
        /// Bytes of whole batches.
        bytes: usize,
        /// Whether readers should look again.
        visible: bool,
    },
    /// The log ends here now; the rest was none of the leader's.
    Truncated {
        /// One past the last offset that is left.
        to: Offset,
    },
    /// The log was emptied, and goes on here.
    Restarted {
        /// Its new start and end.
        at: Offset,
    },
}

impl<L: Log> Partition<L> {
    /// From where to fetch; `None` for one that does not follow, and for one that has to sync what
    /// it has first: where acknowledgements promise the disk, asking for more says that what comes
    /// before is there.
    pub fn position(&self) -> Option<Position> {
        let Role::Follower(_) = self.role else { return None };
        let offset = self.log.end();
        let durable = match self.settings.durability {
            Durability::Replicated => true,
            Durability::Fsync => self.synced >= offset,
        };
        durable.then(|| Position {
            offset,
            last_epoch: self.log.latest_epoch(),
            leader_epoch: self.epoch,
            log_start: self.log.start(),
        })
    }

    /// Takes in what the leader answered to a fetch from `sent`.
    ///
    /// Errors: the answer's own; 2 `CORRUPT_MESSAGE` for bytes that are no batches, or none that
    /// follow; 56 `KAFKA_STORAGE_ERROR`; 1 `OFFSET_OUT_OF_RANGE` where the leader has lost what was
    /// committed and no unclean election explains that: an operator has to look.
    pub fn follow(
        &mut self,
        now: Now,
        sent: Position,
        answer: &Answer<'_>,
    ) -> Result<Followed, ErrorCode> {
        if self.position() != Some(sent) {
            return Ok(Followed::Stale);
        }
        match answer.error {
            None => {}
            Some(ErrorCode::OffsetOutOfRange) if answer.log_start >= 0 => {
                return self.restart(answer.log_start);
            }
            Some(code) => return Err(code),
        }
        if let Some((epoch, end)) = answer.diverging {
            return self.leave(epoch, end);
        }
        // from here on this log is a prefix of the leader's
        self.unclean = false;
        let bytes = self.take_in(now, answer.records, sent.leader_epoch)?;
        let seen = (self.high_watermark, self.log.start());
        self.high_watermark = self.high_watermark.max(answer.high_watermark.min(self.log.end()));
        if answer.log_start > self.log.start() {
            let start = answer.log_start.min(self.high_watermark);
            self.log.advance_start(start).map_err(|error| code(&error))?;
        }
        Ok(Followed::Appended { bytes, visible: seen != (self.high_watermark, self.log.start()) })
    }

    /// Appends the whole batches in `records`; returns their size.
    fn take_in(
        &mut self,
        now: Now,
        records: &[u8],
        leader_epoch: LeaderEpoch,
    ) -> Result<usize, ErrorCode> {
        let mut appended: Option<Appended> = None;
        let (mut next, mut epoch) = (self.log.end(), self.log.latest_epoch());
        let empty = self.log.start() == next;
        let (mut skipped, mut size) = (0, 0);
        for batch in batches(records) {
            // the last one may be cut, which ends the walk: it comes again
            let (header, raw) = batch.map_err(|_malformed| ErrorCode::CorruptMessage)?;
            if !check_crc(raw) {
                return Err(ErrorCode::CorruptMessage);
            }
            if appended.is_none() && header.next_offset() <= next {
                skipped += raw.len();
                continue;
            }
            // an empty log may start within a batch of the leader's, which comes whole
            let begins = appended.is_none() && (empty || header.base_offset >= next);
            let follows = begins || appended.is_some() && header.base_offset >= next;
            if !follows || header.leader_epoch < epoch || header.leader_epoch > leader_epoch {
                return Err(ErrorCode::CorruptMessage);
            }
            (next, epoch) = (header.next_offset(), header.leader_epoch);
            size += raw.len();
            note(&mut appended, &header);
        }
        let Some(appended) = appended else { return Ok(0) };
        let start = self.log.start();
        if appended.first < start {
            self.log.restart_at(appended.first).map_err(|error| code(&error))?;
            self.synced = appended.first;
        }
        let bytes = records.get(skipped..skipped + size).unwrap_or_default();
        self.log.append(bytes, appended).map_err(|error| code(&error))?;
        self.log.advance_start(start).map_err(|error| code(&error))?;
        for (header, _) in batches(bytes).flatten() {
            self.producers.record(&header, now.wall);
        }
        Ok(size)
    }

    /// The leader's history left this one at the end of `epoch`, at `end` as the leader knows it.
    fn leave(&mut self, epoch: LeaderEpoch, end: Offset) -> Result<Followed, ErrorCode> {
        let (own_epoch, own_end) = self.log.end_of_epoch(epoch);
        let to = if own_epoch == epoch { end.min(own_end).max(0) } else { own_end };
        if to <= self.log.start() {
            return self.restart(to);
        }
        if to < self.high_watermark {
            self.lose(to)?;
        }
        self.log.truncate(to).map_err(|error| code(&error))?;
        // whole batches go
        let to = self.log.end();
        self.high_watermark = self.high_watermark.min(to);
        self.synced = self.synced.min(to);
        self.producers = self.log.replay(self.producers.limit()).map_err(|error| code(&error))?;
        Ok(Followed::Truncated { to })
    }

    /// Empties the log: nothing in it is the leader's, or the leader has nothing that follows it.
    fn restart(&mut self, at: Offset) -> Result<Followed, ErrorCode> {
        if at < self.high_watermark {
            self.lose(at)?;
        }
        self.log.restart_at(at).map_err(|error| code(&error))?;
        (self.high_watermark, self.synced) = (at, at);
        self.producers.clear();
        Ok(Followed::Restarted { at })
    }

    /// Gives up committed records from `at` on, if an unclean election has done so.
    fn lose(&mut self, at: Offset) -> Result<(), ErrorCode> {
        if !self.unclean {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        self.high_watermark = self.high_watermark.min(at);
        Ok(())
    }
}

fn note(appended: &mut Option<Appended>, header: &Header) {
    let (max_timestamp, last) = (header.max_timestamp, header.last_offset());
    let appended = appended.get_or_insert(Appended {
        first: header.base_offset,
        last,
        max_timestamp,
        offset_of_max_timestamp: last,
        epoch: header.leader_epoch,
    });
    (appended.last, appended.epoch) = (last, header.leader_epoch);
    if max_timestamp > appended.max_timestamp {
        (appended.max_timestamp, appended.offset_of_max_timestamp) = (max_timestamp, last);
    }
}
