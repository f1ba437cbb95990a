//! What a process does while it is watched: how often its threads wake up, and which system calls
//! it makes. Counted by the kernel, so that no result depends on how fast the machine is.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::process::{Process, pause};

/// How long anything but the watching itself may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Context switches of each thread since it began.
type Switches = BTreeMap<String, u64>;

/// How often the threads of process `pid` were put on a core within `window`, by the name of the
/// thread. Each wake-up from idleness is one.
pub fn wake_ups(pid: u32, window: Duration) -> Result<BTreeMap<String, u64>> {
    let before = switches(pid)?;
    let began = Instant::now();
    while began.elapsed() < window {
        pause();
    }
    let mut by_name = BTreeMap::new();
    for (thread, after) in switches(pid)? {
        let (_, name) = thread.split_once(' ').context("an id and a name")?;
        let more = after.saturating_sub(before.get(&thread).copied().unwrap_or(0));
        *by_name.entry(name.to_owned()).or_default() += more;
    }
    Ok(by_name)
}

/// Waits until what process `pid` began to do is over: half a second with `calm` wake-ups at most.
pub fn settle(pid: u32, calm: u64) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let awake = wake_ups(pid, Duration::from_millis(500))?;
        if awake.values().sum::<u64>() <= calm {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("never at rest within {PATIENCE:?}; wake-ups in half a second: {awake:?}");
        }
    }
}

fn switches(pid: u32) -> Result<Switches> {
    let mut found = Switches::new();
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let task = task?;
        // A thread may end between the listing and the reading.
        let Ok(status) = fs::read_to_string(task.path().join("status")) else { continue };
        let value = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.map(str::trim).unwrap_or_default()
        };
        let count = |name| value(name).parse::<u64>().with_context(|| name);
        let (waited, preempted) = ("voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:");
        let id = task.file_name().to_string_lossy().into_owned();
        found.insert(format!("{id} {}", value("Name:")), count(waited)? + count(preempted)?);
    }
    Ok(found)
}

/// System calls counted by strace: those of all threads, by name.
#[derive(Debug, Clone, Default)]
pub struct Calls(BTreeMap<String, u64>);

impl Calls {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Those of these names.
    pub fn of(&self, names: &[&str]) -> u64 {
        names.iter().filter_map(|name| self.0.get(*name)).sum()
    }

    /// Reads the table that `strace -c` writes.
    fn parse(table: &str) -> Result<Calls> {
        let mut calls = BTreeMap::new();
        for line in table.lines() {
            let columns: Vec<&str> = line.split_whitespace().collect();
            // share, seconds, microseconds a call, calls, perhaps errors, name
            let (Some(count), Some(name)) = (columns.get(3), columns.last()) else { continue };
            let Ok(count) = count.parse::<u64>() else { continue };
            if *name != "total" {
                calls.insert((*name).to_owned(), count);
            }
        }
        if calls.is_empty() {
            bail!("strace counted nothing; it wrote:\n{table}");
        }
        Ok(Calls(calls))
    }
}

impl fmt::Display for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, count)| write!(f, "{name} {count}  "))
    }
}

/// strace, attached to a process.
#[derive(Debug)]
pub struct Strace {
    process: Process,
    table: PathBuf,
}

impl Strace {
    /// Attaches to all threads of process `pid`; returns once every call counts. `None` where the
    /// system does not permit it, which is no fault of the process. Files go to `folder`.
    pub fn attach(pid: u32, folder: &Path) -> Result<Option<Strace>> {
        let (table, log) = (folder.join("strace.table"), folder.join("strace.log"));
        // What an earlier one said must not be taken for ours.
        drop(fs::remove_file(&log));
        let mut command = Command::new("strace");
        command.args(["-f", "-c", "-p", &pid.to_string(), "-o"]).arg(&table);
        command.stdout(Stdio::null());
        let mut process = Process::start_keeping_stdout(&mut command, &log)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let said = process.log_text();
            if said.contains("not permitted") {
                return Ok(None);
            }
            if said.contains("attached") {
                return Ok(Some(Strace { process, table }));
            }
            process.check_alive()?;
            if Instant::now() > deadline {
                bail!("strace does not attach: {said}");
            }
            pause();
        }
    }

    /// Detaches, and tells what was counted.
    pub fn detach(mut self) -> Result<Calls> {
        let pid = Pid::from_raw(i32::try_from(self.process.pid())?).context("0 is no process")?;
        kill_process(pid, Signal::INT)?;
        let deadline = Instant::now() + PATIENCE;
        while self.process.check_alive().is_ok() {
            if Instant::now() > deadline {
                bail!("strace does not let go");
            }
            pause();
        }
        Calls::parse(&fs::read_to_string(&self.table)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_strace_is_read_with_and_without_errors() {
        let table = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.000600           0      1000           epoll_wait
 40.00    0.000400           0      1000         3 recvfrom
------ ----------- ----------- --------- --------- ----------------
100.00    0.001000           0      2000         3 total
";
        let calls = Calls::parse(table).unwrap();
        assert_eq!((calls.total(), calls.of(&["recvfrom", "read"])), (2000, 1000));
        assert!(Calls::parse("").is_err());
    }
}
