//! A broker that is so far behind that it is sent a snapshot of the metadata (KIP-630) forgets what
//! is gone, and takes up what there is, as if it had heard of every change.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{
    DeleteTopicsRequest, DescribeConfigsRequest, FetchRequest, FetchResponse,
};
use kastellan_e2e::fleet::Fleet;
use kastellan_e2e::need;
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::wire::{Answer, Wire, response, text};

use super::coordinated::configure;

const SOON: Duration = Duration::from_mins(1);
/// A topic's setting, as Kafka numbers resources.
const TOPIC: i8 = 2;
const SETTING: &str = "max.message.bytes";
/// As often as it takes until a snapshot is all there is of what came before.
const MANY: usize = 12;

/// Topics that go while a broker does not listen: for good, or to come back as others.
const DOOMED: &str = "doomed";
const REBORN: &str = "reborn";
const KEPT: &str = "kept";

fn delete(fleet: &Fleet, asked: i32, names: &[&str]) -> Result<()> {
    let names = names.iter().map(|name| text(name).into()).collect();
    let request = DeleteTopicsRequest::default().with_topic_names(names).with_timeout_ms(30_000);
    let answer = Wire::connect(fleet.address(asked)?)?.call(1, &request)?;
    let refused = answer.responses.iter().find(|topic| topic.error_code != 0);
    ensure!(refused.is_none(), "not deleted: {refused:?}");
    Ok(())
}

/// The setting as one broker has it.
fn setting(fleet: &Fleet, id: i32) -> Result<String> {
    let resource = DescribeConfigsResource::default()
        .with_resource_type(TOPIC)
        .with_resource_name(text(KEPT))
        .with_configuration_keys(Some(vec![text(SETTING)]));
    let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
    let answer = Wire::connect(fleet.address(id)?)?.call(1, &request)?;
    let found = answer.results.first().and_then(|result| result.configs.first());
    let value = found.and_then(|setting| setting.value.as_ref()).context("no such setting")?;
    Ok(value.to_string())
}

/// Has a fetch of a topic's partition wait for records that do not come.
fn park(fleet: &Fleet, id: i32, topic: &str, index: i32) -> Result<Wire> {
    let partition = FetchPartition::default()
        .with_partition(index)
        .with_fetch_offset(0)
        .with_partition_max_bytes(1_000);
    let topic =
        FetchTopic::default().with_topic(text(topic).into()).with_partitions(vec![partition]);
    let request = FetchRequest::default()
        .with_max_wait_ms(600_000)
        .with_min_bytes(1)
        .with_max_bytes(1_000)
        .with_session_epoch(-1)
        .with_topics(vec![topic]);
    let mut wire = Wire::connect(fleet.address(id)?)?;
    wire.ask(11, &request)?;
    Ok(wire)
}

/// Where the first file of a broker's metadata log begins, and where its newest snapshot ends. Who
/// is sent a snapshot begins its log anew.
fn begins(fleet: &Fleet, id: i32) -> Result<(i64, i64)> {
    let entries = fs::read_dir(fleet.data(id).join("__cluster_metadata-0"))?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let names = names.collect::<Result<Vec<_>>>()?;
    let begin = |name: &String| name.strip_suffix(".log")?.parse::<i64>().ok();
    let first = names.iter().filter_map(begin).min().context("no metadata log")?;
    let end =
        |name: &String| name.strip_suffix(".checkpoint")?.split_once('-')?.0.parse::<i64>().ok();
    Ok((first, names.iter().filter_map(end).max().unwrap_or(0)))
}

/// The directories of a topic's replicas on a broker.
fn directories(fleet: &Fleet, id: i32, topic: &str) -> Result<Vec<String>> {
    let entries = fs::read_dir(fleet.data(id))?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut of = names.collect::<Result<Vec<_>>>()?;
    of.retain(|name| name.starts_with(topic));
    Ok(of)
}

