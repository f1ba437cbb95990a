//! How long nobody is served when one of three brokers fails: 1,000 messages a second to one
//! partition with three replicas, two of them in sync, acks=all, from a client that never gives up.

mod case;
mod contender;
mod rejoin;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

pub use self::case::Case;
pub use self::contender::{Contender, Stage};
use crate::fleet::Fleet;
use crate::load;
use crate::process::{Process, pause};

/// Messages a second.
const RATE: &str = "1000";

/// How long a fleet may take to become whole, or a client to be done.
const PATIENCE: Duration = Duration::from_mins(2);

/// What came of a fault.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// The longest time without an acknowledgement, in seconds; of [`Case::Rejoin`] how long that
    /// took.
    pub gap: f64,
    /// When that began, in milliseconds since 1970; 0 where it is not known.
    pub at: f64,
    /// Messages that were given up.
    pub failed: f64,
}

/// A client at work.
struct Client {
    process: Process,
    log: PathBuf,
}

impl Client {
    fn start(fleet: &Fleet, (topic, partition): (&str, i32), folder: &Path) -> Result<Client> {
        let log = folder.join(format!("{topic}-load.log"));
        let mut command = Command::new(load::program()?);
        command.args(["gaps", &fleet.bootstrap(), topic, &partition.to_string(), RATE]);
        let mut process = Process::start(&mut command, &log)?;
        // nothing is to happen while it is still looking for the leader
        let deadline = Instant::now() + PATIENCE;
        while !process.log_text().contains("load: running") {
            process.check_alive()?;
            ensure!(Instant::now() < deadline, "nothing was acknowledged:\n{}", process.tail());
            pause();
        }
        Ok(Client { process, log })
    }

    /// Ends it; every message is acknowledged or given up then.
    fn finish(mut self) -> Result<Seen> {
        let status = self.process.terminate(PATIENCE)?;
        let text = fs::read_to_string(self.log)?;
        ensure!(status.success(), "the client ended with {status}:\n{text}");
        // librdkafka's own lines are above
        let words = load::words(text.lines().last().context("the client said nothing")?);
        let get = |name: &str| words.get(name).copied().context(text.clone());
        ensure!(get("lost")? == 0.0, "messages without an answer:\n{text}");
        Ok(Seen { gap: get("gap")? / 1000.0, at: get("at")?, failed: get("failed")? })
    }
}

/// Lets time pass; the load goes on meanwhile.
#[expect(clippy::disallowed_methods, reason = "what is measured is how long nothing happens")]
fn hold(time: Duration) {
    std::thread::sleep(time);
}

/// The partition of `topic` that `id` leads.
fn led_by(fleet: &mut Fleet, topic: &str, id: i32) -> Result<i32> {
    let mut found = None;
    fleet.wait("a partition that it leads", PATIENCE, |fleet| {
        let partitions = fleet.partitions(topic)?;
        found = partitions.iter().find(|(_, known)| known.leader == id).map(|(index, _)| *index);
        Ok(found.is_some())
    })?;
    found.context("it leads nothing")
}

/// A partition of `topic` that `id` has nothing of.
fn without(fleet: &Fleet, topic: &str, id: i32) -> Result<i32> {
    let partitions = fleet.partitions(topic)?;
    let found = partitions.iter().find(|(_, known)| !known.replicas.contains(&id));
    Ok(*found.context("it has something of each")?.0)
}

/// The active controller, once all agree that there is one.
fn controller(fleet: &mut Fleet) -> Result<i32> {
    let mut found = None;
    fleet.wait("a controller", PATIENCE, |fleet| {
        found = fleet.controller().ok();
        Ok(found.is_some())
    })?;
    found.context("nobody decides")
}

/// A topic of this name with a partition led by each of the three.
fn topic(fleet: &mut Fleet, name: &str, partitions: i32) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while let Err(error) = fleet.create(name, partitions) {
        // a fleet that has just been started may not have three brokers to place replicas on yet
        ensure!(Instant::now() < deadline, "{error:#}\n{}", fleet.tails());
        pause();
    }
    fleet.agreed(name, PATIENCE)
}
