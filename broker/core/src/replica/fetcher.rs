//! One fetcher: everything that is fetched from one node over one connection.
//!
//! A fetch session (KIP-227) remembers on the leader's side what is wanted, so that a request names
//! only what has changed since the last; a thousand idle partitions cost one empty request in
//! `replica.fetch.wait.max.ms`. A request waits at the leader for bytes; a second one is sent
//! beside it only to have it answered at once, when there is a partition that it does not know of.
//!
//! Partitions and the node itself are tried again later and later after failures; one queue holds
//! all that wait.

mod session;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use kastellan_protocol::ErrorCode;

use self::session::Session;
use super::PartitionKey;
use crate::{machine::Millis, partition::Position};

/// After a first failure it is tried again so soon; after each further one, twice as late.
const FIRST: Duration = Duration::from_millis(20);

/// The machine.
#[derive(Debug)]
pub struct Fetcher {
    /// The longest pause after a failure (`replica.fetch.backoff.ms`).
    longest: Duration,
    entries: BTreeMap<PartitionKey, Entry>,
    /// How many of them may be fetched now.
    ready: usize,
    session: Session,
    /// Those that the session should be told of.
    changed: BTreeSet<PartitionKey>,
    waiting: BTreeSet<(Millis, PartitionKey)>,
    /// What each request that has no answer yet said of partitions, oldest first.
    in_flight: VecDeque<Vec<PartitionKey>>,
    /// The node does not answer: nothing is sent before this.
    pause: Option<Millis>,
    failures: u32,
}

/// What is known of one partition.
#[derive(Debug, Default)]
struct Entry {
    state: State,
    /// From where the session fetches it; `None` where it is not in the session.
    sent: Option<Position>,
    /// It is to be asked for anew, even from there: what the session made of it is over.
    anew: bool,
    failures: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    Ready(Position),
    /// It syncs, or is being truncated: it comes back by itself.
    #[default]
    Busy,
    Waiting(Millis, Position),
}

/// What to ask the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The session, 0 for none.
    pub session_id: i32,
    /// 0 begins a session, others continue it.
    pub session_epoch: i32,
    /// What to add to the session or change in it.
    pub wanted: Vec<(PartitionKey, Position)>,
    /// What to drop from it.
    pub forgotten: Vec<PartitionKey>,
}

/// Where a partition stands after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It goes on from here; `None`: later, by itself.
    At(Option<Position>),
    /// It failed, and is to be tried again from here, later.
    Failed(Position),
    /// It goes on from here, and not before (its quota is used up).
    NotBefore(Millis, Position),
}

impl Fetcher {
    /// Fetches nothing yet. `longest` is the longest pause after failures.
    pub fn new(longest: Duration) -> Self {
        Self {
            longest: longest.max(FIRST),
            entries: BTreeMap::new(),
            ready: 0,
            session: Session::default(),
            changed: BTreeSet::new(),
            waiting: BTreeSet::new(),
            in_flight: VecDeque::new(),
            pause: None,
            failures: 0,
        }
    }

    /// How many partitions it fetches.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Fetches a partition from `position` on; one that is fetched already goes on from there.
    /// `None`: it comes back by itself.
    pub fn follow(&mut self, key: PartitionKey, position: Option<Position>) {
        let state = position.map_or(State::Busy, State::Ready);
        self.entries.entry(key).or_default();
        self.set(key, state);
    }

    /// Fetches a partition no longer.
    pub fn unfollow(&mut self, key: PartitionKey) {
        // the session is told when there is something to be said, even where this entry never was
        // in it: one before it may have been
        self.set(key, State::Busy);
        self.entries.remove(&key);
    }

    /// From where the partition was asked for by the request that was answered last; `None` where
    /// it was not, and where a later request has asked anew: then that one's answer counts.
    pub fn sent(&self, key: PartitionKey) -> Option<Position> {
        let anew = self.in_flight.iter().any(|later| later.contains(&key));
        self.entries.get(&key)?.sent.filter(|_| !anew)
    }

