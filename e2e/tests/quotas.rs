//! A real client gets what its quota says, and not less or more than a tenth beside it.
//!
//! With `KASTELLAN_JUDGE=kafka` it is Apache Kafka's broker that is measured.

use std::io::{Write as _, stderr};
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use kafka_protocol::messages::AlterClientQuotasRequest;
use kafka_protocol::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use kastellan_e2e::cache;
use kastellan_e2e::judged::{self, Judged};
use kastellan_e2e::need::Tool;
use kastellan_e2e::suite::{self, Scratch};
use kastellan_e2e::wire::{Wire, text};

/// How long it is measured. Who has rested takes ten seconds' worth at once, and again whenever
/// eleven seconds are over: shortly before that, what was taken is as much as the rate says.
const SECONDS: f64 = 32.0;
const PRODUCER_RATE: f64 = 1_000_000.0;
const CONSUMER_RATE: f64 = 2_000_000.0;

/// The number that a client prints at its end.
fn client(mode: &str, address: SocketAddr, amount: f64, folder: &Path) -> Result<f64> {
    let mut command = cache::script("confluent-kafka", "quota.py")?;
    command.args([mode, &address.to_string(), &amount.to_string()]);
    let log = folder.join(format!("{mode}.log"));
    let output = suite::run(&mut command, &log, Duration::from_mins(2))?;
    // librdkafka's log is in between
    let said = output.text.lines().rev().find_map(|line| line.trim().parse().ok());
    said.with_context(|| format!("{mode} says:\n{}", output.text))
}

fn limit(wire: &mut Wire, client_id: &str, key: &str, rate: f64) -> Result<()> {
    let entity = EntityData::default()
        .with_entity_type(text("client-id"))
        .with_entity_name(Some(text(client_id)));
    let op = OpData::default().with_key(text(key)).with_value(rate);
    let entry = EntryData::default().with_entity(vec![entity]).with_ops(vec![op]);
    let request = AlterClientQuotasRequest::default().with_entries(vec![entry]);
    let answer = wire.call(1, &request)?;
    let code = answer.entries.first().map(|entry| entry.error_code);
    ensure!(code == Some(0), "{answer:?}");
    Ok(())
}

#[test]
fn a_client_gets_what_its_quota_says() -> Result<()> {
    if !judged::ready("quotas", &[Tool::Python])? {
        return Ok(());
    }
    let scratch = Scratch::new("quotas")?;
    let mut broker = Judged::start(scratch.path(), &[])?;
    let (address, folder) = (broker.address(), scratch.path());
    let mut wire = Wire::connect(address)?;
    wire.create("full", 1, &[])?;
    wire.create("new", 1, &[])?;
    limit(&mut wire, "producer", "producer_byte_rate", PRODUCER_RATE)?;
    limit(&mut wire, "consumer", "consumer_byte_rate", CONSUMER_RATE)?;
    // without a quota it takes what there is
    client("fill", address, CONSUMER_RATE * (SECONDS + 20.0), folder)?;
    let (produced, consumed) = thread::scope(|scope| {
        let producer = scope.spawn(|| client("produce", address, SECONDS, folder));
        let consumer = scope.spawn(|| client("consume", address, SECONDS, folder));
        let joined = |it: thread::Result<Result<f64>>| it.map_err(|panic| anyhow!("{panic:?}"))?;
        Ok::<_, anyhow::Error>((joined(producer.join())?, joined(consumer.join())?))
    })?;
    broker.process()?.check_alive()?;
    let (produced, consumed) =
        (produced / SECONDS / PRODUCER_RATE, consumed / SECONDS / CONSUMER_RATE);
    writeln!(stderr(), "of its rate a producer got {produced:.3} and a consumer {consumed:.3}")?;
    for share in [produced, consumed] {
        ensure!((share - 1.0).abs() < 0.1, "{share:.3} is not what the quota says");
    }
    Ok(())
}
