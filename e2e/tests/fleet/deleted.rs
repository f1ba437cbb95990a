//! Records that a client knows to be deleted are deleted on every replica, and stay so.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{DeleteRecordsRequest, ListOffsetsRequest};
use kastellan_e2e::batch::Batch;
use kastellan_e2e::fleet::Fleet;
use kastellan_e2e::need;
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::wire::{Wire, text};

const SOON: Duration = Duration::from_mins(1);
const TOPIC: &str = "deleted";
/// `REQUEST_TIMED_OUT`.
const TIMED_OUT: i16 = 7;

/// What the leader says of a deletion: its error, and where the partition begins.
fn delete(fleet: &Fleet, leader: i32, before: i64, patience: Duration) -> Result<(i16, i64)> {
    let partition = DeleteRecordsPartition::default().with_partition_index(0).with_offset(before);
    let topic = DeleteRecordsTopic::default()
        .with_name(text(TOPIC).into())
        .with_partitions(vec![partition]);
    let request = DeleteRecordsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(i32::try_from(patience.as_millis())?);
    let answer = Wire::connect(fleet.address(leader)?)?.call(2, &request)?;
    let partition = answer.topics.first().and_then(|topic| topic.partitions.first());
    let partition = partition.context("no answer for the partition")?;
    Ok((partition.error_code, partition.low_watermark))
}

/// The first offset that a broker has.
fn earliest(fleet: &Fleet, id: i32) -> Result<i64> {
    let partition = ListOffsetsPartition::default().with_timestamp(-2);
    let topic =
        ListOffsetsTopic::default().with_name(text(TOPIC).into()).with_partitions(vec![partition]);
    let request =
        ListOffsetsRequest::default().with_replica_id((-1).into()).with_topics(vec![topic]);
    let answer = Wire::connect(fleet.address(id)?)?.call(5, &request)?;
    let partition = answer.topics.first().and_then(|topic| topic.partitions.first());
    Ok(partition.context("no answer for the partition")?.offset)
}

#[test]
fn what_was_deleted_is_deleted_on_every_replica_and_stays_so_when_its_leader_dies() -> Result<()> {
    if !need::ready("fleet", &[])? {
        return Ok(());
    }
    let scratch = Scratch::new("fleet-deleted")?;
    let mut fleet = Fleet::three(scratch.path(), &[])?;
    fleet.create(TOPIC, 1)?;
    fleet.agreed(TOPIC, SOON)?;
    let leader = fleet.leader(TOPIC, 0)?;
    let mut wire = Wire::connect(fleet.address(leader)?)?;
    for _ in 0..10 {
        wire.produce(TOPIC, 0, Batch::of(1, &["gone soon"]).encode())?;
    }
    ensure!(delete(&fleet, leader, 4, SOON)? == (0, 4), "all follow");

    // a follower that does not answer is in sync for as long as its session
    let silent = (leader + 1) % 3;
    fleet.stop(silent)?;
    let said = delete(&fleet, leader, 6, Duration::from_millis(500))?;
    ensure!(said == (TIMED_OUT, -1), "{said:?}, and one cannot have heard of it");
    fleet.go_on(silent)?;
    fleet.agreed(TOPIC, SOON)?;
    ensure!(delete(&fleet, leader, 6, SOON)? == (0, 6), "it has heard of it");

    fleet.kill(leader)?;
    fleet.wait("another leader", SOON, |fleet| Ok(fleet.leader(TOPIC, 0)? != leader))?;
    let next = fleet.leader(TOPIC, 0)?;
    let starts = earliest(&fleet, next)?;
    ensure!(starts == 6, "broker {next} begins at {starts}: what was deleted is back");
    Ok(())
}
