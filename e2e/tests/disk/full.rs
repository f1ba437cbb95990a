//! D1: a disk that is full, at every point where something is written.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::disks::{self, Mount};
use kastellan_e2e::ours::Ours;
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::wire::Wire;

use super::client::{
    STORAGE, Sent, ended, holds, leaders, log_dirs, numbered, produce, start, until,
};

/// Produces until something is refused; what was acknowledged, and how it ended.
fn fill(wire: &mut Wire, topic: &str, index: i32, from: i64) -> Result<(BTreeMap<i64, i64>, Sent)> {
    let mut acked = BTreeMap::new();
    for turn in 0..4_000 {
        let number = from + turn;
        let batch = numbered(number, 1_000).by_producer(7, 0, i32::try_from(number)?);
        match produce(wire, topic, index, &batch)? {
            Sent::At(offset) => drop(acked.insert(offset, number)),
            end => return Ok((acked, end)),
        }
    }
    anyhow::bail!("4 MB fit into a disk that has no room for them")
}

/// The disk that holds everything fills up: the broker says so and ends; with room again it goes on
/// with every record that was acknowledged.
fn one_directory(mount: &Mount, folder: &Path, leave: &[u64]) -> Result<()> {
    let link = folder.join("data");
    std::os::unix::fs::symlink(mount.path().join("data"), &link)?;
    std::fs::create_dir(mount.path().join("data"))?;
    // small segments, so that rolls are among what fails
    let settings = [("log.segment.bytes", "1048576"), ("log.index.interval.bytes", "0")];
    let (mut broker, mut wire) = start(Ours::new(folder, &settings)?)?;
    wire.create("t", 1, &[])?;
    let mut acked = BTreeMap::new();
    let mut next = 0;
    for room in leave {
        let ballast = mount.fill(*room)?;
        let (more, end) = fill(&mut wire, "t", 0, next)?;
        ensure!(end == Sent::Refused(STORAGE) || end == Sent::Gone, "{room}: {end:?}");
        acked.extend(more);
        let said = ended(&mut broker)?;
        ensure!(said.contains("No space left on device"), "{room}: {said}");
        ensure!(!said.contains("panicked"), "{room}: {said}");
        drop(ballast);
        broker.start()?;
        let found = holds(broker.address(), "t", 0, &acked).with_context(|| format!("{room}"))?;
        next = found.values().last().map_or(0, |last| last + 1);
        // and there is no room to end in order: no mark, no checkpoints, and nothing lost
        let ballast = mount.fill(0)?;
        let status = broker.process().context("started")?.terminate(super::sync::PATIENCE)?;
        ensure!(status.code().is_some(), "{room}: ended by a signal");
        drop(ballast);
        broker.start()?;
        holds(broker.address(), "t", 0, &acked).with_context(|| format!("{room}, again"))?;
        wire = Wire::connect(broker.address())?;
    }
    broker.process().context("started")?.terminate(super::sync::PATIENCE)?;
    Ok(())
}

#[test]
fn a_full_tmpfs_ends_the_broker_and_loses_nothing_that_was_acknowledged() -> Result<()> {
    if !disks::ready("a full tmpfs")? {
        return Ok(());
    }
    let scratch = Scratch::new("full-tmpfs")?;
    let mount = Mount::tmpfs(&scratch.path().join("disk"), 48)?;
    let leave = [0, 4 << 10, 8 << 10, 12 << 10, 16 << 10, 100 << 10, 1_040 << 10, 1_060 << 10];
    one_directory(&mount, scratch.path(), &leave)
}

#[test]
fn a_full_ext4_ends_the_broker_and_loses_nothing_that_was_acknowledged() -> Result<()> {
    if !disks::ready("a full ext4")? {
        return Ok(());
    }
    let scratch = Scratch::new("full-ext4")?;
    let image = scratch.path().join("image");
    let mount = Mount::ext4(&image, 48, &scratch.path().join("disk"))?;
    let leave = [0, 4 << 10, 16 << 10, 100 << 10, 1_060 << 10];
    one_directory(&mount, scratch.path(), &leave)
}

