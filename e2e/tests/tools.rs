//! Apache's command-line tools say about Kastellan what they say about Apache Kafka 4.3.1, but for
//! the lines listed with a reason.
//!
//! With `KASTELLAN_JUDGE=kafka` a second Apache Kafka stands in for ours, which proves the scripts.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::judged::{self, Judged};
use kastellan_e2e::peer::{Jvm, Peer};
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::{cache, need, tools};

/// The same on both sides. Topics are made only when asked for, and a rebalance does not wait.
const SETTINGS: &[(&str, &str)] =
    &[("auto.create.topics.enable", "false"), ("group.initial.rebalance.delay.ms", "0")];

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
    ensure!(notes.len() > 200, "only {} commands ran", notes.len());

    let found = tools::differences(&notes)?;
    println!("{} commands compared, {} lines differ", notes.len(), found.len());
    tools::judge(&found, &rows).with_context(|| format!("see {}", table.display()))
}

fn tail(broker: &mut Judged) -> String {
    broker.process().map_or_else(|error| error.to_string(), |process| process.tail())
}
