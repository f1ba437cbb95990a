//! D7: kill -9 at calls that change the files of a log, be it while a segment rolls, while a
//! snapshot or a checkpoint is written, or while what nobody else has is cut off.

use anyhow::{Result, ensure};
use kastellan_e2e::disks::Injection;
use kastellan_e2e::need::{self, Tool};
use kastellan_e2e::workload::Writing;

use crate::rig::{Rig, SOON, TOPIC};

/// A call that changes a file, or has it on the disk, to be the last of a thread's so many; of
/// those that are about a file where one is named.
type Point = (&'static str, u32, Option<&'static str>);

const CHECKPOINT: Option<&str> = Some("recovery-point-offset-checkpoint.tmp");

/// The last of the `lines` with a call; the one with its arguments, where another thread came in
/// between.
fn begun(lines: &[String], call: &str) -> String {
    let mut calls = lines.iter().rev().filter(|line| line.contains(call));
    let Some(last) = calls.next() else { return String::new() };
    let thread = last.split(' ').next().unwrap_or_default();
    let whole = |line: &&String| line.starts_with(thread) && line.contains("unfinished");
    if last.contains("resumed") { calls.find(whole).unwrap_or(last) } else { last }.clone()
}

/// Kills whoever leads at each of `points`, of which some have to be about each of `files`.
fn through(name: &str, points: &[Point], files: &[&str]) -> Result<()> {
    if !need::ready(&format!("faults/{name}"), &[Tool::Strace])? {
        return Ok(());
    }
    let rolling = [
        ("log.roll.ms", "300"),
        ("log.index.interval.bytes", "1024"),
        ("log.flush.offset.checkpoint.interval.ms", "100"),
    ];
    let Some(mut rig) = Rig::new(name, &rolling)? else { return Ok(()) };
    let mut workload = rig.work(Writing { batch: 50, ..Writing::default() })?;
    let mut last = Vec::new();
    for (call, nth, file) in points.iter().copied() {
        let id = rig.fleet.leader(TOPIC, 0)?;
        let alone = call == "ftruncate";
        if alone {
            // it takes in what nobody acknowledges, and has to give it up again
            rig.part(id)?;
            rig.replaced(id)?;
        }
        let pid = rig.fleet.process(id)?.pid();
        let file = file.map(|name| rig.fleet.data(id).join(name));
        let deadly = Injection::deadly(pid, (call, nth), file.as_deref(), rig.folder())?;
        let Some(injection) = deadly else {
            return need::skip(&format!("faults/{name}"), "strace may not attach here");
        };
        if alone {
            rig.network()?.heal()?;
        }
        rig.fleet.wait(&format!("{id} is killed at {call} {nth}"), SOON, |fleet| {
            Ok(fleet.process(id)?.check_alive().is_err())
        })?;
        last.push(begun(&injection.detach()?, call));
        rig.fleet.kill(id)?;
        rig.explain(workload.progress(50))?;
        rig.fleet.start(id)?;
        rig.fleet.agreed(TOPIC, SOON)?;
    }
    rig.judge(workload)?;
    for file in files {
        ensure!(last.iter().any(|line| line.contains(file)), "never at {file}: {last:#?}");
    }
    Ok(())
}

#[test]
fn d7_kill_9_at_calls_that_change_files_leaves_replicas_that_are_the_same() -> Result<()> {
    let points = [
        ("openat", 2, None),
        ("rename", 1, None),
        ("rename", 1, CHECKPOINT),
        ("ftruncate", 1, None),
        ("fdatasync", 2, None),
    ];
    through("d7", &points, &["checkpoint", ".log"])
}

#[test]
#[ignore = "long: make faults runs it"]
fn d7_kill_9_at_each_call_that_changes_files_leaves_replicas_that_are_the_same() -> Result<()> {
    let often = ["openat", "rename", "fdatasync", "unlink"];
    let each = |nth| often.map(|call| (call, nth, None));
    let mut points: Vec<Point> = (1..=8).flat_map(each).collect();
    points.extend([("ftruncate", 1, None); 5]);
    points.extend([("rename", 1, CHECKPOINT), ("rename", 2, CHECKPOINT)]);
    through("d7-each", &points, &[".snapshot", "checkpoint", ".log", ".index"])
}
