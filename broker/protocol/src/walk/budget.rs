//! How much memory decoding one request may take.

use crate::Refused;

/// Memory allowed for each byte on the wire.
const PER_BYTE: usize = 4;

/// Memory allowed to a request of any size: small ones are mostly structs.
const ALLOWANCE: usize = (1 << 20) - (1 << 12);

/// What the decoder's map takes for its first entries and then for every five more: a node of a
/// `BTreeMap<i32, Bytes>` has room for eleven and is left half full when keys arrive in order.
const TAG_NODE: usize = 512;
const TAGS_PER_NODE: usize = 5;

/// The memory that decoding a body of `bytes` bytes may take: 4 bytes each and just below 1 MiB.
pub const fn memory_allowed(bytes: usize) -> usize {
    bytes.saturating_mul(PER_BYTE).saturating_add(ALLOWANCE)
}

/// What is left of it while the walker goes along.
pub(super) struct Budget {
    body: usize,
    left: usize,
}

impl Budget {
    pub(super) fn for_body(body: usize) -> Self {
        Budget { body, left: memory_allowed(body) }
    }

    /// Charges an array's elements, of `memory` bytes each.
    pub(super) fn elements(
        &mut self,
        field: &'static str,
        count: usize,
        memory: usize,
    ) -> Result<(), Refused> {
        self.take(field, count.saturating_mul(memory))
    }

    /// Charges one unknown tagged field, `seen` fields after the struct's first.
    pub(super) fn unknown_tag(&mut self, seen: usize) -> Result<(), Refused> {
        let cost = if seen.is_multiple_of(TAGS_PER_NODE) { TAG_NODE } else { 0 };
        self.take("tagged fields", cost)
    }

    fn take(&mut self, field: &'static str, cost: usize) -> Result<(), Refused> {
        let (bytes, most) = (self.body, memory_allowed(self.body));
        let amplified = Refused::Amplified { field, bytes, most };
        self.left = self.left.checked_sub(cost).ok_or(amplified)?;
        Ok(())
    }
}
