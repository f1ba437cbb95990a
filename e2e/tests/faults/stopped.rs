//! F2: a leader that is there and silent, for as long as others need to replace it.

use anyhow::Result;
use kastellan_e2e::workload::Writing;

use crate::rig::{Rig, SOON, TOPIC};

#[test]
fn f2_a_leader_that_was_stopped_and_goes_on_breaks_no_promise() -> Result<()> {
    let Some(mut rig) = Rig::new("f2", &[])? else { return Ok(()) };
    let mut workload = rig.work(Writing::default())?;
    for _ in 0..3 {
        let id = rig.fleet.leader(TOPIC, 0)?;
        rig.fleet.stop(id)?;
        rig.replaced(id)?;
        rig.explain(workload.progress(100))?;
        rig.fleet.go_on(id)?;
        rig.explain(workload.progress(100))?;
        rig.fleet.agreed(TOPIC, SOON)?;
    }
    rig.judge(workload)?;
    Ok(())
}
