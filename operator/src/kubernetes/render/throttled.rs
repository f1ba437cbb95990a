//! That brokers, and the replicas of some topics, are throttled by the operator's own hand: whoever
//! comes after this operator takes back just that.

use std::collections::BTreeSet;

use serde_json::json;

use super::Cluster;
use crate::kubernetes::names;
use crate::kubernetes::object::{Kind, Object};

/// The ConfigMap of it.
pub fn throttled(cluster: &Cluster, topics: &BTreeSet<String>) -> Object {
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    Object::new(
        Kind::ConfigMap,
        cluster.metadata(&names::throttled(&cluster.name), &cluster.labels()),
        json!({ "data": { "topics": topics.join(",") } }),
    )
}
