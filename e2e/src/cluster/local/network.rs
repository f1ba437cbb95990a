//! The cluster's network: a bridge with the control plane, and each node at the end of a link.

use std::process::Command;

use anyhow::Result;

use super::layout::{BALANCERS, CONTROL, NODES, node, pods};
use crate::cache;

const BRIDGE: &str = "nodes";

/// Makes all of it, in the network that the caller is in.
pub(super) fn make() -> Result<()> {
    ip("link set lo up")?;
    ip(&format!("link add {BRIDGE} type bridge"))?;
    ip(&format!("addr add {CONTROL}/24 dev {BRIDGE}"))?;
    ip(&format!("link set {BRIDGE} up"))?;
    forward(&mut Command::new("sh"))?;
    for number in NODES {
        let name = node(number).name;
        ip(&format!("netns add {name}"))?;
        ip(&format!("link add {name} type veth peer name eth0 netns {name}"))?;
        ip(&format!("link set {name} master {BRIDGE} up"))?;
        ip(&format!("-n {name} addr add {}/24 dev eth0", node(number).address))?;
        ip(&format!("-n {name} link set lo up"))?;
        up(number)?;
        forward(inside(&name).arg("sh"))?;
        ip(&format!("route add {} via {}", pods(number), node(number).address))?;
    }
    // whichever node: kube-proxy answers for load balancers on each of them
    ip(&format!("route add {BALANCERS}0/24 via {}", node(1).address))
}

/// A node's link, and the routes that are gone each time that it was down.
fn up(number: u8) -> Result<()> {
    let name = node(number).name;
    ip(&format!("-n {name} link set eth0 up"))?;
    ip(&format!("-n {name} route replace default via {CONTROL}"))?;
    for other in NODES.into_iter().filter(|other| *other != number) {
        ip(&format!("-n {name} route replace {} via {}", pods(other), node(other).address))?;
    }
    Ok(())
}

/// Cuts a node off, or joins it again, at the bridge: what is inside of the node stays as it is.
/// For a thread in the cluster's network.
pub(super) fn link(node: &str, state: &str) -> Result<()> {
    ip(&format!("link set {node} {state}"))
}

/// Runs in the network of a node. Not `ip netns exec`: that mounts a /sys of its own, without
/// control groups.
pub(super) fn inside(node: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/run/netns/{node}"));
    command
}

fn forward(shell: &mut Command) -> Result<()> {
    cache::run(shell.args(["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]))
}

fn ip(arguments: &str) -> Result<()> {
    cache::run(Command::new("ip").args(arguments.split(' ')))
}
