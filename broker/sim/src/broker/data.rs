//! Appending, syncing, telling: what the shell's partitions and committer do.

use kastellan_core::{
    id::{Offset, TopicPartition},
    log::Log as _,
    partition::{Appending, Durability, Outcome},
};
use kastellan_protocol::{
    ErrorCode,
    batch::{Header, Rules, Valid, validate},
};

use super::{Broker, Sender, Served, Settled, Waiter};
use crate::{
    counter::Rare,
    invariant::{Check, Invariant, Violation, dense, duplicates, poison},
    model::{Batch, partition::records_of},
    mutant::Mutant,
    world::Env,
};

/// What became of an append: its offsets, or the code that it was refused with.
pub(crate) type Appended = Result<Outcome, ErrorCode>;

impl Broker {
    /// Appends a batch as a produce request or a coordinator does, and holds the model to it.
    pub(crate) fn append(
        &mut self,
        env: &mut Env,
        of: &TopicPartition,
        bytes: &[u8],
    ) -> Result<Appended, Violation> {
        let poisoned = self.directory.poisoned().is_some();
        let Some(served) = self.partitions.get_mut(of) else {
            return Ok(Err(ErrorCode::UnknownTopicOrPartition));
        };
        let mut batch = bytes.to_vec();
        let valid: Valid = match validate(&batch, &Rules::default(), &mut env.scratch) {
            Ok(valid) => valid,
            Err(invalid) => return Ok(Err(invalid.code)),
        };
        if env.is(Mutant::SkipDedupe) {
            served.machine.producers_mut().clear();
        }
        let segments = served.machine.log().segment_count();
        let how = Appending { now: env.now, log_append_time: false, all: true };
        let outcome = served.machine.append(&mut batch, &valid, how);
        let rolled = served.machine.log().segment_count() > segments.max(1);
        let header = &valid.header;
        let said = (header.producer_id, header.producer_epoch, header.base_sequence, header.count);
        env.trace.note(format_args!("  {of} {said:?} rolled {rolled} {outcome:?}"));
        env.counters.note_if(rolled, Rare::AppendRolledASegment);
        let Some(model) = env.model.partitions.get_mut(of) else { return Ok(outcome) };
        let header = Header::parse(&batch).unwrap_or(valid.header);
        let records = records_of(&batch, &mut env.scratch).unwrap_or_default();
        let appended = Batch { header, bytes: batch, acknowledged: false };
        match outcome {
            Ok(Outcome::Appended { first, .. }) => {
                dense::appended(of, model, first)?;
                duplicates::appended(of, model, &header)?;
                model.epoch = model.epoch.max(header.leader_epoch);
                model.push(appended, records);
                env.counters.compared(Invariant::RetriesAreNotDuplicated);
                served.hand_over();
            }
            Ok(Outcome::Duplicate(duplicate)) => {
                duplicates::answered(of, model, &valid.header, duplicate.first)?;
                env.counters.compared(Invariant::RetriesAreNotDuplicated);
                env.counters.note(Rare::DuplicateAnswered);
            }
            Err(ErrorCode::KafkaStorageError) if !poisoned => model.refused = Some(appended),
            Err(code) => duplicates::refused(of, model, &valid.header, code)?,
        }
        Ok(outcome)
    }

    /// Tells the sender of a batch that ends before `upto`, now or once that is committed.
    pub(crate) fn answer(
        &mut self,
        env: &mut Env,
        of: &TopicPartition,
        sender: Sender,
        outcome: Outcome,
    ) {
        let Some(served) = self.partitions.get_mut(of) else { return };
        let upto = outcome.last() + 1;
        let hasty = env.is(Mutant::AcknowledgeBeforeSync);
        if served.machine.high_watermark() >= upto || hasty {
            acknowledge(env, of, outcome.first());
            // what is durable may be told again, whatever happens
            let new = matches!(outcome, Outcome::Appended { .. });
            let failures = if new { env.failures() } else { 0 };
            self.settled.push(Settled { of: of.clone(), sender, acknowledged: true, failures });
        } else {
            served.wait(upto, Waiter::Produce(sender, outcome.first()));
        }
    }

