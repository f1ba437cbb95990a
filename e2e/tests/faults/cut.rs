//! F8, F9: cables that are cut, slow or bad.

use anyhow::Result;
use kastellan_e2e::network::Who;
use kastellan_e2e::workload::Writing;

use crate::rig::{Rig, TOPIC};

#[test]
fn f8_a_leader_that_no_client_reaches_stays_and_breaks_no_promise() -> Result<()> {
    let Some(mut rig) = Rig::new("f8-clients", &[])? else { return Ok(()) };
    let mut workload = rig.work(Writing::default())?;
    let id = rig.fleet.leader(TOPIC, 0)?;
    rig.network()?.part(Who::Clients, Who::Host(id))?;
    workload.go_on(std::time::Duration::from_secs(4))?;
    rig.network()?.heal()?;
    rig.explain(workload.progress(100))?;
    rig.judge(workload)?;
    Ok(())
}

#[test]
fn f9_links_that_are_slow_and_lose_some_break_no_promise() -> Result<()> {
    let Some(mut rig) = Rig::new("f9", &[])? else { return Ok(()) };
    let mut workload = rig.work(Writing::default())?;
    for id in 0..3 {
        rig.network()?.slow(id, 2000, 100)?;
        rig.network()?.lose(Who::Host(id), 5)?;
    }
    rig.explain(workload.progress(300))?;
    rig.network()?.heal()?;
    rig.judge(workload)?;
    Ok(())
}
