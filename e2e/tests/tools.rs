//! Apache's command-line tools say about Kastellan what they say about Apache Kafka 4.3.1, but for
//! the lines listed with a reason.
//!
//! With `KASTELLAN_JUDGE=kafka` a second Apache Kafka stands in for ours, which proves the scripts.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::judged::{self, Judged};
use kastellan_e2e::peer::{Jvm, Peer};
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::tools::Note;
use kastellan_e2e::{cache, need, tools};

/// The same on both sides. Topics are made only when asked for, and a rebalance does not wait.
const SETTINGS: &[(&str, &str)] =
    &[("auto.create.topics.enable", "false"), ("group.initial.rebalance.delay.ms", "0")];

/// With access control lists, and everybody a super user.
const GUARDED: &[(&str, &str)] = &[
    ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
    ("super.users", "User:ANONYMOUS"),
];

#[test]
fn apaches_tools_say_of_ours_what_they_say_of_apache_kafka() -> Result<()> {
    if !need::ready("tools", need::APACHE)? {
        return Ok(());
    }
    let table = cache::e2e().join("clients/tools/FINDINGS.md");
    let rows = if judged::is_kafka() {
        Vec::new()
    } else {
        tools::findings(&fs::read_to_string(&table)?)?
    };
    let scratch =
        [Scratch::new("tools")?, Scratch::new("tools-kafka")?, Scratch::new("tools-ours")?];
    let mut kafka = Peer::format(scratch[1].path(), Jvm::Test, SETTINGS)?;
    kafka.start()?;
    let mut ours = Judged::start(scratch[2].path(), SETTINGS)?;

    let addresses = (kafka.address(), ours.address());
    let notes = tools::play(scratch[0].path(), addresses, &tools::scripts())
        .with_context(|| format!("the broker's log ends:\n{}", tail(&mut ours)))?;
    ours.process()?.check_alive().context("the broker did not survive the tools")?;
    drop((kafka, ours));
    let notes = [notes, guarded(&scratch)?].concat();
    ensure!(notes.len() > 200, "only {} commands ran", notes.len());

    let found = tools::differences(&notes)?;
    println!("{} commands compared, {} lines differ", notes.len(), found.len());
    tools::judge(&found, &rows).with_context(|| format!("see {}", table.display()))
}

/// What the tools say of brokers with access control lists, to a super user.
fn guarded(scratch: &[Scratch; 3]) -> Result<Vec<Note>> {
    let [folder, theirs, own] = scratch.each_ref().map(|it| it.path().join("acl"));
    for folder in [&folder, &theirs, &own] {
        fs::create_dir(folder)?;
    }
    let mut kafka = Peer::format(&theirs, Jvm::Test, GUARDED)?;
    kafka.start()?;
    let mut ours = Judged::start(&own, GUARDED)?;
    let notes = tools::play(&folder, (kafka.address(), ours.address()), &tools::guarded())
        .with_context(|| format!("the broker's log ends:\n{}", tail(&mut ours)))?;
    ours.process()?.check_alive().context("the broker did not survive kafka-acls")?;
    Ok(notes)
}

fn tail(broker: &mut Judged) -> String {
    broker.process().map_or_else(|error| error.to_string(), |process| process.tail())
}
