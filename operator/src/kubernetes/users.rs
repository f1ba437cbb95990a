//! `KafkaUser`: planned; until then each says so itself.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kastellan_crds::condition::{self, Condition, ConditionStatus, ConditionType, Reason};
use kastellan_crds::{KafkaUser, KafkaUserStatus};
use kube::ResourceExt as _;

use super::api::{self, Namespace};
use super::names;
use super::operator::{Key, Operator, PassError, Passed};
use super::queue::Outcome;

/// Tells every user of a cluster what becomes of it.
pub async fn pass(
    operator: &Operator,
    key: &Key,
    namespace: &Namespace,
) -> Result<Passed, PassError> {
    let cluster = (key.namespace.clone(), key.cluster.clone());
    for (name, user) in operator.users.of(&cluster) {
        let wanted = status(&user, Timestamp::now());
        if wanted.is_none() || wanted == user.status {
            continue;
        }
        let body = serde_json::to_value(&wanted).unwrap_or_default();
        if let Some(written) = api::apply_status::<KafkaUser>(namespace, &name, &body).await? {
            operator.users.put(written);
        }
    }
    Ok(Passed { outcome: Outcome::Done(None), nudged: BTreeSet::new() })
}

/// What is true of a user; `None`: its author wants to be left alone.
fn status(user: &KafkaUser, now: Timestamp) -> Option<KafkaUserStatus> {
    if user.annotations().get(names::PAUSE).is_some_and(|value| value == "true") {
        return None;
    }
    let mut status = user.status.clone().unwrap_or_default();
    let message = "users come with a later version; nothing was done for this one";
    for (kind, holds) in [
        (ConditionType::Ready, ConditionStatus::False),
        (ConditionType::Reconciling, ConditionStatus::False),
        (ConditionType::Stalled, ConditionStatus::True),
    ] {
        condition::set(
            &mut status.observed.conditions,
            Condition {
                kind,
                status: holds,
                reason: Reason::NotYetSupported,
                message: message.to_owned(),
                observed_generation: user.metadata.generation,
                last_transition_time: Time(now),
            },
        );
    }
    status.observed.observed_generation = user.metadata.generation;
    Some(status)
}
