//! kill -9 in the middle loses nothing acknowledged, writes nothing twice, keeps the order.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use kastellan_e2e::cache;
use kastellan_e2e::judged::{self, Judged};
use kastellan_e2e::need::Tool;
use kastellan_e2e::process::{Process, pause};
use kastellan_e2e::suite::{self, Scratch};
use kastellan_e2e::wire::Wire;

/// How often the broker is killed.
const ROUNDS: usize = 5;
/// How long anything in here may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// `partition -> (offset, number)` in file order.
type Records = BTreeMap<i32, Vec<(i64, i64)>>;

fn pump(mode: &str, broker: &Judged, folder: &Path) -> Result<Command> {
    let source = cache::e2e().join("clients/confluent-kafka");
    let mut command = Command::new(cache::python(&source.join("requirements.txt"))?);
    command.arg("-B").arg(source.join("pump.py")).args([mode, &broker.address().to_string()]);
    command.arg(folder);
    Ok(command)
}

fn lines(file: &Path) -> usize {
    fs::read(file).map_or(0, |bytes| bytes.split(|byte| *byte == b'\n').count() - 1)
}

/// Waits until `file` has `more` lines more than now.
fn wait_for_progress(file: &Path, more: usize, program: &mut Process) -> Result<()> {
    let wanted = lines(file) + more;
    let deadline = Instant::now() + PATIENCE;
    while lines(file) < wanted {
        program.check_alive()?;
        if Instant::now() > deadline {
            bail!("no progress in {}; the client says:\n{}", file.display(), program.tail());
        }
        pause();
    }
    Ok(())
}

/// Lets `program` go on until it has gone through `ROUNDS` sudden deaths of the broker, then ends
/// it.
fn torment(broker: &mut Judged, program: &mut Process, file: &Path, each: usize) -> Result<()> {
    for _ in 0..ROUNDS {
        wait_for_progress(file, each, program)?;
        broker.process()?.kill()?;
        broker.restart()?;
    }
    wait_for_progress(file, each, program)?;
    fs::write(file.with_file_name("stop"), "")?;
    let deadline = Instant::now() + PATIENCE;
    while program.check_alive().is_ok() {
        ensure!(Instant::now() < deadline, "the client did not stop:\n{}", program.tail());
        pause();
    }
    Ok(())
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

#[test]
fn every_acknowledged_record_is_there_once_and_in_order_after_kill_9() -> Result<()> {
    if !judged::ready("kill", &[Tool::Python])? {
        return Ok(());
    }
    let scratch = Scratch::new("kill")?;
    let folder = scratch.path();
    let mut broker = Judged::start(folder, &[])?;
    let log = folder.join("write.log");
    let mut writer = Process::start(&mut pump("write", &broker, folder)?, &log)?;
    torment(&mut broker, &mut writer, &folder.join("acked"), 3000)?;
    let sent: i64 = fs::read_to_string(folder.join("sent"))
        .with_context(|| format!("the producer failed:\n{}", writer.tail()))?
        .parse()?;

    let reader =
        suite::run(&mut pump("read", &broker, folder)?, &folder.join("read.log"), PATIENCE)?;
    ensure!(reader.status.success(), "the reader failed:\n{}", reader.text);
    let (acked, read) = (records(&folder.join("acked"))?, records(&folder.join("read"))?);
    let total: usize = acked.values().map(Vec::len).sum();
    ensure!(i64::try_from(total)? == sent, "{total} of {sent} records were acknowledged");
    for (partition, read) in &read {
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
    for (partition, acked) in &acked {
        let read: BTreeMap<i64, i64> = read.get(partition).into_iter().flatten().copied().collect();
        for (offset, number) in acked {
            // librdkafka answers an already written batch it had to send again with offset -1
            let there = if *offset < 0 {
                read.values().any(|other| other == number)
            } else {
                read.get(offset) == Some(number)
            };
            ensure!(there, "acknowledged and lost: {number} at {partition}-{offset}");
        }
    }
    Ok(())
}

#[test]
fn an_acknowledged_offset_commit_survives_kill_9() -> Result<()> {
    if !judged::ready("kill", &[Tool::Python])? {
        return Ok(());
    }
    let scratch = Scratch::new("kill-commit")?;
    let folder = scratch.path();
    let mut broker = Judged::start(folder, &[])?;
    Wire::connect(broker.address())?.create("pump", 1, &[])?;
    let log = folder.join("commit.log");
    let mut committer = Process::start(&mut pump("commit", &broker, folder)?, &log)?;
    torment(&mut broker, &mut committer, &folder.join("committed"), 100)?;
    let text = fs::read_to_string(folder.join("committed"))?;
    let last: i64 = text.lines().last().context("nothing was committed")?.parse()?;
    let asked =
        suite::run(&mut pump("committed", &broker, folder)?, &folder.join("asked.log"), PATIENCE)?;
    let found = asked.text.lines().find_map(|line| line.parse::<i64>().ok());
    // a commit whose acknowledgement the last kill cut off may be there too, but none after it
    ensure!(
        found.is_some_and(|found| found >= last),
        "committed {last}, found {found:?}:\n{}",
        asked.text
    );
    Ok(())
}
