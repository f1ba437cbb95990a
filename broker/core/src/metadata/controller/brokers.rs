//! Brokers come, and leave for good.

use std::collections::BTreeSet;

use kastellan_protocol::ErrorCode;

use super::{Controller, Effect, Failure, Reply, fencing::push_in_batches, rules};
use crate::{
    id::{BrokerId, Offset},
    machine::{Millis, Ticket},
    metadata::{Broker, Record, RegisterBroker},
};

impl Controller {
    /// Registers a broker. `previous_epoch` is the registration under which it ended in order, if
    /// it did: otherwise it may have lost what it had not synced (KIP-966).
    ///
    /// The only one that is not fenced at first is the broker of a sole voter: it lives and dies
    /// with this controller, which need not watch it.
    pub(super) fn register_broker(
        &mut self,
        now: Millis,
        ticket: Ticket,
        (mut registration, previous_epoch): (RegisterBroker, Option<i64>),
        effects: &mut Vec<Effect>,
    ) {
        registration.log_dirs.sort_unstable();
        let (id, watched) = (registration.broker, registration.fenced);
        let known = self.image.broker(id).cloned();
        if watched && let Err(failure) = self.check_registration(now, &registration, previous_epoch)
        {
            effects.push(Effect::Reply(ticket, Reply::Failed(failure)));
            return;
        }
        let same = |known: &Broker| watched && known.incarnation == registration.incarnation;
        let epoch = match known {
            Some(known) if same(&known) => self.amend(&known, registration, effects),
            known => self.begin(known.as_deref(), registration, previous_epoch, effects),
        };
        if watched {
            // it leads nothing before it knows of this
            self.sessions.touch(id, epoch, now).has_to_know = Some(epoch);
        } else {
            self.sessions.end(id);
        }
        effects.push(Effect::Reply(ticket, Reply::Registered { epoch }));
    }

    fn check_registration(
        &self,
        now: Millis,
        wanted: &RegisterBroker,
        previous_epoch: Option<i64>,
    ) -> Result<(), Failure> {
        let id = wanted.broker;
        let lives = self.sessions.lives(id, now, self.rules.sessions);
        if let Some(known) = self.image.broker(id)
            && known.incarnation != wanted.incarnation
            && lives
            // a process that has ended in order, as the mark in its directory says, is gone
            && previous_epoch != Some(known.epoch)
        {
            return Err(Failure::new(
                ErrorCode::DuplicateBrokerRegistration,
                format!(
                    "another process is registered as broker {} and was heard of less than {} ms \
                     ago: give this one an id of its own, or wait if the other is gone",
                    id.0,
                    self.rules.sessions.heard.as_millis()
                ),
            ));
        }
        let invalid = |message| Err(Failure::new(ErrorCode::InvalidRegistration, message));
        if wanted.log_dirs.is_empty() {
            return invalid("a broker registers with the ids of its log directories".to_owned());
        }
        let mut others = self.image.brokers().filter(|other| other.id != id);
        let shared = |other: &Broker| other.log_dirs.iter().any(|it| wanted.log_dirs.contains(it));
        if let Some(other) = others.find(|other| shared(other)) {
            return invalid(format!(
                "broker {} has a log directory that is registered by broker {}: one is a copy of \
                 the other",
                id.0, other.id.0
            ));
        }
        for (feature, level) in self.image.features().filter(|(_, level)| *level > 0) {
            let range = wanted.features.iter().find(|it| it.name == feature);
            if !range.is_some_and(|it| (it.min..=it.max).contains(&level)) {
                return Err(Failure::new(
                    ErrorCode::UnsupportedVersion,
                    format!("broker {} does not serve {feature} {level} of the cluster", id.0),
                ));
            }
        }
        Ok(())
    }

    /// The same process registers again, with other endpoints or because an answer was lost.
    fn amend(
        &self,
        known: &Broker,
        mut registration: RegisterBroker,
        effects: &mut Vec<Effect>,
    ) -> i64 {
        registration.epoch = known.epoch;
        registration.fenced = known.fenced;
        registration.in_controlled_shutdown = known.in_controlled_shutdown;
        if Broker::from(&registration) != *known {
            let id = known.id;
            let record = Record::RegisterBroker(registration);
            let after = self.after(&record);
            let held = self.index.held(id);
            let keys = held.in_sync.union(&held.leaderless).copied();
            let mut records = self.transitions(&after, keys, |it| it.without_if_offline(id));
            records.push(record);
            push_in_batches(&records, effects);
        }
        known.epoch
    }

