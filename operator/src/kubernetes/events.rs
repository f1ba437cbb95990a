//! Events: what `kubectl describe` shows of what happened, when it happened.
//!
//! One is published when a condition turns, and when what is waited for is another thing. They are
//! told and forgotten: nothing is decided from them, and one that is lost is missed by nobody.

use kastellan_crds::condition::{Condition, ConditionStatus, ConditionType, Reason};
use kastellan_crds::{KafkaCluster, KafkaClusterStatus};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource as _};

use super::names::OPERATOR_NAME;

/// Publishes events.
#[derive(Clone)]
pub struct Events(Recorder);

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Events")
    }
}

impl Events {
    /// Events of this operator.
    pub fn new(client: Client) -> Self {
        Self(Recorder::new(client, Reporter::from(OPERATOR_NAME)))
    }

    /// What a cluster's new status says that the last one did not.
    pub async fn of_cluster(&self, cluster: &KafkaCluster, status: &KafkaClusterStatus) {
        let before = cluster.status.as_ref().map(|status| &status.observed.conditions);
        let before = before.map_or(&[][..], Vec::as_slice);
        for event in turned(before, &status.observed.conditions) {
            if let Err(why) = self.0.publish(&event, &cluster.object_ref(&())).await {
                tracing::debug!(%why, "an event was not published");
            }
        }
    }
}

/// Events for the conditions that have turned: Ready with every new reason, those that alarm when
/// they begin to hold, and the phases of a replaced authority.
fn turned(before: &[Condition], now: &[Condition]) -> Vec<Event> {
    let was = |kind: ConditionType| before.iter().find(|condition| condition.kind == kind);
    let news = now.iter().filter(|condition| {
        let was = was(condition.kind).map(|was| (was.status, was.reason));
        let other = was != Some((condition.status, condition.reason));
        let holds = condition.status == ConditionStatus::True;
        other
            && match condition.kind {
                ConditionType::Ready => true,
                ConditionType::Stalled | ConditionType::Degraded => holds,
                ConditionType::CertificatesValid => {
                    is_replacement(condition.reason)
                        || was.is_some_and(|(_, reason)| is_replacement(reason))
                }
                _ => false,
            }
    });
    news.map(|condition| Event {
        type_: match (condition.kind, condition.status) {
            (ConditionType::Ready, _)
            | (ConditionType::CertificatesValid, ConditionStatus::True) => EventType::Normal,
            _ => EventType::Warning,
        },
        reason: condition.reason.to_string(),
        note: Some(shortened(&condition.message)),
        action: condition.kind.to_string(),
        secondary: None,
    })
    .collect()
}

/// Whether certificates are as a reason says because an authority is being replaced.
fn is_replacement(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::TrustingNewAuthority | Reason::UsingNewAuthority | Reason::AuthorityExpired
    )
}

/// A note has 1,024 bytes at most.
fn shortened(message: &str) -> String {
    let end = (0..=message.len().min(1000)).rfind(|end| message.is_char_boundary(*end));
    message.get(..end.unwrap_or(0)).unwrap_or_default().to_owned()
}
