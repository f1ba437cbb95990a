//! Producing, syncing, acknowledging, reading.

use kastellan_core::{
    id::{BrokerId, Offset},
    log::Log as _,
    machine::Millis,
    partition::{Appending, Durability, From, Isolation, Listed, Outcome, Place},
};
use kastellan_protocol::{
    ErrorCode,
    batch::{Header, Rules, Scratch, validate},
};

use super::{Env, Node, Waiter, roles::key};
use crate::replication::{
    counter::Rare,
    message::{Correlation, Message, Produce, Seen},
    mutant::Mutant,
};

impl Node {
    /// A producer sends a batch.
    pub(in super::super) fn produce(&mut self, env: &mut Env, client: BrokerId, request: Produce) {
        let Produce { correlation, partition: index, all, mut batch } = request;
        let result = self.append(env, index, all, &mut batch);
        let id = self.id;
        let base = match result {
            Ok((base, next)) => {
                let hasty = env.is(Mutant::AcknowledgeBeforeReplication);
                let Some(held) = self.up.as_mut().and_then(|up| up.replicas.get_mut(&index)) else {
                    return;
                };
                match held.machine.acknowledged(next) {
                    Ok(false) if all && !hasty => {
                        let waiter = Waiter { client, correlation, base };
                        let at = held.waiting.partition_point(|(other, _)| *other <= next);
                        held.waiting.insert(at, (next, waiter));
                        None
                    }
                    Err(code) if all && !hasty => Some(Err(code)),
                    _ => Some(Ok(base)),
                }
            }
            Err(code) => {
                env.counters.note_if(code == ErrorCode::NotEnoughReplicas, Rare::NotEnoughReplicas);
                Some(Err(code))
            }
        };
        if let Some(result) = base {
            let held = self.up.as_ref().and_then(|up| up.replicas.get(&index));
            let epoch = held.map_or(-1, |held| held.machine.epoch());
            env.send(id, client, Message::Produced { correlation, epoch, result });
        }
        if result.is_ok() {
            self.hand_over(env, index);
            self.moved(env, index);
        }
    }

    fn append(
        &mut self,
        env: &mut Env,
        index: i32,
        all: bool,
        batch: &mut [u8],
    ) -> Result<(Offset, Offset), ErrorCode> {
        let id = self.id;
        let up = self.up.as_mut().ok_or(ErrorCode::NotLeaderOrFollower)?;
        up.may_answer(env, index)?;
        let held = up.replicas.get_mut(&index).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let valid = validate(batch, &Rules::default(), &mut Scratch::default())?;
        let how = Appending { now: env.now, log_append_time: false, all };
        let outcome = held.machine.append(batch, &valid, how)?;
        let epoch = held.machine.epoch();
        env.counters.note_if(matches!(outcome, Outcome::Duplicate(_)), Rare::DuplicateAnswered);
        env.trace.note(format_args!("  {id:?} {index} in epoch {epoch}: {outcome:?}"));
        if let (Outcome::Appended { .. }, Some(history)) = (outcome, env.history.get_mut(&index)) {
            let Header { producer_id, base_sequence, .. } = valid.header;
            let ignorant = self.ignorant.get(&index).copied().unwrap_or(0);
            let again = history.sequences.get(&producer_id).is_some_and(|it| *it >= base_sequence);
            if again && history.newest_of(producer_id).is_some_and(|newest| newest < ignorant) {
                history.repeatable.insert((producer_id, base_sequence));
            }
        }
        Ok((outcome.first(), outcome.last() + 1))
    }

    /// Hands what is to be synced to the committer, where something waits for it.
    pub(super) fn hand_over(&mut self, env: &mut Env, index: i32) {
        let millis = env.parameters.sync_millis;
        let Some(up) = &mut self.up else { return };
        let Some(held) = up.replicas.get_mut(&index) else { return };
        if held.machine.durability() != Durability::Fsync {
            return;
        }
        if env.is(Mutant::FetchOnBeforeTheSync) && !held.machine.is_leader() {
            let end = held.machine.log().end();
            held.machine.synced(end);
            self.go_on(env, index);
            return;
        }
        let unsynced = held.machine.log_mut().take_unsynced().expect("the disk works");
        let Some(work) = unsynced else { return };
        match &mut held.handed {
            Some(handed) => handed.merge(work),
            None => held.handed = Some(work),
        }
        if up.sync_at.is_none() {
            let width = usize::try_from(millis).unwrap_or(1).max(1);
            up.sync_at = Some(Millis(env.now.monotonic.0 + 1 + env.random.below(width) as u64));
        }
    }

    /// Syncs what was handed over.
    pub(super) fn sync_if_due(&mut self, env: &mut Env) {
        let Some(up) = &mut self.up else { return };
        if up.sync_at.is_none_or(|at| at > env.now.monotonic) {
            return;
        }
        up.sync_at = None;
        let mut synced = Vec::new();
        for (index, held) in &mut up.replicas {
            if let Some(work) = held.handed.take() {
                let receipt = up.directory.commit(&work).expect("the disk works");
                let durable = held.machine.log_mut().synced(receipt);
                held.machine.synced(durable);
                synced.push(*index);
            }
        }
        for index in synced {
            self.go_on(env, index);
            self.hand_over(env, index);
            self.moved(env, index);
        }
    }

