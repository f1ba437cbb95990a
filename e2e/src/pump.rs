//! A producer that never gives up, and whether what it was told is true: the real clients of
//! `clients/confluent-kafka/pump.py`, and the check of their notes.

mod group;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::cache;
use crate::process::{Process, pause};
use crate::suite;

/// How long anything in here may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// `partition -> (offset, number)` in file order.
type Records = BTreeMap<i32, Vec<(i64, i64)>>;

/// A client at work.
#[derive(Debug)]
pub struct Pump {
    process: Process,
    folder: PathBuf,
    /// Where it notes what was acknowledged, and what it read of that: a line each.
    notes: Vec<PathBuf>,
}

/// What runs `mode` of the script against the brokers of `bootstrap`.
pub fn command(mode: &str, bootstrap: &str, folder: &Path) -> Result<Command> {
    let mut command = cache::script("confluent-kafka", "pump.py")?;
    command.args([mode, bootstrap]).arg(folder);
    Ok(command)
}

fn lines(file: &Path) -> usize {
    fs::read(file).map_or(0, |bytes| bytes.split(|byte| *byte == b'\n').count() - 1)
}

impl Pump {
    /// Begins to write, or to commit (`mode`), with its notes in `folder`.
    pub fn start(mode: &str, bootstrap: &str, folder: &Path) -> Result<Pump> {
        let notes = vec![folder.join(if mode == "commit" { "committed" } else { "acked" })];
        let mut command = command(mode, bootstrap, folder)?;
        let process = Process::start(&mut command, &folder.join(format!("{mode}.log")))?;
        Ok(Pump { process, folder: folder.to_owned(), notes })
    }

    /// Begins with the program of another client, which writes what the script does to a topic
    /// that is there, and has a group read it meanwhile.
    pub fn other(mut program: Command, bootstrap: &str, folder: &Path) -> Result<Pump> {
        let notes = vec![folder.join("acked"), folder.join("consumed")];
        program.arg(bootstrap).arg(folder);
        let process = Process::start(&mut program, &folder.join("write.log"))?;
        Ok(Pump { process, folder: folder.to_owned(), notes })
    }

    /// Waits until there are `more` lines more than now in each of its notes.
    pub fn progress(&mut self, more: usize) -> Result<()> {
        let wanted: Vec<usize> = self.notes.iter().map(|file| lines(file) + more).collect();
        let deadline = Instant::now() + PATIENCE;
        while self.notes.iter().zip(&wanted).any(|(file, wanted)| lines(file) < *wanted) {
            self.process.check_alive()?;
            if Instant::now() > deadline {
                bail!("no progress; the client says:\n{}", self.process.tail());
            }
            pause();
        }
        Ok(())
    }

    /// Has it stop, and waits for its end.
    pub fn finish(mut self) -> Result<()> {
        fs::write(self.folder.join("stop"), "")?;
        let deadline = Instant::now() + PATIENCE;
        while self.process.check_alive().is_ok() {
            ensure!(Instant::now() < deadline, "it did not stop:\n{}", self.process.tail());
            pause();
        }
        Ok(())
    }

    /// [`Pump::finish`] for a writer, and then reads everything: what was acknowledged is there
    /// once, where it was said to be, in the order in which it was sent, and nothing else is. A
    /// group that has read it meanwhile has missed nothing, and begun anew no further back than at
    /// what it had committed.
    pub fn judge(self, bootstrap: &str) -> Result<usize> {
        let folder = self.folder.clone();
        let log = folder.join("write.log");
        self.finish()?;
        let said = || fs::read_to_string(&log).unwrap_or_default();
        let sent: i64 = fs::read_to_string(folder.join("sent"))
            .with_context(|| format!("the producer failed:\n{}", said()))?
            .parse()?;
        let reader = suite::run(
            &mut command("read", bootstrap, &folder)?,
            &folder.join("read.log"),
            PATIENCE,
        )?;
        ensure!(reader.status.success(), "the reader failed:\n{}", reader.text);
        let (acked, read) = (records(&folder.join("acked"))?, records(&folder.join("read"))?);
        let total: usize = acked.values().map(Vec::len).sum();
        ensure!(i64::try_from(total)? == sent, "{total} of {sent} records were acknowledged");
        check(&acked, &read)?;
        let consumed = folder.join("consumed");
        if consumed.exists() {
            group::check(&fs::read_to_string(consumed)?, &read)?;
        }
        Ok(total)
    }
}

