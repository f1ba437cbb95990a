//! Names of files and directories, as Kafka spells them.

use kastellan_core::id::{Offset, TopicPartition};

/// The directory's lock.
pub const LOCK: &str = ".lock";
/// Who owns the directory.
pub const META_PROPERTIES: &str = "meta.properties";
/// Left by a clean shutdown, gone while the directory is in use.
pub const CLEAN_SHUTDOWN: &str = ".kafka_cleanshutdown";
/// Where recovery starts, per partition.
pub const RECOVERY_POINTS: &str = "recovery-point-offset-checkpoint";
/// The first readable offset, per partition.
pub const LOG_STARTS: &str = "log-start-offset-checkpoint";
/// The high watermark, per partition.
pub const HIGH_WATERMARKS: &str = "replication-offset-checkpoint";
/// The first offset that compaction has not seen, per partition.
pub const CLEANED: &str = "cleaner-offset-checkpoint";
/// The leader epochs of one partition, in its own directory.
pub const EPOCHS: &str = "leader-epoch-checkpoint";
/// The topic id, in the partition's directory.
pub const PARTITION_METADATA: &str = "partition.metadata";

/// What a file of a partition holds, by its suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Record batches.
    Log,
    /// Offset index.
    Index,
    /// Time index.
    TimeIndex,
    /// Aborted transactions.
    TxnIndex,
    /// Producer state.
    Snapshot,
}

impl Kind {
    /// Log first, then what is derived from it.
    pub const ALL: [Self; 5] =
        [Self::Log, Self::Index, Self::TimeIndex, Self::TxnIndex, Self::Snapshot];

    fn suffix(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Index => "index",
            Self::TimeIndex => "timeindex",
            Self::TxnIndex => "txnindex",
            Self::Snapshot => "snapshot",
        }
    }

    /// The file's name; `base` is the first offset it is about, 0 or more.
    pub fn file(self, base: Offset) -> String {
        format!("{base:020}.{}", self.suffix())
    }
}

/// What stage of its life a file is in, by what follows its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// In use.
    Live,
    /// To be removed.
    Deleted,
    /// Compaction is writing it.
    Cleaned,
    /// Compaction has written it; it replaces what it covers.
    Swap,
}

impl Stage {
    /// What is put behind a live file's name.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Live => "",
            Self::Deleted => ".deleted",
            Self::Cleaned => ".cleaned",
            Self::Swap => ".swap",
        }
    }
}

/// Reads the name of a partition's file; `None` for everything else.
pub fn parse(name: &str) -> Option<(Offset, Kind, Stage)> {
    let (name, stage) = [Stage::Deleted, Stage::Cleaned, Stage::Swap]
        .into_iter()
        .find_map(|stage| Some((name.strip_suffix(stage.suffix())?, stage)))
        .unwrap_or((name, Stage::Live));
    let (digits, suffix) = name.split_once('.')?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.suffix() == suffix)?;
    let numeric = digits.len() == 20 && digits.bytes().all(|digit| digit.is_ascii_digit());
    Some((numeric.then(|| digits.parse().ok())??, kind, stage))
}

/// The partition whose directory has this name.
pub fn parse_partition(dir: &str) -> Option<TopicPartition> {
    let (topic, partition) = dir.rsplit_once('-')?;
    let numeric = !partition.is_empty() && partition.bytes().all(|digit| digit.is_ascii_digit());
    let partition = numeric.then(|| partition.parse().ok())??;
    (!topic.is_empty()).then(|| TopicPartition { topic: topic.to_owned(), partition })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_read_as_they_are_written() {
        for kind in Kind::ALL {
            for stage in [Stage::Live, Stage::Deleted, Stage::Cleaned, Stage::Swap] {
                let name = kind.file(i64::MAX) + stage.suffix();
                assert_eq!(parse(&name), Some((i64::MAX, kind, stage)), "{name}");
            }
        }
        for name in ["", "1.log", "leader-epoch-checkpoint", "+0000000000000000001.log"] {
            assert_eq!(parse(name), None, "{name}");
        }
    }

    #[test]
    fn a_partition_directory_splits_at_its_last_dash() {
        let partition = parse_partition("a-b-12").unwrap();
        assert_eq!((partition.topic.as_str(), partition.partition), ("a-b", 12));
        for name in ["a", "a-", "-1", "a-x", "a-1.0f-delete"] {
            assert_eq!(parse_partition(name), None, "{name}");
        }
    }
}
