//! What compaction does to producers: how long a small produce takes while nothing else happens,
//! while 50 MB/s go into a topic that is not compacted, and into one that is.
//!
//! Figures, never a test: a shared machine gives what it gives, and the load runs on the same one.
//! `KASTELLAN_BIN=... cargo run --release -p kastellan-e2e --bin compaction -- [SECONDS]`.

use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, anyhow};
use kafka_protocol::messages::ProduceRequest;
use kastellan_e2e::batch::{Batch, Record};
use kastellan_e2e::ours::Ours;
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::wire::{self, PRODUCE, Wire};

/// Bytes a second into the topic.
const RATE: u64 = 50_000_000;
/// Records of so many bytes, in batches of so many.
const SIZE: usize = 1_000;
const RECORDS: usize = 500;
/// Different batches, used again and again.
const BATCHES: usize = 64;
/// Keys of all of them.
const KEYS: u64 = 16_000;

/// Both topics are alike but for what becomes of old records.
fn settings(policy: &str) -> [(&str, &str); 5] {
    [
        ("cleanup.policy", policy),
        ("segment.bytes", "67108864"),
        ("min.cleanable.dirty.ratio", "0.5"),
        ("file.delete.delay.ms", "0"),
        ("retention.bytes", "-1"),
    ]
}

fn request(topic: &str, batch: &[u8]) -> ProduceRequest {
    wire::produce(topic, 0, batch.to_vec()).with_acks(1)
}

fn produce(wire: &mut Wire, request: &ProduceRequest) -> Result<()> {
    let done = wire::produced(&wire.call(PRODUCE, request)?)?;
    done.map(drop).map_err(|code| anyhow!("a batch was refused with {code}"))
}

fn batches(now: i64) -> Vec<Vec<u8>> {
    let mut state = 1_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state >> 33
    };
    let mut batch = || {
        let record = |_| Record {
            key: Some((random() % KEYS).to_be_bytes().to_vec()),
            value: Some(vec![u8::try_from(random() & 0xff).unwrap_or(0); SIZE]),
            ..Record::default()
        };
        let records = (0..RECORDS).map(record).collect();
        Batch { base_timestamp: now, records, ..Batch::default() }.encode()
    };
    std::iter::repeat_with(&mut batch).take(BATCHES).collect()
}

/// Sends at [`RATE`] until it is told to stop; counts the bytes.
fn feed(
    address: SocketAddr,
    topic: &str,
    now: i64,
    stop: &AtomicBool,
    fed: &AtomicU64,
) -> Result<()> {
    let mut wire = Wire::connect(address)?;
    let requests: Vec<_> = batches(now).iter().map(|batch| request(topic, batch)).collect();
    let size = (SIZE * RECORDS) as u64;
    let began = Instant::now();
    for request in requests.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        produce(&mut wire, request)?;
        let sent = fed.fetch_add(size, Ordering::Relaxed) + size;
        let due = began + Duration::from_micros(sent * 1_000_000 / RATE);
        thread::park_timeout(due.saturating_duration_since(Instant::now()));
    }
    Ok(())
}

/// How long each of the small produces took, 200 a second.
fn probe(address: SocketAddr, now: i64, lasts: Duration) -> Result<Vec<Duration>> {
    let mut wire = Wire::connect(address)?;
    let small = request("probe", &Batch::of(now, &["a small one"]).encode());
    let (began, mut took) = (Instant::now(), Vec::new());
    while began.elapsed() < lasts {
        let sent = Instant::now();
        produce(&mut wire, &small)?;
        took.push(sent.elapsed());
        thread::park_timeout(Duration::from_millis(5).saturating_sub(sent.elapsed()));
    }
    took.sort_unstable();
    Ok(took)
}

/// Bytes of the segments in a folder.
fn size(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|it| it == "log") {
            bytes += entry.metadata().map_or(0, |it| it.len());
        }
    }
    Ok(bytes)
}

fn main() -> Result<()> {
    let seconds = std::env::args().nth(1).map_or(Ok(10), |seconds| seconds.parse())?;
    let scratch = Scratch::new("compaction")?;
    let mut broker = Ours::new(scratch.path(), &[("log.cleaner.backoff.ms", "500")])?;
    broker.start()?;
    let (address, data) = (broker.address(), broker.data());
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let mut wire = Wire::connect(address)?;
    wire.create("probe", 1, &settings("delete"))?;
    probe(address, now, Duration::from_secs(1))?;
    for (phase, policy) in [("idle", None), ("fed", Some("delete")), ("compacted", Some("compact"))]
    {
        let (stop, fed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let feeder = match policy {
            None => None,
            Some(policy) => {
                wire.create(phase, 1, &settings(policy))?;
                let (stop, fed) = (Arc::clone(&stop), Arc::clone(&fed));
                Some(thread::spawn(move || feed(address, phase, now, &stop, &fed)))
            }
        };
        let before = broker.process().context("it runs")?.usage()?;
        let took = probe(address, now, Duration::from_secs(seconds))?;
        let after = broker.process().context("it runs")?.usage()?;
        stop.store(true, Ordering::Relaxed);
        if let Some(feeder) = feeder {
            feeder.join().ok().context("the feeder")??;
        }
        let at = |part: usize| took.get(took.len() * part / 1_000).copied().unwrap_or_default();
        let fed = fed.load(Ordering::Relaxed);
        let left = size(&data.join(format!("{phase}-0"))).unwrap_or(0);
        writeln!(
            io::stdout(),
            "{phase}: p50 {:?}, p99 {:?}, p99.9 {:?}; {} MB fed, {} MB in the log; broker {:?}, \
             then {:?}",
            at(500),
            at(990),
            at(999),
            fed / 1_000_000,
            left / 1_000_000,
            before,
            after,
        )?;
    }
    Ok(())
}