impl Pump {
    /// [`Pump::finish`] for a committer: what is committed is what was acknowledged last, or a
    /// commit whose acknowledgement got lost.
    pub fn judge_commits(self, bootstrap: &str) -> Result<()> {
        let folder = self.folder.clone();
        self.finish()?;
        let text = fs::read_to_string(folder.join("committed"))?;
        let last: i64 = text.lines().last().context("nothing was committed")?.parse()?;
        let asked = suite::run(
            &mut command("committed", bootstrap, &folder)?,
            &folder.join("asked.log"),
            PATIENCE,
        )?;
        let found = asked.text.lines().find_map(|line| line.parse::<i64>().ok());
        ensure!(
            found.is_some_and(|found| found >= last),
            "committed {last}, found {found:?}:\n{}",
            asked.text
        );
        Ok(())
    }
}

fn records(file: &Path) -> Result<Records> {
    let mut records = Records::new();
    for line in fs::read_to_string(file)?.lines() {
        let mut numbers = line.split(' ').map(str::parse::<i64>);
        let mut next = || Ok::<_, anyhow::Error>(numbers.next().context("a short line")??);
        let (partition, offset, number) = (next()?, next()?, next()?);
        records.entry(i32::try_from(partition)?).or_default().push((offset, number));
    }
    Ok(records)
}

/// Whether what was read is what was acknowledged, with nothing lost, repeated or out of order. The
/// producer sends the numbers 0, 1, 2, ... to its three partitions in turn.
fn check(acked: &Records, read: &Records) -> Result<()> {
    for (partition, read) in read {
        for (place, (offset, number)) in read.iter().enumerate() {
            let place = i64::try_from(place)?;
            ensure!(*offset == place, "partition {partition} has a hole at offset {place}");
            let wanted = place * 3 + i64::from(*partition);
            ensure!(
                *number == wanted,
                "partition {partition} offset {offset}: {number} instead of {wanted}"
            );
        }
    }
    for (partition, acked) in acked {
        let of = || read.get(partition).into_iter().flatten().copied();
        let by_offset: BTreeMap<i64, i64> = of().collect();
        let numbers: BTreeSet<i64> = of().map(|(_, number)| number).collect();
        for (offset, number) in acked {
            // librdkafka answers an already written batch it had to send again with offset -1
            let there = if *offset < 0 {
                numbers.contains(number)
            } else {
                by_offset.get(offset) == Some(number)
            };
            ensure!(there, "acknowledged and lost: {number} at {partition}-{offset}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Records, check};

    fn records(of: &[(i64, i64)]) -> Records {
        Records::from([(0, of.to_vec())])
    }

    #[test]
    fn what_is_lost_repeated_or_out_of_order_is_found() {
        let acked = records(&[(0, 0), (1, 3), (-1, 6)]);
        assert!(check(&acked, &records(&[(0, 0), (1, 3), (2, 6)])).is_ok());
        let wrong: [&[(i64, i64)]; 4] = [
            &[(0, 0), (1, 3)],
            &[(0, 0), (1, 3), (2, 3), (3, 6)],
            &[(0, 3), (1, 0), (2, 6)],
            &[(0, 0), (2, 3), (3, 6)],
        ];
        for read in wrong {
            assert!(check(&acked, &records(read)).is_err(), "{read:?}");
        }
    }
}
