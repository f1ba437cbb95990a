//! Which cluster's turn it is: one pass at a time for each, and none sooner than it makes sense.
//!
//! Pure: time is an argument. A key that is due while its pass runs gets another one after it, so
//! no event is lost; many events in a short time are one pass.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::operator::Key;

/// After an event, so that the rest of what belongs to it can arrive.
const SETTLE: Duration = Duration::from_millis(20);
/// After the first failure of a pass; doubles with every further one.
const FIRST_RETRY: Duration = Duration::from_millis(200);
/// However often a pass has failed.
const LAST_RETRY: Duration = Duration::from_secs(30);

/// What became of a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It came to its end; when to look again though nothing is heard.
    Done(Option<Duration>),
    /// It did not.
    Failed,
    /// There is no such cluster any more.
    Gone,
}

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    due: Option<Instant>,
    running: bool,
    /// Not before this time: a pass over many topics pays for itself.
    rest: Option<Instant>,
    failures: u32,
}

/// All keys that have something to come.
#[derive(Debug, Default)]
pub struct Queue {
    entries: BTreeMap<Key, Entry>,
}

impl Queue {
    /// Something was heard of a key.
    pub fn heard(&mut self, key: Key, now: Instant) {
        let entry = self.entries.entry(key).or_default();
        // what failed before waits for its time, or any event would do away with the pause
        let pause = if entry.failures > 0 { backoff(entry.failures) } else { SETTLE };
        let due = (now + pause).max(entry.rest.unwrap_or(now));
        entry.due = Some(entry.due.map_or(due, |before| before.min(due)));
    }

    /// Takes a key that may be passed over and whose time has come; it runs until
    /// [`Queue::ended`].
    pub fn take(&mut self, now: Instant, may: impl Fn(&Key) -> bool) -> Option<Key> {
        let ready = |entry: &Entry| !entry.running && entry.due.is_some_and(|due| due <= now);
        let due = self.entries.iter_mut().filter(|(key, entry)| ready(entry) && may(key));
        let (key, entry) = due.min_by_key(|(_, entry)| entry.due)?;
        (entry.running, entry.due) = (true, None);
        Some(key.clone())
    }

    /// The pass over a key took so long and ended like this.
    pub fn ended(&mut self, key: &Key, outcome: Outcome, took: Duration, now: Instant) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        entry.running = false;
        entry.rest = Some(now + took.min(Duration::from_secs(2)));
        let next = match outcome {
            Outcome::Failed => {
                entry.failures = entry.failures.saturating_add(1);
                Some(now + backoff(entry.failures))
            }
            Outcome::Done(wake) => {
                entry.failures = 0;
                wake.map(|wake| now + wake)
            }
            Outcome::Gone => None,
        };
        entry.due = [entry.due, next].into_iter().flatten().min();
        if outcome == Outcome::Failed {
            // and not sooner, though something was heard meanwhile
            entry.due = next;
        }
        if entry.due.is_none() {
            self.entries.remove(key);
        }
    }

    /// When the next key is due that may be passed over.
    pub fn next(&self, may: impl Fn(&Key) -> bool) -> Option<Instant> {
        let idle = self.entries.iter().filter(|(key, entry)| !entry.running && may(key));
        idle.filter_map(|(_, entry)| entry.due).min()
    }

    /// How many keys are due by now.
    pub fn depth(&self, now: Instant) -> usize {
        let due = |entry: &&Entry| entry.due.is_some_and(|due| due <= now);
        self.entries.values().filter(due).count()
    }
}

fn backoff(failures: u32) -> Duration {
    FIRST_RETRY.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LAST_RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::operator::Part;

    fn key(cluster: &str) -> Key {
        Key { part: Part::Cluster, namespace: "a".to_owned(), cluster: cluster.to_owned() }
    }

    fn any(_: &Key) -> bool {
        true
    }

    #[test]
    fn who_may_not_be_passed_over_does_not_hold_up_others() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        queue.heard(key("x"), start);
        queue.heard(key("y"), start + SETTLE);
        let now = start + SETTLE * 2;
        let not_x = |key: &Key| key.cluster != "x";
        assert_eq!(queue.next(not_x), Some(now));
        assert_eq!(queue.take(now, not_x), Some(key("y")));
        assert_eq!((queue.take(now, not_x), queue.next(not_x)), (None, None));
        assert_eq!(queue.take(now, any), Some(key("x")));
    }

    #[test]
    fn many_events_are_one_pass_and_one_heard_meanwhile_is_another() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        queue.heard(key("x"), start);
        queue.heard(key("x"), start + SETTLE / 2);
        assert_eq!(queue.take(start, any), None);
        let now = start + SETTLE;
        assert_eq!(queue.take(now, any), Some(key("x")));
        assert_eq!((queue.take(now, any), queue.next(any)), (None, None));
        queue.heard(key("x"), now);
        assert_eq!(queue.take(now + SETTLE, any), None, "one pass at a time");
        queue.ended(&key("x"), Outcome::Done(None), Duration::ZERO, now);
        assert_eq!(queue.take(now + SETTLE, any), Some(key("x")));
    }

    #[test]
    fn a_failure_is_tried_again_later_and_later_whatever_is_heard() {
        let (mut queue, mut now) = (Queue::default(), Instant::now());
        queue.heard(key("x"), now);
        let mut pauses = Vec::new();
        for _ in 0..4 {
            now = queue.next(any).unwrap();
            assert_eq!(queue.take(now, any), Some(key("x")));
            queue.ended(&key("x"), Outcome::Failed, Duration::ZERO, now);
            queue.heard(key("x"), now);
            pauses.push((queue.next(any).unwrap() - now).as_millis());
        }
        assert_eq!(pauses, [200, 400, 800, 1600]);
    }

    #[test]
    fn a_key_without_a_time_to_come_is_forgotten() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.heard(key("x"), now);
        queue.take(now + SETTLE, any);
        queue.ended(&key("x"), Outcome::Done(Some(SETTLE)), Duration::ZERO, now);
        assert_eq!((queue.entries.len(), queue.depth(now + SETTLE)), (1, 1));
        queue.take(now + SETTLE, any);
        queue.ended(&key("x"), Outcome::Gone, Duration::ZERO, now);
        assert_eq!((queue.entries.len(), queue.next(any)), (0, None));
    }
}
