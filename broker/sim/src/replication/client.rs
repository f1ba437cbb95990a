//! Producers that retry until they are answered, and consumers that look again at what they saw.

use kastellan_core::{
    id::{BrokerId, LeaderEpoch},
    machine::Millis,
};
use kastellan_protocol::{ErrorCode, batch::Builder};

use super::{
    cluster::Cluster,
    counter::Rare,
    history,
    invariant::{Check, Invariant, acknowledged, consistent, ensure, recent},
    message::{CLIENTS, Correlation, Message, Produce, Seen},
    node::Env,
};
use crate::random::{Random, Stream};

/// Milliseconds after which a producer asks again.
const PATIENCE: u64 = 700;

/// A producer with one batch at a time in flight.
#[derive(Debug)]
pub(super) struct Producer {
    pub(super) id: BrokerId,
    partition: i32,
    /// Its producer id; -1 without idempotence.
    pid: i64,
    sequence: i32,
    all: bool,
    outstanding: Option<Outstanding>,
    next: Millis,
}

#[derive(Debug)]
struct Outstanding {
    correlation: Correlation,
    until: Millis,
    batch: Vec<u8>,
}

/// A consumer that reads anywhere.
#[derive(Debug)]
pub(super) struct Consumer {
    pub(super) id: BrokerId,
    asked: Option<(Correlation, i32, i64)>,
    next: Millis,
}

impl Producer {
    pub(super) fn new(nth: i32, partition: i32, all: bool) -> Self {
        let pid = if all { i64::from(nth) + 1_000 } else { -1 };
        Self {
            id: BrokerId(CLIENTS + nth),
            partition,
            pid,
            sequence: 0,
            all,
            outstanding: None,
            next: Millis::ZERO,
        }
    }

    /// Whether it has nothing to wait for.
    pub(super) fn is_idle(&self) -> bool {
        self.outstanding.is_none()
    }

    pub(super) fn deadline(&self, more: bool) -> Option<Millis> {
        match &self.outstanding {
            Some(outstanding) => Some(outstanding.until),
            None => more.then_some(self.next),
        }
    }

    /// Sends its batch again, or the next one, if it is time.
    pub(super) fn tick(&mut self, env: &mut Env, cluster: &Cluster, more: bool) {
        let now = env.now.monotonic;
        if self.deadline(more).is_none_or(|deadline| deadline > now) {
            return;
        }
        let batch = match self.outstanding.take() {
            Some(outstanding) => outstanding.batch,
            None => self.batch(env),
        };
        let correlation = env.correlation();
        let until = Millis(now.0 + PATIENCE);
        let (partition, all) = (self.partition, self.all);
        let known = cluster.partitions.get(&partition);
        let astray = env.random.chance(5);
        let to = known.and_then(|known| match known.leader.filter(|_| !astray) {
            Some(leader) => Some(leader),
            None => env.random.choose(&known.replicas).copied(),
        });
        self.outstanding = Some(Outstanding { correlation, until, batch: batch.clone() });
        if let Some(to) = to {
            let produce = Produce { correlation, partition, all, batch };
            env.send(self.id, to, Message::Produce(produce));
        }
    }

    fn batch(&mut self, env: &mut Env) -> Vec<u8> {
        let mut builder = Builder::new(0, -1);
        if self.pid >= 0 {
            builder.producer(self.pid, 0, self.sequence);
        }
        // one record a batch: sequences are counted in batches then
        let value = vec![b'v'; env.random.below(60)];
        builder.record(env.now.wall, Some(&env.random.next().to_be_bytes()), Some(&value), &[]);
        builder.finish()
    }

