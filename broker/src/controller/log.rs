//! The `__cluster_metadata-0` log: what the quorum appends, cuts, syncs and reads; folded into
//! images as far as it is committed, and let go of behind snapshots.

use std::{ops::ControlFlow, path::PathBuf};

use bytes::Bytes;
use kastellan_core::{
    id::{LeaderEpoch, Offset, TopicPartition, Uuid},
    log::{Appended, Log as _, LogError},
    metadata::{CLUSTER_METADATA, Image, Record},
    quorum::{LogView, SnapshotId, Voters, voters_records},
};
use kastellan_log::{Checkpoints, Config, Directory, Disk, Log};
use kastellan_protocol::batch::{Builder, Header, Scratch, batches, for_each_record};

use super::{
    error::ControllerError,
    snapshot::{self, Snapshot},
};

/// The id that Kafka gives the metadata log's topic.
pub(super) const TOPIC_ID: Uuid = Uuid::from_u128(1);

/// Segments are small, so that a snapshot lets most of the log go.
const SEGMENT_BYTES: u64 = 8 << 20;

/// The metadata log and the newest snapshot before it.
#[derive(Debug)]
pub(super) struct MetadataLog<D: Disk> {
    log: Log<D>,
    disk: D,
    bytes_since_snapshot: u64,
    /// What the newest snapshot holds; empty where there is none.
    snapshot: Snapshot,
    /// Whether a record was ever decided, committed or not.
    begun: bool,
    /// The sets of voters in the log, as it was opened.
    voters: Vec<(Offset, Voters)>,
    /// What has been fetched of another snapshot.
    download: Vec<u8>,
}

impl<D: Disk> MetadataLog<D> {
    /// Opens the log and the newest snapshot. All that is there is synced when this returns: what
    /// the last process had only written counts from now on.
    pub(super) fn open(directory: &Directory<D>) -> Result<Self, ControllerError> {
        let partition = TopicPartition { topic: CLUSTER_METADATA.to_owned(), partition: 0 };
        // neither age nor size lets go of metadata: only a snapshot does
        let config = Config { segment_bytes: SEGMENT_BYTES, delete: false, ..Config::default() };
        let mut log = directory.open_log(partition, Some(TOPIC_ID), config)?;
        let disk = directory.disk().clone();
        let snapshot = snapshot::newest(&disk, log.dir())?;
        let end = snapshot.end;
        if log.start() > end {
            return Err(ControllerError::Gap { start: log.start(), snapshot: end });
        }
        let other = log.start() < end && log.epoch_at(end - 1) != snapshot.epoch;
        if log.end() < end || other {
            // what a snapshot holds was committed: the log is another one, or was lost
            tracing::warn!(
                end = log.end(),
                snapshot = end,
                "the metadata log does not reach its snapshot, and begins anew there"
            );
            log.restart_at(end)?;
        }
        log.flush()?;
        let (mut bytes, mut begun, mut voters) = (0, end > 0, Vec::new());
        voters.extend(snapshot.voters.clone().map(|voters| (end - 1, voters)));
        log.for_each_batch(end, |header, batch| {
            bytes += batch.len() as u64;
            begun |= !header.is_control();
            voters.extend(voters_records(header, batch));
            ControlFlow::<()>::Continue(())
        })?;
        let download = Vec::new();
        Ok(Self { log, disk, bytes_since_snapshot: bytes, snapshot, begun, voters, download })
    }

    /// What the newest snapshot holds.
    pub(super) fn image(&self) -> &Image {
        &self.snapshot.image
    }

    /// Whether a record was ever decided: this is no new cluster.
    pub(super) fn begun(&self) -> bool {
        self.begun
    }

    /// The log as the quorum sees it.
    pub(super) fn view(&self) -> LogView {
        let start = self.log.start().max(self.snapshot.end);
        LogView {
            start,
            end: self.log.end(),
            synced: self.log.durable_end(),
            epochs: self.log.epochs().iter().copied().filter(|it| it.1 < self.log.end()).collect(),
            snapshot: self.snapshot.id(),
            voters: self.voters.clone(),
        }
    }

    /// One past the last offset.
    pub(super) fn end(&self) -> Offset {
        self.log.end()
    }

    /// Appends records of the leader's epoch as one batch: all of them or none.
    pub(super) fn append(
        &mut self,
        records: &[Record],
        epoch: LeaderEpoch,
        now: i64,
    ) -> Result<(), LogError> {
        let mut batch = Builder::new(self.log.end(), epoch);
        for record in records {
            batch.record(now, None, Some(&record.encode()), &[]);
        }
        self.append_batches(&batch.finish())
    }

    /// Appends whole batches that the quorum has checked.
    pub(super) fn append_batches(&mut self, bytes: &[u8]) -> Result<(), LogError> {
        for batch in batches(bytes) {
            let (header, raw) = batch.map_err(|why| LogError::Unreadable(why.to_string()))?;
            let last = header.last_offset();
            self.log.append(
                raw,
                Appended {
                    first: header.base_offset,
                    last,
                    max_timestamp: header.max_timestamp,
                    offset_of_max_timestamp: last,
                    epoch: header.leader_epoch,
                },
            )?;
            self.bytes_since_snapshot += raw.len() as u64;
        }
        Ok(())
    }

    /// Drops everything at and behind `end`, durably.
    pub(super) fn truncate(&mut self, end: Offset) -> Result<(), LogError> {
        self.log.truncate(end)?;
        assert_eq!(self.log.end(), end, "epochs end with batches");
        Ok(())
    }

