//! F5, F6: power that fails, on file systems that forget what was not synced.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use kastellan_e2e::disks::{self, Mount};
use kastellan_e2e::need::{self, Tool};
use kastellan_e2e::network::Who;
use kastellan_e2e::workload::Writing;

use crate::rig::{Rig, SOON, TOPIC};

/// The size of a broker's file system, in MiB.
const MIB: u64 = 256;

/// Brokers, each on a file system of its own that can lose its power.
struct Powered {
    disks: Vec<(PathBuf, Option<Mount>)>,
    rig: Rig,
}

impl Powered {
    fn new(name: &str, settings: &[(&str, &str)]) -> Result<Option<Powered>> {
        if !need::ready(name, &[Tool::Python])? || !disks::ready(name)? {
            return Ok(None);
        }
        let mut disks = Vec::new();
        let rig = Rig::on_disks(name, settings, |id, at| {
            let image = at.with_extension("image");
            let mount = Mount::ext4(&image, MIB, at).with_context(|| format!("disk {id}"))?;
            disks.push((image, Some(mount)));
            Ok(())
        })?;
        Ok(rig.map(|rig| Powered { disks, rig }))
    }

    /// The power of a broker fails, and the broker with it.
    fn fail(&mut self, id: i32) -> Result<()> {
        let (image, disk) = self.disks.get_mut(usize::try_from(id)?).context("no such disk")?;
        let mount = disk.take().context("it has no power")?;
        mount.lose_power()?;
        self.rig.fleet.kill(id)?;
        *disk = Some(mount.again(image)?);
        Ok(())
    }
}

#[test]
fn f5_with_durability_fsync_nothing_is_lost_when_all_lose_power() -> Result<()> {
    let Some(mut powered) = Powered::new("f5", &[("kastellan.durability", "fsync")])? else {
        return Ok(());
    };
    let mut workload = powered.rig.work(Writing::default())?;
    for _ in 0..2 {
        powered.rig.explain(workload.progress(200))?;
        for id in 0..3 {
            powered.fail(id)?;
        }
        powered.rig.fleet.start_all()?;
        powered.rig.fleet.agreed(TOPIC, SOON)?;
    }
    powered.rig.explain(workload.progress(100))?;
    powered.rig.judge(workload)?;
    Ok(())
}

#[test]
fn f5_replicated_records_survive_the_power_of_one_broker_after_the_other() -> Result<()> {
    let Some(mut powered) = Powered::new("f5-one", &[])? else { return Ok(()) };
    let mut workload = powered.rig.work(Writing::default())?;
    for _ in 0..3 {
        let id = powered.rig.fleet.leader(TOPIC, 0)?;
        powered.fail(id)?;
        powered.rig.replaced(id)?;
        powered.rig.explain(workload.progress(100))?;
        powered.rig.fleet.start(id)?;
        powered.rig.fleet.agreed(TOPIC, SOON)?;
    }
    powered.rig.judge(workload)?;
    Ok(())
}

#[test]
fn f6_the_last_replica_standing_loses_power_and_nothing_is_lost() -> Result<()> {
    let lag = [("replica.lag.time.max.ms", "1500")];
    let Some(mut powered) = Powered::new("f6", &lag)? else { return Ok(()) };
    let mut workload = powered.rig.work(Writing::default())?;
    let last = powered.rig.fleet.leader(TOPIC, 0)?;
    let others: Vec<i32> = (0..3).filter(|id| *id != last).collect();
    // the others are cut off one after the other, and for a while each is in no ISR
    for other in &others {
        for id in (0..3).filter(|id| id != other) {
            powered.rig.network()?.part(Who::Host(*other), Who::Host(id))?;
        }
        workload.go_on(Duration::from_secs(3))?;
    }
    powered.fail(last)?;
    powered.rig.network()?.heal()?;
    powered.rig.fleet.start(last)?;
    powered.rig.fleet.agreed(TOPIC, SOON)?;
    powered.rig.explain(workload.progress(100))?;
    powered.rig.judge(workload)?;
    Ok(())
}
