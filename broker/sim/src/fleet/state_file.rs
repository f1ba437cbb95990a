//! What a replica writes down about epochs and votes, as one line.

use std::path::PathBuf;

use kastellan_core::{
    id::{BrokerId, Uuid},
    quorum::{ReplicaKey, Stored},
};
use kastellan_log::disk::{Disk, File, Open, read_file, replace_file};

use super::node::ROOT;
use crate::disk::SimDisk;

fn path() -> PathBuf {
    PathBuf::from(ROOT).join("quorum-state")
}

pub(super) fn read(disk: &SimDisk) -> std::io::Result<Option<Stored>> {
    let Some(bytes) = read_file(disk, &path())? else { return Ok(None) };
    let text = String::from_utf8(bytes).map_err(std::io::Error::other)?;
    let numbers: Vec<u128> = text.split(' ').filter_map(|word| word.parse().ok()).collect();
    let [epoch, leader, voted, directory] = numbers[..] else {
        return Err(std::io::Error::other(format!("quorum-state is damaged: {text:?}")));
    };
    let id =
        |number: u128| number.checked_sub(1).and_then(|id| i32::try_from(id).ok()).map(BrokerId);
    Ok(Some(Stored {
        epoch: i32::try_from(epoch).map_err(std::io::Error::other)?,
        leader: id(leader),
        voted: id(voted).map(|id| ReplicaKey { id, directory: Uuid::from_u128(directory) }),
    }))
}

/// Replaces it: durably, or only as far as the page cache.
pub(super) fn write(disk: &SimDisk, stored: Stored, durably: bool) -> std::io::Result<()> {
    let number = |id: Option<BrokerId>| id.map_or(0, |id| id.0 + 1);
    let directory = stored.voted.map_or(0, |voted| voted.directory.as_u128());
    let voted = number(stored.voted.map(|voted| voted.id));
    let text = format!("{} {} {voted} {directory}", stored.epoch, number(stored.leader));
    if durably {
        return replace_file(disk, &path(), text.as_bytes());
    }
    let file = disk.open(&path(), Open::Truncate)?;
    file.write_at(text.as_bytes(), 0)
}
