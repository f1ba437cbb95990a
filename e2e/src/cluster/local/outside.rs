//! The cluster seen from the machine: start, whether it runs, the end.

use std::env;
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

use super::layout::{API, CONTROL, NODES, node};
use super::{cgroups, files, images, log, tail};
use crate::kubernetes::certificates::{ADMIN, authority, client, server};
use crate::kubernetes::programs;
use crate::process::pause;

/// How long a start may take, at most; 10 to 15 s on two idle cores.
const START: Duration = Duration::from_mins(3);

/// Written by the first process of the cluster once all nodes are Ready.
pub(super) const READY: &str = "ready";
/// The process id of `unshare`, the parent of the cluster's first process.
const PARENT: &str = "parent";

/// Starts a cluster in an empty state folder and waits until it is ready.
pub(super) fn start(state: &Path, name: &str, stays: bool) -> Result<()> {
    let programs = programs()?;
    let pause_image = images::pause()?;
    for folder in ["logs", "pki", "var", "volumes", "etcd"] {
        fs::create_dir_all(state.join(folder))?;
    }
    fs::copy(pause_image, state.join("pause.tar"))?;
    certificates(&state.join("pki"))?;
    write(state, name)?;
    let cgroups = cgroups::hierarchies()?;
    for number in NODES {
        cgroups.make(&format!("{name}/{}/system", node(number).name))?;
    }
    let out = File::create(log(state, "cluster"))?;
    let mut command = Command::new("setpriv"); // becomes unshare, under the same id
    if !stays {
        command.args(["--pdeathsig", "KILL"]);
    }
    let child = command
        .args([
            "unshare",
            "--pid",
            "--fork",
            "--kill-child=KILL",
            "--mount",
            "--mount-proc",
            "--net",
        ])
        .arg(env::current_exe()?) // the program `cluster`
        .arg("inside")
        .args([state, &programs])
        .arg(name)
        .process_group(0) // a Ctrl-C is for whoever waits for us
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .spawn()
        .context("cannot start unshare")?;
    fs::write(state.join(PARENT), child.id().to_string())?;
    let deadline = Instant::now() + START;
    while !state.join(READY).exists() {
        if first(child.id()).is_none() && !alive(child.id()) {
            bail!("the cluster ended:\n{}", tail(&log(state, "cluster")));
        }
        if Instant::now() > deadline {
            bail!("the cluster is not ready after {START:?}; see {}", state.join("logs").display());
        }
        pause();
    }
    Ok(())
}

fn certificates(folder: &Path) -> Result<()> {
    authority(folder)?;
    let names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"];
    let names = names.map(|name| format!("DNS:{name}")).join(",");
    server(folder, &format!("IP:{CONTROL},IP:{API},IP:127.0.0.1,{names}"))?;
    client(folder, "admin", ADMIN)?;
    for (name, user) in
        [("manager", "controller-manager"), ("scheduler", "scheduler"), ("proxy", "proxy")]
    {
        client(folder, name, &format!("/CN=system:kube-{user}"))?;
    }
    for number in NODES {
        let name = node(number).name;
        client(folder, &name, &format!("/O=system:nodes/CN=system:node:{name}"))?;
    }
    Ok(())
}

fn write(state: &Path, name: &str) -> Result<()> {
    fs::write(state.join("kubeconfig"), files::kubeconfig("admin"))?;
    for user in ["manager", "scheduler", "proxy"] {
        fs::write(state.join(format!("{user}.kubeconfig")), files::kubeconfig(user))?;
    }
    fs::write(state.join("audit.yaml"), files::AUDIT)?;
    fs::write(state.join("classes.yaml"), files::CLASSES)?;
    fs::write(state.join("Corefile"), files::corefile())?;
    for number in NODES {
        let node = node(number).name;
        files::write(state, number, &format!("{name}/{node}"))?;
        fs::write(state.join(format!("{node}.kubeconfig")), files::kubeconfig(&node))?;
    }
    Ok(())
}

/// The id of the cluster's first process, when the cluster runs and has been ready.
pub(super) fn running(state: &Path) -> Option<u32> {
    let parent = parent(state)?;
    state.join(READY).exists().then(|| first(parent)).flatten()
}

/// The id of `unshare`, unless another process has it by now.
fn parent(state: &Path) -> Option<u32> {
    let id = fs::read_to_string(state.join(PARENT)).ok()?.parse().ok()?;
    let line = fs::read(format!("/proc/{id}/cmdline")).ok()?;
    let ours = String::from_utf8_lossy(&line).contains(&*state.to_string_lossy());
    ours.then_some(id)
}

/// The child of `unshare`.
fn first(parent: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

/// Whether the process is there and no zombie.
fn alive(id: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Ends whatever there is of the cluster. Its first process takes all others with it.
pub(super) fn end(state: &Path, name: &str) -> Result<()> {
    let cgroups = cgroups::hierarchies()?;
    for number in NODES {
        // a frozen process does not even die
        drop(cgroups.freeze(&format!("{name}/{}", node(number).name), false));
    }
    if let Some(parent) = parent(state) {
        let first = first(parent);
        for id in [first, Some(parent)].into_iter().flatten() {
            let id = Pid::from_raw(i32::try_from(id)?).context("a process id is not 0")?;
            if let Err(error) = kill_process(id, Signal::KILL) {
                ensure!(error == Errno::SRCH, "cannot end process {id:?}: {error}");
            }
        }
        let deadline = Instant::now() + Duration::from_secs(30);
        while alive(parent) || first.is_some_and(alive) {
            if Instant::now() > deadline {
                bail!("the cluster's first process does not end");
            }
            pause();
        }
    }
    cgroups.remove(name)?;
    if state.exists() {
        fs::remove_dir_all(state).with_context(|| format!("cannot remove {}", state.display()))?;
    }
    Ok(())
}
