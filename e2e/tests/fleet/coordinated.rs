//! What a group's coordinator says while its log says otherwise: nothing that is not committed,
//! nothing of what its log refused, and all the rest where a record cannot be read.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use kafka_protocol::messages::{
    IncrementalAlterConfigsRequest, OffsetCommitRequest, OffsetFetchRequest, OffsetFetchResponse,
};
use kastellan_e2e::batch::{self, Batch, Record};
use kastellan_e2e::fleet::Fleet;
use kastellan_e2e::need;
use kastellan_e2e::process;
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::wire::{Answer, Wire, response, text};

const SOON: Duration = Duration::from_mins(1);
const GROUP: &str = "g";
const TOPIC: &str = "t";
const OFFSETS: &str = "__consumer_offsets";
/// `COORDINATOR_NOT_AVAILABLE`.
const NOT_AVAILABLE: i16 = 15;

fn commit(offset: i64) -> OffsetCommitRequest {
    let part = OffsetCommitRequestPartition::default().with_committed_offset(offset);
    let topic = OffsetCommitRequestTopic::default()
        .with_name(text(TOPIC).into())
        .with_partitions(vec![part]);
    OffsetCommitRequest::default()
        .with_group_id(text(GROUP).into())
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic])
}

fn fetch() -> OffsetFetchRequest {
    let topic = OffsetFetchRequestTopic::default()
        .with_name(text(TOPIC).into())
        .with_partition_indexes(vec![0]);
    OffsetFetchRequest::default().with_group_id(text(GROUP).into()).with_topics(Some(vec![topic]))
}

const COMMIT: i16 = 7;
const FETCH: i16 = 5;

/// The offset, or the error in its place.
fn fetched(answer: &OffsetFetchResponse) -> Result<Result<i64, i16>> {
    let part = answer.topics.first().and_then(|topic| topic.partitions.first());
    let code = part.map_or(answer.error_code, |part| answer.error_code.max(part.error_code));
    if code != 0 {
        return Ok(Err(code));
    }
    Ok(Ok(part.context("no partition in the answer")?.committed_offset))
}

fn to_coordinator(fleet: &Fleet) -> Result<Wire> {
    Wire::connect(fleet.address(fleet.coordinator(GROUP)?)?)
}

/// The error of a commit.
fn try_commit(fleet: &Fleet, offset: i64) -> Result<i16> {
    let answer = to_coordinator(fleet)?.call(COMMIT, &commit(offset))?;
    let part = answer.topics.first().and_then(|topic| topic.partitions.first());
    Ok(part.context("no partition in the answer")?.error_code)
}

/// Commits as soon as somebody coordinates the group.
fn committed(fleet: &mut Fleet, offset: i64) -> Result<()> {
    fleet.wait("a commit", SOON, |fleet| Ok(try_commit(fleet, offset)? == 0)).map(drop)
}

/// What is committed, as soon as somebody says so.
fn known(fleet: &mut Fleet) -> Result<i64> {
    let mut found = None;
    fleet.wait("what is committed", SOON, |fleet| {
        found = fetched(&to_coordinator(fleet)?.call(FETCH, &fetch())?)?.ok();
        Ok(found.is_some())
    })?;
    found.context("nothing is known")
}

/// The partition of the group: nobody has written to any other.
fn partition(fleet: &Fleet) -> Result<i32> {
    for index in fleet.partitions(OFFSETS)?.into_keys() {
        // one that is empty has no file yet
        if fleet.end(0, OFFSETS, index).is_ok_and(|end| end > 0) {
            return Ok(index);
        }
    }
    bail!("no partition of {OFFSETS} has anything")
}

fn formed(name: &str) -> Result<(Scratch, Fleet)> {
    let scratch = Scratch::new(name)?;
    let settings = [("offsets.topic.num.partitions", "4")];
    let mut fleet = Fleet::three(scratch.path(), &settings)?;
    fleet.create(TOPIC, 1)?;
    committed(&mut fleet, 5)?;
    fleet.agreed(OFFSETS, SOON)?;
    Ok((scratch, fleet))
}

#[test]
fn a_commit_that_no_follower_has_is_shown_to_nobody() -> Result<()> {
    if !need::ready("fleet", &[])? {
        return Ok(());
    }
    let (_scratch, mut fleet) = formed("fleet-uncommitted")?;
    let coordinator = fleet.coordinator(GROUP)?;
    let address = fleet.address(coordinator)?;
    let (mut writer, mut reader) = (Wire::connect(address)?, Wire::connect(address)?);
    ensure!(fetched(&reader.call(FETCH, &fetch())?)? == Ok(5), "before");
    let others: Vec<i32> = (0..3).filter(|id| *id != coordinator).collect();
    for id in &others {
        fleet.stop(*id)?;
    }
    writer.ask(COMMIT, &commit(9))?;
    ensure!(matches!(writer.receive(Duration::from_secs(1))?, Answer::Silence), "acknowledged");
    reader.ask(FETCH, &fetch())?;
    if let Answer::Frame(bytes) = reader.receive(Duration::from_secs(1))? {
        let said = fetched(&response::<OffsetFetchRequest>(FETCH, 2, bytes)?)?;
        ensure!(said != Ok(9), "it says what may never have been");
    }
    for id in &others {
        fleet.go_on(*id)?;
    }
    fleet.agreed(OFFSETS, SOON)?;
    let said = writer.receive(SOON)?;
    let Answer::Frame(bytes) = said else { bail!("no answer to the commit: {said:?}") };
    let answer = response::<OffsetCommitRequest>(COMMIT, 1, bytes)?;
    let part = answer.topics.first().and_then(|topic| topic.partitions.first());
    let code = part.context("no partition in the answer")?.error_code;
    let found = known(&mut fleet)?;
    ensure!(found == 9 || code != 0 && found == 5, "said {code}, and then {found}");
    Ok(())
}

