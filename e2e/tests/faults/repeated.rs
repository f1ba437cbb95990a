//! F10: answers that get lost, so that clients send again what was written.

use anyhow::{Result, ensure};
use kastellan_e2e::history::{Rule, judge};
use kastellan_e2e::workload::Writing;

use crate::rig::{Rig, TOPIC};

/// Every eleventh answer gets lost.
const LOSING: Writing = Writing {
    idempotent: true,
    acks: -1,
    lose: Some(11),
    writers: 1,
    batch: 3,
    pause: std::time::Duration::ZERO,
};

#[test]
fn f10_lost_answers_repeat_nothing_of_an_idempotent_producer() -> Result<()> {
    let Some(mut rig) = Rig::new("f10", &[])? else { return Ok(()) };
    let mut workload = rig.work(LOSING)?;
    rig.explain(workload.progress(1500))?;
    // and by a leader that has it from the one before
    let id = rig.fleet.leader(TOPIC, 0)?;
    rig.fleet.kill(id)?;
    rig.replaced(id)?;
    rig.explain(workload.progress(1500))?;
    rig.fleet.start(id)?;
    rig.judge(workload)?;
    Ok(())
}

#[test]
fn f10_the_same_without_idempotence_is_seen_to_repeat() -> Result<()> {
    let Some(rig) = Rig::new("f10-control", &[])? else { return Ok(()) };
    let mut workload = rig.work(Writing { idempotent: false, ..LOSING })?;
    rig.explain(workload.progress(300))?;
    let broken = judge(&workload.finish()?);
    ensure!(broken.iter().any(|it| it.rule == Rule::Once), "nobody sees it: {broken:?}");
    Ok(())
}
