//! `quorum-state`: the epoch and the vote that outlive the process, as Kafka writes them.
//!
//! One JSON object, beside the log: `QuorumStateData` of Kafka's raft module, version 1. Version 0
//! is read, too; it has no directory of the one that got the vote.

use std::path::{Path, PathBuf};

use kastellan_core::{
    id::{BrokerId, Uuid, uuid_from_text, uuid_to_text},
    quorum::{ReplicaKey, Stored},
};
use kastellan_log::disk::{Disk, read_file, replace_file};
use serde::{Deserialize, Serialize};

use super::error::ControllerError;

const NAME: &str = "quorum-state";
/// What stands for nobody.
const NOBODY: i32 = -1;
/// The newest version that is known.
const VERSION: i16 = 1;

/// The file's fields, under Kafka's names.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct QuorumStateData {
    leader_id: i32,
    leader_epoch: i32,
    #[serde(default = "nobody")]
    voted_id: i32,
    #[serde(default)]
    voted_directory_id: Option<String>,
    #[serde(rename = "data_version")]
    data_version: i16,
}

fn nobody() -> i32 {
    NOBODY
}

/// What was written down last; `None` where nothing ever was.
pub(super) fn read<D: Disk>(disk: &D, dir: &Path) -> Result<Option<Stored>, ControllerError> {
    let path = dir.join(NAME);
    let bytes = read_file(disk, &path).map_err(|source| ControllerError::Io {
        doing: "read",
        path: path.clone(),
        source,
    })?;
    let Some(bytes) = bytes else { return Ok(None) };
    let damaged = |why: String| ControllerError::QuorumState { path: path.clone(), why };
    let data: QuorumStateData =
        serde_json::from_slice(&bytes).map_err(|why| damaged(why.to_string()))?;
    if !(0..=VERSION).contains(&data.data_version) {
        return Err(damaged(format!("data_version {} is not known", data.data_version)));
    }
    let directory = match &data.voted_directory_id {
        None => Uuid::nil(),
        Some(text) => {
            uuid_from_text(text).ok_or_else(|| damaged(format!("{text} is no directory id")))?
        }
    };
    let id = |number: i32| (number >= 0).then_some(BrokerId(number));
    Ok(Some(Stored {
        epoch: data.leader_epoch,
        leader: id(data.leader_id),
        voted: id(data.voted_id).map(|id| ReplicaKey { id, directory }),
    }))
}

/// Writes it down, durably.
pub(super) fn write<D: Disk>(disk: &D, dir: &Path, stored: Stored) -> Result<(), ControllerError> {
    let path: PathBuf = dir.join(NAME);
    let directory = stored.voted.map_or(Uuid::nil(), |voted| voted.directory);
    let data = QuorumStateData {
        leader_id: stored.leader.map_or(NOBODY, |leader| leader.0),
        leader_epoch: stored.epoch,
        voted_id: stored.voted.map_or(NOBODY, |voted| voted.id.0),
        voted_directory_id: Some(uuid_to_text(directory)),
        data_version: VERSION,
    };
    let bytes = serde_json::to_vec(&data)
        .map_err(|why| ControllerError::QuorumState { path: path.clone(), why: why.to_string() })?;
    replace_file(disk, &path, &bytes).map_err(|source| ControllerError::Io {
        doing: "write",
        path,
        source,
    })
}

#[cfg(test)]
mod tests {
    use kastellan_log::disk::MemoryDisk;

    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_kafkas_older_form_as_well() {
        let (disk, dir) = (MemoryDisk::new(1), PathBuf::from("/log"));
        disk.create_dir(&dir).unwrap();
        assert_eq!(read(&disk, &dir).unwrap(), None);
        let key = ReplicaKey { id: BrokerId(2), directory: Uuid::from_u128(77) };
        for (leader, voted) in [(None, None), (Some(BrokerId(0)), Some(key))] {
            let stored = Stored { epoch: 4, leader, voted };
            write(&disk, &dir, stored).unwrap();
            assert_eq!(read(&disk, &dir).unwrap(), Some(stored));
        }
        let older = r#"{"clusterId":"","leaderId":1,"leaderEpoch":8,"votedId":-1,"#.to_owned()
            + r#""appliedOffset":0,"currentVoters":[{"voterId":1}],"data_version":0}"#;
        disk.corrupt(&dir.join(NAME), older.into_bytes());
        let expected = Stored { epoch: 8, leader: Some(BrokerId(1)), voted: None };
        assert_eq!(read(&disk, &dir).unwrap(), Some(expected));
    }

    #[test]
    fn what_is_no_state_is_refused() {
        let (disk, dir) = (MemoryDisk::new(1), PathBuf::from("/log"));
        disk.create_dir(&dir).unwrap();
        for wrong in ["", "{}", r#"{"leaderId":1,"leaderEpoch":8,"data_version":9}"#] {
            disk.open(&dir.join(NAME), kastellan_log::disk::Open::Create).unwrap();
            disk.corrupt(&dir.join(NAME), wrong.as_bytes().to_vec());
            let refused = read(&disk, &dir).unwrap_err().to_string();
            assert!(refused.contains("quorum-state"), "{refused}");
        }
    }
}
