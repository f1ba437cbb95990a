//! A replica moves between log directories while it is produced to.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context as _, Result, ensure};
use kafka_protocol::messages::AlterReplicaLogDirsRequest;
use kafka_protocol::messages::alter_replica_log_dirs_request::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic,
};
use kastellan_e2e::ours::Ours;
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::wire::{Wire, text};

use super::client::{Sent, holds, log_dirs, numbered, produce, start, until};

fn alter(wire: &mut Wire, topic: &str, index: i32, to: &Path) -> Result<i16> {
    let topic = AlterReplicaLogDirTopic::default()
        .with_name(text(topic).into())
        .with_partitions(vec![index]);
    let dir = AlterReplicaLogDir::default()
        .with_path(text(&to.display().to_string()))
        .with_topics(vec![topic]);
    let answer = wire.call(2, &AlterReplicaLogDirsRequest::default().with_dirs(vec![dir]))?;
    let topic = answer.results.first().context("no answer for the topic")?;
    Ok(topic.partitions.first().context("no answer for the partition")?.error_code)
}

/// Moves the partition back and forth while a producer is at work, in both durabilities. Its
/// batches are small: a producer that is faster than the disk keeps a move going while it is.
fn back_and_forth(settings: &[(&str, &str)]) -> Result<()> {
    let scratch = Scratch::new("move")?;
    let second = scratch.path().join("second");
    let broker = Ours::new(scratch.path(), settings)?.with_dirs(&[second.as_path()]);
    let (mut broker, mut wire) = start(broker)?;
    wire.create("t", 1, &[("segment.bytes", "1048576")])?;
    let dirs = [broker.data(), second.clone()];
    ensure!(alter(&mut wire, "t", 0, &scratch.path().join("nowhere"))? == 57);
    ensure!(alter(&mut wire, "t", 7, &second)? == 3);
    ensure!(alter(&mut wire, "none", 0, &second)? == 3);
    let address = broker.address();
    let stop = AtomicBool::new(false);
    let acked = thread::scope(|scope| -> Result<BTreeMap<i64, i64>> {
        let producer = scope.spawn(|| -> Result<BTreeMap<i64, i64>> {
            let mut wire = Wire::connect(address)?;
            let mut acked = BTreeMap::new();
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                match produce(&mut wire, "t", 0, &numbered(number, 500))? {
                    Sent::At(offset) => drop(acked.insert(offset, number)),
                    other => anyhow::bail!("{number} during a move: {other:?}"),
                }
                number += 1;
            }
            Ok(acked)
        });
        let moved = (0..6).try_for_each(|turn| {
            let to = dirs.get((turn + 1) % 2).context("one of two")?;
            let code = alter(&mut wire, "t", 0, to)?;
            ensure!(code == 0, "moving to {} answered {code}", to.display());
            let to = to.display().to_string();
            until("the replica lies there", || {
                let (lying, _) = log_dirs(&mut wire)?;
                Ok(lying.get(&("t".to_owned(), 0)) == Some(&to))
            })
        });
        stop.store(true, Ordering::Relaxed);
        let acked = producer.join().map_err(|_panic| anyhow::anyhow!("the producer panicked"))?;
        moved?;
        acked
    })?;
    ensure!(!acked.is_empty());
    holds(address, "t", 0, &acked)?;
    // killed: what lies where is found again, and is one
    broker.process().context("started")?.kill()?;
    broker.start()?;
    holds(address, "t", 0, &acked)?;
    broker.process().context("started")?.terminate(super::sync::PATIENCE)?;
    broker.start()?;
    let found = holds(address, "t", 0, &acked)?;
    ensure!(found.len() == acked.len(), "{} of {} records", found.len(), acked.len());
    let copies = dirs.iter().filter(|dir| dir.join("t-0").exists()).count();
    ensure!(copies == 1, "{copies} copies");
    for dir in &dirs {
        for entry in std::fs::read_dir(dir)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let left = ["-future", "-moved", "-delete"].iter().any(|end| name.ends_with(end));
            ensure!(!left, "{name} is left in {}", dir.display());
        }
    }
    Ok(())
}

#[test]
fn a_replica_moves_between_directories_while_it_is_produced_to() -> Result<()> {
    back_and_forth(&[])
}

#[test]
fn a_replica_moves_while_acknowledgements_wait_for_the_disk() -> Result<()> {
    back_and_forth(&[("kastellan.durability", "fsync")])
}
