//! Consumer groups, the classic protocol: the coordinator of one `__consumer_offsets` partition.
//!
//! Hard state is what the partition's records say ([`hard`]); who is parked, who is silent, which
//! barrier is up is soft ([`live`]) and dies with the coordinator, whose members find the next one
//! and go on. What members say to each other through it (subscriptions, assignments) is opaque but
//! for one question: whether anybody reads a topic whose offsets are to go ([`subscription`]).
//!
//! The way of a generation: [`join`] parks members at the barrier of [`rebalance`], the barrier
//! opens with a new generation and its leader, [`sync`] brings the leader's assignment and with it
//! the only record, [`heartbeat`] and [`leave`] tell who is still there.

mod delete;
mod describe;
mod hard;
mod heartbeat;
mod input;
mod join;
mod leave;
mod live;
mod member;
mod name;
mod offsets;
mod rebalance;
mod record;
mod reply;
mod retention;
mod settings;
mod state;
mod subscription;
mod sync;
#[cfg(test)]
mod tests;
mod timers;
mod votes;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use kastellan_protocol::ErrorCode;

pub use input::{
    CommitOffsets, DeleteGroup, DeleteOffsets, Describe, FetchOffsets, Heartbeat, Input, Join,
    Leave, List, OffsetToCommit, Protocol, Sync, TopicToFetch,
};
pub use name::{GroupId, InstanceId, MemberId};
pub use record::{CommittedOffset, GroupMetadata, MemberMetadata, Record, Unreadable};
pub use reply::{
    DescribedMember, Description, Effect, FetchedOffset, FetchedTopic, Joined, JoinedMember,
    Listed, Reply, Synced,
};
pub use settings::Settings;
pub use state::State;

use crate::machine::{Machine, Millis, Now, Replicated, Ticket};
use hard::Hard;
use live::{Live, Phase, Step};
use timers::{Timer, Timers};

/// The coordinator of the groups whose records are in one partition.
#[derive(Debug)]
pub struct Coordinator {
    settings: Settings,
    hard: Hard,
    live: BTreeMap<GroupId, Live>,
    timers: Timers,
    /// The ids that were given out last, used by now or not, oldest first.
    given_out: VecDeque<(GroupId, MemberId)>,
    /// The sum of the live groups' weights.
    weight: usize,
    sweep_at: Option<Millis>,
}

impl Coordinator {
    /// A coordinator that knows of no group. Replay the partition into it
    /// ([`Record::from_bytes`], [`Replicated::apply`]), then step [`Input::Loaded`].
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            hard: Hard::default(),
            live: BTreeMap::new(),
            timers: Timers::default(),
            given_out: VecDeque::new(),
            weight: 0,
            sweep_at: None,
        }
    }

    /// Gives up the partition: everybody who is parked is answered `error` (`NOT_COORDINATOR`, for
    /// one). Only what the records say is left.
    pub fn resign(&mut self, error: ErrorCode, effects: &mut Vec<Effect>) {
        for live in std::mem::take(&mut self.live).into_values() {
            for (id, member) in live.members {
                let join = member
                    .joining
                    .map(|ticket| (ticket, Reply::Join(Box::new(Joined::refused(id, error)))));
                let sync = member.syncing.map(|ticket| (ticket, Reply::Sync(Err(error))));
                effects.extend(join.into_iter().chain(sync).map(|(t, r)| Effect::Reply(t, r)));
            }
        }
        self.timers = Timers::default();
        self.given_out.clear();
        self.weight = 0;
        self.sweep_at = None;
    }

    /// The topics that something is committed for, each once.
    pub fn topics(&self) -> impl Iterator<Item = &str> {
        let names = self.hard.iter().flat_map(|(_, known)| known.offsets.keys());
        names.map(String::as_str).collect::<BTreeSet<_>>().into_iter()
    }

    /// How many groups there are: with members, or remembered.
    pub fn len(&self) -> usize {
        let idle = self.hard.iter().filter(|(group, _)| !self.live.contains_key(*group));
        self.live.len() + idle.count()
    }

    /// Whether there is no group at all.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty() && self.hard.is_empty()
    }

    /// Runs `act` on a group, which need not exist, and drops it again if it holds nobody.
    fn on<R>(
        &mut self,
        now: Now,
        group: &GroupId,
        effects: &mut Vec<Effect>,
        act: impl FnOnce(&mut Live, &mut Step<'_>) -> R,
    ) -> R {
        let known = self.hard.get(group);
        let mut step = Step { now, settings: &self.settings, timers: &mut self.timers, effects };
        if let Some(live) = self.live.get_mut(group) {
            self.weight -= live.weight;
            let result = act(live, &mut step);
            self.weight += live.weight;
            if live.is_idle() {
                self.live.remove(group);
            }
            return result;
        }
        let mut live = Live::empty(group.clone(), known);
        let result = act(&mut live, &mut step);
        self.weight += live.weight;
        if !live.is_idle() {
            self.live.insert(group.clone(), live);
        }
        result
    }

    fn load(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let mut step = Step { now, settings: &self.settings, timers: &mut self.timers, effects };
        for (group, known) in self.hard.iter() {
            if known.metadata.as_ref().is_some_and(|metadata| !metadata.members.is_empty()) {
                let mut live = Live::stable(group.clone(), known, &mut step);
                if live.members.len() > step.settings.max_size {
                    // only as many as fit will find room at the barrier
                    live.raise(&mut step);
                }
                self.weight += live.weight;
                self.live.insert(group.clone(), live);
            }
        }
        self.plan_sweep(now);
    }

    fn join(&mut self, now: Now, join: &Join, effects: &mut Vec<Effect>) {
        // who joins again takes the place of what it said before
        let own = self.live.get(&join.group).map_or(0, |live| live.weight_of(join));
        let room = (self.settings.max_member_bytes + own).saturating_sub(self.weight);
        if let Err(code) = join::check(join, &self.settings, room) {
            let joined = Joined::refused(join.member.clone(), code);
            effects.push(Effect::Reply(join.ticket, Reply::Join(Box::new(joined))));
            return;
        }
        let given_out = self.on(now, &join.group, effects, |live, step| live.join(step, join));
        let Some(id) = given_out else { return };
        self.given_out.push_back((join.group.clone(), id));
        if self.given_out.len() > self.settings.max_pending
            && let Some((group, oldest)) = self.given_out.pop_front()
        {
            self.on(now, &group, effects, |live, step| {
                live.forget_pending(step, &oldest);
                live.open_if_all_are_here(step);
            });
        }
    }

    fn heartbeat(&mut self, now: Now, heartbeat: &Heartbeat, effects: &mut Vec<Effect>) {
        let answer = if heartbeat.group.is_empty() {
            Err(ErrorCode::InvalidGroupId)
        } else {
            self.on(now, &heartbeat.group, effects, |live, step| live.heartbeat(step, heartbeat))
        };
        effects.push(Effect::Reply(heartbeat.ticket, Reply::Heartbeat(answer)));
    }

    fn commit(&mut self, now: Now, commit: &CommitOffsets, effects: &mut Vec<Effect>) {
        let known = self.live.contains_key(&commit.group) || self.hard.get(&commit.group).is_some();
        if !known && let Err(code) = offsets::check_unknown_group(commit) {
            effects.push(Effect::Reply(commit.ticket, Reply::CommitOffsets(Err(code))));
            return;
        }
        self.on(now, &commit.group, effects, |live, step| live.commit(step, commit));
    }

    /// The log did not take a generation's record: its members have to come again, and a group that
    /// nobody is in is written once more later.
    fn refused(&mut self, now: Now, record: &Record, effects: &mut Vec<Effect>) {
        let Record::Group { group, value: Some(refused) } = record else {
            // a commit leaves nothing behind but its answer; a tombstone is tried again anyway
            return;
        };
        self.on(now, group, effects, |live, step| match live.phase {
            Phase::Stable => {
                live.cancel_syncs(step, ErrorCode::RebalanceInProgress);
                live.raise(step);
            }
            Phase::Empty => live.stay_empty(step, refused),
            Phase::Preparing(_) | Phase::Completing => (),
        });
    }

    fn tick(&mut self, now: Now, effects: &mut Vec<Effect>) {
        while let Some((group, timer)) = self.timers.pop(now.monotonic) {
            self.on(now, &group, effects, |live, step| match &timer {
                Timer::Phase => live.phase_is_over(step),
                Timer::Session(member) => live.session_is_over(step, member),
                Timer::Pending(member) => live.pending_is_over(step, member),
            });
        }
        if self.sweep_at.is_some_and(|at| at <= now.monotonic) {
            self.sweep(now, effects);
        }
    }
}

