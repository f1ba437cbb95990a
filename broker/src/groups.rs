//! Drives the group coordinators: one for each partition of `__consumer_offsets` that is led here.
//!
//! A request steps its coordinator on the connection's own task, under that coordinator's mutex;
//! what parks it is a ticket in the machine and a closure here. Records go through the partition
//! like anybody's, and replies wait until the partition has committed them. One sleeping task wakes
//! the machines whose time has come.

mod gather;
mod hash;
mod load;
mod shard;
mod timer;
mod topic;
pub(crate) mod wire;

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use kastellan_core::{
    config::BrokerConfig,
    group::{Input, Reply, Settings},
    id::Uuid,
    machine::Ticket,
    metadata::CONSUMER_OFFSETS,
};
use kastellan_protocol::ErrorCode;

use self::{
    shard::{Open, Shard, State},
    timer::Timer,
};
use crate::{broker::Broker, clock::Clock};
pub(crate) use gather::Gather;
pub(crate) use topic::{Coordinator, find, id as topic_id, shape};

/// All group coordinators of the broker.
#[derive(Debug)]
pub(crate) struct Groups {
    settings: ArcSwap<Settings>,
    /// One per partition of the offsets topic, once there is one; its partition count never
    /// changes.
    shards: OnceLock<Vec<Shard>>,
    tickets: AtomicU64,
    timer: Timer,
    /// Told when `shards` are there.
    ready: tokio::sync::Notify,
}

impl Groups {
    /// Coordinators for a broker that is configured like this.
    pub(crate) fn new(config: &BrokerConfig) -> Self {
        Self {
            settings: ArcSwap::from_pointee(settings(config)),
            shards: OnceLock::new(),
            tickets: AtomicU64::new(0),
            timer: Timer::new(),
            ready: tokio::sync::Notify::new(),
        }
    }

    /// Has every coordinator go by other settings.
    pub(crate) fn configure(&self, clock: Clock, config: &BrokerConfig) {
        let settings = settings(config);
        // first, for coordinators that are still to come
        self.settings.store(Arc::new(settings.clone()));
        for shard in self.shards.get().into_iter().flatten() {
            if let State::Open(open) = &mut *shard.lock() {
                open.step(clock.now(), Input::Configure(Box::new(settings.clone()))).tell();
                open.arm(&shard.deadline, &self.timer);
            }
        }
    }

    /// Asks the coordinator of `group`. `input` is given the ticket to put into the question;
    /// `tell` is called once, now or later, from any thread.
    pub(crate) fn ask(
        broker: &Arc<Broker>,
        group: &str,
        input: impl FnOnce(Ticket) -> Input,
        tell: impl FnOnce(Reply) + Send + 'static,
    ) {
        let groups = &broker.groups;
        let ticket = groups.ticket();
        let input = input(ticket);
        let Some(shards) = groups.shards(broker) else {
            return turn_away(&input, ErrorCode::NotCoordinator, tell);
        };
        let index = hash::partition_of(group, shards.len());
        groups.ask_shard(broker, index, (ticket, input), tell);
    }

    /// Asks every coordinator of this broker, as `ListGroups` does; the answers come in the order
    /// of partitions.
    pub(crate) fn ask_all(
        broker: &Arc<Broker>,
        input: impl Fn(Ticket) -> Input,
        done: impl FnOnce(Vec<Reply>) + Send + 'static,
    ) {
        let groups = &broker.groups;
        let count = groups.shards(broker).map_or(0, Vec::len);
        let gather = Gather::new(count, done);
        for index in 0..count {
            let ticket = groups.ticket();
            let gather = Arc::clone(&gather);
            let tell = move |reply| gather.put(index, reply);
            groups.ask_shard(broker, index, (ticket, input(ticket)), tell);
        }
    }

    fn ask_shard(
        &self,
        broker: &Arc<Broker>,
        index: usize,
        (ticket, input): (Ticket, Input),
        tell: impl FnOnce(Reply) + Send + 'static,
    ) {
        let Some(shard) = self.shards.get().and_then(|shards| shards.get(index)) else {
            return turn_away(&input, ErrorCode::NotCoordinator, tell);
        };
        let mut state = shard.lock();
        let resigned = state.end_failed();
        if matches!(*state, State::Closed) {
            state = load::begin(broker, index, shard, state);
        }
        let code = match &mut *state {
            State::Open(open) if !open.may_answer() => ErrorCode::NotCoordinator,
            State::Open(open) => {
                open.wait(ticket, Box::new(tell));
                let answers = open.step(broker.clock.now(), input);
                open.arm(&shard.deadline, &self.timer);
                drop(state);
                return answers.tell();
            }
            State::Loading => ErrorCode::CoordinatorLoadInProgress,
            State::Closed | State::Stopped => ErrorCode::NotCoordinator,
        };
        drop(state);
        resigned.tell();
        turn_away(&input, code, tell);
    }

    /// Ends the coordinators whose log directory has failed; whoever is parked is sent away.
    pub(crate) fn end_failed(&self) {
        for shard in self.shards.get().into_iter().flatten() {
            let resigned = shard.lock().end_failed();
            resigned.tell();
        }
    }

