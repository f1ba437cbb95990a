//! What to sync next, without the threads: commits of one partition never run side by side, and
//! what arrives while one runs is merged into the next.
//!
//! Bounded by the number of partitions (one commit waits and one runs per partition) and by
//! [`RANGES`] for write-back, where a range too many is dropped: it only paces.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Ranges of write-back that wait at most.
const RANGES: usize = 1024;

/// Work that takes in later work of the same partition.
pub(super) trait Merge {
    fn merge(&mut self, later: Self);
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Task<C, W> {
    /// One commit, or all that wait where they are many.
    Commit(Vec<(u64, C)>),
    WriteBack(W),
}

#[derive(Debug)]
pub(super) struct Queue<C, W> {
    /// Keys that have waiting work, oldest first; each once.
    order: VecDeque<u64>,
    waiting: BTreeMap<u64, C>,
    running: BTreeSet<u64>,
    ranges: VecDeque<W>,
    closed: bool,
}

impl<C, W> Default for Queue<C, W> {
    fn default() -> Self {
        Self {
            order: VecDeque::new(),
            waiting: BTreeMap::new(),
            running: BTreeSet::new(),
            ranges: VecDeque::new(),
            closed: false,
        }
    }
}

impl<C: Merge, W> Queue<C, W> {
    pub(super) fn commit(&mut self, key: u64, work: C) {
        if let Some(waiting) = self.waiting.get_mut(&key) {
            waiting.merge(work);
        } else {
            self.waiting.insert(key, work);
            self.order.push_back(key);
        }
    }

    /// Takes a range in; gives one back that has no room.
    pub(super) fn write_back(&mut self, range: W) -> Option<W> {
        if self.ranges.len() >= RANGES {
            return Some(range);
        }
        self.ranges.push_back(range);
        None
    }

    /// The next thing to do: the oldest commit of a partition that has none running, or all of them
    /// once there are `many`; else a range.
    pub(super) fn take(&mut self, many: usize) -> Option<Task<C, W>> {
        let most = if self.order.len() >= many { usize::MAX } else { 1 };
        let mut commits = Vec::new();
        self.order.retain(|key| {
            let takes = commits.len() < most && !self.running.contains(key);
            if takes && let Some(commit) = self.waiting.remove_entry(key) {
                commits.push(commit);
            }
            !takes
        });
        if commits.is_empty() {
            return self.ranges.pop_front().map(Task::WriteBack);
        }
        self.running.extend(commits.iter().map(|(key, _)| *key));
        Some(Task::Commit(commits))
    }

    /// A commit is done; true when the same partition has more.
    pub(super) fn finish(&mut self, key: u64) -> bool {
        assert!(self.running.remove(&key), "a commit ended that did not run");
        self.waiting.contains_key(&key)
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// Whether nothing more will come and nothing waits that could be taken later.
    pub(super) fn is_closed(&self) -> bool {
        self.closed && self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: usize = 5;

    impl Merge for Vec<u32> {
        fn merge(&mut self, later: Self) {
            self.extend(later);
        }
    }

    #[test]
    fn what_arrives_while_a_sync_runs_is_synced_together_next() {
        let mut queue = Queue::<Vec<u32>, ()>::default();
        queue.commit(7, vec![1]);
        assert_eq!(queue.take(MANY), Some(Task::Commit(vec![(7, vec![1])])));
        queue.commit(7, vec![2]);
        queue.commit(7, vec![3]);
        assert_eq!(queue.take(MANY), None, "two syncs of one partition ran side by side");
        assert!(queue.finish(7));
        assert_eq!(queue.take(MANY), Some(Task::Commit(vec![(7, vec![2, 3])])));
        assert!(!queue.finish(7));
        assert_eq!(queue.take(MANY), None);
    }

    #[test]
    fn partitions_are_served_in_the_order_they_came_and_before_write_back() {
        let mut queue = Queue::<Vec<u32>, char>::default();
        assert_eq!(queue.write_back('w'), None);
        for key in [3, 1, 2, 3] {
            queue.commit(key, vec![0]);
        }
        assert_eq!(queue.take(MANY), Some(Task::Commit(vec![(3, vec![0, 0])])));
        queue.commit(3, vec![1]);
        assert_eq!(queue.take(MANY), Some(Task::Commit(vec![(1, vec![0])])));
        assert_eq!(queue.take(MANY), Some(Task::Commit(vec![(2, vec![0])])));
        assert_eq!(queue.take(MANY), Some(Task::WriteBack('w')));
        assert!(queue.finish(3));
        assert_eq!(queue.take(MANY), Some(Task::Commit(vec![(3, vec![1])])));
    }

    #[test]
    fn closing_waits_for_what_was_handed_in_and_ranges_are_bounded() {
        let mut queue = Queue::<Vec<u32>, usize>::default();
        queue.commit(1, vec![0]);
        queue.close();
        assert!(!queue.is_closed());
        queue.take(MANY);
        assert!(queue.is_closed());
        let refused = (0..2 * RANGES).filter_map(|range| queue.write_back(range)).count();
        assert_eq!(refused, RANGES);
    }

    #[test]
    fn many_are_taken_at_once_but_for_those_that_run() {
        let mut queue = Queue::<Vec<u32>, ()>::default();
        queue.commit(0, vec![0]);
        assert_eq!(queue.take(MANY), Some(Task::Commit(vec![(0, vec![0])])));
        (0..5).for_each(|key| queue.commit(key, vec![1]));
        let all = (1..5).map(|key: u64| (key, vec![1])).collect();
        assert_eq!(queue.take(MANY), Some(Task::Commit(all)));
        assert!(queue.finish(0));
        assert_eq!(queue.take(MANY), Some(Task::Commit(vec![(0, vec![1])])));
    }
}
