//! The group coordinator's driver: append first, apply what the log took, answer once it is
//! committed.

use kastellan_core::{
    group::{Coordinator, Effect, Input, Record, Reply, Settings},
    log::Log as _,
    machine::{Machine as _, Replicated as _, Ticket},
};
use kastellan_protocol::{
    ErrorCode,
    batch::{Builder, Malformed, for_each_record},
};

use super::{Broker, Stop, Waiter, offsets_partition};
use crate::{invariant::Violation, mutant::Mutant, world::Env};

/// The coordinator of the one partition of `__consumer_offsets`.
#[derive(Debug)]
pub(crate) struct Groups {
    pub(crate) coordinator: Coordinator,
    /// Answers that are on their way to whoever asked.
    pub(crate) answers: Vec<(Ticket, Reply)>,
}

impl Default for Groups {
    fn default() -> Self {
        let settings = Settings {
            // retention has tests of its own; here nothing may be forgotten but on request
            offsets_retention: std::time::Duration::from_hours(24 * 365 * 100),
            ..Settings::default()
        };
        Self { coordinator: Coordinator::new(settings), answers: Vec::new() }
    }
}

impl Broker {
    /// Steps the coordinator and does what it wants. Once its log takes nothing any more it is no
    /// coordinator: what the log refused may be back after the next start.
    pub(crate) fn coordinate(&mut self, env: &mut Env, input: Input) -> Result<(), Violation> {
        if self.directory.poisoned().is_some() {
            let code = ErrorCode::NotCoordinator;
            let mut effects = Vec::new();
            self.groups.coordinator.resign(code, &mut effects);
            let sent_away = effects.into_iter().filter_map(|effect| match effect {
                Effect::Reply(ticket, reply) => Some((ticket, reply)),
                Effect::Append { .. } => None,
            });
            self.groups.answers.extend(sent_away.chain(input.refusal(code)));
            return Ok(());
        }
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let mut effects = Vec::new();
            self.groups.coordinator.step(env.now, input, &mut effects);
            let mut refused = None;
            for effect in effects {
                match effect {
                    Effect::Append { records, .. } => match self.keep(env, &records)? {
                        Ok(()) => refused = None,
                        Err(code) => {
                            refused = Some(code);
                            inputs.push(Input::Refused { records });
                        }
                    },
                    Effect::Reply(ticket, reply) => {
                        let reply = match refused {
                            Some(_) => reply.refused(ErrorCode::NotCoordinator),
                            None => reply,
                        };
                        self.reply(ticket, reply);
                    }
                }
            }
        }
        Ok(())
    }

    /// Appends records and applies what was appended.
    fn keep(
        &mut self,
        env: &mut Env,
        records: &[Record],
    ) -> Result<Result<(), ErrorCode>, Violation> {
        let mut batch = Builder::new(0, -1);
        for record in records {
            let (key, value) = record.to_bytes();
            let forgotten = value.is_none() && env.is(Mutant::ForgetTombstone)
                || matches!(record, Record::Offset { .. }) && env.is(Mutant::ReplyBeforeAppend);
            if !forgotten {
                batch.record(env.now.wall, Some(&key), value.as_deref(), &[]);
            }
        }
        if batch.count() > 0
            && let Err(code) = self.append(env, &offsets_partition(), &batch.finish())?
        {
            return Ok(Err(code));
        }
        for record in records {
            self.groups.coordinator.apply(record);
            if let Record::Group { group, value: None } = record {
                env.model.groups.forgotten.insert(group.clone());
            }
        }
        Ok(Ok(()))
    }

    /// Answers now, or once everything that the answer rests on is committed.
    fn reply(&mut self, ticket: Ticket, reply: Reply) {
        match self.partitions.get_mut(&offsets_partition()) {
            Some(served) if served.machine.high_watermark() < served.end() => {
                let upto = served.end();
                served.wait(upto, Waiter::Group(ticket, reply));
            }
            Some(_) | None => self.groups.answers.push((ticket, reply)),
        }
    }

    /// Reads the groups from their log.
    pub(super) fn load_groups(&mut self, env: &mut Env) -> Result<(), Stop> {
        let Some(served) = self.partitions.get(&offsets_partition()) else {
            return Err(Stop::Refused("there is no log of the groups".to_owned()));
        };
        let log = served.machine.log();
        let until = if env.is(Mutant::ReplayTooLittle) { log.end() - 1 } else { log.end() };
        let mut groups = Groups::default();
        log.for_each_batch(log.start(), |_, batch| {
            let read =
                for_each_record(batch, &mut env.scratch, |record| -> Result<(), Malformed> {
                    let known = Record::from_bytes(record.key, record.value);
                    if let Ok(Some(known)) = known
                        && record.offset < until
                    {
                        groups.coordinator.apply(&known);
                    }
                    Ok(())
                });
            match read {
                Ok(()) => std::ops::ControlFlow::Continue(()),
                Err(error) => std::ops::ControlFlow::Break(error),
            }
        })?;
        self.groups = groups;
        self.coordinate(env, Input::Loaded)?;
        let image = self.metadata.machine.image();
        let known = self.groups.coordinator.topics();
        let gone = known.filter(|topic| image.topic(topic).is_none()).map(str::to_owned);
        for topic in gone.collect::<Vec<_>>() {
            let id = uuid::Uuid::nil();
            self.coordinate(env, Input::TopicDeleted { topic, id })?;
        }
        Ok(())
    }
}