    /// From now on hears of deleted topics.
    pub(crate) fn watch(broker: &Arc<Broker>) {
        // the controller outlives nobody: a strong reference would keep the broker for ever
        let watcher = Arc::downgrade(broker);
        broker.controller.observe(move |changes| {
            let Some(broker) = watcher.upgrade() else { return };
            for topic in &changes.deleted {
                Self::topic_deleted(&broker, &topic.name, topic.id);
                if &*topic.name == CONSUMER_OFFSETS {
                    broker.groups.resign(|_open| true, || State::Closed);
                }
            }
            if changes.changed.iter().any(|topic| &*topic.name == CONSUMER_OFFSETS) {
                // who leads now reads the log when the first client comes
                broker.groups.resign(|open| !open.is_led(), || State::Closed);
            }
        });
    }

    /// A topic is gone, and its partitions with it: so is what was committed for it.
    fn topic_deleted(broker: &Broker, topic: &str, id: Uuid) {
        for shard in broker.groups.shards.get().into_iter().flatten() {
            let mut state = shard.lock();
            if let State::Open(open) = &mut *state {
                let input = Input::TopicDeleted { topic: topic.to_owned(), id };
                let answers = open.step(broker.clock.now(), input);
                open.arm(&shard.deadline, &broker.groups.timer);
                drop(state);
                answers.tell();
            }
        }
    }

    /// Reads every coordinator's log that is here already. For the start of the broker.
    pub(crate) fn load_all(broker: &Arc<Broker>) {
        let Some(shards) = broker.groups.shards(broker) else { return };
        for (index, shard) in shards.iter().enumerate() {
            let mut state = shard.lock();
            if matches!(*state, State::Closed) {
                *state = State::Loading;
                drop(state);
                load::now(broker, index, shard);
            }
        }
    }

    /// Wakes machines when their time has come; runs until it is dropped.
    pub(crate) async fn keep_time(broker: Arc<Broker>) {
        let groups = &broker.groups;
        loop {
            let shards = groups.shards.get();
            let deadlines = shards.into_iter().flatten().map(|shard| &shard.deadline);
            let sleep = groups.timer.sleep(broker.clock, deadlines);
            tokio::select! {
                () = sleep => (),
                () = groups.ready.notified() => (),
            }
            let now = broker.clock.now();
            let due = groups.shards.get().into_iter().flatten();
            for shard in due.filter(|shard| shard.deadline.is_due(now.monotonic)) {
                let mut state = shard.lock();
                if let State::Open(open) = &mut *state {
                    let answers = open.step(now, Input::Tick);
                    open.arm(&shard.deadline, &groups.timer);
                    drop(state);
                    answers.tell();
                } else {
                    groups.timer.set(&shard.deadline, None);
                }
            }
        }
    }

    /// Sends everybody who is parked away, and takes in nobody more: the broker is stopping.
    pub(crate) fn stop(&self) {
        self.resign(|_open| true, || State::Stopped);
    }

    /// Ends the coordinators that are open and `which` says; the others that it does not ask about
    /// end, too, unless they are to be opened again.
    fn resign(&self, which: impl Fn(&Open) -> bool, next: impl Fn() -> State) {
        for shard in self.shards.get().into_iter().flatten() {
            let mut state = shard.lock();
            let stays = match &*state {
                State::Open(open) => !which(open),
                // it looks for itself once it has read its log
                State::Loading => matches!(next(), State::Closed),
                State::Closed | State::Stopped => false,
            };
            if stays {
                continue;
            }
            let resigned = std::mem::replace(&mut *state, next());
            drop(state);
            if let State::Open(open) = resigned {
                open.resign(ErrorCode::NotCoordinator).tell();
            }
        }
    }

    fn ticket(&self) -> Ticket {
        Ticket(self.tickets.fetch_add(1, Ordering::Relaxed))
    }

    /// The coordinators, if the offsets topic exists.
    fn shards(&self, broker: &Arc<Broker>) -> Option<&Vec<Shard>> {
        if let Some(shards) = self.shards.get() {
            return Some(shards);
        }
        let count = topic::partition_count(broker)?;
        let shards =
            self.shards.get_or_init(|| std::iter::repeat_with(Shard::closed).take(count).collect());
        self.ready.notify_one();
        Some(shards)
    }
}

/// What coordinators are told of the broker's settings.
fn settings(config: &BrokerConfig) -> Settings {
    let count = |ms: i64| Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    Settings {
        min_session_timeout_ms: config.group_min_session_timeout_ms,
        max_session_timeout_ms: config.group_max_session_timeout_ms,
        initial_rebalance_delay: count(i64::from(config.group_initial_rebalance_delay_ms)),
        max_size: config.group_max_size,
        max_offset_metadata_bytes: config.offset_metadata_max_bytes,
        offsets_retention: count(config.offsets_retention_ms),
        retention_check_interval: count(config.offsets_retention_check_interval_ms),
        ..Settings::default()
    }
}

/// Answers instead of a coordinator.
fn turn_away(input: &Input, code: ErrorCode, tell: impl FnOnce(Reply)) {
    if let Some((_, reply)) = input.refusal(code) {
        tell(reply);
    }
}