    /// Makes everything appended durable, and says up to where that is.
    pub(super) fn sync(&mut self) -> Result<Offset, LogError> {
        self.log.flush()?;
        Ok(self.log.durable_end())
    }

    /// Whole batches from `from` on, committed or not.
    pub(super) fn read(&self, from: Offset, max_bytes: u32) -> Result<Bytes, LogError> {
        let slice = self.log.read(from, self.log.end(), max_bytes as usize, true)?;
        let bytes = slice.to_vec().map_err(|why| LogError::Unreadable(why.to_string()))?;
        Ok(bytes.into())
    }

    /// Folds the records behind `image` and before `upto` into it, and hands each to `note`.
    pub(super) fn fold(
        &self,
        image: &mut Image,
        upto: Offset,
        mut note: impl FnMut(&Record),
    ) -> Result<(), ControllerError> {
        let from = image.offset() + 1;
        let mut scratch = Scratch::default();
        let failed = self.log.for_each_batch(from, |header, batch| {
            if header.next_offset() > upto {
                return ControlFlow::Break(None);
            }
            if let Err(error) = fold(header, batch, from, &mut scratch, (image, &mut note)) {
                return ControlFlow::Break(Some(error));
            }
            image.advance(header.last_offset().max(image.offset()));
            ControlFlow::Continue(())
        })?;
        failed.flatten().map_or(Ok(()), Err)
    }

    /// Bytes appended since the last snapshot.
    pub(super) fn bytes_since_snapshot(&self) -> u64 {
        self.bytes_since_snapshot
    }

    /// Writes a snapshot of `image`, which is committed, and lets go of the log before it.
    pub(super) fn take_snapshot(
        &mut self,
        directory: &mut dyn FnMut(Checkpoints) -> Result<(), LogError>,
        (image, voters): (&Image, Option<Voters>),
        now: i64,
    ) -> Result<Option<SnapshotId>, ControllerError> {
        let end = image.offset() + 1;
        if end <= self.snapshot.end {
            return Ok(None);
        }
        let epoch = self.log.epoch_at(end - 1);
        let snapshot = Snapshot { image: image.clone(), voters, end, epoch };
        snapshot::write(&self.disk, self.log.dir(), &snapshot, now)?;
        self.bytes_since_snapshot = 0;
        self.log.advance_start(end)?;
        directory(self.log.checkpoints())?;
        self.log.remove_expired(now)?;
        snapshot::remove_older(&self.disk, self.log.dir(), end)?;
        let id = snapshot.id();
        self.snapshot = snapshot;
        Ok(id)
    }

    /// A part of a snapshot, and the size of the whole; `None` where it is gone.
    pub(super) fn read_snapshot(
        &self,
        id: SnapshotId,
        position: u64,
        max_bytes: u32,
    ) -> Result<Option<(Bytes, u64)>, ControllerError> {
        snapshot::read(&self.disk, self.log.dir(), id, (position, max_bytes as usize))
    }

    /// Takes in a part of a snapshot of the leader's.
    pub(super) fn download(&mut self, position: u64, bytes: &[u8]) {
        if position == 0 {
            self.download.clear();
        }
        self.download.extend_from_slice(bytes);
    }

    /// Puts the snapshot that was fetched in the place of the log; `None` where it is none.
    pub(super) fn install(
        &mut self,
        id: SnapshotId,
    ) -> Result<Option<(Image, Option<Voters>)>, ControllerError> {
        let bytes = std::mem::take(&mut self.download);
        let Some((mut image, voters)) = snapshot::decode(&bytes)? else { return Ok(None) };
        image.advance(id.end - 1);
        snapshot::write_bytes(&self.disk, self.log.dir(), id, &bytes)?;
        self.log.restart_at(id.end)?;
        snapshot::remove_older(&self.disk, self.log.dir(), id.end)?;
        self.bytes_since_snapshot = 0;
        self.begun = true;
        let (end, epoch) = (id.end, id.epoch);
        self.snapshot = Snapshot { image: image.clone(), voters: voters.clone(), end, epoch };
        Ok(Some((image, voters)))
    }

    /// Closes the log.
    pub(super) fn close(self) -> Result<Checkpoints, LogError> {
        self.log.close()
    }

    /// Where it lies.
    pub(super) fn dir(&self) -> PathBuf {
        self.log.dir().to_path_buf()
    }

    #[cfg(test)]
    pub(super) fn start(&self) -> Offset {
        self.log.start()
    }
}

/// Folds the records of one batch into an image, those before `from` left out.
pub(super) fn fold(
    header: &Header,
    batch: &[u8],
    from: Offset,
    scratch: &mut Scratch,
    (image, note): (&mut Image, &mut impl FnMut(&Record)),
) -> Result<(), ControllerError> {
    if header.is_control() {
        return Ok(());
    }
    for_each_record(batch, scratch, |record| {
        let at = record.offset;
        if at < from {
            return Ok(());
        }
        let decoded = Record::decode(record.value.unwrap_or_default())
            .map_err(|why| Failed::At(ControllerError::Record { at, why }))?;
        image
            .apply(&decoded)
            .map_err(|why| Failed::At(ControllerError::Inconsistent { at, why }))?;
        note(&decoded);
        Ok(())
    })
    .map_err(|failed| match failed {
        Failed::At(error) => error,
        Failed::Batch(why) => ControllerError::Damaged { at: header.base_offset, why },
    })
}

enum Failed {
    Batch(kastellan_protocol::batch::Malformed),
    At(ControllerError),
}

impl From<kastellan_protocol::batch::Malformed> for Failed {
    fn from(why: kastellan_protocol::batch::Malformed) -> Self {
        Self::Batch(why)
    }
}
