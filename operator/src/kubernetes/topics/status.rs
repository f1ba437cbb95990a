//! What is true of a topic, as its status says it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kastellan_crds::condition::{self, Condition, ConditionStatus, ConditionType, Reason};
use kastellan_crds::{KafkaTopic, KafkaTopicStatus};
use kube::{Resource as _, ResourceExt as _};

use super::plan::Found;
use crate::kubernetes::cluster::parse;

/// What is true: one of Ready, Reconciling, Stalled and Paused, why, and in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    condition: ConditionType,
    reason: Reason,
    message: String,
}

impl Verdict {
    /// A verdict.
    pub(super) fn about(condition: ConditionType, reason: Reason, message: String) -> Self {
        Self { condition, reason, message }
    }
}

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
    let conditions = &mut status.observed.conditions;
    let mut set = |kind, holds| {
        condition::set(
            conditions,
            Condition {
                kind,
                status: if holds { ConditionStatus::True } else { ConditionStatus::False },
                reason: verdict.reason,
                message: verdict.message.clone(),
                observed_generation: object.meta().generation,
                last_transition_time: Time(now),
            },
        );
    };
    if verdict.condition == ConditionType::Paused {
        set(ConditionType::Paused, true);
        return status;
    }
    for kind in [ConditionType::Ready, ConditionType::Reconciling, ConditionType::Stalled] {
        set(kind, kind == verdict.condition);
    }
    condition::clear(conditions, ConditionType::Paused);
    status
}
