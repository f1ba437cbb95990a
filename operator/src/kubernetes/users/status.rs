//! What is true of a user, as its status says it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kastellan_crds::condition::{self, Condition, ConditionStatus, ConditionType, Reason};
use kastellan_crds::{KafkaUser, KafkaUserStatus};
use kube::Resource as _;

/// What is true: one of Ready, Reconciling, Stalled and Paused, why, and in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) condition: ConditionType,
    pub(super) reason: Reason,
    pub(super) message: String,
}

impl Verdict {
    /// Work is under way, or waits for something.
    pub(super) fn working(reason: Reason, message: impl Into<String>) -> Self {
        Self { condition: ConditionType::Reconciling, reason, message: message.into() }
    }

    /// A human is needed.
    pub(super) fn stalled(reason: Reason, message: impl Into<String>) -> Self {
        Self { condition: ConditionType::Stalled, reason, message: message.into() }
    }
}

/// What brokers have been told, as the status keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) principal: Option<String>,
    pub(super) secret_name: Option<String>,
    pub(super) credentials_version: Option<String>,
}

/// The whole status; what brokers have been told stays as it was where nothing is new.
pub(super) fn status(
    object: &KafkaUser,
    verdict: &Verdict,
    told: Option<Told>,
    now: Timestamp,
) -> KafkaUserStatus {
    let mut status = object.status.clone().unwrap_or_default();
    status.observed.observed_generation = object.meta().generation;
    if let Some(told) = told {
        status.principal = told.principal;
        status.secret_name = told.secret_name;
        status.credentials_version = told.credentials_version;
    }
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
