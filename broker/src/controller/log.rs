//! The `__cluster_metadata-0` log: replayed at the start, appended to, synced, cut after snapshots.

use std::ops::ControlFlow;
#[cfg(test)]
use std::path::PathBuf;

use kastellan_core::{
    id::{BrokerId, LeaderEpoch, Offset, TopicPartition, Uuid},
    log::{Appended, Log as _, LogError},
    metadata::{CLUSTER_METADATA, Image, Record},
};
use kastellan_log::{Checkpoints, Config, Directory, Disk, Log};
use kastellan_protocol::{
    batch::{Builder, ControlType, Header, Scratch, for_each_record},
    messages::{LeaderChangeMessage, leader_change_message::Voter},
    protocol::Encodable,
};

use super::{
    error::ControllerError,
    snapshot::{self, Snapshot},
};

/// The id that Kafka gives the metadata log's topic.
const TOPIC_ID: Uuid = Uuid::from_u128(1);

/// Segments are small, so that a snapshot lets most of the log go.
const SEGMENT_BYTES: u64 = 8 << 20;

/// The metadata log of a quorum of one, in the epoch of this process.
#[derive(Debug)]
pub(super) struct MetadataLog<D: Disk> {
    log: Log<D>,
    disk: D,
    epoch: LeaderEpoch,
    /// Where the newest snapshot ends: one past the last offset in it.
    snapshot_end: Offset,
    bytes_since_snapshot: u64,
    /// What was there when it was opened.
    image: Image,
}

impl<D: Disk> MetadataLog<D> {
    /// Opens the log and folds the newest snapshot and what follows it into an image.
    pub(super) fn open(
        directory: &Directory<D>,
        me: BrokerId,
        now: i64,
    ) -> Result<Self, ControllerError> {
        let partition = TopicPartition { topic: CLUSTER_METADATA.to_owned(), partition: 0 };
        // neither age nor size lets go of metadata: only a snapshot does
        let config = Config { segment_bytes: SEGMENT_BYTES, delete: false, ..Config::default() };
        let mut log = directory.open_log(partition, Some(TOPIC_ID), config)?;
        let disk = directory.disk().clone();
        let Snapshot { mut image, end, epoch } = snapshot::newest(&disk, log.dir())?;
        if log.start() > end {
            return Err(ControllerError::Gap { start: log.start(), snapshot: end });
        }
        if log.end() < end {
            // what a snapshot holds was synced: the log is another one, or was lost
            tracing::warn!(
                end = log.end(),
                snapshot = end,
                "the metadata log ends before its snapshot"
            );
            log.restart_at(end)?;
        }
        let bytes = replay(&log, end, &mut image)?;
        let epoch = log.latest_epoch().max(epoch).saturating_add(1);
        let snapshot_end = end;
        let mut opened =
            Self { log, disk, epoch, snapshot_end, bytes_since_snapshot: bytes, image };
        opened.begin_epoch(me, now)?;
        Ok(opened)
    }

    /// What was there when it was opened.
    pub(super) fn image(&self) -> &Image {
        &self.image
    }

    /// The offset of the last record, control records included.
    pub(super) fn last(&self) -> Offset {
        self.log.end() - 1
    }

    /// Appends records as one batch: all of them or none.
    pub(super) fn append(&mut self, records: &[Record], now: i64) -> Result<(), LogError> {
        let mut batch = Builder::new(self.log.end(), self.epoch);
        for record in records {
            batch.record(now, None, Some(&record.encode()), &[]);
        }
        self.append_batch(&batch, now)
    }

    /// Makes everything appended durable. For a quorum of one that commits it.
    pub(super) fn commit(&mut self) -> Result<(), LogError> {
        self.log.flush()
    }

    /// Bytes appended since the last snapshot.
    pub(super) fn bytes_since_snapshot(&self) -> u64 {
        self.bytes_since_snapshot
    }

    /// Writes a snapshot of `image`, which is committed, and lets go of the log before it.
    pub(super) fn snapshot(
        &mut self,
        directory: &mut dyn FnMut(Checkpoints) -> Result<(), LogError>,
        image: &Image,
        now: i64,
    ) -> Result<(), ControllerError> {
        let snapshot =
            Snapshot { image: image.clone(), end: image.offset() + 1, epoch: self.epoch };
        snapshot::write(&self.disk, self.log.dir(), &snapshot, now)?;
        self.bytes_since_snapshot = 0;
        self.snapshot_end = snapshot.end;
        self.log.advance_start(snapshot.end)?;
        directory(self.log.checkpoints())?;
        self.log.remove_expired(now)?;
        snapshot::remove_older(&self.disk, self.log.dir(), snapshot.end)?;
        Ok(())
    }

    /// Closes the log.
    pub(super) fn close(self) -> Result<Checkpoints, LogError> {
        self.log.close()
    }

    /// What every leader of a quorum writes first: that it leads.
    fn begin_epoch(&mut self, me: BrokerId, now: i64) -> Result<(), ControllerError> {
        let voters = || vec![Voter::default().with_voter_id(me.0)];
        let message = LeaderChangeMessage::default()
            .with_leader_id(me.0.into())
            .with_voters(voters())
            .with_granting_voters(voters());
        let mut value = Vec::new();
        // version 0: the quorum's voters are fixed (kraft.version 0)
        message
            .encode(&mut value, 0)
            .map_err(|error| ControllerError::Refused(error.to_string()))?;
        let mut batch = Builder::new(self.log.end(), self.epoch);
        batch.control(now, ControlType::LeaderChange, &value);
        Ok(self.append_batch(&batch, now)?)
    }

    fn append_batch(&mut self, batch: &Builder, now: i64) -> Result<(), LogError> {
        let first = self.log.end();
        let last = first + i64::from(batch.count()) - 1;
        let bytes = batch.finish();
        self.bytes_since_snapshot += bytes.len() as u64;
        self.log.append(
            &bytes,
            Appended {
                first,
                last,
                max_timestamp: now,
                offset_of_max_timestamp: last,
                epoch: self.epoch,
            },
        )
    }

    #[cfg(test)]
    pub(super) fn dir(&self) -> PathBuf {
        self.log.dir().to_path_buf()
    }

    #[cfg(test)]
    pub(super) fn start(&self) -> Offset {
        self.log.start()
    }

    #[cfg(test)]
    pub(super) fn epoch(&self) -> LeaderEpoch {
        self.epoch
    }
}

/// Folds every record at and behind `from` into `image`; returns how many bytes that were.
fn replay<D: Disk>(log: &Log<D>, from: Offset, image: &mut Image) -> Result<u64, ControllerError> {
    let mut scratch = Scratch::default();
    let mut bytes = 0;
    let failed = log.for_each_batch(from, |header, batch| {
        bytes += batch.len() as u64;
        if let Err(error) = fold(header, batch, from, &mut scratch, image) {
            return ControlFlow::Break(error);
        }
        image.advance(header.last_offset().max(image.offset()));
        ControlFlow::Continue(())
    })?;
    match failed {
        None => Ok(bytes),
        Some(error) => Err(error),
    }
}

/// Folds the records of one batch into `image`, those before `from` left out.
pub(super) fn fold(
    header: &Header,
    batch: &[u8],
    from: Offset,
    scratch: &mut Scratch,
    image: &mut Image,
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
        image.apply(&decoded).map_err(|why| Failed::At(ControllerError::Inconsistent { at, why }))
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
