//! Our cleaner beside Apache Kafka's: the same workload into both, and what survives is the same.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{FetchRequest, InitProducerIdRequest};
use kastellan_e2e::need;
use kastellan_e2e::ours::Ours;
use kastellan_e2e::peer::{Jvm, Peer};
use kastellan_e2e::process::pause;
use kastellan_e2e::segments::{dump, files, offsets};
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::wire::{Wire, text};
use kastellan_protocol::batch::{
    Builder, Malformed, Scratch as Inflated, batches, for_each_record,
};
use kastellan_protocol::compression::Codec;

/// Tombstones of this topic stay, those of the other go with the next cleaning.
const TOPICS: [(&str, &str); 2] = [("kept", "86400000"), ("gone", "0")];
/// Waves of so many batches of so many records with values of so many bytes.
const WAVES: usize = 3;
const BATCHES: usize = 30;
const RECORDS: usize = 100;
const SIZE: usize = 900;
/// How long both may take to clean a wave.
const PATIENCE: Duration = Duration::from_secs(40);
/// Both look for something to clean ten times a second.
const SETTINGS: [(&str, &str); 2] =
    [("log.cleaner.backoff.ms", "100"), ("log.cleaner.threads", "1")];

/// Offset, timestamp, key, value, and the headers as they stand in the record.
type Survivor = (i64, i64, Option<Vec<u8>>, Option<Vec<u8>>, Vec<u8>);

/// The batch of a turn: keys come again and again, some records delete, headers repeat their keys.
fn batch(turn: usize, now: i64, deletes: bool, producer: (i64, i32)) -> Vec<u8> {
    let mut builder = Builder::new(0, -1);
    builder.compressed(Codec::ALL.get(turn % Codec::ALL.len()).copied().unwrap_or(Codec::None));
    if producer.0 >= 0 {
        builder.producer(producer.0, 0, producer.1);
    }
    for place in 0..RECORDS {
        // bytes that no codec makes small
        let mut state = (turn * RECORDS + place) as u64 + 1;
        let value: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_le_bytes()[5]
        })
        .take(SIZE)
        .collect();
        let key = format!("key-{}", (turn * 37 + place * place) % 170);
        let gone = deletes && (turn + place).is_multiple_of(11);
        let number = turn.to_string();
        let headers: [(&[u8], Option<&[u8]>); 3] =
            [(b"h", Some(number.as_bytes())), (b"h", None), (b"", Some(b"again"))];
        let timestamp = now + i64::try_from(turn * 1000 + place % 7).unwrap_or(0);
        builder.record(timestamp, Some(key.as_bytes()), (!gone).then_some(&value), &headers);
    }
    builder.finish()
}

fn producer(wire: &mut Wire) -> Result<i64> {
    let init = InitProducerIdRequest::default()
        .with_transactional_id(None)
        .with_transaction_timeout_ms(60_000);
    loop {
        let answer = wire.call(4, &init)?;
        match answer.error_code {
            0 => return Ok(answer.producer_id.0),
            14..=16 => pause(),
            code => bail!("InitProducerId answered {code}"),
        }
    }
}

/// One wave of batches: without a producer, and from two of them, the second of which ends early.
fn wave(wire: &mut Wire, topic: &str, from: usize, now: i64, ids: [i64; 2]) -> Result<()> {
    let mut sequences = [0_i32; 2];
    let records = i32::try_from(RECORDS)?;
    for turn in from..from + BATCHES {
        let by = match turn % 3 {
            1 => Some(0),
            2 if turn % BATCHES < 12 => Some(1),
            _ => None,
        };
        let of = by.and_then(|by: usize| Some((ids.get(by)?, sequences.get_mut(by)?)));
        let producer = of.map_or((-1, -1), |(id, sequence)| {
            *sequence += records;
            (*id, *sequence - records)
        });
        wire.produce(topic, 0, batch(turn, now, from == 0, producer))?;
    }
    Ok(())
}

fn fetch(wire: &mut Wire, topic: &str, from: i64) -> Result<(i64, Bytes)> {
    let part = FetchPartition::default()
        .with_fetch_offset(from)
        .with_partition_max_bytes(8 << 20)
        .with_current_leader_epoch(-1);
    let topic = FetchTopic::default().with_topic(text(topic).into()).with_partitions(vec![part]);
    let request = FetchRequest::default()
        .with_replica_id((-1).into())
        .with_max_bytes(8 << 20)
        .with_topics(vec![topic]);
    let answer = wire.call(11, &request)?;
    let part = answer.responses.into_iter().next().and_then(|it| it.partitions.into_iter().next());
    let part = part.context("an answer for the partition")?;
    ensure!(part.error_code == 0, "the fetch from {from} answered {}", part.error_code);
    Ok((part.high_watermark, part.records.unwrap_or_default()))
}

/// A producer and its last sequence.
type Last = (i64, i32);

