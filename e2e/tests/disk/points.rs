//! D1 at each point: a disk is full at each write while a log gets its first batches, while
//! segments roll, while it is written down what is on the disk, at the end.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use kafka_protocol::messages::DeleteRecordsRequest;
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kastellan_e2e::disks::{self, Mount};
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::wire::text;

use super::client::{STORAGE, Sent, until};
use super::small::{Bench, Scarce};
use super::sync::PATIENCE;

/// Producers are written down beside logs that are longer than this.
const LONG: usize = 70_000;

fn tmpfs(scratch: &Scratch) -> Result<Mount> {
    Mount::tmpfs(&scratch.path().join("disk"), 16)
}

/// Fills the disk with `what` left while a new log gets batches and rolls; what could not be done.
fn at_a_roll(bench: &mut Bench, what: Scarce) -> Result<String> {
    let mut hurt = bench.topic()?;
    bench.leave(what)?;
    let refused = bench.fill(&mut hurt)?;
    ensure!(refused == Sent::Refused(STORAGE), "{refused:?}");
    let undone = bench.fails(&mut hurt)?;
    bench.heals(&mut hurt)?;
    Ok(undone)
}

#[test]
fn a_disk_full_at_each_write_of_a_roll_loses_nothing_that_was_acknowledged() -> Result<()> {
    if !disks::ready("a disk that is full at a roll")? {
        return Ok(());
    }
    let mut bench = Bench::new("roll", "3600000", tmpfs)?;
    let mut undone = Vec::new();
    for what in (0..6).map(Scarce::Pages).chain((0..6).map(Scarce::Names)) {
        undone.push(at_a_roll(&mut bench, what).with_context(|| format!("{what:?}"))?);
    }
    let pages = [
        "write the leader epochs of",
        "append to",
        "close a segment in index",
        "close a segment in timeindex",
        "append to",
        "close a segment in index",
    ];
    let names = [
        "create or open a segment in",
        "write the leader epochs of",
        "close a segment in",
        "close a segment in",
        "create a segment in",
        "close a segment in",
    ];
    ensure!(undone == [pages, names].concat(), "{undone:?}");
    bench.rests()
}

#[test]
fn an_ext4_full_at_each_write_of_a_roll_loses_nothing_that_was_acknowledged() -> Result<()> {
    if !disks::ready("an ext4 that is full at a roll")? {
        return Ok(());
    }
    let mut bench = Bench::new("roll-ext4", "3600000", |scratch| {
        Mount::ext4(&scratch.path().join("image"), 16, &scratch.path().join("disk"))
    })?;
    let mut undone = Vec::new();
    for what in (0..6).map(Scarce::Pages) {
        undone.push(at_a_roll(&mut bench, what).with_context(|| format!("{what:?}"))?);
    }
    // what is freed and what is set aside make the rest a matter of time
    for point in ["write the leader epochs of", "append to", "close a segment in index"] {
        ensure!(undone.iter().any(|undone| undone == point), "never at {point}: {undone:?}");
    }
    bench.rests()
}

#[test]
fn a_disk_full_at_a_checkpoint_loses_nothing_that_was_acknowledged() -> Result<()> {
    if !disks::ready("a disk that is full at a checkpoint")? {
        return Ok(());
    }
    let mut bench = Bench::new("checkpoint", "20", tmpfs)?;
    let mut undone = Vec::new();
    for what in (0..2).map(Scarce::Pages).chain((0..2).map(Scarce::Names)) {
        let mut hurt = bench.topic()?;
        ensure!(bench.send(&mut hurt, LONG, 0)? == Sent::At(0));
        let file = format!("{}/recovery-point-offset-checkpoint", bench.there);
        let line = format!("{} {} 1\n", hurt.topic, hurt.index);
        until("it is written down that the first batch is on the disk", || {
            Ok(fs::read_to_string(&file).is_ok_and(|written| written.contains(&line)))
        })?;
        bench.leave(what)?;
        // this one fits into a page that is there
        ensure!(bench.send(&mut hurt, 10, 0)? == Sent::At(1), "{what:?}");
        undone.push(bench.fails(&mut hurt).with_context(|| format!("{what:?}"))?);
        bench.heals(&mut hurt).with_context(|| format!("{what:?}"))?;
    }
    let pages = ["write a snapshot of snapshot", "write recovery-point-offset-checkpoint"];
    let names = ["write a snapshot of", "write recovery-point-offset-checkpoint"];
    ensure!(undone == [pages, names].concat(), "{undone:?}");
    bench.rests()
}

#[test]
fn a_disk_full_at_a_deletion_of_records_refuses_it() -> Result<()> {
    if !disks::ready("a disk that is full at a deletion")? {
        return Ok(());
    }
    let mut bench = Bench::new("deletion", "3600000", tmpfs)?;
    let mut undone = Vec::new();
    for what in [Scarce::Pages(0), Scarce::Pages(1), Scarce::Names(0)] {
        let mut hurt = bench.topic()?;
        for offset in 0..3 {
            ensure!(bench.send(&mut hurt, 10, 0)? == Sent::At(offset));
        }
        bench.leave(what)?;
        let partition =
            DeleteRecordsPartition::default().with_partition_index(hurt.index).with_offset(2);
        let topic = DeleteRecordsTopic::default()
            .with_name(text(&hurt.topic).into())
            .with_partitions(vec![partition]);
        let request = DeleteRecordsRequest::default().with_topics(vec![topic]);
        let answer = bench.wire.call(2, &request.with_timeout_ms(10_000))?;
        let answered = answer.topics.first().and_then(|topic| topic.partitions.first());
        let code = answered.context("an answer for the partition")?.error_code;
        ensure!(code == STORAGE, "{what:?}: deleting answered {code}");
        undone.push(bench.fails(&mut hurt).with_context(|| format!("{what:?}"))?);
        bench.heals(&mut hurt).with_context(|| format!("{what:?}"))?;
    }
    let epochs = "write the leader epochs of";
    ensure!(undone == [epochs, "write log-start-offset-checkpoint", epochs], "{undone:?}");
    bench.rests()
}

#[test]
fn a_disk_full_at_each_write_of_the_end_loses_nothing_that_was_acknowledged() -> Result<()> {
    if !disks::ready("a disk that is full at the end")? {
        return Ok(());
    }
    let mut bench = Bench::new("end", "3600000", tmpfs)?;
    let mut undone = Vec::new();
    for what in (0..4).map(Scarce::Pages).chain((0..4).map(Scarce::Names)) {
        let mut hurt = bench.topic()?;
        for offset in 0..2 {
            ensure!(bench.send(&mut hurt, LONG, 0)? == Sent::At(offset));
        }
        bench.leave(what)?;
        let status = bench.broker.process().context("started")?.terminate(PATIENCE)?;
        ensure!(status.code().is_some(), "{what:?}: ended by a signal");
        undone.push(bench.undone().with_context(|| format!("{what:?}"))?);
        bench.heals(&mut hurt).with_context(|| format!("{what:?}"))?;
        // the next end has only the next topic to write down
        bench.rests()?;
    }
    let pages = [
        "write a snapshot of snapshot",
        "write the indexes of index",
        "write the indexes of timeindex",
        "write log-start-offset-checkpoint",
    ];
    let names = [
        "write a snapshot of",
        "write the indexes of",
        "write the indexes of",
        "write log-start-offset-checkpoint",
    ];
    ensure!(undone == [pages, names].concat(), "{undone:?}");
    bench.rests()
}
