//! The plan that is being carried out, as it was approved: whoever comes after this operator goes
//! on with just that.

use std::fmt::Write as _;

use kastellan_core::id::BrokerId;
use kastellan_core::placement::{Move, Reason};
use kube::api::DynamicObject;
use serde_json::json;

use super::Cluster;
use crate::kubernetes::names;
use crate::kubernetes::object::{Kind, Object, text};

/// The ConfigMap of a plan, immutable. A line has a topic, a partition, who holds it, who shall,
/// and how large it is.
pub fn rebalance(cluster: &Cluster, moves: &[Move]) -> Object {
    let mut lines = String::new();
    for step in moves {
        writeln!(lines, "{} {}", place(step), step.bytes).expect("a String takes everything");
    }
    Object::new(
        Kind::ConfigMap,
        cluster.metadata(&names::rebalance(&cluster.name), &cluster.labels()),
        json!({ "immutable": true, "data": { "hash": hash(moves), "moves": lines } }),
    )
}

/// The moves of such a ConfigMap.
pub fn planned(map: &DynamicObject) -> Vec<Move> {
    text(map, "/data/moves").unwrap_or_default().lines().filter_map(parse).collect()
}

/// What names a plan: what is moved where, and not how large that happens to be.
pub fn hash(moves: &[Move]) -> String {
    let places: Vec<String> = moves.iter().map(place).collect();
    names::hash(&places.join("\n"), 10)
}

fn place(step: &Move) -> String {
    let ids =
        |ids: &[BrokerId]| ids.iter().map(|id| id.0.to_string()).collect::<Vec<_>>().join(",");
    format!("{} {} {} {}", step.topic, step.index, ids(&step.from), ids(&step.to))
}

fn parse(line: &str) -> Option<Move> {
    let mut words = line.split(' ');
    let mut next = || words.next();
    let ids = |text: &str| {
        text.split(',').map(|id| id.parse().map(BrokerId)).collect::<Result<Vec<_>, _>>().ok()
    };
    Some(Move {
        topic: next()?.into(),
        index: next()?.parse().ok()?,
        from: ids(next()?)?,
        to: ids(next()?)?,
        bytes: next()?.parse().ok()?,
        // why does not matter any more
        reason: Reason::Balance,
    })
}
