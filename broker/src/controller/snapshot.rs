//! Snapshots of the metadata, in Kafka's `.checkpoint` format (KIP-630).
//!
//! A file of record batches named after the offset and epoch it ends at: a control batch with the
//! snapshot's header, the image as records, a control batch with its footer. It appears under its
//! name only when it is whole and synced.

use std::{io, path::Path};

use kastellan_core::{
    id::{LeaderEpoch, Offset},
    metadata::Image,
};
use kastellan_log::disk::{Disk, read_file, remove_if_there, replace_file};
use kastellan_protocol::{
    batch::{Builder, ControlType, Scratch, batches, check_crc, for_each_record},
    messages::{SnapshotFooterRecord, SnapshotHeaderRecord},
    protocol::Encodable,
};

use super::{error::ControllerError, log::fold};

const SUFFIX: &str = ".checkpoint";
/// Records per batch: a batch stays far below a megabyte.
const RECORDS_PER_BATCH: usize = 1000;

/// The image of everything before `end`.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    pub(super) image: Image,
    /// One past the last offset in it; 0 when there is nothing.
    pub(super) end: Offset,
    /// The epoch it was written in.
    pub(super) epoch: LeaderEpoch,
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
            Ok(Some(mut image)) => {
                image.advance(end - 1);
                return Ok(Snapshot { image, end, epoch });
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
    let path = dir.join(name(snapshot.end, snapshot.epoch));
    let bytes = encode(&snapshot.image, snapshot.epoch, now)?;
    replace_file(disk, &path, &bytes).map_err(|source| ControllerError::Io {
        doing: "write",
        path,
        source,
    })
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

fn encode(image: &Image, epoch: LeaderEpoch, now: i64) -> Result<Vec<u8>, ControllerError> {
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
    let mut records = image.snapshot().peekable();
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

/// The image in a snapshot's bytes; `None` when they are damaged or not whole.
fn decode(bytes: &[u8]) -> Result<Option<Image>, ControllerError> {
    let mut image = Image::default();
    let mut scratch = Scratch::default();
    let mut control = Vec::new();
    let mut rest = batches(bytes);
    for batch in rest.by_ref() {
        let Ok((header, batch)) = batch else { return Ok(None) };
        if !check_crc(batch) {
            return Ok(None);
        }
        if header.is_control() {
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
            fold(&header, batch, 0, &mut scratch, &mut image)?;
        }
    }
    let whole = rest.rest().is_empty()
        && control.first() == Some(&Some(ControlType::SnapshotHeader))
        && control.last() == Some(&Some(ControlType::SnapshotFooter));
    // offsets in a snapshot count from 0 and mean nothing; where it ends, its name says
    Ok(whole.then_some(image))
}
