//! Who was heard of lately. Soft state: a new controller starts every session afresh.
//!
//! It has heard of nobody yet, and only assumes that those live who are not fenced. Whoever does
//! finds the new controller at once, as its heartbeats fail and are repeated until they reach it;
//! so silence after an election tells more than silence later, and an assumed session is over
//! sooner. A broker that is fenced in error is let in again with its next heartbeat, and others
//! lead meanwhile: what is acknowledged never rests on sessions, but on epochs.

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
    /// When; of one that is only assumed, when that began.
    heard: Millis,
    /// Nothing was heard of it yet.
    assumed: bool,
    /// How far it had applied the metadata; -1 where it has not said yet.
    pub(super) offset: Offset,
    /// What has become of it while it was fenced is in the metadata before this; it leads again
    /// once it knows that. `None` where it was not fenced.
    pub(super) has_to_know: Option<Offset>,
    /// It wants to stop, and may once every other broker has applied the metadata up to here.
    pub(super) leaves_at: Option<Offset>,
}

/// How long a session lasts from the last that was heard on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lengths {
    /// broker.session.timeout.ms.
    pub(super) heard: Duration,
    /// Of one that is only assumed.
    pub(super) assumed: Duration,
}

impl Session {
    fn over_at(&self, lengths: Lengths) -> Millis {
        self.heard.after(if self.assumed { lengths.assumed } else { lengths.heard })
    }
}

impl Sessions {
    /// A broker that is not fenced is assumed to live.
    pub(super) fn assume(&mut self, broker: BrokerId, epoch: i64, now: Millis) {
        self.touch(broker, epoch, now).assumed = true;
    }

    /// A broker was heard of: under another registration than before that is a new session.
    pub(super) fn touch(&mut self, broker: BrokerId, epoch: i64, now: Millis) -> &mut Session {
        let new = Session {
            epoch,
            heard: now,
            assumed: false,
            offset: -1,
            has_to_know: None,
            leaves_at: None,
        };
        let session = self.0.entry(broker).or_insert(new);
        if session.epoch != epoch {
            *session = new;
        }
        (session.heard, session.assumed) = (now, false);
        session
    }

    /// The session of a broker, which may have run out unnoticed.
    pub(super) fn get(&self, broker: BrokerId) -> Option<&Session> {
        self.0.get(&broker)
    }

    /// Whether the broker has a session that has not run out.
    pub(super) fn lives(&self, broker: BrokerId, now: Millis, lengths: Lengths) -> bool {
        self.get(broker).is_some_and(|session| session.over_at(lengths) > now)
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
    pub(super) fn expired(&self, now: Millis, lengths: Lengths) -> Vec<BrokerId> {
        let over = |session: &Session| session.over_at(lengths) <= now;
        self.0.iter().filter(|(_, session)| over(session)).map(|(id, _)| *id).collect()
    }

    /// When the first session runs out.
    pub(super) fn deadline(&self, lengths: Lengths) -> Option<Millis> {
        self.0.values().map(|session| session.over_at(lengths)).min()
    }

    /// Whether some session ran out so long ago, by half its length, that whoever notices it only
    /// now cannot have heard anybody in between.
    pub(super) fn overslept(&self, now: Millis, lengths: Lengths) -> bool {
        let slept = |session: &Session| {
            let over_at = session.over_at(lengths);
            now.since(over_at) > over_at.since(session.heard) / 2
        };
        self.0.values().any(slept)
    }

    /// Every session begins anew. Whoever did not look for so long that it could not hear anybody
    /// has learnt nothing about others.
    pub(super) fn restart(&mut self, now: Millis) {
        for session in self.0.values_mut() {
            session.heard = now;
        }
    }
}