/// Asks a broker to set one of a topic's settings; `None`: its default.
pub(crate) fn configure(
    (fleet, asked): (&Fleet, i32),
    topic: &str,
    name: &str,
    value: Option<&str>,
) -> Result<()> {
    let config = AlterableConfig::default()
        .with_name(text(name))
        .with_config_operation(i8::from(value.is_none()))
        .with_value(value.map(text));
    let resource = AlterConfigsResource::default()
        .with_resource_type(2)
        .with_resource_name(text(topic))
        .with_configs(vec![config]);
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
    let answer = Wire::connect(fleet.address(asked)?)?.call(1, &request)?;
    let code = answer.responses.first().map(|answer| answer.error_code);
    ensure!(code == Some(0), "{topic}: {name}={value:?}: {code:?}");
    Ok(())
}

#[test]
fn a_commit_that_the_log_refuses_is_refused_and_forgotten() -> Result<()> {
    if !need::ready("fleet", &[])? {
        return Ok(());
    }
    let (_scratch, mut fleet) = formed("fleet-refused")?;
    let index = partition(&fleet)?;
    configure((&fleet, fleet.controller()?), OFFSETS, "min.insync.replicas", Some("3"))?;
    let gone = (fleet.coordinator(GROUP)? + 1) % 3;
    fleet.kill(gone)?;
    fleet.wait("two in sync", SOON, |fleet| {
        let known = fleet.partitions(OFFSETS)?;
        Ok(known.get(&index).is_some_and(|it| it.leader >= 0 && it.in_sync.len() == 2))
    })?;
    let code = try_commit(&fleet, 9)?;
    ensure!(code == NOT_AVAILABLE, "the log takes nothing, and the client hears {code}");
    ensure!(known(&mut fleet)? == 5, "what was refused is shown");
    fleet.start(gone)?;
    fleet.agreed(OFFSETS, SOON)?;
    ensure!(known(&mut fleet)? == 5, "what was refused is there");
    committed(&mut fleet, 10)?;
    ensure!(known(&mut fleet)? == 10, "and then nothing more is taken in");
    configure((&fleet, fleet.controller()?), OFFSETS, "min.insync.replicas", None)
}

/// Records that no coordinator wrote: the version of the key unknown, cut off, none at all; the
/// value of an offset cut off; a group that is nothing but noise.
fn poison() -> Vec<Record> {
    let key = |version: i16, rest: &[u8]| [&version.to_be_bytes(), rest].concat();
    let name = |text: &str| [&[0, 1], text.as_bytes()].concat();
    let offset = key(1, &[name(GROUP), name(TOPIC), vec![0; 4]].concat());
    let all = [
        (Some(key(99, b"later")), Some(b"?".to_vec())),
        (Some(vec![0]), Some(b"?".to_vec())),
        (None, Some(b"?".to_vec())),
        (Some(offset), Some(vec![0, 3, 0, 0])),
        (Some(key(2, &name("h"))), Some(vec![0xff; 64])),
        (Some(key(2, &[0x7f, 0xff])), Some(Vec::new())),
    ];
    all.map(|(key, value)| Record { key, value, ..Record::default() }).into()
}

#[test]
fn records_that_cannot_be_read_cost_a_coordinator_nothing_else() -> Result<()> {
    if !need::ready("fleet", &[])? {
        return Ok(());
    }
    let (_scratch, mut fleet) = formed("fleet-poison")?;
    let index = partition(&fleet)?;
    for id in 0..3 {
        fleet.terminate(id, SOON)?;
    }
    for id in 0..3 {
        let file = fleet.data(id).join(format!("{OFFSETS}-{index}/00000000000000000000.log"));
        let log = fs::read(&file)?;
        let epoch = log.get(12..16).and_then(|bytes| bytes.try_into().ok()).map(i32::from_be_bytes);
        let poison = Batch {
            base_offset: batch::end(&log)?,
            leader_epoch: epoch.context("the log is empty")?,
            records: poison(),
            ..Batch::default()
        };
        OpenOptions::new().append(true).open(&file)?.write_all(&poison.encode())?;
    }
    fleet.start_all()?;
    fleet.agreed(OFFSETS, SOON).with_context(|| fleet.tails())?;
    ensure!(known(&mut fleet)? == 5, "a broken record took a good one along");
    committed(&mut fleet, 6)?;
    let coordinator = fleet.coordinator(GROUP)?;
    fleet.kill(coordinator)?;
    while fleet.coordinator(GROUP).is_ok_and(|next| next == coordinator) {
        process::pause();
    }
    ensure!(known(&mut fleet)? == 6, "the next one reads the same log");
    Ok(())
}
