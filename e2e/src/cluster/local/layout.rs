//! Names, addresses and places of the local cluster.

use crate::cluster::provider::Node;

/// The state folder as the cluster's own processes see it: short, the same for every clone.
pub(super) const STATE: &str = "/run/kastellan";
/// The programs as the cluster's own processes see them.
pub(super) const PROGRAMS: &str = "/run/programs";

/// Where the control plane and the name server are; the prefix of the nodes' addresses.
pub(super) const CONTROL: &str = "10.77.0.1";
/// The prefix of the addresses of load balancers.
pub(super) const BALANCERS: &str = "10.77.1.";
/// The addresses of Services; the first is the API server's.
pub(super) const SERVICES: &str = "10.96.0.0/16";
/// See [`SERVICES`].
pub(super) const API: &str = "10.96.0.1";

/// The numbers of the nodes.
pub(super) const NODES: [u8; 3] = [1, 2, 3];

pub(super) fn node(number: u8) -> Node {
    Node { name: format!("node-{number}"), address: format!("10.77.0.1{number}") }
}

/// The addresses of the node's pods.
pub(super) fn pods(number: u8) -> String {
    format!("10.244.{number}.0/24")
}

pub(super) fn zone(number: u8) -> String {
    let letter = ["a", "b", "c"].get(usize::from(number) - 1).copied().unwrap_or("x");
    format!("zone-{letter}")
}
