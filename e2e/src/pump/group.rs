//! What a group has read while brokers failed: all of it, one record after the other, and after a
//! rebalance from what it has committed on.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};

use super::Records;

/// Where the group is in a partition.
#[derive(Default)]
struct Place {
    /// The offset that is read next where nothing happens.
    next: i64,
    /// What was committed last.
    committed: i64,
}

/// Whether `notes`, the lines `PARTITION OFFSET NUMBER` and `commit PARTITION OFFSET`, fit what is
/// there. Records that were read and not committed may come again.
pub(super) fn check(notes: &str, read: &Records) -> Result<()> {
    let mut places = BTreeMap::<i32, Place>::new();
    for line in notes.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let (partition, offset, number) = match words.as_slice() {
            ["commit", partition, offset] => (partition.parse()?, offset.parse()?, None),
            [partition, offset, number] => {
                (partition.parse()?, offset.parse()?, Some(number.parse()?))
            }
            _ => bail!("an unknown note: {line}"),
        };
        let place = places.entry(partition).or_default();
        let next = place.next;
        ensure!(offset <= next, "{line}, and {next} was not read before");
        let Some(number) = number else {
            place.committed = offset;
            continue;
        };
        ensure!(offset >= place.committed, "{line}, after {} was committed", place.committed);
        let at = usize::try_from(offset)?;
        let there = read.get(&partition).and_then(|all| all.get(at)).context(line.to_owned())?;
        ensure!(*there == (offset, number), "{line}, and {there:?} is there");
        place.next = offset + 1;
    }
    for (partition, all) in read {
        let next = places.get(partition).map_or(0, |place| place.next);
        ensure!(next == i64::try_from(all.len())?, "{partition} was read up to {next} only");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Records, check};

    #[test]
    fn what_a_group_misses_or_reads_from_too_far_back_is_found() {
        let read = Records::from([(0, vec![(0, 0), (1, 3), (2, 6)])]);
        let good = "0 0 0\n0 1 3\n0 0 0\n0 1 3\ncommit 0 2\n0 2 6\n";
        assert!(check(good, &read).is_ok());
        let wrong = [
            "0 0 0\n0 1 3\n",
            "0 0 0\n0 2 6\n",
            "0 0 0\n0 1 3\ncommit 0 2\n0 1 3\n0 2 6\n",
            "0 0 0\n0 1 6\n0 2 6\n",
            "0 0 0\ncommit 0 3\n0 1 3\n0 2 6\n",
        ];
        for notes in wrong {
            assert!(check(notes, &read).is_err(), "{notes:?}");
        }
    }
}
