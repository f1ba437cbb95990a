//! What is true of a topic, as its status says it.

use k8s_openapi::jiff::Timestamp;
use kastellan_crds::{KafkaTopic, KafkaTopicStatus};
use kube::{Resource as _, ResourceExt as _};

use super::plan::Found;
use crate::kubernetes::cluster::parse;
use crate::kubernetes::verdict::Verdict;

/// The whole status of an object.
pub(super) fn status(
    object: &KafkaTopic,
    verdict: &Verdict,
    found: Option<&Found>,
    now: Timestamp,
) -> KafkaTopicStatus {
    let mut status = object.status.clone().unwrap_or_default();
    status.observed.observed_generation = object.meta().generation;
    let topic = parse::topic_name(&object.name_any(), &object.spec);
    if let (Some(found), Some(topic)) = (found, &topic) {
        let there = found.get(topic);
        status.topic_id = there.map(|there| there.id.clone());
        status.partitions = there.map(|there| there.partitions);
        status.replicas = there.map(|there| i32::from(there.replicas));
    }
    status.topic_name = topic.map(|topic| topic.to_string());
    verdict.set(&mut status.observed.conditions, object.meta().generation, now);
    status
}
