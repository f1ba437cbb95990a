//! Who was heard of lately. Soft state: a new controller starts every session afresh.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    id::{BrokerId, Offset},
    machine::Millis,
};

/// The sessions of brokers, by broker.
#[derive(Debug, Default)]
pub(super) struct Sessions(BTreeMap<BrokerId, Session>);

/// A broker that was heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Session {
    /// Under which registration.
    pub(super) epoch: i64,
    /// When.
    heard: Millis,
    /// How far it had applied the metadata; -1 where it has not said yet.
    pub(super) offset: Offset,
    /// It wants to stop, and may once every other broker has applied the metadata up to here.
    pub(super) leaves_at: Option<Offset>,
}

impl Sessions {
    /// A broker was heard of: under another registration than before that is a new session.
    pub(super) fn touch(&mut self, broker: BrokerId, epoch: i64, now: Millis) -> &mut Session {
        let new = Session { epoch, heard: now, offset: -1, leaves_at: None };
        let session = self.0.entry(broker).or_insert(new);
        if session.epoch != epoch {
            *session = new;
        }
        session.heard = now;
        session
    }

    /// The session of a broker, which may have run out unnoticed.
    pub(super) fn get(&self, broker: BrokerId) -> Option<&Session> {
        self.0.get(&broker)
    }

    /// Whether the broker was heard of within `timeout`.
    pub(super) fn lives(&self, broker: BrokerId, now: Millis, timeout: Duration) -> bool {
        self.get(broker).is_some_and(|session| session.heard.after(timeout) > now)
    }

    /// [`Self::get`], to be changed.
    pub(super) fn get_mut(&mut self, broker: BrokerId) -> Option<&mut Session> {
        self.0.get_mut(&broker)
    }

    /// The broker is fenced, gone or refuses connections: its session is over.
    pub(super) fn end(&mut self, broker: BrokerId) {
        self.0.remove(&broker);
    }

    /// Whose sessions have run out.
    pub(super) fn expired(&self, now: Millis, timeout: Duration) -> Vec<BrokerId> {
        let over = |session: &Session| session.heard.after(timeout) <= now;
        self.0.iter().filter(|(_, session)| over(session)).map(|(id, _)| *id).collect()
    }

    /// When the first session runs out.
    pub(super) fn deadline(&self, timeout: Duration) -> Option<Millis> {
        self.0.values().map(|session| session.heard.after(timeout)).min()
    }

    /// Every session begins anew. Whoever did not look for so long that it could not hear anybody
    /// has learnt nothing about others.
    pub(super) fn restart(&mut self, now: Millis) {
        for session in self.0.values_mut() {
            session.heard = now;
        }
    }
}
