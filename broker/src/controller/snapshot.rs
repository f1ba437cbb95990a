//! Snapshots of the metadata, in Kafka's `.checkpoint` format (KIP-630).
//!
//! A file of record batches named after the offset and epoch it ends at: a control batch with the
//! snapshot's header, the image as records, a control batch with its footer. It appears under its
//! name only when it is whole and synced.

use std::{io, path::Path};

use bytes::Bytes;
use kastellan_core::{
    id::{LeaderEpoch, Offset},
    metadata::Image,
    quorum::{ControlRecord, SnapshotId, Voters, voters_records},
};
use kastellan_log::disk::{
    Disk, File as _, Open, read_file, read_full, remove_if_there, replace_file,
};
use kastellan_protocol::{
    batch::{Builder, ControlType, Scratch, batches, check_crc, for_each_record},
    messages::{SnapshotFooterRecord, SnapshotHeaderRecord},
    protocol::Encodable,
};

use super::{error::ControllerError, log::fold};

const SUFFIX: &str = ".checkpoint";
/// Records per batch: a batch stays far below a megabyte.
const RECORDS_PER_BATCH: usize = 1000;
/// The version of a quorum whose voters are in the log (KIP-853).
const KRAFT_VERSION: i16 = 1;

/// The image of everything before `end`.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    pub(super) image: Image,
    /// Who votes, where the log says so.
    pub(super) voters: Option<Voters>,
    /// One past the last offset in it; 0 when there is nothing.
    pub(super) end: Offset,
    /// The epoch of the last record in it.
    pub(super) epoch: LeaderEpoch,
}

impl Snapshot {
    /// What it is called among replicas; `None` when there is nothing.
    pub(super) fn id(&self) -> Option<SnapshotId> {
        (self.end > 0).then_some(SnapshotId { end: self.end, epoch: self.epoch })
    }
}

/// The newest snapshot in `dir`, or an empty one. A damaged file is skipped: the log says whether
/// it is needed.
pub(super) fn newest<D: Disk>(disk: &D, dir: &Path) -> Result<Snapshot, ControllerError> {
    for (end, epoch, name) in list(disk, dir)?.into_iter().rev() {
        let path = dir.join(&name);
        let bytes = read_file(disk, &path)
            .map_err(|source| ControllerError::Io { doing: "read", path: path.clone(), source })?
            .unwrap_or_default();
        match decode(&bytes) {
            Ok(Some((mut image, voters))) => {
                image.advance(end - 1);
                return Ok(Snapshot { image, voters, end, epoch });
            }
            Ok(None) => tracing::error!(path = %path.display(), "a metadata snapshot is damaged"),
            // whole but not readable by this version: an older one would only hide that
            Err(error) => return Err(error),
        }
    }
    Ok(Snapshot { epoch: -1, ..Snapshot::default() })
}

/// Writes a snapshot, durably.
pub(super) fn write<D: Disk>(
    disk: &D,
    dir: &Path,
    snapshot: &Snapshot,
    now: i64,
) -> Result<(), ControllerError> {
    let id = SnapshotId { end: snapshot.end, epoch: snapshot.epoch };
    write_bytes(disk, dir, id, &encode(snapshot, now)?)
}

/// Writes the bytes of a snapshot, durably.
pub(super) fn write_bytes<D: Disk>(
    disk: &D,
    dir: &Path,
    id: SnapshotId,
    bytes: &[u8],
) -> Result<(), ControllerError> {
    let path = dir.join(name(id.end, id.epoch));
    replace_file(disk, &path, bytes).map_err(|source| ControllerError::Io {
        doing: "write",
        path,
        source,
    })
}

