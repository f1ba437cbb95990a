//! What is true of a user, as its status says it.

use k8s_openapi::jiff::Timestamp;
use kastellan_crds::{KafkaUser, KafkaUserStatus};
use kube::Resource as _;

use crate::kubernetes::verdict::Verdict;

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
    verdict.set(&mut status.observed.conditions, object.meta().generation, now);
    status
}
