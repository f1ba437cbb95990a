//! The last offset of each key, in bounded memory: 24 bytes a key whatever its size.
//!
//! An open-addressing table of digests. A digest is 128 bits of two `SipHash`es whose keys are
//! drawn anew for every compaction: two keys with the same one would lose the older record, and
//! neither chance (2^-128 a pair) nor a client who knows the code can bring that about.

use std::hash::{BuildHasher, Hasher, RandomState};

use kastellan_core::id::Offset;
use kastellan_protocol::batch::{Malformed, Scratch, for_each_record};

/// Bytes of a place: the digest, and one more than the offset; 0 is an empty place.
const SLOT: usize = 24;
/// Fewer places than this make no progress worth the reading.
const FEWEST: usize = 8;

type Slot = [u64; 3];

pub(super) struct Keys {
    slots: Vec<Slot>,
    used: usize,
    most: usize,
    hashers: [RandomState; 2],
    /// Every record below was seen.
    pub(super) end: Offset,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (used, most) = (self.used, self.most);
        write!(f, "Keys({used} of {most}, below {})", self.end)
    }
}

impl Keys {
    /// A table of at most `limit` bytes, filled to the part `load` (0 to 1) at most, that starts at
    /// `from`; smaller where the `records` that may come do not need as much.
    pub(super) fn new(limit: usize, load: f64, from: Offset, records: u64) -> Self {
        let load = if load > 0.0 && load <= 1.0 { load } else { 0.9 };
        let wanted = usize::try_from(records.saturating_mul(4) / 3).unwrap_or(usize::MAX);
        let places = (limit / SLOT).min(wanted.saturating_add(FEWEST)).max(FEWEST);
        // a place stays empty, so that every search ends
        let most = part(places, load).clamp(1, places - 1);
        // zeroed by the kernel: memory that no key comes to is never touched
        let slots = vec![[0; 3]; places];
        Self { slots, used: 0, most, hashers: [RandomState::new(), RandomState::new()], end: from }
    }

    /// Whether a key that is new has to wait for another round.
    pub(super) fn is_full(&self) -> bool {
        self.used >= self.most
    }

    /// Notes every record of a batch that has a key, from `end` on; ends early when it is full.
    pub(super) fn note_all(
        &mut self,
        batch: &[u8],
        scratch: &mut Scratch,
    ) -> Result<(), Malformed> {
        let from = self.end;
        let mut full = false;
        for_each_record(batch, scratch, |record| {
            if full || record.offset < from {
                return Ok(());
            }
            full = record.key.is_some_and(|key| !self.note(key, record.offset));
            if !full {
                self.end = record.offset + 1;
            }
            Ok(())
        })
    }

    /// Notes a record, 0 or more; offsets come in ascending order. False: it is full.
    fn note(&mut self, key: &[u8], offset: Offset) -> bool {
        let [high, low] = self.digest(key);
        let place = self.find([high, low]);
        let full = self.is_full();
        let Some(slot) = self.slots.get_mut(place) else { return false };
        if slot[2] == 0 {
            if full {
                return false;
            }
            self.used += 1;
        }
        *slot = [high, low, offset.cast_unsigned() + 1];
        true
    }

    /// Whether no later record with this key was seen.
    pub(super) fn is_last(&self, key: &[u8], offset: Offset) -> bool {
        let place = self.find(self.digest(key));
        let [.., noted] = self.slots.get(place).copied().unwrap_or_default();
        noted <= offset.cast_unsigned() + 1
    }

    fn digest(&self, key: &[u8]) -> [u64; 2] {
        self.hashers.each_ref().map(|keyed| {
            let mut hasher = keyed.build_hasher();
            hasher.write(key);
            hasher.finish()
        })
    }

    /// Where the digest is, or the empty place where it belongs.
    fn find(&self, [high, low]: [u64; 2]) -> usize {
        let places = self.slots.len();
        let scaled = (u128::from(high) * places as u128) >> 64;
        let mut place = usize::try_from(scaled).unwrap_or(0);
        while let Some(slot) = self.slots.get(place) {
            if slot[2] == 0 || (slot[0] == high && slot[1] == low) {
                return place;
            }
            place = if place + 1 == places { 0 } else { place + 1 };
        }
        place
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a part of a positive number that is far below 2^52"
)]
fn part(whole: usize, load: f64) -> usize {
    (whole as f64 * load) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_last_offset_of_a_key_wins_and_full_is_told() {
        let mut keys = Keys::new(SLOT * FEWEST, 0.4, 0, 1_000);
        assert!(keys.note(b"a", 1) && keys.note(b"b", 2) && keys.note(b"a", 3));
        assert!(!keys.is_full());
        assert!(!keys.is_last(b"a", 1) && keys.is_last(b"a", 3) && keys.is_last(b"c", 0));
        assert!(keys.note(b"a longer key", 4));
        assert!(keys.is_full());
        assert!(!keys.note(b"new", 5), "a full table took another key");
        assert!(keys.note(b"b", 6), "a key that is there needs no room");
        assert!(!keys.is_last(b"b", 2) && keys.is_last(b"new", 5));
    }

    #[test]
    fn the_table_answers_as_a_map_does_up_to_the_last_place() {
        for load in [0.5, 0.9, 1.0, f64::NAN] {
            let mut keys = Keys::new(SLOT * 1_000, load, 0, u64::MAX);
            let mut map = BTreeMap::new();
            for offset in 1_i64.. {
                let key = (offset * offset % 4_001).to_le_bytes();
                if !keys.note(&key, offset) {
                    break;
                }
                map.insert(key, offset);
                if map.len() == 2_001 || offset > 100_000 {
                    break;
                }
            }
            assert!(map.len() >= 499 && map.len() < 1_000, "{load}: {}", map.len());
            for (key, last) in map {
                assert!(keys.is_last(&key, last) && !keys.is_last(&key, last - 1));
            }
        }
    }

    #[test]
    fn a_small_log_takes_little_memory_and_the_limit_is_kept() {
        assert!(Keys::new(128 << 20, 0.9, 0, 30).slots.len() <= 48);
        assert_eq!(Keys::new(SLOT * 50, 0.9, 0, u64::MAX).slots.len(), 50);
    }
}