    /// A broker has answered.
    pub(super) fn answered(
        &mut self,
        env: &mut Env,
        correlation: Correlation,
        (epoch, result): (LeaderEpoch, Result<i64, ErrorCode>),
    ) -> Check {
        let now = env.now.monotonic;
        let Some(outstanding) = &mut self.outstanding else { return Ok(()) };
        if outstanding.correlation != correlation {
            return Ok(());
        }
        let excused = env.excused.contains(&self.partition);
        match result {
            Ok(base) => {
                self.outstanding = None;
                self.sequence += 1;
                self.next = Millis(now.0 + env.random.below(60) as u64);
                if self.all && !excused {
                    env.counters.acknowledged += 1;
                    env.counters.compared(Invariant::AcknowledgedIsNotLost);
                    let history = env.history.entry(self.partition).or_default();
                    acknowledged::check(self.partition, history, base)?;
                }
            }
            // a deposed leader that has not heard of it does not know what came since
            Err(ErrorCode::OutOfOrderSequenceNumber | ErrorCode::InvalidProducerEpoch)
                if env.leader_epochs.get(&self.partition) == Some(&epoch) =>
            {
                ensure(excused, Invariant::RetriesAreNotDuplicated, || {
                    format!("producer {} at {}: {result:?}", self.pid, self.sequence)
                })?;
                self.pid += 10_000;
                self.sequence = 0;
                self.outstanding = None;
                self.next = now;
            }
            // again soon
            Err(_) => outstanding.until = Millis(now.0 + 20 + env.random.below(80) as u64),
        }
        Ok(())
    }
}

impl Consumer {
    pub(super) fn new(nth: i32) -> Self {
        Self { id: BrokerId(2 * CLIENTS + nth), asked: None, next: Millis::ZERO }
    }

    pub(super) fn deadline(&self) -> Millis {
        self.next
    }

    /// Asks some replica for something, if it is time.
    pub(super) fn tick(&mut self, env: &mut Env, cluster: &Cluster) {
        let now = env.now.monotonic;
        if self.next > now {
            return;
        }
        self.next = Millis(now.0 + 30 + env.random.below(100) as u64);
        let count = usize::try_from(env.parameters.partitions).unwrap_or(1);
        let partition = i32::try_from(env.random.below(count)).unwrap_or(0);
        let Some(known) = cluster.partitions.get(&partition) else { return };
        let history = env.history.entry(partition).or_default();
        let (start, end, told) = (history.start, history.end(), history.told);
        let offset = env.random.between(start, end + 3);
        let leader = known.leader.filter(|_| env.random.chance(60));
        let to = leader.or_else(|| env.random.choose(&known.replicas).copied());
        let correlation = env.correlation();
        self.asked = Some((correlation, partition, told));
        if let Some(to) = to {
            env.send(self.id, to, Message::Read { correlation, partition, offset });
        }
    }

    /// A broker has answered.
    pub(super) fn answered(
        &mut self,
        env: &mut Env,
        from: BrokerId,
        correlation: Correlation,
        result: Result<Seen, ErrorCode>,
    ) -> Check {
        let Some((_, index, told)) = self.asked.take_if(|(asked, ..)| *asked == correlation) else {
            return Ok(());
        };
        let Ok(seen) = result else { return Ok(()) };
        if env.excused.contains(&index) {
            return Ok(());
        }
        let history = env.history.entry(index).or_default();
        for (header, bytes) in history::each(&seen.records) {
            let batch = history::summary(&header, bytes);
            let known = history.committed.contains_key(&header.base_offset);
            ensure(known, Invariant::CommittedNeverChanges, || {
                let (base, end) = (header.base_offset, history.end());
                format!("partition {index}: shown {base}, committed is up to {end}")
            })?;
            consistent::check((from, index), history, (header.base_offset, batch), true)?;
        }
        match seen.latest {
            Some(Ok(latest)) => {
                env.counters.compared(Invariant::TheNewestOffsetIsRecent);
                recent::check(index, told, latest)?;
                history.told = history.told.max(latest);
            }
            Some(Err(ErrorCode::OffsetNotAvailable)) => {
                env.counters.note(Rare::UnavailableOffsetRefused);
            }
            Some(Err(_)) | None => {}
        }
        Ok(())
    }
}

/// The clients of a world.
pub(super) fn all(seed: u64, env: &Env) -> (Vec<Producer>, Vec<Consumer>) {
    let mut random = Random::new(seed, Stream::Workload);
    let parameters = &env.parameters;
    let producers = (0..parameters.producers).map(|nth| {
        let all = random.chance(parameters.all);
        Producer::new(nth, nth % parameters.partitions, all)
    });
    (producers.collect(), (0..parameters.consumers).map(Consumer::new).collect())
}
