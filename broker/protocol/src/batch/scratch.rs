//! The buffers that validation and reading reuse from batch to batch.

use crate::compression::{Codec, InflateError, Inflater};

/// What a scratch keeps for the next batch; more is given back.
const KEPT: usize = 8 << 20;

/// Buffers for one thread's work on compressed batches.
///
/// Memory follows what was really inflated and never passes the limit in force; after a batch that
/// took more than 8 MiB the surplus is given back.
#[derive(Debug)]
pub struct Scratch {
    limit: usize,
    inflater: Inflater,
    pub(super) inflated: Vec<u8>,
    pub(super) staged: Vec<u8>,
    /// Which records of a batch stay.
    pub(super) kept: Vec<bool>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new(Self::DEFAULT_LIMIT)
    }
}

impl Scratch {
    /// The largest batch that is inflated unless the caller says otherwise: 128 MiB.
    pub const DEFAULT_LIMIT: usize = 128 << 20;

    /// Empty buffers; batches that inflate to more than `limit` bytes are refused when read.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            inflater: Inflater::default(),
            inflated: Vec::new(),
            staged: Vec::new(),
            kept: Vec::new(),
        }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Inflates `compressed` into `self.inflated`.
    pub(super) fn inflate(
        &mut self,
        codec: Codec,
        compressed: &[u8],
        limit: usize,
    ) -> Result<(), InflateError> {
        for buffer in [&mut self.inflated, &mut self.staged] {
            buffer.clear();
            buffer.shrink_to(KEPT);
        }
        self.kept.clear();
        self.kept.shrink_to(KEPT);
        self.inflater.inflate(codec, compressed, limit, &mut self.inflated)
    }
}
