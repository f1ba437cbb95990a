//! A broker that is said to be gone for good while it runs.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use kafka_protocol::messages::UnregisterBrokerRequest;
use kastellan_e2e::fleet::Fleet;
use kastellan_e2e::need;
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::wire::Wire;

const SOON: Duration = Duration::from_mins(1);
const TOPIC: &str = "idle";

#[test]
fn a_broker_that_runs_registers_again_and_is_in_sync_where_nothing_is_written_too() -> Result<()> {
    if !need::ready("fleet", &[])? {
        return Ok(());
    }
    let scratch = Scratch::new("fleet-unregistered")?;
    let mut fleet = Fleet::three(scratch.path(), &[])?;
    fleet.create(TOPIC, 3)?;
    fleet.agreed(TOPIC, SOON)?;
    let controller = fleet.controller()?;
    let leaders = |fleet: &Fleet| -> Result<Vec<i32>> {
        Ok(fleet.partitions(TOPIC)?.values().map(|it| it.leader).collect())
    };
    let gone = leaders(&fleet)?.into_iter().find(|leader| *leader != controller);
    let gone = gone.context("the controller leads everything")?;

    let request = UnregisterBrokerRequest::default().with_broker_id(gone.into());
    let answer = Wire::connect(fleet.address(controller)?)?.call(0, &request)?;
    ensure!(answer.error_code == 0, "{answer:?}");
    fleet.wait("others lead what it led", SOON, |fleet| Ok(!leaders(fleet)?.contains(&gone)))?;
    fleet.agreed(TOPIC, SOON)
}