/// Everything in a topic, and each producer's last sequence in the order in which they ended.
fn survivors(wire: &mut Wire, topic: &str) -> Result<(Vec<Survivor>, Vec<Last>)> {
    let (mut next, mut all) = (0, Vec::new());
    let mut last = BTreeMap::new();
    let mut scratch = Inflated::default();
    loop {
        let (end, bytes) = fetch(wire, topic, next)?;
        for batch in batches(&bytes) {
            let (header, raw) = batch?;
            if header.has_producer() {
                last.insert(header.producer_id, (header.last_offset(), header.last_sequence()));
            }
            for_each_record(raw, &mut scratch, |record| {
                let (key, value) =
                    (record.key.map(<[u8]>::to_vec), record.value.map(<[u8]>::to_vec));
                let headers = record.headers.to_vec();
                all.push((record.offset, record.timestamp, key, value, headers));
                Ok::<_, Malformed>(())
            })?;
            next = header.next_offset();
        }
        if next >= end {
            let mut last: Vec<_> = last.into_values().collect();
            last.sort_unstable();
            return Ok((all, last));
        }
    }
}

/// What is left of a topic once both have cleaned it, which must be the same.
fn same(wires: &mut [Wire; 2], topic: &str, written: usize) -> Result<Vec<Survivor>> {
    let began = Instant::now();
    loop {
        let [ours, kafkas] = wires;
        let ours = survivors(ours, topic).context("ours")?;
        let kafkas = survivors(kafkas, topic).context("Kafka")?;
        // what is in the last segment is cleaned by neither
        let cleaned = [&ours, &kafkas].iter().all(|(left, _)| left.len() < written / 2);
        if cleaned && ours == kafkas {
            return Ok(ours.0);
        }
        if began.elapsed() > PATIENCE {
            let first = ours.0.iter().zip(&kafkas.0).find(|(ours, kafkas)| ours != kafkas);
            bail!(
                "{topic}: of {written} records {} are left and {} in Kafka; the first that differ: \
                 {:?}; producers {:?} and {:?}",
                ours.0.len(),
                kafkas.0.len(),
                first.map(|(ours, kafkas)| ((ours.0, &ours.2), (kafkas.0, &kafkas.2))),
                ours.1,
                kafkas.1
            );
        }
        pause();
    }
}

#[test]
fn what_survives_our_cleaner_survives_kafkas() -> Result<()> {
    if !need::ready("cleaner", need::APACHE)? {
        return Ok(());
    }
    let (here, there) = (Scratch::new("cleaner-ours")?, Scratch::new("cleaner-kafka")?);
    let mut kafka = Peer::format(there.path(), Jvm::Test, &SETTINGS)?;
    let mut ours = Ours::new(here.path(), &SETTINGS)?;
    kafka.start()?;
    ours.start()?;
    let mut wires = [Wire::connect(ours.address())?, Wire::connect(kafka.address())?];
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    for (topic, delete_retention) in TOPICS {
        // Kafka closes a file that is gone in the middle of a response that has begun
        for (wire, file_delay) in wires.iter_mut().zip(["0", "60000"]) {
            let settings = [
                ("cleanup.policy", "compact"),
                ("segment.bytes", "1048576"),
                ("min.cleanable.dirty.ratio", "0.01"),
                ("delete.retention.ms", delete_retention),
                ("file.delete.delay.ms", file_delay),
            ];
            wire.create(topic, 1, &settings)?;
        }
    }
    // a tombstone goes with the first cleaning after the one that has seen it: wave by wave
    for turn in 0..WAVES {
        for (topic, delete_retention) in TOPICS {
            for wire in &mut wires {
                let ids = [producer(wire)?, producer(wire)?];
                wave(wire, topic, turn * BATCHES, now, ids)?;
            }
            // before the last wave one of them may have cleaned once more than the other
            if delete_retention != "0" || turn + 1 == WAVES {
                let left = same(&mut wires, topic, (turn + 1) * BATCHES * RECORDS)?;
                ensure!(left.iter().all(|survivor| survivor.4.len() > 10), "headers were lost");
                let tombstones = left.iter().filter(|survivor| survivor.3.is_none()).count();
                ensure!(turn > 0 || tombstones > 0, "tombstones went before their time");
                ensure!(delete_retention != "0" || tombstones == 0, "{tombstones} tombstones stay");
            }
        }
    }
    drop(wires);
    let ended = ours.process().context("it runs")?.terminate(Duration::from_secs(30))?;
    ensure!(ended.success(), "the broker ended with {ended}");
    for (topic, _) in TOPICS {
        let folder = ours.data().join(format!("{topic}-0"));
        let logs = files(&folder, &[".log"])?;
        let found = offsets(&dump(&logs, &["--deep-iteration"], here.path())?);
        ensure!(found.is_sorted() && found.len() < WAVES * BATCHES * RECORDS / 2, "{found:?}");
        dump(&files(&folder, &[".index", ".timeindex"])?, &["--verify-index-only"], here.path())?;
    }
    Ok(())
}
