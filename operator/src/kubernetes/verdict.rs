//! What is true of a topic or a user, in the conditions of its status.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kastellan_crds::condition::{self, Condition, ConditionStatus, ConditionType, Reason};

/// What is true: one of Ready, Reconciling, Stalled and Paused, why, and in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) condition: ConditionType,
    pub(crate) reason: Reason,
    pub(crate) message: String,
}

impl Verdict {
    /// A verdict.
    pub(crate) fn about(condition: ConditionType, reason: Reason, message: String) -> Self {
        Self { condition, reason, message }
    }

    /// Work is under way, or waits for something.
    pub(crate) fn working(reason: Reason, message: impl Into<String>) -> Self {
        Self::about(ConditionType::Reconciling, reason, message.into())
    }

    /// A human is needed.
    pub(crate) fn stalled(reason: Reason, message: impl Into<String>) -> Self {
        Self::about(ConditionType::Stalled, reason, message.into())
    }

    /// Has the conditions say it of the object's `generation`. A paused object is as it was.
    pub(crate) fn set(
        &self,
        conditions: &mut Vec<Condition>,
        generation: Option<i64>,
        now: Timestamp,
    ) {
        let mut set = |kind, holds| {
            condition::set(
                conditions,
                Condition {
                    kind,
                    status: if holds { ConditionStatus::True } else { ConditionStatus::False },
                    reason: self.reason,
                    message: self.message.clone(),
                    observed_generation: generation,
                    last_transition_time: Time(now),
                },
            );
        };
        if self.condition == ConditionType::Paused {
            set(ConditionType::Paused, true);
            return;
        }
        for kind in [ConditionType::Ready, ConditionType::Reconciling, ConditionType::Stalled] {
            set(kind, kind == self.condition);
        }
        condition::clear(conditions, ConditionType::Paused);
    }
}
