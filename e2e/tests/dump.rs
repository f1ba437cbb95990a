//! Apache Kafka's DumpLogSegments reads what we wrote, and finds in it what we acknowledged.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    CreateTopicsRequest, FindCoordinatorRequest, InitProducerIdRequest, OffsetCommitRequest,
    ProduceRequest,
};
use kafka_protocol::protocol::StrBytes;
use kastellan_e2e::batch::{Batch, Record};
use kastellan_e2e::judged::{self, Judged};
use kastellan_e2e::need;
use kastellan_e2e::process::pause;
use kastellan_e2e::segments::{dump, files, offsets};
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::wire::Wire;

/// Batches of this many records of this many bytes: 100 KB each, so that 1 MiB segments roll.
const RECORDS: i32 = 100;
const SIZE: u32 = 1000;
/// Plain, compressed and idempotent ones in turn.
const BATCHES: i64 = 36;

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn create(wire: &mut Wire) -> Result<()> {
    let config = kafka_protocol::messages::create_topics_request::CreatableTopicConfig::default()
        .with_name(text("segment.bytes"))
        .with_value(Some(text("1048576")));
    let topic = CreatableTopic::default()
        .with_name(text("dumped").into())
        .with_num_partitions(1)
        .with_replication_factor(1)
        .with_configs(vec![config]);
    let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(30_000);
    let answer = wire.call(5, &request)?;
    let code = answer.topics.first().context("an answer for the topic")?.error_code;
    ensure!(code == 0, "creating the topic answered {code}");
    Ok(())
}

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
        let data = PartitionProduceData::default().with_records(Some(Bytes::from(batch.encode())));
        let topic = TopicProduceData::default()
            .with_name(text("dumped").into())
            .with_partition_data(vec![data]);
        let request = ProduceRequest::default()
            .with_acks(-1)
            .with_timeout_ms(10_000)
            .with_topic_data(vec![topic]);
        loop {
            let answer = wire.call(9, &request)?;
            let part = answer.responses.first().and_then(|topic| topic.partition_responses.first());
            let part = part.context("an answer for the partition")?;
            // Kafka tells of a leader before that leader knows
            if [3, 6].contains(&part.error_code) {
                pause();
                continue;
            }
            ensure!(part.error_code == 0, "batch {turn} was refused with {}", part.error_code);
            ensure!(part.base_offset == written, "at {}", part.base_offset);
            break;
        }
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
    create(&mut wire)?;
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
