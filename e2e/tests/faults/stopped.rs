//! F2: a leader that is there and silent, for as long as others need to replace it.

use anyhow::Result;

use crate::rig::{Rig, SOON, TOPIC};

#[test]
fn f2_a_leader_that_was_stopped_and_goes_on_breaks_no_promise() -> Result<()> {
    Rig::through("f2", |rig, workload| {
        for _ in 0..3 {
            let id = rig.fleet.leader(TOPIC, 0)?;
            rig.fleet.stop(id)?;
            rig.replaced(id)?;
            rig.explain(workload.progress(100))?;
            rig.fleet.go_on(id)?;
            rig.explain(workload.progress(100))?;
            rig.fleet.agreed(TOPIC, SOON)?;
        }
        Ok(())
    })
}