/// A part of a snapshot's bytes, from a position on and so many at most, and the size of the whole;
/// `None` where there is no such snapshot.
pub(super) fn read<D: Disk>(
    disk: &D,
    dir: &Path,
    id: SnapshotId,
    (position, most): (u64, usize),
) -> Result<Option<(Bytes, u64)>, ControllerError> {
    let path = dir.join(name(id.end, id.epoch));
    let part = || {
        let file = match disk.open(&path, Open::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let size = file.len()?;
        let left = usize::try_from(size.saturating_sub(position)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; left.min(most)];
        let read = read_full(&file, &mut bytes, position)?;
        bytes.truncate(read);
        Ok(Some((Bytes::from(bytes), size)))
    };
    part().map_err(|source| ControllerError::Io { doing: "read", path: path.clone(), source })
}

/// Removes the snapshots that end before `end`.
pub(super) fn remove_older<D: Disk>(
    disk: &D,
    dir: &Path,
    end: Offset,
) -> Result<(), ControllerError> {
    for (_, _, name) in list(disk, dir)?.into_iter().filter(|(older, ..)| *older < end) {
        let path = dir.join(name);
        remove_if_there(disk, &path).map_err(|source| ControllerError::Io {
            doing: "remove",
            path,
            source,
        })?;
    }
    Ok(())
}

fn name(end: Offset, epoch: LeaderEpoch) -> String {
    format!("{end:020}-{epoch:010}{SUFFIX}")
}

/// The snapshots in `dir` by their ends.
fn list<D: Disk>(
    disk: &D,
    dir: &Path,
) -> Result<Vec<(Offset, LeaderEpoch, String)>, ControllerError> {
    let entries = disk.list(dir).map_err(|source: io::Error| ControllerError::Io {
        doing: "list",
        path: dir.to_path_buf(),
        source,
    })?;
    let mut found: Vec<_> = entries.into_iter().filter_map(|entry| parse(entry.name)).collect();
    found.sort();
    Ok(found)
}

fn parse(name: String) -> Option<(Offset, LeaderEpoch, String)> {
    let (end, epoch) = name.strip_suffix(SUFFIX)?.split_once('-')?;
    let digits = |text: &str, len| text.len() == len && text.bytes().all(|c| c.is_ascii_digit());
    if !digits(end, 20) || !digits(epoch, 10) {
        return None;
    }
    Some((end.parse().ok()?, epoch.parse().ok()?, name))
}

fn encode(snapshot: &Snapshot, now: i64) -> Result<Vec<u8>, ControllerError> {
    let epoch = snapshot.epoch;
    let mut header = Vec::new();
    let mut footer = Vec::new();
    let described = SnapshotHeaderRecord::default().with_last_contained_log_timestamp(now);
    described
        .encode(&mut header, 0)
        .and_then(|()| SnapshotFooterRecord::default().encode(&mut footer, 0))
        .map_err(|error| ControllerError::Refused(error.to_string()))?;
    let mut bytes = Vec::new();
    let mut next = 0;
    let mut add = |batch: &Builder| {
        bytes.extend_from_slice(&batch.finish());
        next += i64::from(batch.count());
        next
    };
    let mut at = add(Builder::new(0, epoch).control(now, ControlType::SnapshotHeader, &header));
    if let Some(voters) = &snapshot.voters {
        let version = ControlRecord::KraftVersion(KRAFT_VERSION);
        for record in [version, ControlRecord::Voters(voters.clone())] {
            let (kind, value) = record.encode();
            at = add(Builder::new(at, epoch).control(now, kind, &value));
        }
    }
    let mut records = snapshot.image.snapshot().peekable();
    while records.peek().is_some() {
        let mut batch = Builder::new(at, epoch);
        for record in records.by_ref().take(RECORDS_PER_BATCH) {
            batch.record(now, None, Some(&record.encode()), &[]);
        }
        at = add(&batch);
    }
    add(Builder::new(at, epoch).control(now, ControlType::SnapshotFooter, &footer));
    Ok(bytes)
}

/// The image and the voters in a snapshot's bytes; `None` when they are damaged or not whole.
pub(super) fn decode(bytes: &[u8]) -> Result<Option<(Image, Option<Voters>)>, ControllerError> {
    let mut image = Image::default();
    let mut voters = None;
    let mut scratch = Scratch::default();
    let mut control = Vec::new();
    let mut rest = batches(bytes);
    for batch in rest.by_ref() {
        let Ok((header, batch)) = batch else { return Ok(None) };
        if !check_crc(batch) {
            return Ok(None);
        }
        if header.is_control() {
            voters = voters_records(&header, batch).pop().map(|(_, voters)| voters).or(voters);
            let noted = for_each_record(batch, &mut scratch, |record| {
                control.push(ControlType::from_key(record.key.unwrap_or_default()));
                Ok::<_, kastellan_protocol::batch::Malformed>(())
            });
            if noted.is_err() {
                return Ok(None);
            }
        } else if control.is_empty() {
            return Ok(None);
        } else {
            fold(&header, batch, 0, &mut scratch, (&mut image, &mut |_| ()))?;
        }
    }
    let whole = rest.rest().is_empty()
        && control.first() == Some(&Some(ControlType::SnapshotHeader))
        && control.last() == Some(&Some(ControlType::SnapshotFooter));
    // offsets in a snapshot count from 0 and mean nothing; where it ends, its name says
    Ok(whole.then_some((image, voters)))
}
