//! kill -9 of each broker in turn under other clients than librdkafka: each has its own way of
//! finding out who leads and who coordinates now, and of sending again what was not answered.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use kastellan_e2e::fleet::Fleet;
use kastellan_e2e::need::{self, Tool};
use kastellan_e2e::pump::Pump;
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::{cache, peer};

const SOON: Duration = Duration::from_mins(1);

fn sources(client: &str) -> PathBuf {
    cache::e2e().join("clients").join(client)
}

/// Lets a client write with acks=all and read as a group while each broker is killed and started
/// again, and judges its notes.
fn torment(client: &str, tools: &[Tool], program: impl FnOnce() -> Result<Command>) -> Result<()> {
    // the judge of all of them is a reader in Python
    if !need::ready(&format!("fleet/{client}"), &[tools, &[Tool::Python]].concat())? {
        return Ok(());
    }
    let scratch = Scratch::new(&format!("fleet-{client}"))?;
    let mut fleet = Fleet::three(scratch.path(), &[])?;
    fleet.create("pump", 3)?;
    fleet.agreed("pump", SOON)?;
    let mut pump = Pump::other(program()?, &fleet.bootstrap(), scratch.path())?;
    for id in 0..3 {
        pump.progress(300).with_context(|| fleet.tails())?;
        fleet.kill(id)?;
        pump.progress(300).with_context(|| format!("without {id}: {}", fleet.tails()))?;
        fleet.start(id)?;
        fleet.agreed("pump", SOON)?;
    }
    pump.judge(&fleet.bootstrap()).with_context(|| fleet.tails())?;
    Ok(())
}

#[test]
fn the_java_client_loses_and_repeats_nothing_while_each_broker_is_killed() -> Result<()> {
    torment("java", &[Tool::Java, Tool::Maven], || {
        let source = sources("java");
        let jars = peer::maven("kafka-java-client", &source.join("pom.xml"))?;
        let mut command = Command::new("java");
        command.arg("-cp").arg(format!("{}/*", jars.display())).arg("-XX:TieredStopAtLevel=1");
        command.arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=error");
        command.arg(source.join("Pump.java"));
        Ok(command)
    })
}

#[test]
fn franz_go_loses_and_repeats_nothing_while_each_broker_is_killed() -> Result<()> {
    torment("franz-go", &[Tool::Go], || {
        let source = sources("franz-go");
        let keys = [source.join("go.sum"), source.join("pump/pump.go")];
        let program = cache::prepared("franz-go-pump", &keys, |folder| {
            let mut build = Command::new("go");
            build.args(["build", "-o"]).arg(folder.join("pump")).arg("./pump");
            cache::run(build.current_dir(&source))
        })?;
        Ok(Command::new(program.join("pump")))
    })
}

#[test]
fn kafkajs_loses_and_repeats_nothing_while_each_broker_is_killed() -> Result<()> {
    torment("kafkajs", &[Tool::Node, Tool::Npm], || {
        let source = sources("kafkajs");
        let modules = cache::node("kafkajs", &source)?;
        let mut command = Command::new("node");
        command.env("NODE_PATH", modules.join("node_modules")).arg(source.join("pump.js"));
        Ok(command)
    })
}
