//! `InitProducerId` and what an idempotent producer may send.

use kafka_protocol::messages::{InitProducerIdRequest, ProduceRequest, ProducerId};

use super::{make, produce};
use crate::batch::Batch;
use crate::oracle::side::Side;

pub(super) fn play(side: &mut Side) {
    ids(side);
    sequences(side);
}

fn fresh() -> InitProducerIdRequest {
    InitProducerIdRequest::default().with_transactional_id(None).with_transaction_timeout_ms(60_000)
}

fn ids(side: &mut Side) {
    side.scene("producer");
    for version in side.versions::<InitProducerIdRequest>() {
        // Kafka's coordinator fetches a block of ids first, and says so
        let first = side.ask_until("fresh", version, &fresh(), |answer| answer.error_code != 14);
        if version >= 3 {
            let again = fresh().with_producer_id(first.producer_id).with_producer_epoch(0);
            side.ask("again", version, &again);
            side.ask("id-alone", version, &fresh().with_producer_id(first.producer_id));
            side.ask("epoch-alone", version, &fresh().with_producer_epoch(3));
            let negative = fresh().with_producer_id(ProducerId(-7)).with_producer_epoch(0);
            side.ask("negative", version, &negative);
        }
    }
}

fn sequences(side: &mut Side) {
    side.scene("sequence");
    let topic = ("seq", make(side, "seq", 2, &[]));
    let version = side.newest::<InitProducerIdRequest>();
    let mut id = || i64::from(side.quiet(version, &fresh()).producer_id);
    let (first, second, third) = (id(), id(), id());
    let now = side.now;
    let version = side.newest::<ProduceRequest>();
    let two = |id: i64, epoch: i16, sequence: i32| {
        Batch::of(now, &["a", "b"]).by_producer(id, epoch, sequence).encode()
    };
    let one = |id: i64, epoch: i16, sequence: i32| {
        Batch::of(now, &["a"]).by_producer(id, epoch, sequence).encode()
    };
    for (case, partition, batch) in [
        ("first", 0, two(first, 0, 0)),
        ("next", 0, two(first, 0, 2)),
        ("again", 0, two(first, 0, 2)),
        ("again-older", 0, two(first, 0, 0)),
        ("overlap", 0, two(first, 0, 3)),
        ("gap", 0, two(first, 0, 9)),
        ("third", 0, two(first, 0, 4)),
        ("fourth", 0, two(first, 0, 6)),
        ("fifth", 0, two(first, 0, 8)),
        ("sixth", 0, two(first, 0, 10)),
        ("out-of-window", 0, two(first, 0, 0)),
        ("oldest-in-window", 0, two(first, 0, 2)),
        ("other-partition", 1, two(first, 0, 0)),
        ("new-epoch-mid", 0, two(first, 1, 5)),
        ("new-epoch", 0, two(first, 1, 0)),
        ("old-epoch", 0, two(first, 0, 12)),
        ("unknown-from-zero", 0, two(second, 0, 0)),
        ("unknown-mid", 0, two(third, 0, 5)),
        ("negative-sequence", 0, two(third, 0, -1)),
        ("negative-epoch", 0, two(third, -1, 7)),
        ("no-id", 0, two(-1, 0, 0)),
        ("near-the-end", 1, one(third, 0, i32::MAX)),
        ("wraps", 1, one(third, 0, 0)),
        ("wrapped-on", 1, two(third, 0, 1)),
        ("wraps-within", 1, two(second, 0, i32::MAX)),
        ("after-wrap-within", 1, one(second, 0, 1)),
        ("zipped", 1, Batch::of(now, &["a"]).by_producer(second, 0, 2).gzipped().encode()),
    ] {
        side.ask(case, version, &produce(version, topic, partition, Some(batch)));
    }
}
