//! One partition of `__consumer_offsets` and its coordinator, under a short mutex.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use kastellan_core::{
    group::{Coordinator, Effect, Input, Record, Reply},
    id::Offset,
    machine::{Machine, Now, Replicated, Ticket},
};
use kastellan_protocol::ErrorCode;

use super::timer::{Deadline, Timer};
use crate::partition::Partition;

/// What to do with an answer.
pub(super) type Tell = Box<dyn FnOnce(Reply) + Send>;

/// One coordinator, wherever it is in its life.
pub(super) struct Shard {
    state: Mutex<State>,
    pub(super) deadline: Deadline,
}

/// Where a coordinator is in its life.
pub(super) enum State {
    /// Nobody has asked for it yet, or it has failed.
    Closed,
    /// Its log is being read.
    Loading,
    /// It serves.
    Open(Box<Open>),
    /// The broker is stopping.
    Stopped,
}

/// A coordinator that serves.
pub(super) struct Open {
    coordinator: Coordinator,
    partition: Arc<Partition>,
    /// The leader epoch that it coordinates in.
    epoch: i32,
    waiting: BTreeMap<Ticket, Tell>,
    /// One past the last record that was applied, until it is known to be committed.
    uncommitted: Option<Offset>,
    effects: Vec<Effect>,
}

/// Answers that a step has brought, to be told without the lock.
#[derive(Default)]
#[must_use]
pub(super) struct Answers {
    list: Vec<(Tell, Reply)>,
    /// Hold them back until the partition has committed everything before this.
    after: Option<(Arc<Partition>, Offset)>,
}

impl fmt::Debug for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &*self.lock() {
            State::Closed => "closed",
            State::Loading => "loading",
            State::Open(_) => "open",
            State::Stopped => "stopped",
        };
        write!(f, "Shard({state})")
    }
}

impl Shard {
    /// A coordinator that has not read its log.
    pub(super) fn closed() -> Self {
        Self { state: Mutex::new(State::Closed), deadline: Deadline::never() }
    }

    /// The state. After a panic the coordinator is closed, whoever waits is sent away, and the next
    /// caller has it read its log again.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        match self.state.lock() {
            Ok(state) => state,
            Err(poisoned) => {
                tracing::error!("a group coordinator panicked: it starts over from its log");
                let mut state = poisoned.into_inner();
                self.state.clear_poison();
                if let State::Open(open) = std::mem::replace(&mut *state, State::Closed) {
                    // telling takes no lock of ours
                    for tell in open.waiting.into_values() {
                        drop(tell);
                    }
                }
                state
            }
        }
    }
}

impl State {
    /// Ends a coordinator whose log takes no more records. What the log refused may be back after
    /// the next start, so nothing may be answered on the strength of its not being there: that
    /// something is deleted, say, because it was never committed.
    pub(super) fn end_failed(&mut self) -> Answers {
        match std::mem::replace(self, Self::Closed) {
            Self::Open(open) if open.partition.has_failed() => {
                open.resign(ErrorCode::NotCoordinator)
            }
            other => {
                *self = other;
                Answers::default()
            }
        }
    }
}

impl Open {
    /// A coordinator whose log is read up to `end`, of a partition that is led here in this epoch.
    pub(super) fn new(
        coordinator: Coordinator,
        (partition, epoch): (Arc<Partition>, i32),
        end: Offset,
    ) -> Self {
        Self {
            coordinator,
            partition,
            epoch,
            waiting: BTreeMap::new(),
            uncommitted: Some(end),
            effects: Vec::new(),
        }
    }

    /// Whether its partition is still led here, in the epoch that it coordinates in.
    pub(super) fn is_led(&self) -> bool {
        self.partition.leads() == Some(self.epoch)
    }

    /// Whether it may answer: another broker may coordinate by now, which this one cannot know.
    pub(super) fn may_answer(&self) -> bool {
        self.partition.check_standing().is_ok()
    }

    /// The topics that something is committed for.
    pub(super) fn topics(&self) -> Vec<String> {
        self.coordinator.topics().map(str::to_owned).collect()
    }

    /// Remembers whom to tell.
    pub(super) fn wait(&mut self, ticket: Ticket, tell: Tell) {
        self.waiting.insert(ticket, tell);
    }

