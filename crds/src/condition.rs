//! Conditions as kstatus reads them: what is true of an object, why, and since when.
//!
//! Types and reasons are enums: a reason is an interface that scripts and alerts match on, so a new
//! one is a decision, not a typing error. In the schema they are texts: an operator can be newer
//! than the definitions, or older than what another one wrote.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ConditionType {
    /// The object is as its spec asks, and serves.
    Ready,
    /// Work towards the spec is under way.
    Reconciling,
    /// Nothing will happen until a human does something.
    Stalled,
    /// Every partition can be read and written.
    Available,
    /// Something is missing that the spec asks for; the message names it.
    Degraded,
    /// Every listener has its addresses.
    ListenersReady,
    /// Every certificate is valid and no renewal is late; the message has the earliest end.
    CertificatesValid,
    /// Every volume is bound, of the size asked for, and has room.
    StorageReady,
    /// Partitions are spread as `spec.balance` asks.
    Balanced,
    /// Nothing is changed, because `spec.paused` says so.
    Paused,
    /// One of a newer operator; never written by this one.
    #[serde(other)]
    Other,
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// Nobody knows at the moment.
    Unknown,
}

/// Why a condition is as it is, in one word that is never reused for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// Everything is as the spec asks.
    AsSpecified,
    /// Brokers are being started.
    BrokersStarting,
    /// A broker has ended or does not answer.
    BrokerDown,
    /// Brokers are being restarted for a new configuration.
    BrokersRestarting,
    /// The topic is being created.
    TopicCreating,
    /// Partitions are being added to the topic.
    PartitionsAdding,
    /// Settings are being changed while everything runs on.
    ConfigUpdating,
    /// Another client has changed the object; it is being put back as the spec has it.
    DriftReverting,
    /// The topic is being deleted.
    TopicDeleting,
    /// The cluster refused the request; the message has its words.
    RequestRefused,
    /// The spec asks for fewer partitions than the topic has; Kafka cannot remove partitions.
    PartitionsCannotShrink,
    /// The spec asks for something that this version does not do yet.
    NotYetSupported,
    /// What the spec asks for contradicts itself, or is no value of its setting.
    InvalidConfig,
    /// Another object has the name that this one needs, or came first for the same thing.
    ResourceConflict,
    /// The cluster that the object names is not there.
    ClusterNotFound,
    /// The object's cluster is not ready; its turn comes after.
    ClusterNotReady,
    /// No node takes the broker's pod.
    PodUnschedulable,
    /// The broker's image cannot be fetched.
    ImageUnavailable,
    /// A volume is not bound yet.
    StoragePending,
    /// A volume is gone, and the data that was on it.
    StorageLost,
    /// The user's credentials, ACLs or quotas are being written or taken away.
    UserUpdating,
    /// A Secret that the spec names is not there, or has no such key.
    SecretNotFound,
    /// A certificate is still to be made, or its authority is not whole.
    CertificateMissing,
    /// An authority is being replaced: everybody is to trust the new one first.
    TrustingNewAuthority,
    /// An authority is being replaced: the new one signs, and the former one is still trusted.
    UsingNewAuthority,
    /// An authority has ended before it was replaced: another one takes its place at once.
    AuthorityExpired,
    /// A listener has no address yet.
    ListenerPending,
    /// Brokers go: what they have moves away, then they are stopped.
    BrokersDraining,
    /// Another broker gets a vote in the election of the active controller, or loses it.
    VotersChanging,
    /// A broker cannot go, as a partition cannot be anywhere else; the message says what to do.
    DrainBlocked,
    /// Partitions move so that brokers hold equally much.
    Rebalancing,
    /// Partitions should move; the message says how that is approved.
    RebalanceProposed,
    /// What was approved is not the plan that stands in the status.
    ApprovalStale,
    /// Partitions should move, and no disk has room for them beside what it holds.
    NoRoom,
    /// The brokers are stopped because the spec says so.
    Hibernated,
    /// Nothing is changed because the spec or an annotation says so.
    Paused,
    /// An annotation says that the topic is nobody's business here.
    Unmanaged,
    /// One of a newer operator; never written by this one.
    #[serde(other)]
    Other,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Display for ConditionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// One condition of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What the condition is about.
    #[serde(rename = "type")]
    #[schemars(with = "String", length(min = 1, max = 316))]
    pub kind: ConditionType,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Why, in one word that scripts can rely on.
    #[schemars(with = "String", length(min = 1, max = 1024))]
    pub reason: Reason,
    /// Why, in a sentence.
    #[schemars(length(max = 32768))]
    pub message: String,
    /// The generation of the spec that this was decided from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When the status last changed.
    pub last_transition_time: Time,
}

/// Puts `condition` in its place: one per type, ordered by type. A status that stays keeps the time
/// of its last change, so that writing the same status again writes the same bytes.
pub fn set(conditions: &mut Vec<Condition>, mut condition: Condition) {
    match conditions.binary_search_by_key(&condition.kind, |there| there.kind) {
        Ok(place) => {
            if let Some(there) = conditions.get_mut(place) {
                if there.status == condition.status {
                    condition.last_transition_time = there.last_transition_time.clone();
                }
                *there = condition;
            }
        }
        Err(place) => conditions.insert(place, condition),
    }
}

/// Takes the condition of one type away.
pub fn clear(conditions: &mut Vec<Condition>, kind: ConditionType) {
    conditions.retain(|there| there.kind != kind);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(kind: ConditionType, status: ConditionStatus, second: i64) -> Condition {
        let time = k8s_openapi::jiff::Timestamp::from_second(second).unwrap();
        Condition {
            kind,
            status,
            reason: Reason::AsSpecified,
            message: String::new(),
            observed_generation: None,
            last_transition_time: Time(time),
        }
    }

    #[test]
    fn what_a_newer_operator_wrote_can_be_read() {
        let text = r#"{"type": "Sparkling", "status": "True", "reason": "Polished", "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z"}"#;
        let condition: Condition = serde_json::from_str(text).unwrap();
        assert_eq!((condition.kind, condition.reason), (ConditionType::Other, Reason::Other));
    }

    #[test]
    fn a_condition_is_there_once_and_its_time_moves_with_its_status() {
        let mut conditions = Vec::new();
        set(&mut conditions, at(ConditionType::Stalled, ConditionStatus::False, 1));
        set(&mut conditions, at(ConditionType::Ready, ConditionStatus::False, 1));
        set(&mut conditions, at(ConditionType::Ready, ConditionStatus::False, 2));
        assert_eq!(conditions[0], at(ConditionType::Ready, ConditionStatus::False, 1));
        set(&mut conditions, at(ConditionType::Ready, ConditionStatus::True, 3));
        assert_eq!(conditions[0], at(ConditionType::Ready, ConditionStatus::True, 3));
        clear(&mut conditions, ConditionType::Stalled);
        assert_eq!(conditions.len(), 1);
    }
}
