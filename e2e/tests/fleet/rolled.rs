//! SIGTERM of one broker after the other: others take over before it ends, and clients notice
//! nothing.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::fleet::Fleet;
use kastellan_e2e::need::{self, Tool};
use kastellan_e2e::pump::Pump;
use kastellan_e2e::suite::{self, Scratch};
use kastellan_e2e::wire::Wire;
use kastellan_e2e::{cache, process};

const SOON: Duration = Duration::from_mins(1);
/// How long a broker that took over serves before it goes, too. A coordinator that takes over gives
/// every member a new session, as Kafka's does; if the next came before the 6 s of the walk's
/// sessions have passed, a member that died would live for as long as brokers are killed.
const SERVES: Duration = Duration::from_secs(8);
/// How many times the clients walk, so that each broker goes while they do.
const WALKS: u32 = 4;

#[test]
fn sigterm_of_each_broker_in_turn_fails_no_send() -> Result<()> {
    if !need::ready("fleet", &[Tool::Python])? {
        return Ok(());
    }
    let scratch = Scratch::new("fleet-roll")?;
    let mut fleet = Fleet::three(scratch.path(), &[])?;
    // the writer ends with an error as soon as a send fails
    let mut pump = Pump::start("write", &fleet.bootstrap(), scratch.path())?;
    for id in 0..3 {
        pump.progress(1500).with_context(|| fleet.tails())?;
        fleet.terminate(id, SOON)?;
        pump.progress(1500).with_context(|| fleet.tails())?;
        fleet.start(id)?;
        fleet.agreed("pump", SOON)?;
    }
    let log = std::fs::read_to_string(scratch.path().join("write.log"))?;
    pump.judge(&fleet.bootstrap()).with_context(|| fleet.tails())?;
    ensure!(!log.contains("ERROR"), "{log}");
    Ok(())
}

#[test]
fn every_topic_is_created_while_one_controller_after_the_other_stops() -> Result<()> {
    if !need::ready("fleet", &[])? {
        return Ok(());
    }
    let scratch = Scratch::new("fleet-create")?;
    let mut fleet = Fleet::three(scratch.path(), &[])?;
    for turn in 0..4 {
        let controller = fleet.controller()?;
        let other = fleet.address((controller + 1) % 3)?;
        let (created, goes_on) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(true)));
        let (count, seen) = (Arc::clone(&created), Arc::clone(&goes_on));
        let writer = std::thread::spawn(move || -> Result<()> {
            let mut wire = Wire::connect(other)?;
            while seen.load(Ordering::Relaxed) {
                let number = count.fetch_add(1, Ordering::Relaxed);
                wire.create_by_default(&format!("{turn}-{number}"), 1)?;
            }
            Ok(())
        });
        let more = |fleet: &mut Fleet, than: u32| {
            let is_so = |_: &mut Fleet| Ok(created.load(Ordering::Relaxed) > than + 10);
            fleet.wait("topics being created", SOON, is_so)
        };
        more(&mut fleet, 0)?;
        fleet.terminate(controller, SOON)?;
        more(&mut fleet, created.load(Ordering::Relaxed))?;
        goes_on.store(false, Ordering::Relaxed);
        let written = writer.join().map_err(|_panic| anyhow::anyhow!("creating panicked"))?;
        written.with_context(|| fleet.tails())?;
        fleet.start(controller)?;
        fleet.agreed(&format!("{turn}-0"), SOON)?;
    }
    Ok(())
}

#[test]
fn the_walk_through_goes_on_while_brokers_are_killed_in_turn() -> Result<()> {
    if !need::ready("fleet", &[Tool::Python])? {
        return Ok(());
    }
    let scratch = Scratch::new("fleet-walk")?;
    let mut fleet = Fleet::three(scratch.path(), &[("num.partitions", "2")])?;
    let walk = |turn: u32| -> Result<Command> {
        let mut command = cache::script("confluent-kafka", "walk.py")?;
        command.arg(fleet.bootstrap()).arg(turn.to_string());
        Ok(command)
    };
    // before anybody is killed: what they need is installed
    let commands: Vec<Command> = (0..WALKS).map(walk).collect::<Result<_>>()?;
    let folder = scratch.path().to_owned();
    let walks = std::thread::spawn(move || -> Result<()> {
        for (turn, mut command) in commands.into_iter().enumerate() {
            let log = folder.join(format!("walk-{turn}.log"));
            let output = suite::run(&mut command, &log, Duration::from_mins(3))?;
            ensure!(output.status.success(), "walk {turn}:\n{}", steps(&output.text));
        }
        Ok(())
    });
    let mut turn = 0;
    while !walks.is_finished() {
        let id = turn % 3;
        if turn % 2 == 0 {
            fleet.kill(id)?;
        } else {
            fleet.terminate(id, SOON)?;
        }
        fleet.start(id)?;
        let begun = Instant::now();
        while begun.elapsed() < SERVES && !walks.is_finished() {
            process::pause();
        }
        turn += 1;
        if !walks.is_finished() {
            fleet.agreed("__consumer_offsets", SOON)?;
        }
    }
    let walked = walks.join().map_err(|_panic| anyhow::anyhow!("the walk panicked"))?;
    walked.with_context(|| fleet.tails())?;
    ensure!(turn >= 3, "only {turn} brokers went meanwhile");
    Ok(())
}

/// What a walk says itself, without what the library says of every connection that it lost.
fn steps(text: &str) -> String {
    let own = text.lines().filter(|line| !line.starts_with('%'));
    own.collect::<Vec<_>>().join("\n")
}
