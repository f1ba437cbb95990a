//! F16: descriptors and memory for requests run out, and come back.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;
use kastellan_e2e::fleet::Fleet;
use kastellan_e2e::workload::Writing;
use kastellan_e2e::{cache, need};

use crate::rig::{Rig, SOON, TOPIC};

/// Partitions of `__consumer_offsets`; each of three brokers has all of them.
const LOGS_OF_GROUPS: usize = 50;

/// Sets how many files a process may have open.
fn limit(pid: u32, files: u64) -> Result<()> {
    let mut command = Command::new("prlimit");
    cache::run(command.args(["--pid", &pid.to_string(), &format!("--nofile={files}:")]))
}

/// How many files a process has open.
fn open(pid: u32) -> Result<u64> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count() as u64)
}

/// How many of those are files of its data: clients come and go.
fn files(pid: u32, data: &Path) -> Result<usize> {
    let all = fs::read_dir(format!("/proc/{pid}/fd"))?.filter_map(Result::ok);
    Ok(all.filter(|one| fs::read_link(one.path()).is_ok_and(|to| to.starts_with(data))).count())
}

/// Waits until a broker has made what the groups keep, and opens nothing more: a log that cannot be
/// made is, as in Kafka, the end of its directory.
fn at_rest(rig: &mut Rig, id: i32) -> Result<()> {
    let mut last = (0, Instant::now());
    let still = |fleet: &mut Fleet| {
        let now = files(fleet.process(id)?.pid(), &fleet.data(id))?;
        if now != last.0 {
            last = (now, Instant::now());
        }
        let logs = fs::read_dir(fleet.data(id))?.filter_map(Result::ok);
        let of_groups = logs
            .filter(|log| log.file_name().to_string_lossy().starts_with("__consumer_offsets-"))
            .count();
        Ok(of_groups == LOGS_OF_GROUPS && last.1.elapsed() > Duration::from_secs(1))
    };
    rig.fleet.wait("nothing new is opened", SOON, still).map(drop)
}

#[test]
fn f16_a_leader_without_descriptors_serves_on_and_accepts_again_once_it_has_some() -> Result<()> {
    if need::find("prlimit").is_none() {
        return need::skip("faults/f16", "prlimit not found; install util-linux");
    }
    let Some(mut rig) = Rig::new("f16", &[])? else { return Ok(()) };
    let mut workload = rig.work(Writing::default())?;
    let id = rig.fleet.leader(TOPIC, 0)?;
    let (address, pid) = (rig.fleet.address(id)?, rig.fleet.process(id)?.pid());
    at_rest(&mut rig, id)?;
    let before = open(pid)?;
    limit(pid, before + 20)?;
    let many: Vec<TcpStream> = (0..100)
        .map(|_| TcpStream::connect_timeout(&address, Duration::from_secs(5)))
        .collect::<Result<_, _>>()?;
    let full = |_: &mut _| Ok(open(pid)? >= before + 20);
    rig.fleet.wait("no descriptor is left", SOON, full)?;
    rig.explain(workload.progress(100))?;
    rig.fleet.process(id)?.check_alive()?;
    drop(many);
    rig.fleet
        .wait("it accepts again", SOON, |fleet| Ok(!fleet.partitions_at(id, TOPIC)?.is_empty()))?;
    limit(pid, 20_000)?;
    rig.explain(workload.progress(100))?;
    rig.judge(workload)?;
    Ok(())
}

#[test]
fn f16_requests_that_wait_for_followers_leave_memory_to_those() -> Result<()> {
    // what the writers of one leader send at a time is more than there is room for
    let pool = [("queued.max.request.bytes", "1048576")];
    let Some(mut rig) = Rig::new("f16-pool", &pool)? else { return Ok(()) };
    let large = Writing { writers: 8, batch: 6000, pause: Duration::ZERO, ..Writing::default() };
    let mut workload = rig.work(large)?;
    let id = rig.fleet.leader(TOPIC, 0)?;
    for _ in 0..3 {
        // for less than it takes to be replaced: all that is sent meanwhile waits
        rig.part(id)?;
        workload.go_on(Duration::from_millis(700))?;
        rig.network()?.heal()?;
        rig.explain(workload.progress(30))?;
    }
    rig.judge(workload)?;
    Ok(())
}
