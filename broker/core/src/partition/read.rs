//! Reading: from where, and how far.

use kastellan_protocol::ErrorCode;

use super::{Partition, Role, code};
use crate::{
    id::{LeaderEpoch, Offset},
    log::Log,
};

/// From where a reader wants how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct From {
    /// The first offset wanted.
    pub offset: Offset,
    /// What the reader takes for the leader's epoch, or -1.
    pub current_leader_epoch: LeaderEpoch,
    /// The epoch of the last record that the reader has, or -1 (KIP-595).
    pub last_fetched_epoch: LeaderEpoch,
    /// Bytes wanted at most.
    pub max_bytes: usize,
    /// Whether the first batch comes whole even where it is larger.
    pub at_least_one: bool,
}

/// What a reader gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched<S> {
    /// One past the last offset that readers see.
    pub high_watermark: Offset,
    /// One past the last offset that is decided; as there are no transactions, the high watermark.
    pub last_stable_offset: Offset,
    /// The first offset of the log.
    pub log_start: Offset,
    /// Records from here on are not for this reader.
    pub until: Offset,
    /// The reader's log left this one's at the end of this epoch; it gets no records then.
    pub diverging: Option<(LeaderEpoch, Offset)>,
    /// The records; `None` where there are none.
    pub slice: Option<S>,
}

/// Which records a reader or a lister may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Everything below the high watermark.
    ReadUncommitted,
    /// What no open transaction precedes.
    ReadCommitted,
}

/// What `ListOffsets` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// -1.
    Latest,
    /// -2.
    Earliest,
    /// -3: the record with the largest timestamp (KIP-734).
    MaxTimestamp,
    /// -4: the first on this broker's disk (KIP-405).
    EarliestLocal,
    /// -5: the last in remote storage (KIP-1005).
    LatestTiered,
    /// The first record that is not older, in milliseconds since 1970.
    At(i64),
}

/// What there is to say about a [`Place`] without searching the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// This offset and this epoch, without a timestamp.
    Offset(Offset, LeaderEpoch),
    /// There is none.
    None,
    /// The log has to be searched for this timestamp, below the offset given.
    Search {
        /// Milliseconds since 1970.
        timestamp: i64,
        /// Records from here on are not to be seen.
        below: Offset,
    },
    /// The log has to be searched for its largest timestamp, below the offset given.
    SearchMax {
        /// Records from here on are not to be seen.
        below: Offset,
    },
}

impl Place {
    /// Reads the `timestamp` field of a request; `None` for a number without a meaning.
    pub fn parse(timestamp: i64) -> Option<Self> {
        Some(match timestamp {
            -1 => Self::Latest,
            -2 => Self::Earliest,
            -3 => Self::MaxTimestamp,
            -4 => Self::EarliestLocal,
            -5 => Self::LatestTiered,
            0.. => Self::At(timestamp),
            _ => return None,
        })
    }

    /// The first `ListOffsets` version that may ask for it.
    pub fn since_version(self) -> i16 {
        match self {
            Self::Latest | Self::Earliest | Self::At(_) => 1,
            Self::MaxTimestamp => 7,
            Self::EarliestLocal => 8,
            Self::LatestTiered => 9,
        }
    }
}

impl<L: Log> Partition<L> {
    /// What `from` may see, without reading: `slice` is `Some(())` where there is something to
    /// read. For a shell that looks into files without holding the partition.
    ///
    /// A follower serves consumers up to the high watermark that it knows (KIP-392). Errors: 6
    /// `NOT_LEADER_OR_FOLLOWER` where nobody leads, 74 and 75 for the wrong leader epoch, 1
    /// `OFFSET_OUT_OF_RANGE`, 78 `OFFSET_NOT_AVAILABLE` on a follower that is behind.
    pub fn bounds(&self, from: From) -> Result<Fetched<()>, ErrorCode> {
        self.check_epoch(from.current_leader_epoch)?;
        match &self.role {
            Role::Idle => Err(ErrorCode::NotLeaderOrFollower),
            Role::Follower(_) if from.offset > self.log.end() => Err(ErrorCode::OffsetNotAvailable),
            Role::Leader(_) | Role::Follower(_) => self.bounds_until(from, self.high_watermark),
        }
    }

