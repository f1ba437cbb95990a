//! D2: syncs that fail, once, and then pretend that all is well.

use std::collections::BTreeMap;
use std::io::{Write as _, stderr};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::disks::{self, Injection, Mount};
use kastellan_e2e::need::{self, Tool};
use kastellan_e2e::ours::Ours;
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::wire::Wire;

use super::client::{STORAGE, Sent, holds, log_dirs, numbered, produce, start};

/// How long a stop may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Acknowledgements wait for the disk.
const FSYNC: &[(&str, &str)] = &[("kastellan.durability", "fsync")];

#[test]
fn a_write_back_that_fails_is_believed_the_first_time() -> Result<()> {
    if !disks::ready("write-back that fails")? {
        return Ok(());
    }
    let scratch = Scratch::new("fsyncgate")?;
    // the image promises 128 MiB where there are 24: the file system believes it, the disk does not
    let below = Mount::tmpfs(&scratch.path().join("below"), 24)?;
    let image = below.path().join("image");
    let disk = Mount::ext4(&image, 128, &scratch.path().join("disk"))?;
    let second = disk.path().join("logs");
    let broker = Ours::new(scratch.path(), FSYNC)?.with_dirs(&[second.as_path()]);
    let (mut broker, mut wire) = start(broker)?;
    wire.create("t", 2, &[])?;
    let (lying, _) = log_dirs(&mut wire)?;
    let there = second.display().to_string();
    let hurt = (0..2).find(|index| lying.get(&("t".to_owned(), *index)) == Some(&there));
    let hurt = hurt.context("one of two partitions lies in the second directory")?;
    let mut acked = BTreeMap::new();
    let mut refused = 0;
    for number in 0..400 {
        match produce(&mut wire, "t", hurt, &numbered(number, 200_000))? {
            Sent::At(offset) => {
                ensure!(refused == 0, "{number} was acknowledged after a failed sync");
                acked.insert(offset, number);
            }
            Sent::Refused(STORAGE | 6) => refused += 1,
            other => anyhow::bail!("{number}: {other:?}"),
        }
        if refused >= 20 {
            break;
        }
    }
    ensure!(refused >= 20 && !acked.is_empty(), "{} acknowledged, {refused} refused", acked.len());
    let other = produce(&mut wire, "t", 1 - hurt, &numbered(0, 10))?;
    ensure!(other == Sent::At(0), "the other directory goes on: {other:?}");
    // the machine loses its power and gets a larger disk: what the page cache pretended is gone
    broker.process().context("started")?.kill()?;
    drop(disk);
    below.resize(200)?;
    let disk = Mount::ext4(&image, 128, &scratch.path().join("disk"))?;
    broker.start()?;
    holds(broker.address(), "t", hurt, &acked)?;
    let again = produce(&mut Wire::connect(broker.address())?, "t", hurt, &numbered(9_999, 10))?;
    ensure!(matches!(again, Sent::At(_)), "{again:?}");
    broker.process().context("started")?.terminate(PATIENCE)?;
    drop(disk);
    Ok(())
}

#[test]
fn whichever_sync_fails_is_the_last_one_of_its_directory() -> Result<()> {
    if !need::ready("syncs that fail", &[Tool::Strace])? {
        return Ok(());
    }
    let scratch = Scratch::new("eio")?;
    let second = scratch.path().join("second");
    let broker = Ours::new(scratch.path(), FSYNC)?.with_dirs(&[second.as_path()]);
    let (mut broker, mut wire) = start(broker)?;
    wire.create("t", 2, &[])?;
    let there = second.display().to_string();
    let (lying, _) = log_dirs(&mut wire)?;
    let hurt = (0..2).find(|index| lying.get(&("t".to_owned(), *index)) == Some(&there));
    let hurt = hurt.context("one of two partitions lies in the second directory")?;
    let mut acked = BTreeMap::new();
    let mut number = 0;
    let mut most = 0;
    for nth in 1..=50 {
        let pid = broker.process().context("started")?.pid();
        let calls = "fsync,fdatasync,syncfs";
        let Some(injection) = Injection::attach(pid, calls, nth, scratch.path())? else {
            return need::skip("syncs that fail", "ptrace is not permitted here");
        };
        let mut refused = 0;
        // two threads sync: one of them has met its n-th after twice as many
        for _ in 0..2 * nth + 8 {
            match produce(&mut wire, "t", hurt, &numbered(number, 10))? {
                Sent::At(offset) => {
                    ensure!(refused == 0, "{nth}: {number} was acknowledged after a failed sync");
                    acked.insert(offset, number);
                }
                Sent::Refused(STORAGE | 6) => refused += 1,
                // the metadata's directory, too, has had its n-th sync: then the broker ends
                Sent::Gone if refused > 0 => break,
                other => anyhow::bail!("{nth}: {number}: {other:?}"),
            }
            number += 1;
        }
        ensure!(refused > 0, "{nth}: no sync failed");
        let seen = injection.detach()?;
        let about = |line: &&String| line.contains(&there);
        let failed = seen.iter().filter(about).position(|line| line.contains("INJECTED"));
        let after = seen.iter().filter(about).count() - failed.context("a failed sync")? - 1;
        // one more may have been under way on the other thread
        ensure!(after <= 1, "{nth}: {after} syncs of the directory after the first failure");
        most = most.max(after);
        broker.process().context("started")?.kill()?;
        broker.start()?;
        let found = holds(broker.address(), "t", hurt, &acked).with_context(|| format!("{nth}"))?;
        // what was refused may be there: nobody was promised that it is not
        acked = found;
        wire = Wire::connect(broker.address())?;
    }
    writeln!(stderr(), "50 failed syncs, {} records; at most {most} sync after one", acked.len())?;
    broker.process().context("started")?.terminate(PATIENCE)?;
    Ok(())
}
