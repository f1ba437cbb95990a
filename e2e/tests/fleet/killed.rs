//! kill -9 of whoever leads, and of whoever decides.

use std::time::Duration;

use anyhow::{Context as _, Result};
use kastellan_e2e::fleet::Fleet;
use kastellan_e2e::need::{self, Tool};
use kastellan_e2e::pump::Pump;
use kastellan_e2e::suite::Scratch;

/// How long an election may take on a machine that is busy with other tests.
const SOON: Duration = Duration::from_mins(1);

/// Lets a writer go on while `victim` is killed and started again, and judges its notes.
fn torment(name: &str, rounds: usize, victim: impl Fn(&Fleet) -> Result<i32>) -> Result<()> {
    if !need::ready("fleet", &[Tool::Python])? {
        return Ok(());
    }
    let scratch = Scratch::new(name)?;
    let mut fleet = Fleet::three(scratch.path(), &[])?;
    let mut pump = Pump::start("write", &fleet.bootstrap(), scratch.path())?;
    for round in 0..rounds {
        pump.progress(1500).with_context(|| fleet.tails())?;
        let id = victim(&fleet)?;
        fleet.kill(id)?;
        pump.progress(1500).with_context(|| format!("round {round}: {}", fleet.tails()))?;
        fleet.start(id)?;
        fleet.agreed("pump", SOON)?;
    }
    pump.judge(&fleet.bootstrap()).with_context(|| fleet.tails())?;
    Ok(())
}

#[test]
fn kill_9_of_a_partitions_leader_loses_repeats_and_reorders_nothing() -> Result<()> {
    torment("fleet-leader", 5, |fleet| fleet.leader("pump", 0))
}

#[test]
fn kill_9_of_the_active_controller_loses_repeats_and_reorders_nothing() -> Result<()> {
    torment("fleet-controller", 4, Fleet::controller)
}

#[test]
fn all_killed_at_once_come_back_with_what_was_acknowledged() -> Result<()> {
    if !need::ready("fleet", &[Tool::Python])? {
        return Ok(());
    }
    let scratch = Scratch::new("fleet-all")?;
    let mut fleet = Fleet::three(scratch.path(), &[])?;
    let mut pump = Pump::start("write", &fleet.bootstrap(), scratch.path())?;
    for _ in 0..2 {
        pump.progress(2000).with_context(|| fleet.tails())?;
        for id in 0..3 {
            fleet.kill(id)?;
        }
        fleet.start_all()?;
        fleet.agreed("pump", SOON)?;
    }
    pump.progress(1000).with_context(|| fleet.tails())?;
    pump.judge(&fleet.bootstrap()).with_context(|| fleet.tails())?;
    Ok(())
}

#[test]
fn an_acknowledged_offset_commit_survives_the_death_of_its_coordinator() -> Result<()> {
    if !need::ready("fleet", &[Tool::Python])? {
        return Ok(());
    }
    let scratch = Scratch::new("fleet-commit")?;
    let folder = scratch.path();
    let mut fleet = Fleet::three(folder, &[("num.partitions", "3")])?;
    fleet.create("pump", 3)?;
    let mut pump = Pump::start("commit", &fleet.bootstrap(), folder)?;
    for _ in 0..3 {
        pump.progress(100).with_context(|| fleet.tails())?;
        let coordinator = fleet.coordinator("committer")?;
        fleet.kill(coordinator)?;
        pump.progress(100).with_context(|| fleet.tails())?;
        fleet.start(coordinator)?;
        fleet.agreed("__consumer_offsets", SOON)?;
    }
    pump.judge_commits(&fleet.bootstrap())
}
