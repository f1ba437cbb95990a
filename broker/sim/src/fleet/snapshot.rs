//! Snapshots in the simulation: a hash over what is committed, who votes, and some bytes to fetch.

use std::path::{Path, PathBuf};

use kastellan_core::quorum::{ControlRecord, SnapshotId, Voters, voters_records};
use kastellan_log::disk::{Disk, read_file, replace_file};
use kastellan_protocol::batch::{Builder, batches};

use crate::disk::SimDisk;

const SUFFIX: &str = ".checkpoint";
const PADDING: usize = 700;

/// What a snapshot holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) digest: u64,
    pub(super) voters: Option<Voters>,
}

impl Contents {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.digest.to_le_bytes().to_vec();
        bytes.resize(8 + PADDING, 7);
        if let Some(voters) = &self.voters {
            let (kind, value) = ControlRecord::Voters(voters.clone()).encode();
            bytes.extend(Builder::new(0, 0).control(0, kind, &value).finish());
        }
        bytes.extend(u32::try_from(bytes.len()).unwrap_or(0).to_le_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (body, len) = bytes.split_last_chunk::<4>()?;
        if u32::from_le_bytes(*len) as usize != body.len() {
            return None;
        }
        let digest = u64::from_le_bytes(*body.first_chunk::<8>()?);
        let mut voters = None;
        for batch in batches(body.get(8 + PADDING..)?) {
            let (header, raw) = batch.ok()?;
            voters = voters_records(&header, raw).pop().map(|(_, voters)| voters);
        }
        Some(Self { digest, voters })
    }
}

pub(super) fn path(dir: &Path, id: SnapshotId) -> PathBuf {
    dir.join(format!("{:020}-{:010}{SUFFIX}", id.end, id.epoch))
}

/// Writes one, durably.
pub(super) fn write(
    disk: &SimDisk,
    dir: &Path,
    id: SnapshotId,
    bytes: &[u8],
) -> std::io::Result<()> {
    replace_file(disk, &path(dir, id), bytes)
}

pub(super) fn read(disk: &SimDisk, dir: &Path, id: SnapshotId) -> std::io::Result<Option<Vec<u8>>> {
    read_file(disk, &path(dir, id))
}

/// The newest one.
pub(super) fn newest(
    disk: &SimDisk,
    dir: &Path,
) -> std::io::Result<Option<(SnapshotId, Contents)>> {
    let mut all: Vec<SnapshotId> = list(disk, dir)?;
    all.sort_unstable();
    for id in all.into_iter().rev() {
        let bytes = read(disk, dir, id)?.unwrap_or_default();
        if let Some(contents) = Contents::from_bytes(&bytes) {
            return Ok(Some((id, contents)));
        }
    }
    Ok(None)
}

/// Removes those that end before `id`.
pub(super) fn remove_older(disk: &SimDisk, dir: &Path, id: SnapshotId) -> std::io::Result<()> {
    for older in list(disk, dir)?.into_iter().filter(|older| older.end < id.end) {
        disk.remove(&path(dir, older))?;
    }
    Ok(())
}

fn list(disk: &SimDisk, dir: &Path) -> std::io::Result<Vec<SnapshotId>> {
    let parse = |name: &str| {
        let (end, epoch) = name.strip_suffix(SUFFIX)?.split_once('-')?;
        Some(SnapshotId { end: end.parse().ok()?, epoch: epoch.parse().ok()? })
    };
    Ok(disk.list(dir)?.iter().filter_map(|entry| parse(&entry.name)).collect())
}
