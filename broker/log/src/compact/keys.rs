//! The last offset of each key: exact (whole keys, no hashes to collide), bounded in bytes.

use std::collections::HashMap;

use kastellan_core::id::Offset;
use kastellan_protocol::batch::{Malformed, Scratch, for_each_record};

/// What an entry takes besides its key's bytes, about.
const ENTRY: usize = 64;

#[derive(Debug)]
pub(super) struct Keys {
    last: HashMap<Box<[u8]>, Offset>,
    bytes: usize,
    limit: usize,
    /// Every record below was seen.
    pub(super) end: Offset,
}

impl Keys {
    pub(super) fn new(limit: usize, from: Offset) -> Self {
        Self { last: HashMap::new(), bytes: 0, limit, end: from }
    }

    /// Whether the next batch has to wait for another round.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= self.limit
    }

    /// Notes every record of a batch that has a key.
    pub(super) fn note_all(
        &mut self,
        batch: &[u8],
        scratch: &mut Scratch,
    ) -> Result<(), Malformed> {
        for_each_record(batch, scratch, |record| {
            if let Some(key) = record.key {
                self.note(key, record.offset);
            }
            Ok(())
        })
    }

    /// Notes a record; offsets come in ascending order.
    fn note(&mut self, key: &[u8], offset: Offset) {
        if let Some(last) = self.last.get_mut(key) {
            *last = offset;
        } else {
            self.bytes += key.len() + ENTRY;
            self.last.insert(key.into(), offset);
        }
    }

    /// Whether no later record with this key was seen.
    pub(super) fn is_last(&self, key: &[u8], offset: Offset) -> bool {
        self.last.get(key).is_none_or(|last| *last <= offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_offset_of_a_key_wins_and_full_is_told() {
        let mut keys = Keys::new(150, 0);
        keys.note(b"a", 1);
        keys.note(b"b", 2);
        keys.note(b"a", 3);
        assert!(!keys.is_full());
        assert!(!keys.is_last(b"a", 1) && keys.is_last(b"a", 3) && keys.is_last(b"c", 0));
        keys.note(b"a longer key", 4);
        assert!(keys.is_full());
    }
}
