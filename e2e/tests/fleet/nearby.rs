//! A consumer that names its rack reads of the replica in it (KIP-392).

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::cache;
use kastellan_e2e::fleet::Fleet;
use kastellan_e2e::need::{self, Tool};
use kastellan_e2e::suite::{self, Scratch};

const SOON: Duration = Duration::from_mins(1);
const SELECTOR: &str = "org.apache.kafka.common.replica.RackAwareReplicaSelector";
const RECORDS: u32 = 500;

/// Reads `RECORDS` records of topic `near`; prints by whose broker, as librdkafka says.
fn read(fleet: &Fleet, scratch: &Scratch, rack: &str) -> Result<String> {
    let mut command = cache::script("confluent-kafka", "nearby.py")?;
    command.args([&fleet.bootstrap(), "near", &RECORDS.to_string(), rack]);
    let output = suite::run(&mut command, &scratch.path().join("client.log"), SOON)?;
    ensure!(output.status.success(), "{}", output.text);
    // librdkafka has something to say of brokers that are gone
    Ok(output.text.lines().last().unwrap_or_default().to_owned())
}

#[test]
fn a_consumer_reads_of_the_replica_in_its_rack_and_of_another_one_once_that_is_gone() -> Result<()>
{
    if !need::ready("fleet/nearby", &[Tool::Python])? {
        return Ok(());
    }
    let scratch = Scratch::new("fleet-nearby")?;
    let racks = [("broker.rack", "rack-{id}"), ("replica.selector.class", SELECTOR)];
    let mut fleet = Fleet::three(scratch.path(), &racks)?;
    fleet.create("near", 1)?;
    let leader = fleet.leader("near", 0)?;
    let near = (leader + 1) % 3;
    let of = |id: i32| format!("read of {id}");
    let said = read(&fleet, &scratch, &format!("rack-{near}")).with_context(|| fleet.tails())?;
    ensure!(said == of(near), "{said}, whose leader is {leader}");
    let said = read(&fleet, &scratch, &format!("rack-{leader}"))?;
    ensure!(said == of(leader), "the leader is as near: {said}");
    let said = read(&fleet, &scratch, "elsewhere")?;
    ensure!(said == of(leader), "nobody is there: {said}");

    fleet.kill(near)?;
    fleet.wait("the replica is out of sync", SOON, |fleet| {
        Ok(fleet.partitions("near")?.get(&0).is_some_and(|it| !it.in_sync.contains(&near)))
    })?;
    let said = read(&fleet, &scratch, &format!("rack-{near}")).with_context(|| fleet.tails())?;
    ensure!(said == of(fleet.leader("near", 0)?), "after a broker has gone: {said}");
    Ok(())
}
