//! kill -9 in the middle loses nothing acknowledged, writes nothing twice, keeps the order.

use anyhow::Result;
use kastellan_e2e::judged::{self, Judged};
use kastellan_e2e::need::Tool;
use kastellan_e2e::pump::Pump;
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::wire::Wire;

/// How often the broker is killed.
const ROUNDS: usize = 5;

/// Lets `pump` go on until it has gone through `ROUNDS` sudden deaths of the broker.
fn torment(broker: &mut Judged, pump: &mut Pump, each: usize) -> Result<()> {
    for _ in 0..ROUNDS {
        pump.progress(each)?;
        broker.process()?.kill()?;
        broker.restart()?;
    }
    pump.progress(each)
}

#[test]
fn every_acknowledged_record_is_there_once_and_in_order_after_kill_9() -> Result<()> {
    if !judged::ready("kill", &[Tool::Python])? {
        return Ok(());
    }
    let scratch = Scratch::new("kill")?;
    let folder = scratch.path();
    let mut broker = Judged::start(folder, &[])?;
    let mut pump = Pump::start("write", &broker.address().to_string(), folder)?;
    torment(&mut broker, &mut pump, 3000)?;
    pump.judge(&broker.address().to_string())?;
    Ok(())
}

#[test]
fn an_acknowledged_offset_commit_survives_kill_9() -> Result<()> {
    if !judged::ready("kill", &[Tool::Python])? {
        return Ok(());
    }
    let scratch = Scratch::new("kill-commit")?;
    let folder = scratch.path();
    let mut broker = Judged::start(folder, &[])?;
    Wire::connect(broker.address())?.create("pump", 1, &[])?;
    let mut pump = Pump::start("commit", &broker.address().to_string(), folder)?;
    torment(&mut broker, &mut pump, 100)?;
    pump.judge_commits(&broker.address().to_string())
}