/// Everything changes without one broker, until nothing is left of what it would have to hear of.
fn change(fleet: &mut Fleet, without: i32, round: usize) -> Result<()> {
    let asked = (without + 1) % 3;
    delete(fleet, asked, &[DOOMED, REBORN])?;
    fleet.create(REBORN, 1)?;
    configure((fleet, asked), KEPT, SETTING, Some(&(5_000 + round).to_string()))?;
    let heard = begins(fleet, without)?.1;
    for nth in 0..MANY {
        let name = format!("more-{round}-{nth}");
        fleet.create(&name, 4)?;
        delete(fleet, asked, &[&name])?;
    }
    let end = begins(fleet, asked)?.1;
    ensure!(end > heard, "the newest snapshot still ends at {end}: none is needed");
    Ok(())
}

/// It knows what the others know, and has nothing else.
fn check(fleet: &mut Fleet, id: i32, before: i64, round: usize) -> Result<()> {
    fleet.agreed(KEPT, SOON)?;
    fleet.agreed(REBORN, SOON)?;
    let begin = begins(fleet, id)?.0;
    ensure!(begin > before, "broker {id} was sent no snapshot: its log begins at {begin}");
    fleet.wait("what is deleted is gone from its disk", SOON, |fleet| {
        let gone = directories(fleet, id, DOOMED)?.is_empty();
        let held = fleet.partitions_at(id, REBORN)?;
        let held = held.iter().filter(|(_, known)| known.replicas.contains(&id)).count();
        Ok(gone && directories(fleet, id, REBORN)?.len() == held)
    })?;
    let known = fleet.partitions_at(id, DOOMED);
    ensure!(known.as_ref().map_or(true, BTreeMap::is_empty), "it still knows {known:?}");
    let set = setting(fleet, id)?;
    ensure!(set == (5_000 + round).to_string(), "its setting is {set}");
    Ok(())
}

#[test]
fn a_broker_that_is_sent_a_snapshot_forgets_what_is_gone() -> Result<()> {
    if !need::ready("fleet/behind", &[])? {
        return Ok(());
    }
    let scratch = Scratch::new("fleet-behind")?;
    let settings = [
        ("metadata.log.max.record.bytes.between.snapshots", "600"),
        ("auto.create.topics.enable", "false"),
        ("default.replication.factor", "2"),
        ("min.insync.replicas", "1"),
    ];
    let mut fleet = Fleet::form(scratch.path(), 3, &settings)?;
    fleet.start_all()?;
    fleet.create(KEPT, 3)?;
    for (round, silent) in [true, false].into_iter().enumerate() {
        fleet.create(DOOMED, 3)?;
        if round == 0 {
            fleet.create(REBORN, 3)?;
        }
        fleet.agreed(DOOMED, SOON)?;
        let behind = (fleet.controller()? + 1) % 3;
        let led = fleet.partitions(DOOMED)?;
        let led = led.iter().find(|(_, known)| known.leader == behind).map(|(index, _)| *index);
        let mut waits = park(&fleet, behind, DOOMED, led.context("it leads nothing")?)?;
        if silent {
            fleet.stop(behind)?;
        } else {
            fleet.kill(behind)?;
        }
        let before = begins(&fleet, behind)?.0;
        change(&mut fleet, behind, round)?;
        if silent {
            fleet.go_on(behind)?;
            let Answer::Frame(answer) = waits.receive(SOON)? else {
                bail!("a fetch of what is gone waits on: {}", fleet.tails());
            };
            let answer: FetchResponse = response::<FetchRequest>(11, 1, answer)?;
            let told = answer.responses.first().and_then(|topic| topic.partitions.first());
            let code = told.map(|partition| partition.error_code);
            ensure!(code.is_some_and(|code| code != 0), "a topic that is gone: {code:?}");
        } else {
            fleet.start(behind)?;
        }
        check(&mut fleet, behind, before, round).with_context(|| fleet.tails())?;
    }
    Ok(())
}
