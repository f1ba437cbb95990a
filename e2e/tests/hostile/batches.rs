//! Record batches that are wrong, and what surrounds them.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use kafka_protocol::messages::InitProducerIdRequest;
use kafka_protocol::messages::produce_request::PartitionProduceData;
use kastellan_e2e::batch::Batch;
use kastellan_e2e::process::pause;
use kastellan_e2e::wire::{PRODUCE, produce, produced};

use super::stage::{MAX_BATCH, Stage, TOPIC};
use super::table::{Is, Row};

/// A time within all limits.
const NOW: i64 = 1_700_000_000_000;

pub(crate) const ROWS: &[Row] = &[
    Row::new("a checksum that is wrong, beside a batch in order", Is::Code(2), one_of_two),
    Row::new("more records said than there are", Is::Code(87), |stage| {
        put(stage, &Batch { count: Some(9), ..good() })
    }),
    Row::new("fewer records said than there are", Is::Code(87), |stage| {
        put(stage, &Batch { count: Some(1), ..good() })
    }),
    Row::new("two thousand million records said", Is::Code(87), |stage| {
        put(stage, &Batch { count: Some(i32::MAX), ..good() })
    }),
    Row::new("a last offset that does not fit", Is::Code(87), |stage| {
        put(stage, &Batch { last_offset_delta: Some(7), ..good() })
    }),
    Row::new("records that are no records", Is::Code(87), |stage| {
        put(stage, &Batch { body: Some(vec![0x7f; 40]), ..good() })
    }),
    Row::new("a control batch", Is::Code(87), |stage| {
        put(stage, &Batch { attributes: 0x20, ..good() })
    }),
    Row::new("two batches", Is::Code(87), |stage| {
        put_bytes(stage, [good().encode(), good().encode()].concat())
    }),
    Row::new("a batch larger than the topic takes", Is::Code(10), |stage| {
        put(stage, &Batch::of(NOW, &[&"x".repeat(MAX_BATCH)]))
    }),
    Row::new("a codec that nobody knows", Is::Code(76), |stage| {
        put(stage, &Batch { attributes: 5, ..good() })
    })
    .kafka(Is::Code(-1)),
    Row::new("zstd before it was there", Is::Code(76), |stage| {
        let request = produce(TOPIC, 0, Batch { attributes: 4, ..good() }.encode());
        code(produced(&stage.wire()?.call(6, &request)?)?)
    }),
    Row::new("gzip that is none", Is::Code(87), |stage| {
        put(stage, &Batch { attributes: 1, ..good() })
    })
    .kafka(Is::Code(-1)),
    Row::new("a magic number from the past", Is::Code(87), |stage| {
        put(stage, &Batch { magic: 1, ..good() })
    }),
    Row::new("a time that is two days from now", Is::Code(32), |stage| {
        let day = 86_400_000;
        put(stage, &Batch::of(now()? + 2 * day, &["a"]))
    }),
    Row::new("acks of 7", Is::Code(21), |stage| {
        let request = produce(TOPIC, 0, good().encode()).with_acks(7);
        code(produced(&stage.wire()?.call(PRODUCE, &request)?)?)
    }),
    Row::new("a partition that is not there", Is::Code(3), |stage| {
        let request = produce(TOPIC, 99, good().encode());
        code(produced(&stage.wire()?.call(PRODUCE, &request)?)?)
    }),
    Row::new("a gap in an idempotent producer's sequence", Is::Code(45), |stage| {
        let (id, epoch) = producer(stage)?;
        ensure!(put(stage, &good().by_producer(id, epoch, 0))? == Is::Code(0));
        put(stage, &good().by_producer(id, epoch, 100))
    }),
    Row::new("an idempotent producer of an epoch before", Is::Code(47), |stage| {
        // who is not of a transaction goes on to the next epoch alone (KIP-360)
        let (id, old) = producer(stage)?;
        ensure!(put(stage, &good().by_producer(id, old + 1, 0))? == Is::Code(0));
        put(stage, &good().by_producer(id, old, 0))
    }),
    Row::new("a sequence below zero", Is::Code(87), |stage| {
        let (id, epoch) = producer(stage)?;
        put(stage, &good().by_producer(id, epoch, -5))
    }),
];

pub(crate) fn good() -> Batch {
    Batch::of(NOW, &["a", "b", "c"])
}

fn now() -> Result<i64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(i64::try_from(since.as_millis())?)
}

/// What comes of a batch for a partition of the topic.
pub(crate) fn put(stage: &mut Stage, batch: &Batch) -> Result<Is> {
    put_bytes(stage, batch.encode())
}

pub(crate) fn put_bytes(stage: &mut Stage, batch: Vec<u8>) -> Result<Is> {
    let request = produce(TOPIC, 0, batch);
    code(produced(&stage.wire()?.call(PRODUCE, &request)?)?)
}

#[expect(clippy::unnecessary_wraps, reason = "every row ends with it")]
fn code(outcome: Result<i64, i16>) -> Result<Is> {
    Ok(Is::Code(outcome.err().unwrap_or(0)))
}

/// The one in order is taken, the other refused.
fn one_of_two(stage: &mut Stage) -> Result<Is> {
    let bad = Batch { crc_flip: 1, ..good() };
    let mut request = produce(TOPIC, 0, bad.encode());
    let beside =
        PartitionProduceData::default().with_index(1).with_records(Some(good().encode().into()));
    request.topic_data.first_mut().context("a topic")?.partition_data.push(beside);
    let answer = stage.wire()?.call(PRODUCE, &request)?;
    let topic = answer.responses.first().context("an answer for the topic")?;
    let of = |index: i32| topic.partition_responses.iter().find(|it| it.index == index);
    ensure!(of(1).is_some_and(|it| it.error_code == 0), "the one in order: {topic:?}");
    Ok(Is::Code(of(0).context("an answer for the partition")?.error_code))
}

/// A new producer.
fn producer(stage: &mut Stage) -> Result<(i64, i16)> {
    let request = InitProducerIdRequest::default()
        .with_transactional_id(None)
        .with_transaction_timeout_ms(60_000);
    let mut wire = stage.wire()?;
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = wire.call(4, &request)?;
        // Kafka has to get itself some ids first
        if answer.error_code != 14 {
            ensure!(answer.error_code == 0, "{answer:?}");
            return Ok((answer.producer_id.0, answer.producer_epoch));
        }
        ensure!(Instant::now() < deadline, "no ids for producers");
        pause();
    }
}
