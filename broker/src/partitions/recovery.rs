//! How far the start has come, for those who wait for it.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Partitions that the start has to open, and those that are open. A log that was not closed in
/// order is read from its last checkpoint on first, which is what takes long.
#[derive(Debug, Default)]
pub(crate) struct Recovery {
    partitions: AtomicUsize,
    opened: AtomicUsize,
}

impl Recovery {
    /// So many are to be opened.
    pub(super) fn begin(&self, partitions: usize) {
        self.opened.store(0, Relaxed);
        self.partitions.store(partitions, Relaxed);
    }

    /// One more is open, or is known to be offline. Those that come after the start count no more.
    pub(super) fn opened(&self) {
        self.opened.fetch_add(1, Relaxed);
    }

    /// (opened, all) of the start.
    pub(crate) fn progress(&self) -> (usize, usize) {
        let all = self.partitions.load(Relaxed);
        (self.opened.load(Relaxed).min(all), all)
    }
}
