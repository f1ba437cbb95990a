//! One member of a live group.

use bytes::Bytes;

use super::{
    input::{Join, Protocol},
    name::{InstanceId, MemberId},
    record::MemberMetadata,
};
use crate::machine::{Millis, Ticket};

/// A member; its id is its key in the group.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) instance: Option<InstanceId>,
    pub(super) client_id: String,
    pub(super) client_host: String,
    pub(super) rebalance_timeout_ms: i32,
    pub(super) session_timeout_ms: i32,
    /// What it speaks, best first; of a member read from the log only the chosen one is known.
    pub(super) protocols: Vec<Protocol>,
    pub(super) assignment: Bytes,
    /// Parked in `JoinGroup`.
    pub(super) joining: Option<Ticket>,
    /// Parked in `SyncGroup`.
    pub(super) syncing: Option<Ticket>,
    /// Its first join was not answered yet: it cannot send heartbeats, so being parked is no proof
    /// of life for ever.
    pub(super) is_newcomer: bool,
    /// It was told of this generation and has not asked for its assignment.
    pub(super) owes_sync: bool,
    /// The slot of its session's timer.
    pub(super) session_at: Option<Millis>,
}

impl Member {
    /// A newcomer, parked.
    pub(super) fn newcomer(join: &Join) -> Self {
        Self {
            instance: join.instance.clone(),
            client_id: join.client_id.clone(),
            client_host: join.client_host.clone(),
            rebalance_timeout_ms: join.rebalance_timeout_ms,
            session_timeout_ms: join.session_timeout_ms,
            protocols: join.protocols.clone(),
            assignment: Bytes::new(),
            joining: Some(join.ticket),
            syncing: None,
            is_newcomer: true,
            owes_sync: false,
            session_at: None,
        }
    }

    /// A member as the log remembers it.
    pub(super) fn stored(stored: &MemberMetadata, protocol: Option<&str>) -> Self {
        let metadata = stored.subscription.clone();
        Self {
            instance: stored.instance.clone(),
            client_id: stored.client_id.clone(),
            client_host: stored.client_host.clone(),
            rebalance_timeout_ms: stored.rebalance_timeout_ms,
            session_timeout_ms: stored.session_timeout_ms,
            protocols: protocol
                .map(|name| Protocol { name: name.to_owned(), metadata })
                .into_iter()
                .collect(),
            assignment: stored.assignment.clone(),
            joining: None,
            syncing: None,
            is_newcomer: false,
            owes_sync: false,
            session_at: None,
        }
    }

    /// What the log is to remember.
    pub(super) fn to_stored(&self, id: &MemberId, protocol: Option<&str>) -> MemberMetadata {
        MemberMetadata {
            member: id.clone(),
            instance: self.instance.clone(),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            rebalance_timeout_ms: self.rebalance_timeout_ms,
            session_timeout_ms: self.session_timeout_ms,
            subscription: self.metadata(protocol),
            assignment: self.assignment.clone(),
        }
    }

    /// Takes over what a repeated join says.
    pub(super) fn update(&mut self, join: &Join) {
        self.client_id.clone_from(&join.client_id);
        self.client_host.clone_from(&join.client_host);
        self.rebalance_timeout_ms = join.rebalance_timeout_ms;
        self.session_timeout_ms = join.session_timeout_ms;
        self.protocols.clone_from(&join.protocols);
    }

    /// How many bytes it has said about itself.
    pub(super) fn weight(&self) -> usize {
        weight(&self.protocols)
    }

    /// Whether it speaks `protocol`.
    pub(super) fn speaks(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|known| known.name == protocol)
    }

    /// What it said about itself under `protocol`; empty where it said nothing.
    pub(super) fn metadata(&self, protocol: Option<&str>) -> Bytes {
        self.protocols
            .iter()
            .find(|known| Some(known.name.as_str()) == protocol)
            .map(|known| known.metadata.clone())
            .unwrap_or_default()
    }

    /// Whether silence is excused: it is parked here and waits for us.
    pub(super) fn is_parked(&self) -> bool {
        self.joining.is_some() || self.syncing.is_some()
    }
}

/// How many bytes these protocols take.
pub(super) fn weight(protocols: &[Protocol]) -> usize {
    protocols.iter().map(|protocol| protocol.name.len() + protocol.metadata.len()).sum()
}
