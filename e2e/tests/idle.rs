//! An idle broker sleeps and is small; a busy one makes a handful of system calls per request. All
//! of it counted, on the release program.

use std::fs;
use std::io::{Write as _, stderr};
use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{BrokerId, FetchRequest};
use kastellan_e2e::activity::{Calls, Strace, settle, wake_ups};
use kastellan_e2e::batch::Batch;
use kastellan_e2e::need::{self, Tool};
use kastellan_e2e::ours::Ours;
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::wire::{Wire, text};

/// How long an idle broker is watched.
const WATCHED: Duration = Duration::from_secs(5);
/// Requests whose system calls are counted.
const REQUESTS: u64 = 1_000;
/// The offsets that they fill.
const THOUSAND: i64 = 1_000;

fn start(scratch: &Scratch) -> Result<(Ours, u32)> {
    let mut broker = Ours::new(scratch.path(), &[])?;
    broker.start()?;
    let pid = broker.process().context("it was started")?.pid();
    Ok((broker, pid))
}

/// Watches a broker at rest; prints what was found, whose number of wake-ups a second it returns.
fn watch(what: &str, pid: u32) -> Result<f64> {
    settle(pid, 10)?;
    let awake = wake_ups(pid, WATCHED)?;
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let per_second = awake.values().sum::<u64>() as f64 / WATCHED.as_secs_f64();
    writeln!(stderr(), "{what}: {per_second:.1} wake-ups per second {awake:?}")?;
    Ok(per_second)
}

/// Resident memory in MiB; what of it is the program's file, not its own, is told beside.
fn resident(what: &str, pid: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let lines: Vec<&str> = status.lines().filter(|line| line.starts_with("Rss")).collect();
    let rss = kastellan_e2e::process::usage(pid)?.rss;
    writeln!(stderr(), "{what}: {rss:.1} MiB resident {lines:?}")?;
    Ok(rss)
}

#[test]
fn an_idle_broker_wakes_at_most_twice_a_second_and_has_at_most_20_mib() -> Result<()> {
    let scratch = Scratch::new("idle")?;
    let (_broker, pid) = start(&scratch)?;
    let per_second = watch("an idle broker", pid)?;
    ensure!(per_second <= 2.0, "{per_second} wake-ups per idle second");
    let rss = resident("an idle broker", pid)?;
    ensure!(rss <= 20.0, "{rss:.1} MiB resident when idle");
    Ok(())
}

#[test]
fn a_hundred_connections_and_a_thousand_partitions_at_rest_wake_nobody() -> Result<()> {
    let scratch = Scratch::new("idle-many")?;
    let (broker, pid) = start(&scratch)?;
    let mut admin = Wire::connect(broker.address())?;
    admin.create("wide", 1_000, &[])?;
    let connections: std::io::Result<Vec<TcpStream>> =
        (0..100).map(|_| TcpStream::connect(broker.address())).collect();
    let connections = connections?;
    let per_second = watch("1,000 partitions and 100 connections", pid)?;
    ensure!(per_second <= 5.0, "{per_second} wake-ups per idle second");
    let rss = resident("1,000 partitions and 100 connections", pid)?;
    ensure!(rss <= 40.0, "{rss:.1} MiB resident");
    drop(connections);
    Ok(())
}

/// The system calls of the broker while `act` runs; `None` where nobody may look.
fn calls(pid: u32, scratch: &Scratch, act: impl FnOnce() -> Result<()>) -> Result<Option<Calls>> {
    let Some(strace) = Strace::attach(pid, scratch.path())? else {
        need::skip("system calls per request", "ptrace is not permitted here")?;
        return Ok(None);
    };
    act()?;
    strace.detach().map(Some)
}

fn check(what: &str, calls: &Calls, most_per_request: u64) -> Result<()> {
    writeln!(stderr(), "{REQUESTS} {what}: {} system calls: {calls}", calls.total())?;
    // The tenth more is for what goes on beside: the sweeper, the segment's growth.
    let most = most_per_request * REQUESTS + REQUESTS / 10;
    ensure!(calls.total() <= most, "{} calls for {REQUESTS} {what}: {calls}", calls.total());
    Ok(())
}