impl Machine for Coordinator {
    type Input = Input;
    type Effect = Effect;

    fn step(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        let mut reply = |ticket: Ticket, reply: Reply| effects.push(Effect::Reply(ticket, reply));
        match input {
            Input::Loaded => self.load(now, effects),
            Input::Join(join) => self.join(now, &join, effects),
            Input::Sync(sync) if sync.group.is_empty() => {
                reply(sync.ticket, Reply::Sync(Err(ErrorCode::InvalidGroupId)));
            }
            Input::Sync(sync) => {
                self.on(now, &sync.group, effects, |live, step| live.sync(step, &sync));
            }
            Input::Heartbeat(heartbeat) => self.heartbeat(now, &heartbeat, effects),
            Input::Leave(leave) if leave.group.is_empty() => {
                reply(leave.ticket, Reply::Leave(Err(ErrorCode::InvalidGroupId)));
            }
            Input::Leave(leave) => {
                self.on(now, &leave.group, effects, |live, step| live.leave(step, &leave));
            }
            Input::CommitOffsets(commit) => self.commit(now, &commit, effects),
            Input::FetchOffsets(fetch) => {
                reply(fetch.ticket, Reply::FetchOffsets(Ok(offsets::fetch(&self.hard, &fetch))));
            }
            Input::Describe(it) => reply(it.ticket, Reply::Describe(self.describe(&it.group))),
            Input::List(list) => reply(list.ticket, Reply::List(Ok(self.list(&list)))),
            Input::DeleteGroup(delete) => self.delete_group(now, &delete, effects),
            Input::DeleteOffsets(delete) => self.delete_offsets(&delete, effects),
            Input::Configure(settings) => self.configure(now, *settings),
            Input::TopicDeleted { topic, id } => self.forget_topic(&topic, id, effects),
            Input::Refused { records } => {
                for record in &records {
                    self.refused(now, record, effects);
                }
            }
            Input::Tick => self.tick(now, effects),
        }
        // what was just asked to be appended may be the first that there is to sweep
        if self.sweep_at.is_none()
            && effects.iter().any(|effect| matches!(effect, Effect::Append { .. }))
        {
            self.sweep_at = Some(now.monotonic.after(self.settings.retention_check_interval));
        }
    }

    fn deadline(&self) -> Option<Millis> {
        self.timers.first().into_iter().chain(self.sweep_at).min()
    }
}

impl Replicated for Coordinator {
    type Record = Record;

    fn apply(&mut self, record: &Record) {
        self.hard.apply(record);
    }
}
