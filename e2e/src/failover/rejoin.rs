//! A broker with much data that is killed and comes back.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::{Contender, PATIENCE, Seen, controller, hold, topic};
use crate::fleet::Fleet;
use crate::{load, suite};

/// What is written to once, for all runs.
const TOPIC: &str = "full";
/// How much of it there is, in bytes.
const ENOUGH: u64 = 1 << 30;
/// How long one round of writing takes, in seconds.
const ROUND: &str = "4";

/// Kills a broker that does not decide, and starts it again once others do without it.
pub(super) fn rejoin((contender, fleet): (Contender, &mut Fleet), folder: &Path) -> Result<Seen> {
    fill(fleet, folder)?;
    let victim = (controller(fleet)? + 1) % 3;
    fleet.kill(victim)?;
    hold(contender.absence());
    let begun = Instant::now();
    fleet.start(victim)?;
    fleet.agreed(TOPIC, PATIENCE)?;
    Ok(Seen { gap: begun.elapsed().as_secs_f64(), at: 0.0, failed: 0.0 })
}

fn fill(fleet: &mut Fleet, folder: &Path) -> Result<()> {
    // asking for its metadata would create it, with one partition
    if fleet.data(0).join(format!("{TOPIC}-0")).exists() {
        return Ok(());
    }
    topic(fleet, TOPIC, 3)?;
    while size(&fleet.data(0))? < ENOUGH {
        let mut command = Command::new(load::program()?);
        command.args(["produce", &fleet.bootstrap(), TOPIC, "3", "1024", ROUND]);
        let limit = PATIENCE + Duration::from_secs(10);
        let output = suite::run(&mut command, &folder.join("fill.log"), limit)?;
        ensure!(output.status.success(), "{}", output.text);
    }
    fleet.agreed(TOPIC, PATIENCE)
}

/// The bytes of records in the topic's folders under `data`.
fn size(data: &Path) -> Result<u64> {
    let mut bytes = 0;
    for dir in fs::read_dir(data)? {
        let dir = dir?;
        if !dir.file_name().to_string_lossy().starts_with(TOPIC) {
            continue;
        }
        for file in fs::read_dir(dir.path())? {
            let file = file?;
            let is_log = file.path().extension().is_some_and(|it| it == "log");
            bytes += if is_log { file.metadata()?.len() } else { 0 };
        }
    }
    Ok(bytes)
}