    /// Steps the machine and does what it wants.
    pub(super) fn step(&mut self, now: Now, input: Input) -> Answers {
        let mut list = Vec::new();
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let mut effects = std::mem::take(&mut self.effects);
            self.coordinator.step(now, input, &mut effects);
            let mut refused = None;
            for effect in effects.drain(..) {
                match effect {
                    Effect::Append { records, .. } => match self.append(now, &records) {
                        Ok(()) => refused = None,
                        Err(code) => {
                            refused = Some(code);
                            inputs.push(Input::Refused { records });
                        }
                    },
                    Effect::Reply(ticket, reply) => {
                        let reply = match refused {
                            Some(code) => refusal(reply, code),
                            None => reply,
                        };
                        list.extend(self.waiting.remove(&ticket).map(|tell| (tell, reply)));
                    }
                }
            }
            self.effects = effects;
        }
        Answers { list, after: self.not_committed_yet() }
    }

    /// Appends, and applies what was appended.
    fn append(&mut self, now: Now, records: &[Record]) -> Result<(), ErrorCode> {
        let bytes: Vec<_> = records
            .iter()
            .map(|record| {
                let (key, value) = record.to_bytes();
                (Some(key), value)
            })
            .collect();
        let done = self.partition.append_records(&bytes, now)?;
        for record in records {
            self.coordinator.apply(record);
        }
        self.uncommitted = (!done.committed).then_some(done.last + 1);
        Ok(())
    }

    fn not_committed_yet(&mut self) -> Option<(Arc<Partition>, Offset)> {
        let upto = self.uncommitted?;
        if self.partition.high_watermark().is_ok_and(|reached| reached >= upto) {
            self.uncommitted = None;
            return None;
        }
        Some((Arc::clone(&self.partition), upto))
    }

    /// Sends everybody away.
    pub(super) fn resign(mut self, code: ErrorCode) -> Answers {
        let mut effects = Vec::new();
        self.coordinator.resign(code, &mut effects);
        let mut list = Vec::new();
        for effect in effects {
            if let Effect::Reply(ticket, reply) = effect {
                list.extend(self.waiting.remove(&ticket).map(|tell| (tell, reply)));
            }
        }
        Answers { list, after: None }
    }

    /// Moves the shard's deadline to where the machine has it now.
    pub(super) fn arm(&self, deadline: &Deadline, timer: &Timer) {
        timer.set(deadline, self.coordinator.deadline());
    }
}

impl Answers {
    /// Tells everybody: now, or once everything that the answers rest on is committed.
    pub(super) fn tell(self) {
        let Self { list, after } = self;
        match after {
            Some((partition, upto)) if !list.is_empty() => {
                partition.when_committed(upto, move |committed| {
                    for (tell, reply) in list {
                        tell(match committed {
                            Ok(()) => reply,
                            Err(code) => refusal(reply, code),
                        });
                    }
                });
            }
            Some(_) | None => {
                for (tell, reply) in list {
                    tell(reply);
                }
            }
        }
    }
}

/// What a caller is told whose records the log did not take: Kafka's words for each case.
fn refusal(reply: Reply, code: ErrorCode) -> Reply {
    use ErrorCode::{
        CoordinatorNotAvailable, InvalidCommitOffsetSize, KafkaStorageError, MessageTooLarge,
        NotCoordinator, NotEnoughReplicas, NotEnoughReplicasAfterAppend, NotLeaderOrFollower,
        RecordListTooLarge, RequestTimedOut, UnknownServerError, UnknownTopicOrPartition,
    };
    let code = match code {
        UnknownTopicOrPartition
        | NotEnoughReplicas
        | NotEnoughReplicasAfterAppend
        | RequestTimedOut => CoordinatorNotAvailable,
        NotLeaderOrFollower | KafkaStorageError => NotCoordinator,
        MessageTooLarge | RecordListTooLarge if matches!(reply, Reply::CommitOffsets(_)) => {
            InvalidCommitOffsetSize
        }
        MessageTooLarge | RecordListTooLarge => UnknownServerError,
        other => other,
    };
    reply.refused(code)
}