#[test]
fn a_full_disk_takes_its_own_partitions_offline_and_no_others() -> Result<()> {
    if !disks::ready("one full disk of two")? {
        return Ok(());
    }
    let scratch = Scratch::new("full-one")?;
    let mount = Mount::tmpfs(&scratch.path().join("disk"), 16)?;
    let second = mount.path().join("logs");
    let (mut broker, mut wire) =
        start(Ours::new(scratch.path(), &[])?.with_dirs(&[second.as_path()]))?;
    wire.create("t", 4, &[])?;
    let (lying, offline) = log_dirs(&mut wire)?;
    ensure!(offline.is_empty() && lying.len() == 4, "{lying:?} {offline:?}");
    let there = second.display().to_string();
    let (hurt, spared): (Vec<i32>, Vec<i32>) =
        (0..4).partition(|index| lying.get(&("t".to_owned(), *index)) == Some(&there));
    ensure!(hurt.len() == 2, "new partitions go where the fewest are: {lying:?}");
    let first = *hurt.first().context("one")?;
    let ballast = mount.fill(64 << 10)?;
    let (acked, end) = fill(&mut wire, "t", first, 0)?;
    ensure!(end == Sent::Refused(STORAGE), "{end:?}");
    for index in &hurt {
        let end = produce(&mut wire, "t", *index, &numbered(0, 10))?;
        ensure!(matches!(end, Sent::Refused(STORAGE | 6)), "{index}: {end:?}");
    }
    for index in &spared {
        let end = produce(&mut wire, "t", *index, &numbered(0, 10))?;
        ensure!(end == Sent::At(0), "{index}: {end:?}");
    }
    until("the metadata says that they have no leader", || {
        let leaders = leaders(&mut wire, "t")?;
        Ok(leaders.iter().enumerate().all(|(index, state)| {
            let index = i32::try_from(index).unwrap_or(-1);
            *state == if hurt.contains(&index) { (5, -1, 1) } else { (0, 1, 0) }
        }))
    })?;
    let (lying, offline) = log_dirs(&mut wire)?;
    ensure!(offline == [there.clone()] && lying.len() == 2, "{lying:?} {offline:?}");
    // a start with the directory still broken: nothing of it appears elsewhere, empty
    broker.process().context("started")?.kill()?;
    drop(ballast);
    let aside = mount.path().join("aside");
    std::fs::rename(&second, &aside)?;
    std::fs::write(&second, "no directory")?;
    broker.start()?;
    let mut wire = Wire::connect(broker.address())?;
    let (lying, offline) = log_dirs(&mut wire)?;
    ensure!(offline == [there] && lying.len() == 2, "{lying:?} {offline:?}");
    for index in &hurt {
        let end = produce(&mut wire, "t", *index, &numbered(0, 10))?;
        ensure!(end == Sent::Refused(STORAGE), "{index}: {end:?}");
    }
    // and with the directory healed, everything is back
    broker.process().context("started")?.terminate(super::sync::PATIENCE)?;
    std::fs::remove_file(&second)?;
    std::fs::rename(&aside, &second)?;
    broker.start()?;
    holds(broker.address(), "t", first, &acked)?;
    let mut wire = Wire::connect(broker.address())?;
    ensure!(leaders(&mut wire, "t")?.iter().all(|state| *state == (0, 1, 0)));
    for index in 0..4 {
        let number = 1_000_000 + i64::from(index);
        let end = produce(&mut wire, "t", index, &numbered(number, 10))?;
        ensure!(matches!(end, Sent::At(_)), "{index}: {end:?}");
    }
    broker.process().context("started")?.terminate(super::sync::PATIENCE)?;
    Ok(())
}
