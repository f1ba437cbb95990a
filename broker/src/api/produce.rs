//! Produce: batches are checked and patched where they lie in the connection's buffer, and written
//! to the log from there.

mod append;
mod parked;

use std::time::Duration;

use kastellan_protocol::{
    Refused,
    batch::Scratch as Inflated,
    fetch::NodeEndpoint,
    produce::{self, PartitionResponse, ProduceRequest, ProduceResponse},
};

pub(crate) use self::parked::Parked;
use self::{append::Appender, parked::Waiting};
use crate::{net::Hot, quotas::throttle_ms};

/// Memory that a connection reuses from request to request.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// Slots of parked requests that were woken.
    pub(crate) woken: Vec<u64>,
    request: ProduceRequest,
    answers: Vec<PartitionResponse>,
    inflated: Inflated,
    /// A batch that is compressed anew.
    recoded: Vec<u8>,
    produced: bool,
}

impl Scratch {
    /// Frees what an idle connection does not need.
    pub(crate) fn shrink(&mut self) {
        *self = Self::default();
    }

    /// Whether anything was produced since the last time.
    pub(crate) fn has_produced(&mut self) -> bool {
        std::mem::take(&mut self.produced)
    }
}

/// Handles a request. Its answer leaves at once, unless `acks=all` has to wait for the disk; with
/// `acks=0` there is none, and an error closes the connection, since nothing else can tell of it.
pub(crate) fn handle(hot: &mut Hot<'_>) -> Result<(), Refused> {
    let version = hot.header.api_version;
    let mut scratch = std::mem::take(hot.scratch);
    scratch.produced = true;
    let Scratch { request, answers, inflated, recoded, .. } = &mut scratch;
    produce::decode(version, hot.body, request)?;
    answers.clear();
    let mut waiting = Vec::new();
    let mut appender = Appender::new(
        (hot.broker, hot.client),
        hot.header,
        (request, hot.body),
        (inflated, recoded),
    );
    for topic in &request.topics {
        appender.enter(topic, hot.body);
        for partition in request.partitions_of(topic) {
            let records = partition.records.clone().and_then(|range| hot.body.get_mut(range));
            let (answer, wait) = appender.append(partition.index, records);
            waiting.extend(wait.map(|(partition, upto)| (answers.len(), partition, upto)));
            answers.push(answer);
        }
    }
    let hints = appender.hints;
    let throttle_ms = take(hot, request.acks);
    let nodes = hints.nodes(&hot.broker.controller.image(), &hot.client.listener);
    if request.acks == 0 {
        if answers.iter().any(|answer| answer.error.is_some()) {
            hot.mailbox.close("a produce with acks=0 failed");
        }
        hot.mute(throttle_ms);
    } else if waiting.is_empty() {
        answer(hot, request, (answers, &nodes), throttle_ms);
    } else {
        let patience = request.timeout_ms;
        let waiting = Waiting { partitions: waiting, patience, nodes, throttle_ms };
        parked::park(hot, request, std::mem::take(answers), waiting);
    }
    *hot.scratch = scratch;
    Ok(())
}

fn answer(
    hot: &mut Hot<'_>,
    request: &ProduceRequest,
    (answers, nodes): (&[PartitionResponse], &[NodeEndpoint]),
    throttle_ms: i32,
) {
    let (version, correlation_id) = (hot.header.api_version, hot.header.correlation_id);
    hot.answer_with(|body, out| {
        ProduceResponse { version, correlation_id, throttle_ms, request, body, answers, nodes }
            .encode(out);
    });
    hot.mute(throttle_ms);
}

/// Takes what the request is from the client's quotas; how long it has to wait in milliseconds.
/// Without an answer that could say so, its time is free, as in Kafka.
fn take(hot: &Hot<'_>, acks: i16) -> i32 {
    let Some(purse) = hot.purse else { return 0 };
    let (quotas, now) = (&hot.broker.quotas, hot.broker.clock.monotonic());
    let wait = quotas.produce(purse, now, hot.body.len());
    let busy = if acks == 0 { Duration::ZERO } else { hot.busy() };
    throttle_ms(wait.max(quotas.request(purse, now, busy)))
}
