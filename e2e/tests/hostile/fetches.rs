//! Fetches out of step with what the broker knows.

use anyhow::{Context as _, Result, ensure};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{BrokerId, FetchRequest};
use kastellan_e2e::wire::{Wire, text};

use super::stage::{Stage, TOPIC};
use super::table::{Is, Row};

/// The last version that names topics.
const VERSION: i16 = 12;

pub(crate) const ROWS: &[Row] = &[
    Row::new("a fetch session that is not there", Is::Code(70), |stage| {
        of_session(&mut stage.wire()?, 12_345, 5)
    }),
    Row::new("a fetch session's wrong epoch", Is::Code(71), |stage| {
        let mut wire = stage.wire()?;
        let answer = wire.call(VERSION, &fetch(-1, 0).with_session_epoch(0))?;
        ensure!(answer.error_code == 0 && answer.session_id != 0, "{answer:?}");
        of_session(&mut wire, answer.session_id, 9)
    }),
    Row::new("a leader's epoch that is over", Is::Code(74), |stage| of_partition(stage, 0, 0)),
    Row::new("a leader's epoch that is not yet", Is::Code(75), |stage| of_partition(stage, 99, 0)),
    Row::new("an offset behind the end", Is::Code(1), |stage| of_partition(stage, -1, 1 << 40)),
    Row::new("an offset below zero", Is::Code(1), |stage| of_partition(stage, -1, -7)),
];

pub(crate) fn fetch(epoch: i32, offset: i64) -> FetchRequest {
    let partition = FetchPartition::default()
        .with_partition(2)
        .with_current_leader_epoch(epoch)
        .with_fetch_offset(offset)
        .with_partition_max_bytes(1 << 20);
    let topic =
        FetchTopic::default().with_topic(text(TOPIC).into()).with_partitions(vec![partition]);
    FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_bytes(1 << 20)
        .with_session_epoch(-1)
        .with_topics(vec![topic])
}

fn of_session(wire: &mut Wire, id: i32, epoch: i32) -> Result<Is> {
    let request = fetch(-1, 0).with_session_id(id).with_session_epoch(epoch);
    Ok(Is::Code(wire.call(VERSION, &request)?.error_code))
}

fn of_partition(stage: &mut Stage, epoch: i32, offset: i64) -> Result<Is> {
    partition_code(&mut stage.wire()?, &fetch(epoch, offset))
}

/// The error of the only partition, or of the whole answer.
pub(crate) fn partition_code(wire: &mut Wire, request: &FetchRequest) -> Result<Is> {
    let answer = wire.call(VERSION, request)?;
    if answer.error_code != 0 {
        return Ok(Is::Code(answer.error_code));
    }
    let topic = answer.responses.first().context("an answer for the topic")?;
    let partition = topic.partitions.first().context("an answer for the partition")?;
    Ok(Is::Code(partition.error_code))
}
