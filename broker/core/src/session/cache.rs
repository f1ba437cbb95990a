//! A bounded number of sessions, and who has to go for a new one.

use std::{collections::BTreeMap, time::Duration};

use crate::machine::Millis;

/// All sessions of a broker. `S` is what the shell keeps of each.
#[derive(Debug)]
pub struct Sessions<S> {
    limit: usize,
    grace: Duration,
    held: BTreeMap<i32, Held<S>>,
}

#[derive(Debug)]
struct Held<S> {
    value: S,
    size: usize,
    privileged: bool,
    created: Millis,
    used: Millis,
}

impl<S> Sessions<S> {
    /// Room for `limit` sessions (Kafka's `max.incremental.fetch.session.cache.slots`), none of
    /// which has to go within `grace` (Kafka: 2 minutes).
    pub fn new(limit: usize, grace: Duration) -> Self {
        Self { limit, grace, held: BTreeMap::new() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Makes room for a session of `size` partitions; `privileged` for a follower's.
    ///
    /// Without room, the one that was idle for longest goes if that was longer than the grace;
    /// otherwise the smallest of those that are older than the grace, if the new one is larger.
    /// False: the client has to do without a session.
    pub fn make_room(&mut self, now: Millis, size: usize, privileged: bool) -> bool {
        if self.held.len() < self.limit {
            return true;
        }
        let idle = self.held.iter().min_by_key(|(_, held)| held.used);
        let idle = idle.filter(|(_, held)| now.since(held.used) > self.grace);
        let old = self.held.iter().filter(|(_, held)| now.since(held.created) > self.grace);
        let least = old.min_by_key(|(_, held)| (held.privileged, held.size));
        let least = least.filter(|(_, held)| (held.privileged, held.size) < (privileged, size));
        match idle.or(least).map(|(id, _)| *id) {
            Some(id) => self.held.remove(&id).is_some(),
            None => false,
        }
    }

    /// Whether `id` may be given to a new session: ids are positive, and not given twice.
    pub fn is_free(&self, id: i32) -> bool {
        id > 0 && !self.held.contains_key(&id)
    }

    /// Keeps a session, for which [`Self::make_room`] and [`Self::is_free`] have said yes.
    pub fn insert(&mut self, now: Millis, id: i32, held: (S, usize, bool)) {
        let (value, size, privileged) = held;
        self.held.insert(id, Held { value, size, privileged, created: now, used: now });
    }

    /// The session `id`, which is used now.
    pub fn get(&mut self, now: Millis, id: i32) -> Option<&S> {
        let held = self.held.get_mut(&id)?;
        held.used = now;
        Some(&held.value)
    }

    /// Notes that a session has grown or shrunk.
    pub fn resize(&mut self, id: i32, size: usize) {
        if let Some(held) = self.held.get_mut(&id) {
            held.size = size;
        }
    }

    /// Ends a session.
    pub fn remove(&mut self, id: i32) -> Option<S> {
        self.held.remove(&id).map(|held| held.value)
    }
}
