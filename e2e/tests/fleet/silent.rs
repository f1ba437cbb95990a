//! A broker that is there and says nothing (SIGSTOP): others take over, and what it thought in the
//! meantime does not count.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::batch::Batch;
use kastellan_e2e::fleet::Fleet;
use kastellan_e2e::need::{self, Tool};
use kastellan_e2e::pump::Pump;
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::wire::{Answer, PRODUCE, Wire, frame, produce, produced, response};

/// One batch with these values.
fn batch(values: &[&str]) -> Vec<u8> {
    Batch::of(0, values).encode()
}

const SOON: Duration = Duration::from_mins(1);

#[test]
fn a_leader_that_falls_silent_is_replaced_and_comes_back_as_a_follower() -> Result<()> {
    if !need::ready("fleet", &[Tool::Python])? {
        return Ok(());
    }
    let scratch = Scratch::new("fleet-silent")?;
    let mut fleet = Fleet::three(scratch.path(), &[])?;
    let mut pump = Pump::start("write", &fleet.bootstrap(), scratch.path())?;
    for _ in 0..3 {
        pump.progress(1500).with_context(|| fleet.tails())?;
        let id = fleet.leader("pump", 1)?;
        fleet.stop(id)?;
        fleet.wait("another leads", SOON, |fleet| Ok(fleet.leader("pump", 1)? != id))?;
        pump.progress(1500).with_context(|| fleet.tails())?;
        fleet.go_on(id)?;
        fleet.agreed("pump", SOON)?;
    }
    pump.judge(&fleet.bootstrap()).with_context(|| fleet.tails())?;
    Ok(())
}

#[test]
fn a_batch_that_is_acknowledged_by_nobody_in_time_does_not_keep_its_connection_busy() -> Result<()>
{
    let scratch = Scratch::new("fleet-late")?;
    let mut fleet = Fleet::three(scratch.path(), &[])?;
    fleet.create("t", 1)?;
    fleet.agreed("t", SOON)?;
    let id = fleet.leader("t", 0)?;
    let mut wire = Wire::connect(fleet.address(id)?)?;
    wire.produce("t", 0, batch(&["before"]))?;
    let followers: Vec<i32> = (0..3).filter(|other| *other != id).collect();
    followers.iter().try_for_each(|other| fleet.stop(*other))?;
    let late = produce("t", 0, batch(&["late"])).with_timeout_ms(300);
    let answer = produced(&wire.call(PRODUCE, &late)?)?;
    ensure!(answer == Err(7), "it is answered {answer:?}");
    // now it is acknowledged, and nobody waits for that any more
    followers.iter().try_for_each(|other| fleet.go_on(*other))?;
    fleet.agreed("t", SOON)?;
    let used = |fleet: &mut Fleet| Ok::<_, anyhow::Error>(fleet.process(id)?.usage()?.cpu);
    let (before, begun) = (used(&mut fleet)?, Instant::now());
    fleet.wait("a while", SOON, |_| Ok(begun.elapsed() > Duration::from_secs(2)))?;
    let share = (used(&mut fleet)? - before) / begun.elapsed().as_secs_f64();
    ensure!(share < 0.5, "an idle broker takes {share} of a core");
    ensure!(wire.produce("t", 0, batch(&["after"])).is_ok() || fleet.leader("t", 0)? != id, "deaf");
    Ok(())
}

#[test]
fn a_leader_that_was_replaced_acknowledges_nothing_more() -> Result<()> {
    let scratch = Scratch::new("fleet-fenced")?;
    let mut fleet = Fleet::three(scratch.path(), &[])?;
    fleet.create("t", 1)?;
    let id = fleet.leader("t", 0)?;
    let mut wire = Wire::connect(fleet.address(id)?)?;
    wire.produce("t", 0, batch(&["before"]))?;
    fleet.stop(id)?;
    // it lies in its socket until it goes on
    let late = produce("t", 0, batch(&["late"]));
    wire.send(&frame(PRODUCE, 77, &late)?)?;
    fleet.wait("another leads", SOON, |fleet| Ok(fleet.leader("t", 0)? != id))?;
    let leader = fleet.leader("t", 0)?;
    let offset = Wire::connect(fleet.address(leader)?)?.produce("t", 0, batch(&["after"]))?;
    ensure!(offset == 1, "the new leader wrote at {offset}");
    fleet.go_on(id)?;
    match wire.receive(SOON)? {
        Answer::Frame(bytes) => {
            let answer = response::<kafka_protocol::messages::ProduceRequest>(PRODUCE, 77, bytes)?;
            let code = produced(&answer)?;
            ensure!(code.is_err(), "the old leader acknowledged at {code:?}");
        }
        Answer::Closed => {}
        Answer::Silence => anyhow::bail!("the old leader says nothing"),
    }
    fleet.agreed("t", SOON)?;
    for id in 0..3 {
        let end = fleet.end(id, "t", 0)?;
        ensure!(end == 2, "broker {id} has {end} records");
    }
    Ok(())
}
