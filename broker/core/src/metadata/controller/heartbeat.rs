//! Brokers are heard of, or are not: heartbeats, sessions, orderly departures.

use std::sync::Arc;

use super::{
    Controller, Effect, Heartbeat, Reply, directories::remaining, fencing::push_in_batches,
};
use crate::{
    id::{BrokerId, Offset},
    machine::{Millis, Ticket},
    metadata::Broker,
};

/// What a heartbeat brings about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Stay,
    Fence,
    Unfence,
    /// Others take over what it leads.
    Leave,
    /// It is fenced and may end.
    ShutDown,
}

impl Controller {
    pub(super) fn heartbeat(
        &mut self,
        now: Millis,
        ticket: Ticket,
        heartbeat: &Heartbeat,
        effects: &mut Vec<Effect>,
    ) {
        let broker = match self.registration(heartbeat.broker, Some(heartbeat.epoch)) {
            Ok(broker) => Arc::clone(broker),
            Err(failure) => {
                effects.push(Effect::Reply(ticket, Reply::Failed(failure)));
                return;
            }
        };
        let (reached, last) = (heartbeat.metadata_offset, self.image.offset());
        let session = self.sessions.touch(broker.id, broker.epoch, now);
        session.offset = reached;
        // a broker that was fenced without hearing of it still leads, as far as it knows
        let known = broker.fenced.then(|| *session.has_to_know.get_or_insert(last));
        session.has_to_know = known;
        let is_caught_up = reached >= known.unwrap_or(broker.epoch);
        let online = remaining(&broker, &heartbeat.offline_dirs);
        let next = match &online {
            // one thing at a time: the next heartbeat is soon
            Some(online) if !online.is_empty() => Next::Stay,
            // a broker without a log directory has nothing to lead
            Some(_) => Next::Fence,
            None => self.next(&broker, heartbeat, is_caught_up),
        };
        let records = match next {
            Next::Stay => match online {
                Some(online) => self.keep_directories(&broker, online),
                None => Vec::new(),
            },
            Next::Fence | Next::ShutDown if broker.fenced => Vec::new(),
            Next::Fence | Next::ShutDown => self.fence(&broker),
            Next::Unfence => self.unfence(&broker),
            Next::Leave => self.let_leave(&broker),
        };
        match next {
            Next::Leave => {
                let last = self.image.offset() + Offset::try_from(records.len()).unwrap_or(0);
                self.sessions.touch(broker.id, broker.epoch, now).leaves_at = Some(last);
            }
            // its next incarnation may come at once
            Next::ShutDown => self.sessions.end(broker.id),
            Next::Stay | Next::Fence | Next::Unfence => (),
        }
        push_in_batches(&records, effects);
        let is_fenced = match next {
            Next::Fence | Next::ShutDown => true,
            Next::Unfence => false,
            Next::Stay | Next::Leave => broker.fenced,
        };
        let should_shut_down = next == Next::ShutDown;
        let reply = Reply::Heartbeat { is_caught_up, is_fenced, should_shut_down };
        effects.push(Effect::Reply(ticket, reply));
    }

    fn next(&mut self, broker: &Broker, heartbeat: &Heartbeat, is_caught_up: bool) -> Next {
        let leads = !self.index.held(broker.id).led.is_empty();
        let Heartbeat { want_fence, want_shut_down, .. } = *heartbeat;
        if broker.fenced {
            return match () {
                () if want_shut_down => Next::ShutDown,
                () if !want_fence && is_caught_up && !broker.in_controlled_shutdown => {
                    Next::Unfence
                }
                () => Next::Stay,
            };
        }
        if broker.in_controlled_shutdown {
            let known = !leads && self.others_know(broker.id);
            return if known { Next::ShutDown } else { Next::Stay };
        }
        match (want_shut_down, want_fence) {
            (true, false) if leads => Next::Leave,
            (true, _) => Next::ShutDown,
            (false, true) => Next::Fence,
            (false, false) => Next::Stay,
        }
    }

    /// Whether every other broker has heard who leads instead of this one.
    fn others_know(&mut self, leaving: BrokerId) -> bool {
        let last = self.image.offset();
        let Some(session) = self.sessions.get_mut(leaving) else { return false };
        // another controller made it leave: everything up to now is certainly enough
        let leaves_at = *session.leaves_at.get_or_insert(last);
        // whoever has no session is the controller's own broker
        let knows = |broker: &Arc<Broker>| {
            self.sessions.get(broker.id).is_none_or(|session| session.offset >= leaves_at)
        };
        let others = self.image.brokers().filter(|it| it.is_active() && it.id != leaving);
        others.into_iter().all(knows)
    }

    /// The process behind a registration refuses connections: it is gone, and need not be waited
    /// for.
    pub(super) fn refused(&mut self, broker: BrokerId, epoch: i64, effects: &mut Vec<Effect>) {
        let Some(registered) = self.image.broker(broker).filter(|it| it.epoch == epoch) else {
            return;
        };
        if registered.fenced {
            self.sessions.end(broker);
        } else {
            push_in_batches(&self.fence(registered), effects);
        }
    }

    /// Fences a broker that was silent for too long; the others in turn.
    pub(super) fn expire_sessions(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        for broker in self.sessions.expired(now, self.rules.sessions) {
            match self.image.broker(broker).filter(|it| !it.fenced) {
                Some(registered) => {
                    push_in_batches(&self.fence(registered), effects);
                    return;
                }
                None => self.sessions.end(broker),
            }
        }
    }
}
