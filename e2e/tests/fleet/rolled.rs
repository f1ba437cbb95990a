//! SIGTERM of one broker after the other: others take over before it ends, and clients notice
//! nothing.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::fleet::Fleet;
use kastellan_e2e::need::{self, Tool};
use kastellan_e2e::pump::Pump;
use kastellan_e2e::suite::{self, Scratch};
use kastellan_e2e::{cache, process};

const SOON: Duration = Duration::from_mins(1);

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
        fleet.whole("pump", SOON)?;
    }
    let log = std::fs::read_to_string(scratch.path().join("write.log"))?;
    pump.judge(&fleet.bootstrap()).with_context(|| fleet.tails())?;
    ensure!(!log.contains("ERROR"), "{log}");
    Ok(())
}

#[test]
fn the_walk_through_goes_on_while_brokers_are_killed_in_turn() -> Result<()> {
    if !need::ready("fleet", &[Tool::Python])? {
        return Ok(());
    }
    let scratch = Scratch::new("fleet-walk")?;
    let mut fleet = Fleet::three(scratch.path(), &[("num.partitions", "2")])?;
    let source = cache::e2e().join("clients/confluent-kafka");
    let python = cache::python(&source.join("requirements.txt"))?;
    let bootstrap = fleet.bootstrap();
    let folder = scratch.path().to_owned();
    let walk = std::thread::spawn(move || -> Result<String> {
        let mut command = Command::new(&python);
        command.arg("-B").arg(source.join("walk.py")).arg(&bootstrap);
        let output = suite::run(&mut command, &folder.join("walk.log"), Duration::from_mins(3))?;
        ensure!(output.status.success(), "{}", output.text);
        Ok(output.text)
    });
    let mut turn = 0;
    while !walk.is_finished() {
        let id = turn % 3;
        if turn % 2 == 0 {
            fleet.kill(id)?;
        } else {
            fleet.terminate(id, SOON)?;
        }
        fleet.start(id)?;
        // the next one goes when this one is of use again
        fleet.wait("in sync again", SOON, |fleet| {
            let partitions = fleet.partitions("__consumer_offsets")?;
            Ok(partitions.values().all(|it| it.in_sync.len() == it.replicas.len()))
        })?;
        turn += 1;
        process::pause();
    }
    let text = walk.join().map_err(|_panic| anyhow::anyhow!("the walk panicked"))?;
    let text = text.with_context(|| fleet.tails())?;
    ensure!(turn >= 3, "only {turn} brokers went meanwhile:\n{text}");
    Ok(())
}
