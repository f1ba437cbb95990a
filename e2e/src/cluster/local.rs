//! Real Kubernetes on a machine without Docker, as root: the programs of e2e/kubernetes as a
//! control plane and three nodes, each node a network namespace with Debian's containerd.
//!
//! All of it lives in one outer namespace of processes, mounts and network: when its first process
//! ends, however it ends, the kernel ends everything else in it. What outlives it are the control
//! groups and the state folder, which the next start or `down` takes away.

use std::fs;
use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use rustix::process::geteuid;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::provider::Provider;
use crate::{cache, need};

mod cgroups;
mod files;
mod images;
mod inside;
mod layout;
mod network;
mod outside;

pub use inside::run as run_inside;

/// The packages of Debian that have what it takes, by a program of each.
const PACKAGES: [(&str, &str); 10] = [
    ("containerd", "containerd"),
    ("runc", "runc"),
    ("iptables", "iptables"),
    ("ip", "iproute2"),
    ("conntrack", "conntrack"),
    ("socat", "socat"),
    ("ethtool", "ethtool"),
    ("openssl", "openssl"),
    ("go", "golang-go"),
    ("cc", "gcc libc6-dev"),
];

/// The provider: one cluster per work tree.
#[derive(Debug)]
pub(super) struct Local {
    /// The cluster's name, and that of its control groups.
    name: String,
    state: PathBuf,
}

impl Local {
    pub(super) fn new() -> Result<Local> {
        let name = format!("kastellan-{}", cache::tree());
        Ok(Local { state: cache::root()?.join(&name), name })
    }

    fn cgroup(&self, node: &str) -> String {
        format!("{}/{node}", self.name)
    }
}

impl Provider for Local {
    fn name(&self) -> &'static str {
        "local"
    }

    fn missing(&self) -> Vec<String> {
        let absent = PACKAGES.iter().filter(|(program, _)| need::find(program).is_none());
        let mut packages: Vec<&str> = absent.map(|(_, package)| *package).collect();
        if !Path::new("/usr/lib/cni/ptp").exists() {
            packages.push("containernetworking-plugins");
        }
        let mut missing = Vec::new();
        if !packages.is_empty() {
            missing.push(format!("programs: apt-get install {}", packages.join(" ")));
        }
        if !geteuid().is_root() {
            missing.push("root: sudo -E make e2e".to_owned());
        }
        missing
    }

    fn up(&self, stays: bool) -> Result<()> {
        if outside::running(&self.state).is_some() {
            // a test that was killed may have left one stopped
            self.enter()?;
            return layout::NODES.iter().try_for_each(|node| self.start(&layout::node(*node).name));
        }
        self.down()?; // what a killed one left
        outside::start(&self.state, &self.name, stays)
    }

    fn down(&self) -> Result<()> {
        outside::end(&self.state, &self.name)
    }

    fn load(&self, archive: &Path) -> Result<()> {
        layout::NODES.iter().try_for_each(|number| {
            images::import(&self.state, &layout::node(*number).name, archive)
        })
    }

    fn kubeconfig(&self) -> PathBuf {
        self.state.join("kubeconfig")
    }

    fn enter(&self) -> Result<()> {
        let Some(first) = outside::running(&self.state) else { bail!("the cluster does not run") };
        let network = File::open(format!("/proc/{first}/ns/net"))?;
        move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))
            .context("cannot enter the cluster's network")
    }

    fn ctr(&self, node: &str) -> Result<Command> {
        Ok(images::ctr(&self.state, node))
    }

    /// Its link goes first: a frozen machine must not answer for its pods either.
    fn stop(&self, node: &str) -> Result<()> {
        network::link(node, "down")?;
        cgroups::hierarchies()?.freeze(&self.cgroup(node), true)
    }

    fn start(&self, node: &str) -> Result<()> {
        cgroups::hierarchies()?.freeze(&self.cgroup(node), false)?;
        network::link(node, "up")
    }
}

/// The log of one of the cluster's programs.
pub(super) fn log(state: &Path, name: &str) -> PathBuf {
    state.join("logs").join(format!("{name}.log"))
}

/// The end of a log, for a message.
pub(super) fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(15)..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::PACKAGES;
    use crate::cache;

    #[test]
    fn what_is_missing_is_what_make_e2e_installs() {
        let script = fs::read_to_string(cache::e2e().join("../.ci/packages")).unwrap();
        for (program, packages) in PACKAGES {
            let line = format!("need {program} {packages}");
            assert!(script.contains(&line), ".ci/packages lacks {line:?}");
        }
    }
}
