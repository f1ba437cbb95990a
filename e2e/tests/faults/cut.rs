//! F7, F8, F9: cables that are cut, slow or bad.

use std::time::Duration;

use anyhow::Result;
use kastellan_e2e::network::Who;

use crate::rig::{Rig, SOON, TOPIC};

#[test]
fn f8_a_leader_that_no_client_reaches_stays_and_breaks_no_promise() -> Result<()> {
    Rig::through("f8-clients", |rig, workload| {
        let id = rig.fleet.leader(TOPIC, 0)?;
        rig.network()?.part(Who::Clients, Who::Host(id))?;
        workload.go_on(Duration::from_secs(4))?;
        rig.network()?.heal()?;
        rig.explain(workload.progress(100))?;
        Ok(())
    })
}

#[test]
fn f9_links_that_are_slow_and_lose_some_break_no_promise() -> Result<()> {
    Rig::through("f9", |rig, workload| {
        for id in 0..3 {
            rig.network()?.slow(id, 2000, 100)?;
            rig.network()?.lose(Who::Host(id), 5)?;
        }
        rig.explain(workload.progress(300))?;
        rig.network()?.heal()?;
        Ok(())
    })
}

#[test]
fn f7_a_leader_that_only_clients_reach_breaks_no_promise() -> Result<()> {
    Rig::through("f7-clients", |rig, workload| {
        for _ in 0..2 {
            let id = rig.fleet.leader(TOPIC, 0)?;
            rig.part(id)?;
            rig.replaced(id)?;
            rig.explain(workload.progress(100))?;
            rig.network()?.heal()?;
            rig.fleet.agreed(TOPIC, SOON)?;
        }
        Ok(())
    })
}

#[test]
fn f7_a_leader_that_is_heard_and_hears_nobody_breaks_no_promise() -> Result<()> {
    Rig::through("f7-deaf", |rig, workload| {
        for deaf in [true, false] {
            let id = rig.fleet.leader(TOPIC, 0)?;
            for other in (0..3).filter(|other| *other != id) {
                let (from, to) = if deaf { (other, id) } else { (id, other) };
                rig.network()?.cut(Who::Host(from), Who::Host(to))?;
            }
            rig.replaced(id)?;
            rig.explain(workload.progress(100))?;
            rig.network()?.heal()?;
            rig.fleet.agreed(TOPIC, SOON)?;
        }
        Ok(())
    })
}

/// Hosts that do not reach each other one after the other: shorter than a session, longer than any
/// answer is waited for within the quorum.
const FLAP: Duration = Duration::from_millis(700);

#[test]
fn f7_links_that_flap_break_no_promise() -> Result<()> {
    Rig::through("f7-flap", |rig, workload| {
        for round in 0..9 {
            rig.network()?.part(Who::Host(round % 3), Who::Host((round + 1) % 3))?;
            workload.go_on(FLAP)?;
            rig.network()?.heal()?;
            workload.go_on(FLAP / 2)?;
        }
        rig.explain(workload.progress(100))?;
        Ok(())
    })
}

#[test]
fn f7_a_ring_in_which_each_hears_one_breaks_no_promise() -> Result<()> {
    Rig::through("f7-ring", |rig, workload| {
        for id in 0..3 {
            rig.network()?.cut(Who::Host(id), Who::Host((id + 1) % 3))?;
        }
        workload.go_on(Duration::from_secs(8))?;
        rig.network()?.heal()?;
        rig.explain(workload.progress(100))?;
        Ok(())
    })
}

#[test]
fn f7_two_that_a_third_alone_connects_break_no_promise() -> Result<()> {
    Rig::through("f7-bridge", |rig, workload| {
        for between in 0..3 {
            rig.network()?.part(Who::Host((between + 1) % 3), Who::Host((between + 2) % 3))?;
            workload.go_on(Duration::from_secs(5))?;
            rig.network()?.heal()?;
            rig.explain(workload.progress(100))?;
            rig.fleet.agreed(TOPIC, SOON)?;
        }
        Ok(())
    })
}
