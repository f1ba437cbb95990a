//! A log opened over files that a crash, a bad disk or an attacker left: never a panic, and what is
//! readable afterwards is whole, in order, and can be appended to.
//!
//! The first byte chooses: with its top bit the rest is one segment's bytes; else the rest says
//! what to append to a real log and how to damage its files.
#![no_main]

use std::{ops::ControlFlow, path::Path};

use kastellan_core::{
    id::TopicPartition,
    log::{Appended, Log as _},
};
use kastellan_fuzz::{bounded, seeds};
use kastellan_log::{
    Budget, Config, Directory, Log, Properties,
    disk::{Disk, File, MemoryDisk, Open},
};
use kastellan_protocol::batch::{self, Builder, Scratch};
use uuid::Uuid;

const ROOT: &str = "/data";
const LOG: &str = "/data/orders-0";

libfuzzer_sys::fuzz_target!(init: seeds::write(&seeds::segments()), |data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else { return };
    let disk = MemoryDisk::new(u64::from(*choice));
    if choice & 0x80 != 0 {
        put(&disk, &format!("{LOG}/00000000000000000000.log"), rest);
    } else {
        let (writes, damage) = rest.split_at(rest.len().min(usize::from(choice & 0x0f)));
        write(&disk, writes, choice & 0x40 != 0);
        for hit in damage.chunks(4) {
            hurt(&disk, hit);
        }
    }
    if choice & 0x20 != 0 {
        put(&disk, &format!("{ROOT}/.kafka_cleanshutdown"), br#"{"version":0,"brokerEpoch":-1}"#);
    }
    bounded("recovery", rest.len(), || recover(&disk));
});

fn put(disk: &MemoryDisk, path: &str, bytes: &[u8]) {
    let path = Path::new(path);
    disk.create_dir(path.parent().expect("an absolute path")).expect("memory");
    let file = disk.open(path, Open::Truncate).expect("memory");
    file.write_at(bytes, 0).expect("memory");
}

fn open(disk: &MemoryDisk) -> Option<(Directory<MemoryDisk>, Log<MemoryDisk>)> {
    let properties = Properties {
        cluster_id: "cluster".to_owned(),
        node_id: 1,
        directory_id: Uuid::from_u128(1),
    };
    let directory =
        Directory::open(disk.clone(), Path::new(ROOT), properties, Budget::default()).ok()?;
    let partition = TopicPartition { topic: "orders".to_owned(), partition: 0 };
    let config = Config { segment_bytes: 512, index_interval_bytes: 128, ..Config::default() };
    let log = directory.open_log(partition, None, config).ok()?;
    Some((directory, log))
}

fn append(log: &mut Log<MemoryDisk>, records: u8) {
    let first = log.end();
    let epoch = log.latest_epoch().max(0);
    let mut builder = Builder::new(first, epoch);
    for record in 0..=records % 4 {
        let value = vec![record; usize::from(records)];
        builder.record(1_000 + i64::from(record), Some(b"k"), Some(&value), &[]);
    }
    let last = first + i64::from(builder.count()) - 1;
    let appended = Appended {
        first,
        last,
        max_timestamp: 1_000 + i64::from(records % 4),
        offset_of_max_timestamp: last,
        epoch,
    };
    log.append(&builder.finish(), appended).expect("the disk is in memory");
}

fn write(disk: &MemoryDisk, writes: &[u8], close: bool) {
    let (directory, mut log) = open(disk).expect("a new directory");
    for records in writes {
        append(&mut log, *records);
    }
    if close {
        directory.close([log]).expect("the disk is in memory");
    }
    disk.kill();
}

/// Changes one byte, cuts a file short, puts bytes behind it, or removes it.
fn hurt(disk: &MemoryDisk, hit: &[u8]) {
    let &[which, what, at, byte] = hit else { return };
    let files = disk.list(Path::new(LOG)).expect("memory");
    let Some(file) = files.get(usize::from(which) % files.len().max(1)) else { return };
    let path = Path::new(LOG).join(&file.name);
    let mut bytes = disk.contents(&path).expect("it was listed");
    let place = (usize::from(what >> 2) << 8 | usize::from(at)) % bytes.len().max(1);
    match what & 3 {
        0 => bytes.iter_mut().skip(place).take(1).for_each(|hit| *hit ^= byte),
        1 => bytes.truncate(place),
        2 => bytes.extend_from_slice(&vec![byte; usize::from(at)]),
        _ => return disk.remove(&path).expect("it was listed"),
    }
    disk.corrupt(&path, bytes);
}

fn recover(disk: &MemoryDisk) {
    let Some((directory, mut log)) = open(disk) else { return };
    // a damaged log that was left cleanly is believed; a later look at it may find the damage
    let believed = directory.was_clean();
    read(&log, believed);
    let end = log.end();
    append(&mut log, 7);
    append(&mut log, 200);
    assert!(log.end() > end);
    read(&log, believed);
    let end = log.end();
    drop((directory, log));
    disk.kill();
    let (directory, mut log) = open(disk).expect("it was open before");
    assert!(believed || log.end() == end, "{} is the end, not {end}", log.end());
    append(&mut log, 1);
    directory.close([log]).expect("the disk is in memory");
}

fn read(log: &Log<MemoryDisk>, believed: bool) {
    let mut next = log.start();
    let walked = log.for_each_batch(log.start(), |header, bytes| {
        assert_eq!(header.size(), bytes.len());
        assert!(believed || header.last_offset() >= next, "offsets go forward");
        assert!(believed || batch::check_crc(bytes), "recovery keeps whole batches only");
        next = header.next_offset();
        ControlFlow::<()>::Continue(())
    });
    if walked.is_ok() && !believed {
        assert!(next <= log.end());
    }
    for from in [log.start(), log.end() - 1, log.end()] {
        let _slice = log.read(from, log.end(), 1_000, true);
    }
    let mut scratch = Scratch::new(64 << 10);
    let _times =
        (log.offset_for_time(1_001, &mut scratch), log.offset_of_max_timestamp(&mut scratch));
    let _epoch = log.end_of_epoch(log.latest_epoch());
}