    /// Does one sync that a partition asked for, as the committer does.
    pub(crate) fn sync(&mut self, env: &mut Env, of: &TopicPartition, late: bool) -> Check {
        let Some(served) = self.partitions.get_mut(of) else { return Ok(()) };
        let Some(work) = served.handed.take() else { return Ok(()) };
        let outcome = self.directory.commit(&work);
        env.trace.note(format_args!("  {of} {outcome:?}"));
        if let Ok(receipt) = outcome {
            poison::acknowledged(of, env.failures())?;
            served.done = Some(receipt);
            if !late {
                self.tell(env, of);
            }
        } else {
            let waiting = std::mem::take(&mut served.waiting);
            for (_, waiter) in waiting {
                self.release(env, of, waiter, false);
            }
        }
        Ok(())
    }

    /// Has a partition hear of the sync that is done.
    pub(crate) fn tell(&mut self, env: &mut Env, of: &TopicPartition) {
        let Some(served) = self.partitions.get_mut(of) else { return };
        let Some(receipt) = served.done.take() else { return };
        let durable = served.machine.log_mut().synced(receipt);
        served.machine.synced(durable);
        if let Some(model) = env.model.partitions.get_mut(of) {
            model.durable = model.durable.max(durable);
        }
        let reached = served.machine.high_watermark();
        let count = served.waiting.partition_point(|(upto, _)| *upto <= reached);
        let released: Vec<_> = served.waiting.drain(..count).collect();
        for (_, waiter) in released {
            self.release(env, of, waiter, true);
        }
    }

    fn release(&mut self, env: &mut Env, of: &TopicPartition, waiter: Waiter, committed: bool) {
        match waiter {
            Waiter::Produce(sender, first) => {
                if committed {
                    acknowledge(env, of, first);
                }
                // the sync before this was asked whether it came after a failure
                let (of, acknowledged) = (of.clone(), committed);
                self.settled.push(Settled { of, sender, acknowledged, failures: 0 });
            }
            Waiter::Group(ticket, reply) => {
                let reply =
                    if committed { reply } else { reply.refused(ErrorCode::NotCoordinator) };
                self.groups.answers.push((ticket, reply));
            }
        }
    }

    /// Hands everything to the committer, as the timer for `flush.ms` does.
    pub(crate) fn hand_over_all(&mut self) {
        self.partitions.values_mut().for_each(Served::hand_over_whatever);
    }
}

/// Notes that a producer is told of its batch at `first`.
fn acknowledge(env: &mut Env, of: &TopicPartition, first: Offset) {
    env.counters.acknowledged += 1;
    let model = env.model.partitions.get_mut(of);
    if let Some(batch) = model.and_then(|model| model.batches.get_mut(&first)) {
        batch.acknowledged = true;
    }
}

impl Served {
    /// Hands what was appended to the committer where acknowledgements wait for it.
    fn hand_over(&mut self) {
        if self.machine.durability() == Durability::Fsync {
            self.hand_over_whatever();
        }
    }

    fn hand_over_whatever(&mut self) {
        if let Ok(Some(work)) = self.machine.log_mut().take_unsynced() {
            match &mut self.handed {
                Some(handed) => handed.merge(work),
                None => self.handed = Some(work),
            }
        }
    }

    /// Parks somebody until everything before `upto` is committed.
    pub(crate) fn wait(&mut self, upto: Offset, waiter: Waiter) {
        let at = self.waiting.partition_point(|(other, _)| *other <= upto);
        self.waiting.insert(at, (upto, waiter));
    }

    /// One past the last offset.
    pub(crate) fn end(&self) -> Offset {
        self.machine.log().end()
    }
}
