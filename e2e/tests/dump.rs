//! Apache Kafka's DumpLogSegments reads what we wrote, and finds in it what we acknowledged.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::{
    FindCoordinatorRequest, InitProducerIdRequest, OffsetCommitRequest,
};
use kastellan_e2e::batch::{Batch, Record};
use kastellan_e2e::judged::{self, Judged};
use kastellan_e2e::need;
use kastellan_e2e::process::pause;
use kastellan_e2e::segments::{dump, files, offsets};
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::wire::{Wire, text};

/// Batches of this many records of this many bytes: 100 KB each, so that 1 MiB segments roll.
const RECORDS: i32 = 100;
const SIZE: u32 = 1000;
/// Plain, compressed and idempotent ones in turn.
const BATCHES: i64 = 36;

/// Writes the batches and gives how many records were acknowledged.
fn write(wire: &mut Wire, now: i64) -> Result<i64> {
    let init = InitProducerIdRequest::default()
        .with_transactional_id(None)
        .with_transaction_timeout_ms(60_000);
    let mut producer = wire.call(4, &init)?;
    while producer.error_code == 14 {
        pause();
        producer = wire.call(4, &init)?;
    }
    ensure!(producer.error_code == 0, "InitProducerId answered {}", producer.error_code);
    let mut sequence = 0;
    let mut written = 0;
    for turn in 0..BATCHES {
        // not the same byte over and over: gzip would leave nothing of it
        let byte = |at: u32| {
            let [low, ..] = at.wrapping_mul(at).wrapping_add(at.wrapping_mul(31)).to_le_bytes();
            low
        };
        let record = |place: i32| Record {
            timestamp_delta: i64::from(place),
            key: Some(format!("key-{place}").into_bytes()),
            value: Some((0..SIZE).map(|at| byte(at.wrapping_add(place.cast_unsigned()))).collect()),
            ..Record::default()
        };
        let base_timestamp = now + 1000 * turn;
        let records = (0..RECORDS).map(record).collect();
        let plain = Batch { base_timestamp, records, ..Batch::default() };
        let batch = match turn % 3 {
            0 => plain,
            1 => plain.gzipped(),
            _ => {
                sequence += RECORDS;
                plain.by_producer(producer.producer_id.0, 0, sequence - RECORDS)
            }
        };
        let offset = wire.produce("dumped", 0, batch.encode())?;
        ensure!(offset == written, "batch {turn} is at {offset}");
        written += i64::from(RECORDS);
    }
    Ok(written)
}

fn commit(wire: &mut Wire) -> Result<()> {
    let part = |index: i32| {
        OffsetCommitRequestPartition::default()
            .with_partition_index(index)
            .with_committed_offset(42)
            .with_committed_metadata(Some(text("noted")))
    };
    let topic = OffsetCommitRequestTopic::default()
        .with_name(text("dumped").into())
        .with_partitions(vec![part(0)]);
    let request = OffsetCommitRequest::default()
        .with_group_id(text("dump-group").into())
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic]);
    let find = FindCoordinatorRequest::default().with_key(text("dump-group"));
    loop {
        wire.call(2, &find)?;
        let answer = wire.call(7, &request)?;
        let part = answer.topics.first().and_then(|topic| topic.partitions.first());
        match part.context("an answer for the partition")?.error_code {
            0 => return Ok(()),
            14..=16 => pause(),
            code => anyhow::bail!("the commit answered {code}"),
        }
    }
}

#[test]
fn dump_log_segments_reads_every_kind_of_file_we_write() -> Result<()> {
    if !need::ready("dump", need::APACHE)? {
        return Ok(());
    }
    let scratch = Scratch::new("dump")?;
    let mut broker = Judged::start(scratch.path(), &[])?;
    let mut wire = Wire::connect(broker.address())?;
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    wire.create("dumped", 1, &[("segment.bytes", "1048576")])?;
    let written = write(&mut wire, now)?;
    commit(&mut wire)?;
    drop(wire);
    let ended = broker.process()?.terminate(Duration::from_secs(30))?;
    ensure!(judged::is_kafka() || ended.success(), "the broker ended with {ended}");

    let data = scratch.path().join("data");
    let topic = data.join("dumped-0");
    let logs = files(&topic, &[".log"])?;
    ensure!(logs.len() > 1, "the log did not roll: {logs:?}");
    let found = offsets(&dump(&logs, &["--deep-iteration"], scratch.path())?);
    let wanted: Vec<i64> = (0..written).collect();
    ensure!(found == wanted, "{} offsets of {written}: {found:?}", found.len());
    let others = files(&topic, &[".index", ".timeindex", ".snapshot"])?;
    let endings = [".index", ".timeindex", ".snapshot"];
    for ending in endings {
        let there = others.iter().any(|file| file.display().to_string().ends_with(ending));
        ensure!(there, "no {ending} among {others:?}");
    }
    dump(&others, &["--verify-index-only"], scratch.path())?;
    dump(&files(&topic, &[".index"])?, &["--index-sanity-check"], scratch.path())?;

    let metadata = data.join("__cluster_metadata-0");
    let logs = files(&metadata, &[".log", ".checkpoint"])?;
    let text = dump(&logs, &["--cluster-metadata-decoder"], scratch.path())?;
    ensure!(text.contains("TOPIC_RECORD") && text.contains("dumped"), "no topic in:\n{text}");

    let mut groups = String::new();
    for entry in fs::read_dir(&data)? {
        let folder = entry?.path();
        if folder.display().to_string().contains("__consumer_offsets-") {
            let logs = files(&folder, &[".log"])?;
            if !logs.is_empty() {
                groups += &dump(&logs, &["--offsets-decoder"], scratch.path())?;
            }
        }
    }
    ensure!(groups.contains("dump-group") && groups.contains("42"), "no commit in:\n{groups}");
    Ok(())
}
