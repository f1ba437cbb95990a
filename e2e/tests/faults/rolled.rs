//! F15: all brokers are stopped in order and started again, one after the other.

use std::time::Duration;

use anyhow::{Result, ensure};
use kastellan_e2e::history::longest_gap;
use kastellan_e2e::workload::Writing;

use crate::rig::{Rig, SOON, TOPIC};

#[test]
fn f15_a_rolling_restart_breaks_no_promise_and_is_hardly_noticed() -> Result<()> {
    let Some(mut rig) = Rig::new("f15", &[])? else { return Ok(()) };
    let mut workload = rig.work(Writing::default())?;
    for id in 0..3 {
        rig.fleet.terminate(id, SOON)?;
        rig.explain(workload.progress(50))?;
        rig.fleet.start(id)?;
        rig.fleet.agreed(TOPIC, SOON)?;
        rig.explain(workload.progress(50))?;
    }
    let events = rig.judge(workload)?;
    let gap = longest_gap(&events);
    ensure!(gap < Duration::from_secs(3), "{gap:?} without an acknowledgement");
    Ok(())
}