    /// What somebody may see who sees everything before `until`. Errors: 1 `OFFSET_OUT_OF_RANGE`.
    pub(super) fn bounds_until(&self, from: From, until: Offset) -> Result<Fetched<()>, ErrorCode> {
        let mut fetched = Fetched {
            high_watermark: self.high_watermark,
            last_stable_offset: self.high_watermark,
            log_start: self.log.start(),
            until,
            diverging: self.diverging(from)?,
            slice: None,
        };
        if fetched.diverging.is_some() {
            return Ok(fetched);
        }
        if from.offset < self.log.start() || from.offset > self.log.end() {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        fetched.slice = (from.offset < until).then_some(());
        Ok(fetched)
    }

    /// Reads what `from` asks for, as far as consumers may see. Errors: those of
    /// [`Partition::bounds`], and 56 `KAFKA_STORAGE_ERROR`.
    pub fn fetch(&self, from: From) -> Result<Fetched<L::Slice>, ErrorCode> {
        let Fetched { high_watermark, last_stable_offset, log_start, until, diverging, slice } =
            self.bounds(from)?;
        let wanted = from.max_bytes > 0 || from.at_least_one;
        let slice = match slice {
            Some(()) if wanted => {
                let (most, whole) = (from.max_bytes, from.at_least_one);
                let slice = self.log.read(from.offset, until, most, whole);
                Some(slice.map_err(|error| code(&error))?)
            }
            Some(()) | None => None,
        };
        Ok(Fetched { high_watermark, last_stable_offset, log_start, until, diverging, slice })
    }

    /// What there is to say about `place`. Errors: 6 `NOT_LEADER_OR_FOLLOWER`, 74 and 75 for the
    /// wrong leader epoch, 78 `OFFSET_NOT_AVAILABLE` while the high watermark of a new leader has
    /// not reached the beginning of its epoch: the one before may have shown more (KIP-207).
    pub fn list(
        &self,
        place: Place,
        current_leader_epoch: LeaderEpoch,
        isolation: Isolation,
    ) -> Result<Listed, ErrorCode> {
        self.check_epoch(current_leader_epoch)?;
        let leader = self.as_leader()?;
        let any = matches!(place, Place::Earliest | Place::EarliestLocal | Place::LatestTiered);
        if !any && self.high_watermark < leader.epoch_start {
            return Err(ErrorCode::OffsetNotAvailable);
        }
        let below = match isolation {
            Isolation::ReadUncommitted | Isolation::ReadCommitted => self.high_watermark,
        };
        Ok(match place {
            Place::Latest => Listed::Offset(below, self.epoch),
            Place::Earliest | Place::EarliestLocal => {
                Listed::Offset(self.log.start(), self.epoch_at_start())
            }
            Place::LatestTiered => Listed::None,
            Place::MaxTimestamp => Listed::SearchMax { below },
            Place::At(timestamp) => Listed::Search { timestamp, below },
        })
    }

    /// Where the reader's last epoch ended here, if the reader went on behind that. A reader before
    /// the start, or from an epoch that is still to come, has nowhere to go back to: 1
    /// `OFFSET_OUT_OF_RANGE`.
    fn diverging(&self, from: From) -> Result<Option<(LeaderEpoch, Offset)>, ErrorCode> {
        if from.last_fetched_epoch < 0 {
            return Ok(None);
        }
        let ended = self.end_of_epoch(from.last_fetched_epoch);
        let (epoch, end) = ended.ok_or(ErrorCode::OffsetOutOfRange)?;
        if from.offset < self.log.start() {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        let parted = epoch < from.last_fetched_epoch || end < from.offset;
        Ok(parted.then_some((epoch, end)))
    }
}
