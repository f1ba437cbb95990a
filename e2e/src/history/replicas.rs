//! Replicas of a partition are the same, byte by byte, once all is well again (C16).

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::batch;

/// What one broker has of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// Whose it is.
    pub broker: i32,
    /// Its segments, one after the other.
    pub log: Vec<u8>,
    /// Which leader epoch begins where, as its checkpoint says; without one that has no records.
    pub epochs: Vec<(i32, i64)>,
}

impl Replica {
    /// The one in the partition's folder `dir`.
    pub fn read(broker: i32, dir: &Path) -> Result<Replica> {
        let mut segments = BTreeMap::new();
        for file in std::fs::read_dir(dir)? {
            let path = file?.path();
            if path.extension().is_some_and(|it| it == "log") {
                segments.insert(path.clone(), std::fs::read(&path)?);
            }
        }
        let log: Vec<u8> = segments.into_values().flatten().collect();
        let text = std::fs::read_to_string(dir.join("leader-epoch-checkpoint"));
        let text = text.with_context(|| format!("{} has no epochs", dir.display()))?;
        let mut epochs = Vec::new();
        for line in text.lines().skip(2) {
            let (epoch, start) = line.split_once(' ').context("no epoch")?;
            epochs.push((epoch.parse()?, start.parse()?));
        }
        let end = batch::end(&log)?;
        epochs.retain(|(_, start)| *start < end);
        Ok(Replica { broker, log, epochs })
    }
}

/// How `replicas` differ; none where they are equal. Fewer than two prove nothing.
pub fn differ(replicas: &[Replica]) -> Option<String> {
    let [first, rest @ ..] = replicas else { return Some("there is no replica".to_owned()) };
    if rest.is_empty() || first.log.is_empty() {
        return Some("there is nothing to compare".to_owned());
    }
    rest.iter().find_map(|other| {
        let (one, two) = (first.broker, other.broker);
        if let Some(at) = first.log.iter().zip(&other.log).position(|(a, b)| a != b) {
            return Some(format!("brokers {one} and {two} differ from byte {at} on"));
        }
        if first.log.len() != other.log.len() {
            let lens = (first.log.len(), other.log.len());
            return Some(format!("brokers {one} and {two} have {lens:?} bytes"));
        }
        (first.epochs != other.epochs).then(|| {
            let (a, b) = (&first.epochs, &other.epochs);
            format!("brokers {one} and {two} have the epochs {a:?} and {b:?}")
        })
    })
}
