//! How long plans take where there is much to plan, and how even their results are:
//! `cargo run --release -p kastellan-core --example placement_at_scale`.
#![expect(clippy::disallowed_types, clippy::print_stdout, reason = "it measures, and says so")]

use std::{sync::Arc, time::Instant};

use kastellan_core::{
    id::BrokerId,
    placement::{Broker, Candidate, Partition, Picture, Plan, State, plan, spread},
};

const BROKERS: i32 = 100;
const RACKS: i32 = 4;
const PARTITIONS: usize = 10_000;
const FACTOR: usize = 3;
const PER_TOPIC: usize = 20;
const GIB: u64 = 1 << 30;

fn main() {
    println!("{PARTITIONS} partitions, {BROKERS} brokers in {RACKS} racks, {FACTOR} replicas");
    println!(
        "{:<28} {:>8} {:>7} {:>8} {:>9} {:>8} {:>8} {:>8} {:>8}",
        "goal", "time", "moves", "blocked", "copied", "replicas", "leaders", "bytes", "rates"
    );
    let all = || spread_over(0..BROKERS);
    show("nothing to do but sizes", all());
    show("10 brokers added", with_new(spread_over(0..BROKERS - 10)));
    show("half of them added", with_new(spread_over(0..BROKERS / 2)));
    show("all on three at first", with_new(spread_over(0..3)));
    show("one drained", set(all(), State::Draining, |id| id == 7));
    show("ten drained", set(all(), State::Draining, |id| id % 10 == 7));
    show("one replaced by a new one", {
        set(with_new(spread_over(0..BROKERS - 1)), State::Gone, |id| id == 7)
    });
    show("a rack lost", set(all(), State::Gone, |id| id % RACKS == 1));
    let mut factor = all();
    for partition in factor.partitions.iter_mut().step_by(3) {
        partition.factor = 5;
    }
    show("5 replicas of a third of it", factor);
    let mut skewed = all();
    for partition in &mut skewed.partitions {
        partition.replicas.sort_unstable();
    }
    show("leaders at the lowest ids", skewed);
    let mut full = all();
    for broker in &mut full.brokers {
        let used = full.partitions.iter().filter(|it| it.replicas.contains(&broker.id));
        let used: u64 = used.map(|it| it.bytes).sum();
        let total = if broker.id.0 < 5 { used / 100 * 108 } else { used * 2 };
        broker.disk = Some(kastellan_core::placement::Disk { total, free: total - used });
    }
    show("five disks nearly full", full);
}

fn broker(id: i32) -> Broker {
    let (id, rack) = (BrokerId(id), Some(format!("rack-{}", id % RACKS)));
    Broker { id, rack, state: State::Active, disk: None }
}

/// Topics as the controller creates them, over these brokers; sizes as people have them: most are
/// small, some are large.
fn spread_over(brokers: std::ops::Range<i32>) -> Picture {
    let brokers: Vec<_> = brokers.map(broker).collect();
    let candidates: Vec<_> = brokers
        .iter()
        .map(|broker| Candidate { id: broker.id, rack: broker.rack.as_deref(), running: true })
        .collect();
    let replicas = spread(&candidates, 0, PARTITIONS, FACTOR).expect("enough brokers");
    let mut random = 88_172_645_463_325_252_u64;
    let mut draw = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random >> 11
    };
    let mut partitions = Vec::new();
    let (mut bytes, mut written) = (0, 0);
    for (number, replicas) in replicas.into_iter().enumerate() {
        if number % PER_TOPIC == 0 {
            bytes = GIB >> (draw() % 12) << (draw() % 7);
            written = bytes / 86_400;
        }
        partitions.push(Partition {
            topic: Arc::from(format!("topic-{}", number / PER_TOPIC)),
            index: i32::try_from(number % PER_TOPIC).expect("a small number"),
            in_sync: replicas.clone(),
            factor: replicas.len(),
            replicas,
            bytes: bytes / 8 * (6 + draw() % 5),
            written,
            read: written * (draw() % 4),
            moving: false,
        });
    }
    Picture { brokers, partitions }
}

fn with_new(mut picture: Picture) -> Picture {
    let known = i32::try_from(picture.brokers.len()).expect("a small number");
    picture.brokers.extend((known..BROKERS).map(broker));
    picture
}

fn set(mut picture: Picture, state: State, which: impl Fn(i32) -> bool) -> Picture {
    for broker in picture.brokers.iter_mut().filter(|broker| which(broker.id.0)) {
        broker.state = state;
        let gone = |id: &BrokerId| state != State::Gone || *id != broker.id;
        picture.partitions.iter_mut().for_each(|partition| partition.in_sync.retain(gone));
    }
    picture
}

fn show(goal: &str, mut picture: Picture) {
    let started = Instant::now();
    let Plan { moves, blocked, more, .. } = plan(&picture, usize::MAX);
    let took = started.elapsed();
    let copied: u64 = moves.iter().map(kastellan_core::placement::Move::copied).sum();
    for step in &moves {
        picture.carry_out(step);
    }
    let tallies = picture.tallies();
    let active = picture.brokers.iter().filter(|broker| broker.state == State::Active);
    let tallies: Vec<_> = active.filter_map(|broker| tallies.get(&broker.id)).collect();
    let range = |of: fn(&kastellan_core::placement::Tally) -> u64| {
        let values: Vec<_> = tallies.iter().map(|tally| of(tally)).collect();
        let most = values.iter().max().copied().unwrap_or_default();
        let least = values.iter().min().copied().unwrap_or_default();
        (most - least, values.iter().sum::<u64>() / values.len() as u64)
    };
    let percent = |(range, mean): (u64, u64)| {
        format!("{}.{} %", range * 100 / mean.max(1), range * 1000 / mean.max(1) % 10)
    };
    println!(
        "{goal:<28} {:>5} ms {:>7} {:>8} {:>5} GiB {:>8} {:>8} {:>8} {:>8}{}",
        took.as_millis(),
        moves.len(),
        blocked.len(),
        copied / GIB,
        range(|it| it.replicas).0,
        range(|it| it.leaders).0,
        percent(range(|it| it.bytes)),
        percent(range(|it| it.rate)),
        if more { "  more to do" } else { "" }
    );
    let again = plan(&picture, usize::MAX);
    assert!(more || again.moves.is_empty(), "nothing is left to do: {:?}", again.moves.first());
}
