//! What compaction does to producers: how long a small produce takes while nothing else happens,
//! while 50 MB/s go past the broker, into a topic that keeps them, and into one that is compacted.
//!
//! Figures, never a test: a shared machine gives what it gives, and the load runs on the same one.
//! So the four take turns, and what is compared is compared within a turn.
//! `KASTELLAN_BIN=... cargo run --release -p kastellan-e2e --bin compaction -- [SECONDS] [TURNS]`.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
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
    load: Load,
    now: i64,
    stop: &AtomicBool,
    fed: &AtomicU64,
) -> Result<()> {
    let mut wire = Wire::connect(address)?;
    let topic = load.topic();
    let requests: Vec<_> = batches(now).iter().map(|batch| request(topic, batch)).collect();
    let size = (SIZE * RECORDS) as u64;
    let began = Instant::now();
    for request in requests.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        if load == Load::Beside {
            wire.send(&wire::frame(PRODUCE, 0, request)?)?;
            wire.receive(Duration::from_secs(10))?;
        } else {
            produce(&mut wire, request)?;
        }
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

/// What else happens while the small produces are timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Load {
    /// Nothing.
    Idle,
    /// The feed goes to a program that reads it and writes it to a file: what the load does to
    /// anybody on this machine.
    Beside,
    /// The feed goes into a topic that keeps everything.
    Kept,
    /// The feed goes into a topic that is compacted.
    Compacted,
}

const LOADS: [Load; 4] = [Load::Idle, Load::Beside, Load::Kept, Load::Compacted];

impl Load {
    fn topic(self) -> &'static str {
        match self {
            Load::Kept => "kept",
            Load::Compacted => "compacted",
            Load::Idle | Load::Beside => "probe",
        }
    }
}

/// Takes in one connection's requests as a broker would that does nothing with them: into a file,
/// and an answer without an error for each. Returns where it listens.
fn sink(folder: &Path) -> Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    let path = folder.join("sink");
    thread::spawn(move || -> Result<()> {
        for stream in listener.incoming() {
            let (mut stream, mut file) = (stream?, File::create(&path)?);
            stream.set_nodelay(true)?;
            let mut request = Vec::new();
            let mut size = [0; 4];
            while stream.read_exact(&mut size).is_ok() {
                request.resize(usize::try_from(u32::from_be_bytes(size))?, 0);
                stream.read_exact(&mut request)?;
                file.write_all(&request)?;
                // the correlation id is all that a caller without patience looks at
                let correlation = request.get(4..8).context("a request")?;
                stream.write_all(&[&[0, 0, 0, 4], correlation].concat())?;
            }
        }
        Ok(())
    });
    Ok(address)
}

/// One load for a while.
#[derive(Debug, Clone, Copy)]
struct Seen {
    p50: Duration,
    p99: Duration,
    /// MB/s that were fed.
    fed: f64,
    /// Of one core, the broker's part.
    cpu: f64,
}

/// What a turn needs.
struct Bench {
    broker: Ours,
    sink: SocketAddr,
    now: i64,
    lasts: Duration,
}

impl Bench {
    fn cpu(&mut self) -> Result<f64> {
        Ok(self.broker.process().context("it runs")?.usage()?.cpu)
    }

    /// Waits until the broker has done what the last load left it.
    fn settle(&mut self) -> Result<()> {
        loop {
            let before = self.cpu()?;
            thread::park_timeout(Duration::from_millis(1_500));
            if self.cpu()? - before < 0.03 {
                return Ok(());
            }
        }
    }

    fn see(&mut self, load: Load) -> Result<Seen> {
        self.settle()?;
        let (stop, fed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let to = if load == Load::Beside { self.sink } else { self.broker.address() };
        let feeder = (load != Load::Idle).then(|| {
            let (stop, fed, now) = (Arc::clone(&stop), Arc::clone(&fed), self.now);
            thread::spawn(move || feed(to, load, now, &stop, &fed))
        });
        let before = self.cpu()?;
        let took = probe(self.broker.address(), self.now, self.lasts)?;
        let cpu = (self.cpu()? - before) / self.lasts.as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        if let Some(feeder) = feeder {
            feeder.join().ok().context("the feeder")??;
        }
        let at = |part: usize| took.get(took.len() * part / 1_000).copied().unwrap_or_default();
        let fed = f64::from(u32::try_from(fed.load(Ordering::Relaxed) / 1_000_000)?);
        let fed = fed / self.lasts.as_secs_f64();
        Ok(Seen { p50: at(500), p99: at(990), fed, cpu })
    }
}

/// The middle one.
fn median(mut all: Vec<f64>) -> f64 {
    all.sort_unstable_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or_default()
}

fn main() -> Result<()> {
    let number = |at, or| std::env::args().nth(at).map_or(Ok(or), |number| number.parse());
    let (seconds, turns) = (number(1, 5)?, number(2, 5)?);
    let scratch = Scratch::new("compaction")?;
    let mut broker = Ours::new(scratch.path(), &[("log.cleaner.backoff.ms", "500")])?;
    broker.start()?;
    let data = broker.data();
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let mut wire = Wire::connect(broker.address())?;
    for (load, policy) in
        [(Load::Idle, "delete"), (Load::Kept, "delete"), (Load::Compacted, "compact")]
    {
        wire.create(load.topic(), 1, &settings(policy))?;
    }
    probe(broker.address(), now, Duration::from_secs(1))?;
    let (sink, lasts) = (sink(scratch.path())?, Duration::from_secs(seconds));
    let mut bench = Bench { broker, sink, now, lasts };
    let mut all = Vec::new();
    for turn in 0..turns {
        let mut seen = LOADS.map(|_| None);
        for at in 0..LOADS.len() {
            // each of them is the first of some turn
            let at = (at + usize::try_from(turn)?) % LOADS.len();
            if let (Some(load), Some(seen)) = (LOADS.get(at), seen.get_mut(at)) {
                *seen = Some(bench.see(*load)?);
            }
        }
        all.push(seen);
    }
    let figures = |at: usize, of: &dyn Fn(Seen) -> f64| {
        let seen = all.iter().filter_map(|turn| Some(of((*turn.get(at)?)?)));
        median(seen.collect())
    };
    let p99 = |seen: Seen| seen.p99.as_secs_f64() * 1e3;
    for (at, load) in LOADS.iter().enumerate() {
        let times = |of: usize| {
            let ratio =
                all.iter().filter_map(|turn| Some(p99((*turn.get(at)?)?) / p99((*turn.get(of)?)?)));
            median(ratio.collect())
        };
        writeln!(
            io::stdout(),
            "{load:?}: p50 {:.3} ms, p99 {:.3} ms, {:.1} times idle, {:.1} times beside, \
             {:.1} times kept; {:.0} MB/s fed, {:.2} cores of the broker",
            figures(at, &|seen| seen.p50.as_secs_f64() * 1e3),
            figures(at, &p99),
            times(0),
            times(1),
            times(2),
            figures(at, &|seen| seen.fed),
            figures(at, &|seen| seen.cpu),
        )?;
    }
    for load in [Load::Kept, Load::Compacted] {
        let left = size(&data.join(format!("{}-0", load.topic())))? / 1_000_000;
        writeln!(io::stdout(), "{load:?}: {left} MB in the log")?;
    }
    Ok(())
}
