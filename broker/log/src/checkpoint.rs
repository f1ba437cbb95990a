//! Kafka's small text files: a version, a count, one entry a line.
//!
//! They are replaced by write, sync and rename. Where a file is cut or garbled all the same, it
//! reads as missing: everything in them can be worked out again or errs on the safe side.

use std::{collections::BTreeMap, fmt::Write as _};

use kastellan_core::id::{LeaderEpoch, Offset, TopicPartition};

/// An offset per partition.
pub type Offsets = BTreeMap<TopicPartition, Offset>;

fn file(lines: impl ExactSizeIterator<Item = String>) -> Vec<u8> {
    let mut text = format!("0\n{}\n", lines.len());
    for line in lines {
        writeln!(text, "{line}").expect("writing to a String cannot fail");
    }
    text.into_bytes()
}

/// The entries' fields; `None` unless version, count and every line end are there.
fn entries(bytes: &[u8]) -> Option<Vec<Vec<&str>>> {
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
    let mut lines = text.split('\n');
    let (version, count) = (lines.next()?, lines.next()?);
    let entries: Vec<Vec<&str>> = lines.map(|line| line.split(' ').collect()).collect();
    (version == "0" && count.parse() == Ok(entries.len())).then_some(entries)
}

/// An offset checkpoint's bytes.
pub fn offsets_to_bytes(offsets: &Offsets) -> Vec<u8> {
    file(offsets.iter().map(|(of, offset)| format!("{} {} {offset}", of.topic, of.partition)))
}

/// Reads an offset checkpoint; `None` when it is damaged.
pub fn offsets_from_bytes(bytes: &[u8]) -> Option<Offsets> {
    let entry = |fields: Vec<&str>| match *fields.as_slice() {
        [topic, partition, offset] => {
            let partition = partition.parse().ok()?;
            Some((TopicPartition { topic: topic.to_owned(), partition }, offset.parse().ok()?))
        }
        _ => None,
    };
    entries(bytes)?.into_iter().map(entry).collect()
}

pub(crate) fn epochs_to_bytes(epochs: &[(LeaderEpoch, Offset)]) -> Vec<u8> {
    file(epochs.iter().map(|(epoch, offset)| format!("{epoch} {offset}")))
}

pub(crate) fn epochs_from_bytes(bytes: &[u8]) -> Option<Vec<(LeaderEpoch, Offset)>> {
    let entry = |fields: Vec<&str>| match *fields.as_slice() {
        [epoch, offset] => Some((epoch.parse().ok()?, offset.parse().ok()?)),
        _ => None,
    };
    entries(bytes)?.into_iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_checkpoint_looks_like_kafkas() {
        let partition = |partition| TopicPartition { topic: "a-b".into(), partition };
        let offsets = Offsets::from([(partition(0), 5), (partition(10), 7)]);
        let bytes = offsets_to_bytes(&offsets);
        assert_eq!(bytes, b"0\n2\na-b 0 5\na-b 10 7\n");
        assert_eq!(offsets_from_bytes(&bytes), Some(offsets));
    }

    #[test]
    fn a_checkpoint_cut_anywhere_reads_as_missing() {
        let bytes = epochs_to_bytes(&[(0, 0), (3, 1234)]);
        assert_eq!(epochs_from_bytes(&bytes), Some(vec![(0, 0), (3, 1234)]));
        for cut in 0..bytes.len() {
            assert_eq!(epochs_from_bytes(&bytes[..cut]), None, "{cut}");
            let mut zeroed = bytes.clone();
            zeroed[cut..].fill(0);
            assert_eq!(epochs_from_bytes(&zeroed), None, "{cut}");
        }
    }
}