    /// Says what to ask, and takes it for asked; `None` while there is nothing to ask.
    pub fn request(&mut self, now: Millis) -> Option<Request> {
        self.wake(now);
        if self.pause.is_some() || self.ready == 0 {
            return None;
        }
        match self.in_flight.len() {
            0 => {}
            // the session's first answer names it: until then there is nothing to go on with
            1 if self.session.has_begun() && self.has_new() => {}
            _ => return None,
        }
        if self.session.begins() {
            // whatever the session knew is gone
            for entry in self.entries.values_mut() {
                entry.sent = None;
            }
            self.changed = self.entries.keys().copied().collect();
        }
        let (mut wanted, mut forgotten) = (Vec::new(), Vec::new());
        for key in std::mem::take(&mut self.changed) {
            match self.entries.get_mut(&key) {
                Some(Entry { state: State::Ready(position), sent, anew, .. }) => {
                    if std::mem::take(anew) || *sent != Some(*position) {
                        *sent = Some(*position);
                        wanted.push((key, *position));
                    }
                }
                Some(Entry { sent, .. }) => {
                    if sent.take().is_some() {
                        forgotten.push(key);
                    }
                }
                None => forgotten.push(key),
            }
        }
        let said = wanted.iter().map(|(key, _)| *key).chain(forgotten.iter().copied());
        self.in_flight.push_back(said.collect());
        let (session_id, session_epoch) = self.session.next();
        Some(Request { session_id, session_epoch, wanted, forgotten })
    }

    /// The node has answered the oldest request. What it says of partitions is settled one by one.
    pub fn answered(&mut self, session_id: i32, error: Option<ErrorCode>) {
        self.in_flight.pop_front();
        self.failures = 0;
        match error {
            None => self.session.answered(session_id),
            Some(_) => self.session.reset(),
        }
    }

    /// Where a partition stands after what the answer said of it.
    pub fn settle(&mut self, now: Millis, key: PartitionKey, settled: Settled) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let state = match settled {
            Settled::At(position) => {
                entry.failures = 0;
                position.map_or(State::Busy, State::Ready)
            }
            Settled::Failed(position) => {
                let pause = backoff(entry.failures, self.longest);
                entry.failures = entry.failures.saturating_add(1);
                entry.anew = true;
                State::Waiting(now.after(pause), position)
            }
            Settled::NotBefore(when, position) => State::Waiting(when, position),
        };
        self.set(key, state);
    }

    /// No answer came: the connection is gone, and what was in flight with it.
    pub fn failed(&mut self, now: Millis) {
        self.in_flight.clear();
        self.session.reset();
        self.pause = Some(now.after(backoff(self.failures, self.longest)));
        self.failures = self.failures.saturating_add(1);
    }

    /// When time alone makes something to ask.
    pub fn deadline(&self) -> Option<Millis> {
        let waiting = self.waiting.first().map(|(when, _)| *when);
        let pause = self.pause.filter(|_| self.ready > 0);
        waiting.into_iter().chain(pause).min()
    }

    fn wake(&mut self, now: Millis) {
        self.pause = self.pause.filter(|until| now < *until);
        while let Some((when, key)) = self.waiting.first().copied()
            && when <= now
        {
            let state = self.entries.get(&key).map(|entry| entry.state);
            match state {
                Some(State::Waiting(_, position)) => self.set(key, State::Ready(position)),
                _ => drop(self.waiting.pop_first()),
            }
        }
    }

    /// Whether a partition is to be fetched that the session has never heard of, or has failed.
    fn has_new(&self) -> bool {
        self.changed.iter().filter_map(|key| self.entries.get(key)).any(|entry| {
            let unheard = entry.sent.is_none() || entry.anew;
            matches!(entry.state, State::Ready(_)) && unheard
        })
    }

    fn set(&mut self, key: PartitionKey, state: State) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        match entry.state {
            State::Ready(_) => self.ready -= 1,
            State::Busy => {}
            State::Waiting(when, _) => drop(self.waiting.remove(&(when, key))),
        }
        match state {
            State::Ready(_) => self.ready += 1,
            State::Busy => {}
            State::Waiting(when, _) => drop(self.waiting.insert((when, key))),
        }
        entry.state = state;
        self.changed.insert(key);
    }
}

/// How long to wait after the failure number `failures`, counted from 0.
fn backoff(failures: u32, longest: Duration) -> Duration {
    FIRST.saturating_mul(1 << failures.min(16)).min(longest)
}
