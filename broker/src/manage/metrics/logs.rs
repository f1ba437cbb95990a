//! What lies on the disks.

use std::collections::BTreeMap;

use super::text::{Kind, Text};
use crate::broker::Broker;

/// What lies in one log directory.
#[derive(Debug, Default, Clone, Copy)]
pub(in crate::manage) struct Contents {
    /// Logs, copies on their way included.
    pub(in crate::manage) logs: usize,
    /// Their bytes.
    pub(in crate::manage) bytes: i64,
}

/// What lies in each log directory, by its place. Takes every partition's lock for a moment.
pub(in crate::manage) fn contents(broker: &Broker) -> BTreeMap<usize, Contents> {
    let mut by_dir = BTreeMap::<usize, Contents>::new();
    for partition in broker.partitions.all() {
        for lying in partition.lying().into_iter().flatten() {
            let contents = by_dir.entry(lying.place).or_default();
            contents.logs += 1;
            contents.bytes = contents.bytes.saturating_add(lying.size);
        }
    }
    by_dir
}

pub(super) fn write(text: &mut Text, broker: &Broker) {
    let by_dir = contents(broker);
    let dirs = broker.partitions.dirs();
    let offline = dirs.broken().len() + dirs.open().len() - dirs.online().count();
    text.one(
        "kafka_log_logmanager_offlinelogdirectorycount",
        Kind::Gauge,
        "Log directories that do not work.",
        offline,
    );
    text.family(
        "kafka_log_logmanager_logdirectoryoffline",
        Kind::Gauge,
        "1 for a log directory that does not work.",
    );
    for dir in dirs.open() {
        let path = dir.path().display().to_string();
        text.sample("", &[("logdirectory", &path)], i32::from(dir.failed().is_some()));
    }
    for dir in dirs.broken() {
        text.sample("", &[("logdirectory", &dir.path.display().to_string())], 1);
    }
    let families: [(&'static str, &str); 4] = [
        ("kastellan_log_directory_logs", "Logs in a log directory."),
        ("kastellan_log_directory_logs_bytes", "Bytes of the logs in a log directory."),
        ("kastellan_log_directory_total_bytes", "The size of the file system it is on."),
        ("kastellan_log_directory_usable_bytes", "What is free on the file system it is on."),
    ];
    for (at, (name, help)) in families.into_iter().enumerate() {
        text.family(name, Kind::Gauge, help);
        for dir in dirs.online() {
            let contents = by_dir.get(&dir.place()).copied().unwrap_or_default();
            let space = || dir.space().ok();
            let value = match at {
                0 => Some(contents.logs as u64),
                1 => u64::try_from(contents.bytes).ok(),
                2 => space().map(|space| space.total),
                _ => space().map(|space| space.usable),
            };
            if let Some(value) = value {
                text.sample("", &[("logdirectory", &dir.path().display().to_string())], value);
            }
        }
    }
}

/// Size and ends of every log.
pub(super) fn write_partitions(text: &mut Text, broker: &Broker) {
    let mut rows = Vec::new();
    for partition in broker.partitions.all() {
        let (Ok((start, end)), Ok(size)) = (partition.ends(), partition.size()) else { continue };
        let (topic, index) = (partition.topic(), partition.index().to_string());
        rows.push((std::sync::Arc::clone(topic), index, [size, start, end]));
    }
    let families: [(&'static str, &str); 3] = [
        ("kafka_log_log_size", "Bytes of a partition's log."),
        ("kafka_log_log_logstartoffset", "The first offset of a partition's log."),
        ("kafka_log_log_logendoffset", "One past the last offset of a partition's log."),
    ];
    for (at, (name, help)) in families.into_iter().enumerate() {
        text.family(name, Kind::Gauge, help);
        for (topic, index, values) in &rows {
            let value = values.get(at).copied().unwrap_or_default();
            text.sample("", &[("topic", topic.name()), ("partition", index)], value);
        }
    }
}