    /// Another process than before: it leads nothing yet, and what it says to have is believed only
    /// if it ended in order.
    fn begin(
        &self,
        known: Option<&Broker>,
        mut registration: RegisterBroker,
        previous_epoch: Option<i64>,
        effects: &mut Vec<Effect>,
    ) -> i64 {
        let (id, watched) = (registration.broker, registration.fenced);
        let clean = known.is_some_and(|known| previous_epoch == Some(known.epoch));
        let after = self.after(&Record::RegisterBroker(registration.clone()));
        let held = self.index.held(id);
        let mut keys: BTreeSet<_> = held.in_sync.clone();
        if !clean {
            keys.extend(&held.eligible);
        }
        if !watched {
            keys.extend(&held.leaderless);
        }
        // Leading again is a new leader epoch even for the same leader: what it had not synced may
        // be gone, and a consumer that had read it must be able to notice (KIP-320).
        let mut records = self.transitions(&after, keys, |transition| match (clean, watched) {
            (false, _) => transition.without_trust_in(id).in_a_new_epoch_of(id),
            (true, true) => transition.without(id),
            (true, false) => transition.without_if_offline(id).in_a_new_epoch_of(id),
        });
        records.splice(..0, self.settings_of_fleets(&after));
        let next = self.image.offset().saturating_add(1);
        let before = if watched { Offset::try_from(records.len()).unwrap_or(0) } else { 0 };
        // the offset of the record; an epoch that was given away is never given again
        let epoch = next.saturating_add(before);
        registration.epoch = known.map_or(epoch, |known| epoch.max(known.epoch.saturating_add(1)));
        let epoch = registration.epoch;
        let record = Record::RegisterBroker(registration);
        if watched {
            records.push(record);
        } else {
            effects.push(Effect::Append(vec![record]));
        }
        push_in_batches(&records, effects);
        epoch
    }

    /// In a fleet every leader has to go by one min.insync.replicas, or replicas that the
    /// controller calls eligible lack what a leader with a lower one acknowledged.
    pub(super) fn settings_of_fleets(&self, after: &crate::metadata::Image) -> Vec<Record> {
        if !self.rules.eligible || after.brokers().nth(1).is_none() {
            return Vec::new();
        }
        rules::one_min_in_sync(after, &self.rules)
    }

    /// A broker is gone for good. What it alone had is not given up: should it come back, it may
    /// lead what it still has.
    pub(super) fn unregister_broker(
        &self,
        ticket: Ticket,
        broker: BrokerId,
        effects: &mut Vec<Effect>,
    ) {
        let reply = match self.registration(broker, None) {
            // nobody would take over, and it would not register again while it runs
            Ok(known) if !known.fenced && self.sessions.get(broker).is_none() => {
                Reply::Failed(Failure::new(
                    ErrorCode::InvalidRequest,
                    format!("broker {} is the only controller's own: stop it instead", broker.0),
                ))
            }
            Ok(known) => {
                let record = Record::UnregisterBroker { broker, epoch: known.epoch };
                push_in_batches(&self.take_from(known, record), effects);
                Reply::Done
            }
            Err(failure) => Reply::Failed(failure),
        };
        effects.push(Effect::Reply(ticket, reply));
    }

    /// The registration of a broker, which has to be the one with `epoch` where that is given.
    /// Errors: 102 `BROKER_ID_NOT_REGISTERED`, 77 `STALE_BROKER_EPOCH`.
    pub(super) fn registration(
        &self,
        broker: BrokerId,
        epoch: Option<i64>,
    ) -> Result<&std::sync::Arc<Broker>, Failure> {
        let Some(known) = self.image.broker(broker) else {
            let message = format!("broker {} is not registered", broker.0);
            return Err(Failure::new(ErrorCode::BrokerIdNotRegistered, message));
        };
        match epoch {
            Some(epoch) if epoch != known.epoch => Err(Failure::new(
                ErrorCode::StaleBrokerEpoch,
                format!(
                    "broker {} is registered under epoch {}, not {epoch}",
                    broker.0, known.epoch
                ),
            )),
            _ => Ok(known),
        }
    }
}
