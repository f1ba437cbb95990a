//! Crashes that lose arbitrary blocks and names, one after the other: what was synced stays, what
//! is served is a prefix of what was appended, and nothing old comes back.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

#[cfg(test)]
mod common;

use common::{ROOT, directory, partition, properties, read_all, try_append};
use kastellan_core::log::Log as _;
use kastellan_log::{
    Config, Directory, Log,
    disk::{Faults, MemoryDisk},
};
use kastellan_protocol::batch::Builder;

/// A small generator for the test's own choices.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// What must be in the log: its batches, and how far they are durable.
#[derive(Default)]
struct Model {
    batches: Vec<(i64, Vec<u8>)>,
    durable: i64,
    /// Told apart: every batch ever written has other bytes.
    serial: u64,
}

impl Model {
    fn bytes(&self) -> Vec<u8> {
        self.batches.iter().flat_map(|(_, bytes)| bytes.clone()).collect()
    }

    fn batch(&mut self, end: i64, random: &mut Random) -> Vec<u8> {
        self.serial += 1;
        let mut batch = Builder::new(end, 0);
        let size = [10, 100, 3_000, 9_000][usize::try_from(random.below(4)).unwrap()];
        let value = format!("{:0size$}", self.serial);
        for _ in 0..=random.below(3) {
            batch.record(end, Some(b"key"), Some(value.as_bytes()), &[]);
        }
        batch.finish()
    }

    /// After a crash the log decides how much of the rest is there.
    fn settle(&mut self, log: &Log<MemoryDisk>, what: &str) {
        assert!(log.end() >= self.durable, "{what}: {} < durable {}", log.end(), self.durable);
        let end = log.end();
        self.batches.retain(|(base, _)| *base < end);
        assert_eq!(read_all(log, 5_000), self.bytes(), "{what}");
        // it has been served now: it must not be lost any more
        self.durable = end;
    }
}

fn life(
    dir: &Directory<MemoryDisk>,
    log: &mut Log<MemoryDisk>,
    model: &mut Model,
    random: &mut Random,
) -> Result<(), kastellan_core::log::LogError> {
    for _ in 0..random.below(40) {
        match random.below(20) {
            0..12 => {
                let (base, bytes) = (log.end(), model.batch(log.end(), random));
                model.batches.push((base, bytes.clone()));
                try_append(log, &bytes)?;
            }
            12..15 => {
                log.flush()?;
                model.durable = log.end();
            }
            15..17 => dir.checkpoint([&*log])?,
            17 => {
                let at = i64::try_from(random.below(12)).unwrap();
                let end = log.start().max(log.end() - at);
                // the batch that holds `end` goes whole
                let holds = model.batches.iter().rev().find(|(base, _)| *base <= end);
                let boundary = holds.map_or(end, |(base, _)| *base);
                model.durable = model.durable.min(boundary);
                // a truncation that the crash cuts short may leave any longer prefix
                log.truncate(end)?;
                let end = log.end();
                model.durable = model.durable.min(end);
                model.batches.retain(|(base, _)| *base < end);
            }
            _ => log.store_snapshot(log.end(), &[7; 5_000])?,
        }
    }
    Ok(())
}

#[test]
fn any_blocks_and_names_may_be_lost_but_what_was_synced() {
    let config = Config { segment_bytes: 20_000, index_interval_bytes: 500, ..Config::default() };
    let (mut lost, mut kept, mut cuts) = (0, 0, 0);
    for seed in 0..80 {
        let mut random = Random(seed);
        let disk = MemoryDisk::new(seed);
        let mut model = Model::default();
        for round in 0..6 {
            let what = format!("seed {seed}, round {round}");
            let dir = directory(&disk, ROOT);
            let mut log = dir.open_log(partition(), None, config.clone()).unwrap();
            model.settle(&log, &what);
            if random.below(3) == 0 {
                disk.set_faults(Faults {
                    operations_until_power_cut: Some(random.below(60)),
                    block: Some(if seed % 2 == 0 { 512 } else { 4096 }),
                    ..Faults::default()
                });
            }
            if life(&dir, &mut log, &mut model, &mut random).is_err() {
                cuts += 1;
            }
            let end = log.end();
            drop((log, dir));
            // the process may die long before the power does
            if random.below(3) == 0 {
                disk.kill();
            } else {
                disk.crash();
            }
            // a second crash right behind recovery
            let dir = directory(&disk, ROOT);
            let log = dir.open_log(partition(), None, config.clone()).unwrap();
            lost += usize::from(log.end() < end);
            kept += usize::from(log.end() == end);
            model.settle(&log, &what);
            drop((log, dir));
            disk.crash();
        }
    }
    assert!(lost > 30 && kept > 30 && cuts > 10, "{lost} lost, {kept} kept, {cuts} cut");
}

#[test]
fn a_directory_formatted_in_the_middle_of_a_crash_is_formatted_or_empty() {
    for seed in 0..20 {
        for step in 0..25 {
            let disk = MemoryDisk::new(seed * 100 + step);
            disk.set_faults(Faults { operations_until_power_cut: Some(step), ..Faults::default() });
            let opened = Directory::open(
                disk.clone(),
                std::path::Path::new(ROOT),
                properties(),
                kastellan_log::Budget::default(),
            );
            let formatted = opened.is_ok();
            drop(opened);
            disk.crash();
            let directory = directory(&disk, ROOT);
            assert!(!formatted || directory.properties() == &properties());
            assert!(!directory.was_clean());
        }
    }
}
