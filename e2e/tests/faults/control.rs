//! Whether the judge sees anything: Apache Kafka, set up so that it loses or repeats records by its
//! own account, is found to do so, and to keep its promises where it is not.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::fleet::Fleet;
use kastellan_e2e::history::{Rule, judge};
use kastellan_e2e::need;
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::workload::{Workload, Writing};

use crate::rig::{SOON, TOPIC};

/// How long two of the three are silent: shorter than a session, and than any replica may lag.
const SILENCE: Duration = Duration::from_secs(1);

/// Three brokers of Apache Kafka with a topic.
fn kafka(name: &str, settings: &[(&str, &str)]) -> Result<Option<(Scratch, Fleet)>> {
    if !need::ready(&format!("faults/{name}"), need::APACHE)? {
        return Ok(None);
    }
    let scratch = Scratch::new(name)?;
    // the clients' records are of 1970
    let settings = [&[("log.retention.ms", "-1")], settings].concat();
    let mut fleet = Fleet::three_of_kafka(scratch.path(), &settings)?;
    let made = fleet.wait("a topic", SOON, |fleet| fleet.create(TOPIC, 3).map(|()| true));
    made.and_then(|_| fleet.agreed(TOPIC, SOON))?;
    Ok(Some((scratch, fleet)))
}

/// The rules that `writing` finds broken when a leader, whose followers have been silent for a
/// moment, is killed.
fn broken(fleet: &mut Fleet, writing: Writing) -> Result<Vec<Rule>> {
    let mut workload = Workload::start(fleet, TOPIC, writing)?;
    workload.progress(30)?;
    let id = fleet.leader(TOPIC, 0)?;
    let followers: Vec<i32> = (0..3).filter(|other| *other != id).collect();
    followers.iter().try_for_each(|other| fleet.stop(*other))?;
    workload.go_on(SILENCE)?;
    fleet.kill(id)?;
    followers.iter().try_for_each(|other| fleet.go_on(*other))?;
    fleet.wait("another leads", SOON, |fleet| Ok(fleet.leader(TOPIC, 0)? != id))?;
    workload.progress(30)?;
    fleet.start(id)?;
    fleet.agreed(TOPIC, SOON)?;
    Ok(judge(&workload.finish()?).into_iter().map(|broken| broken.rule).collect())
}

#[test]
#[ignore = "long: make faults runs it"]
fn kafka_with_acks_all_is_found_to_keep_its_promises() -> Result<()> {
    let Some((_scratch, mut fleet)) = kafka("control", &[])? else { return Ok(()) };
    let broken = broken(&mut fleet, Writing::default())?;
    ensure!(broken.is_empty(), "{broken:?}\n{}", fleet.tails());
    Ok(())
}

#[test]
#[ignore = "long: make faults runs it"]
fn kafka_with_acks_1_is_found_to_lose_what_it_acknowledged() -> Result<()> {
    let Some((_scratch, mut fleet)) = kafka("control-acks", &[])? else { return Ok(()) };
    let careless = Writing { idempotent: false, acks: 1, ..Writing::default() };
    let broken = broken(&mut fleet, careless)?;
    ensure!(broken.contains(&Rule::Kept), "nobody sees it: {broken:?}");
    Ok(())
}

#[test]
#[ignore = "long: make faults runs it"]
fn kafka_with_lost_answers_and_no_idempotence_is_found_to_repeat() -> Result<()> {
    let Some((_scratch, fleet)) = kafka("control-lost", &[])? else { return Ok(()) };
    let repeating = Writing { idempotent: false, lose: Some(11), ..Writing::default() };
    let mut workload = Workload::start(&fleet, TOPIC, repeating)?;
    workload.progress(300)?;
    let broken = judge(&workload.finish()?);
    ensure!(broken.iter().any(|it| it.rule == Rule::Once), "nobody sees it: {broken:?}");
    Ok(())
}

#[test]
#[ignore = "long: make faults runs it"]
fn kafka_with_unclean_elections_is_found_to_lose_what_it_acknowledged() -> Result<()> {
    let unclean = [
        ("unclean.leader.election.enable", "true"),
        ("min.insync.replicas", "1"),
        ("default.replication.factor", "2"),
    ];
    let Some((_scratch, mut fleet)) = kafka("control-unclean", &unclean)? else { return Ok(()) };
    let mut workload = Workload::start(&fleet, TOPIC, Writing::default())?;
    workload.progress(30)?;
    let known = fleet.partitions(TOPIC)?.remove(&0).context("no partition 0")?;
    let has_it = known.leader;
    let late = known.replicas.into_iter().find(|id| *id != has_it).context("one replica")?;
    fleet.kill(late)?;
    fleet.wait("one is in sync", SOON, |fleet| {
        let known = fleet.partitions(TOPIC)?.remove(&0).context("no partition 0")?;
        Ok(known.leader == has_it && known.in_sync == [has_it])
    })?;
    workload.go_on(Duration::from_secs(2))?;
    // whoever has not heard of these records leads
    fleet.kill(has_it)?;
    fleet.start(late)?;
    fleet.wait("an unclean election", SOON, |fleet| Ok(fleet.leader(TOPIC, 0)? == late))?;
    workload.progress(30)?;
    fleet.start(has_it)?;
    fleet.agreed(TOPIC, SOON)?;
    let broken = judge(&workload.finish()?);
    ensure!(broken.iter().any(|it| it.rule == Rule::Kept), "nobody sees it: {broken:?}");
    Ok(())
}
