//! A small least-recently-used cache with a weight: open files, loaded indexes.

use std::collections::BTreeMap;

/// Holds values up to a total weight; the least recently used go first.
#[derive(Debug)]
pub(crate) struct Cache<V> {
    limit: usize,
    weight: usize,
    clock: u64,
    values: BTreeMap<u64, (V, usize, u64)>,
    used: BTreeMap<u64, u64>,
}

impl<V: Clone> Cache<V> {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, weight: 0, clock: 0, values: BTreeMap::new(), used: BTreeMap::new() }
    }

    pub(crate) fn get(&mut self, key: u64) -> Option<V> {
        let (value, _, stamp) = self.values.get_mut(&key)?;
        self.used.remove(stamp);
        self.clock += 1;
        *stamp = self.clock;
        self.used.insert(self.clock, key);
        Some(value.clone())
    }

    pub(crate) fn insert(&mut self, key: u64, value: V, weight: usize) {
        self.remove(key);
        self.clock += 1;
        self.weight += weight;
        self.values.insert(key, (value, weight, self.clock));
        self.used.insert(self.clock, key);
        while self.weight > self.limit && self.values.len() > 1 {
            let Some((_, oldest)) = self.used.pop_first() else { break };
            self.remove(oldest);
        }
    }

    pub(crate) fn remove(&mut self, key: u64) {
        if let Some((_, weight, stamp)) = self.values.remove(&key) {
            self.weight -= weight;
            self.used.remove(&stamp);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_go_first() {
        let mut cache = Cache::new(2);
        cache.insert(1, 'a', 1);
        cache.insert(2, 'b', 1);
        assert_eq!(cache.get(1), Some('a'));
        cache.insert(3, 'c', 1);
        assert_eq!((cache.get(1), cache.get(2), cache.get(3)), (Some('a'), None, Some('c')));
        cache.insert(4, 'd', 9);
        assert_eq!((cache.get(1), cache.get(3), cache.get(4)), (None, None, Some('d')));
        cache.remove(4);
        assert_eq!(cache.weight, 0);
    }
}