    /// A follower that has synced asks for more.
    fn go_on(&mut self, env: &mut Env, index: i32) {
        let Some(up) = &mut self.up else { return };
        let Some(held) = up.replicas.get(&index) else { return };
        let Some(leader) = held.machine.leader().filter(|_| !held.machine.is_leader()) else {
            return;
        };
        let position = held.machine.position();
        env.counters.note_if(position.is_some(), Rare::FollowerWaitedForItsSync);
        if position.is_some() {
            up.feed(env, leader).fetcher.follow(key(index), position);
        }
        self.fetch_all(env);
    }

    /// Has everything synced and the checkpoints written, as maintenance does now and then.
    pub(in super::super) fn checkpoint(&mut self, env: &mut Env) {
        let Some(up) = &mut self.up else { return };
        let mut marks = kastellan_log::checkpoint::Offsets::new();
        for (index, held) in &mut up.replicas {
            held.machine.log_mut().flush().expect("the disk works");
            let durable = held.machine.log().durable_end();
            held.machine.synced(durable);
            let (end, bytes) = (held.machine.log().end(), held.machine.producers().to_snapshot());
            held.machine.log_mut().store_snapshot(end, &bytes).expect("the disk works");
            marks.insert(super::name(*index), held.machine.high_watermark());
        }
        up.directory.write_high_watermarks(&marks).expect("the disk works");
        let logs = up.replicas.values().map(|held| held.machine.log());
        up.directory.checkpoint(logs).expect("the disk works");
        for index in up.replicas.keys().copied().collect::<Vec<_>>() {
            self.go_on(env, index);
            self.moved(env, index);
        }
    }

    /// Deletes records up to `before`, at a client's word.
    pub(in super::super) fn delete_records(&mut self, env: &mut Env, index: i32, before: Offset) {
        use kastellan_core::config::Cleanup;
        let Some(up) = self.up.as_mut().filter(|up| up.may_answer(env, index).is_ok()) else {
            return;
        };
        let Some(held) = up.replicas.get_mut(&index) else { return };
        let cleanup = Cleanup { delete: true, compact: false };
        if let Ok(start) = held.machine.delete_records(before, cleanup)
            && let Some(history) = env.history.get_mut(&index)
        {
            env.counters.note(Rare::RecordsDeleted);
            history.start = history.start.max(start);
            self.wake_followers(env, index);
        }
    }

    /// A consumer reads.
    pub(in super::super) fn read(
        &mut self,
        env: &mut Env,
        client: BrokerId,
        (correlation, index, offset): (Correlation, i32, Offset),
    ) {
        let id = self.id;
        let Some(up) = &self.up else { return };
        let result = match up.replicas.get(&index) {
            None => Err(ErrorCode::UnknownTopicOrPartition),
            Some(held) => {
                up.may_answer(env, index).and_then(|()| held.seen_by_consumer(env, index, offset))
            }
        };
        env.send(id, client, Message::Seen { correlation, result });
    }

    /// Who waits hears that it waits in vain.
    pub(super) fn send_away(&mut self, env: &mut Env, index: i32, code: ErrorCode) {
        let id = self.id;
        let Some(held) = self.up.as_mut().and_then(|up| up.replicas.get_mut(&index)) else {
            return;
        };
        let well = env.is(Mutant::AcknowledgeWhenDeposed);
        for (_, waiter) in std::mem::take(&mut held.waiting) {
            let result = if well { Ok(waiter.base) } else { Err(code) };
            let (correlation, epoch) = (waiter.correlation, held.machine.epoch());
            let message = Message::Produced { correlation, epoch, result };
            env.send(id, waiter.client, message);
        }
    }

    /// Something has moved: who waited is told, followers look, proposals go out.
    pub(super) fn moved(&mut self, env: &mut Env, index: i32) {
        let id = self.id;
        let Some(held) = self.up.as_mut().and_then(|up| up.replicas.get_mut(&index)) else {
            return;
        };
        let reached = held.machine.high_watermark();
        let count = held.waiting.partition_point(|(upto, _)| *upto <= reached);
        for (upto, waiter) in held.waiting.drain(..count) {
            let result = held.machine.acknowledged(upto).map(|_committed| waiter.base);
            let (correlation, epoch) = (waiter.correlation, held.machine.epoch());
            let message = Message::Produced { correlation, epoch, result };
            env.net.send(env.now.monotonic, id, waiter.client, message);
        }
        self.wake_followers(env, index);
        self.propose(env);
    }
}

impl super::Held {
    fn seen_by_consumer(
        &self,
        env: &mut Env,
        index: i32,
        offset: Offset,
    ) -> Result<Seen, ErrorCode> {
        let from = From {
            offset,
            current_leader_epoch: -1,
            last_fetched_epoch: -1,
            max_bytes: 500,
            at_least_one: true,
        };
        let bounds = self.machine.bounds(from)?;
        let beyond = env.is(Mutant::ServeUncommitted);
        let until = if beyond { self.machine.log().end() } else { bounds.until };
        env.counters.note_if(!self.machine.is_leader(), Rare::FollowerServedAConsumer);
        // one that was deposed in favour of another may tell what it knows until it hears of that
        let newer = env.acts.get(&index).and_then(|acts| acts.last_key_value());
        let current = newer.is_none_or(|(epoch, _)| *epoch <= self.machine.epoch());
        let latest = (current && self.machine.is_leader()).then(|| {
            match self.machine.list(Place::Latest, -1, Isolation::ReadUncommitted)? {
                Listed::Offset(offset, _) => Ok(offset),
                _ => Err(ErrorCode::UnknownServerError),
            }
        });
        let records = if bounds.slice.is_some() || beyond {
            self.records(offset, until, 500, env)
        } else {
            Vec::new()
        };
        Ok(Seen { records, latest })
    }
}
