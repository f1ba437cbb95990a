//! D3: what a broker finds at the end of a log that was damaged while it was down.
//!
//! One partition per damage, so that one start sees them all.

use std::fs;
use std::io::{Write as _, stderr};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::ours::Ours;
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::wire::Wire;

use super::client::{Sent, numbered, produce, read, start};

/// Batches in each log.
const BATCHES: i64 = 3;

/// What happens to a log's last batches.
#[derive(Debug, Clone, Copy)]
enum Damage {
    Cut(usize),
    Flip(usize),
    Zero(usize),
}

#[test]
fn every_cut_flip_and_zeroed_tail_of_a_log_leaves_its_longest_valid_prefix() -> Result<()> {
    let began = Instant::now();
    let scratch = Scratch::new("tail")?;
    let (mut broker, mut wire) = start(Ours::new(scratch.path(), &[])?)?;
    // what one log looks like: all are the same
    wire.create("one", 1, &[])?;
    for number in 0..BATCHES {
        let sent = produce(&mut wire, "one", 0, &numbered(number, 10))?;
        ensure!(sent == Sent::At(number), "{sent:?}");
    }
    let data = broker.data();
    let segment = |topic: &str, index: usize| {
        data.join(format!("{topic}-{index}")).join("00000000000000000000.log")
    };
    let whole = fs::read(segment("one", 0))?;
    let size = whole.len() / usize::try_from(BATCHES)?;
    let mut damages: Vec<Damage> = (0..whole.len()).map(Damage::Cut).collect();
    damages.extend(((whole.len() - size) * 8..whole.len() * 8).map(Damage::Flip));
    damages.extend((0..whole.len()).map(Damage::Zero));
    let count = i32::try_from(damages.len())?;
    wire.create("many", count, &[])?;
    broker.process().context("started")?.kill()?;
    let epochs = fs::read(data.join("one-0/leader-epoch-checkpoint"))?;
    for (index, damage) in damages.iter().enumerate() {
        let mut bytes = whole.clone();
        match *damage {
            Damage::Cut(at) => bytes.truncate(at),
            Damage::Flip(bit) => *bytes.get_mut(bit / 8).context("a byte")? ^= 1 << (bit % 8),
            Damage::Zero(at) => bytes.get_mut(at..).context("a tail")?.fill(0),
        }
        let path = segment("many", index);
        fs::write(path.with_file_name("leader-epoch-checkpoint"), &epochs)?;
        fs::write(path, bytes)?;
    }
    broker.start()?;
    let mut wire = Wire::connect(broker.address())?;
    for (index, damage) in damages.iter().enumerate() {
        let found = read(&mut wire, "many", i32::try_from(index)?)?;
        let left = i64::try_from(found.len())?;
        let expected = match *damage {
            Damage::Cut(at) => i64::try_from(at / size)?,
            // a batch that ended in zeros anyway is none the worse
            Damage::Zero(at) => {
                let zeros = |end: &usize| whole.get(at..*end).unwrap_or_default();
                let ends = (1..).map(|batch| batch * size).take_while(|end| *end <= whole.len());
                let whole = ends.take_while(|end| zeros(end).iter().all(|byte| *byte == 0));
                i64::try_from(whole.count())?
            }
            // the leader epoch is outside of the checksum: a higher one is believed
            Damage::Flip(bit) if (12..16).contains(&((bit / 8) % size)) => left.max(BATCHES - 1),
            Damage::Flip(_) => BATCHES - 1,
        };
        ensure!(left == expected, "{damage:?}: {left} records instead of {expected}");
        ensure!(found.iter().all(|(offset, number)| offset == number), "{damage:?}: {found:?}");
        let again = produce(&mut wire, "many", i32::try_from(index)?, &numbered(left, 10))?;
        ensure!(again == Sent::At(left), "{damage:?}: the next record went to {again:?}");
    }
    let log = broker.process().context("started")?.log_text();
    ensure!(!log.contains("panicked"), "{log}");
    let took = began.elapsed();
    writeln!(stderr(), "{count} damaged logs in {:.1} s", took.as_secs_f64())?;
    Ok(())
}