fn fetch(offset: i64, max_bytes: i32, session: (i32, i32)) -> FetchRequest {
    let wanted = FetchPartition::default()
        .with_partition(0)
        .with_fetch_offset(offset)
        .with_partition_max_bytes(max_bytes);
    let topic = FetchTopic::default().with_topic(text("t").into()).with_partitions(vec![wanted]);
    FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_wait_ms(10_000)
        .with_min_bytes(1)
        .with_max_bytes(1 << 20)
        .with_session_id(session.0)
        .with_session_epoch(session.1)
        .with_topics(vec![topic])
}

fn batch(len: usize) -> Result<Bytes> {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    Ok(Batch::of(now, &[&"x".repeat(len)]).encode().into())
}

/// A consumer's fetches, one batch each, with a session.
struct Reader {
    offset: i64,
    max_bytes: i32,
    session: i32,
    epoch: i32,
}

impl Reader {
    /// One that is behind. It has no room for anything, which gives it exactly one batch.
    fn behind(offset: i64) -> Reader {
        Reader { offset, max_bytes: 1, session: 0, epoch: 0 }
    }

    /// One that has read everything.
    fn at_tail(offset: i64) -> Reader {
        Reader { offset, max_bytes: 1 << 20, session: 0, epoch: 0 }
    }

    fn fetch_one(&mut self, wire: &mut Wire) -> Result<()> {
        let answer =
            wire.call(12, &fetch(self.offset, self.max_bytes, (self.session, self.epoch)))?;
        let found = answer.responses.first().and_then(|topic| topic.partitions.first());
        let records = found.and_then(|found| found.records.as_ref());
        ensure!(records.is_some_and(|records| !records.is_empty()), "{answer:?}");
        self.session = answer.session_id;
        self.epoch += 1;
        self.offset += 1;
        Ok(())
    }
}

/// Produces as often as is counted, one request at a time.
fn produce_all(wire: &mut Wire, batch: &Bytes) -> Result<()> {
    (0..REQUESTS).try_for_each(|_| wire.produce("t", 0, batch.clone()).map(drop))
}

/// Fetches as often as is counted, a batch at a time.
fn fetch_all(wire: &mut Wire, from: i64) -> Result<()> {
    let mut reader = Reader::behind(from);
    (0..REQUESTS).try_for_each(|_| reader.fetch_one(wire))
}

/// Produces, and fetches each batch at once; the log ends at `end`.
fn follow(wire: &mut Wire, batch: &Bytes, end: i64) -> Result<()> {
    let mut reader = Reader::at_tail(end);
    (0..REQUESTS).try_for_each(|_| {
        wire.produce("t", 0, batch.clone())?;
        reader.fetch_one(wire)
    })
}

#[test]
fn a_produce_and_a_fetch_make_a_handful_of_system_calls() -> Result<()> {
    if !need::ready("system calls per request", &[Tool::Strace])? {
        return Ok(());
    }
    let scratch = Scratch::new("calls")?;
    let (broker, pid) = start(&scratch)?;
    let mut wire = Wire::connect(broker.address())?;
    wire.create("t", 1, &[])?;
    let (small, large) = (batch(100)?, batch(20_000)?);
    produce_all(&mut wire, &small)?; // warm
    settle(pid, 10)?;
    // read the request, write the log, send the answer, wait
    let run = calls(pid, &scratch, || produce_all(&mut wire, &small))?;
    let Some(counted) = run else { return Ok(()) };
    check("produces", &counted, 4)?;
    // the same, and the records are read from the log
    let run = calls(pid, &scratch, || follow(&mut wire, &small, 2 * THOUSAND))?;
    check("produces, each with a fetch at the tail", &run.context("permitted before")?, 8)?;
    // Behind the tail the batch has to be found first; a short one that the page cache has is
    // copied by one call.
    let run = calls(pid, &scratch, || fetch_all(&mut wire, 0))?;
    check("fetches of a small batch", &run.context("permitted before")?, 6)?;
    produce_all(&mut wire, &large)?;
    settle(pid, 10)?;
    let run = calls(pid, &scratch, || fetch_all(&mut wire, 3 * THOUSAND))?;
    check("fetches of a large batch", &run.context("permitted before")?, 9)?;
    Ok(())
}
