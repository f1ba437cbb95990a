//! What is told of a producer to whoever asks (KIP-664).

use super::{Entry, Producers};

/// One producer that is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Active {
    /// Its id.
    pub id: i64,
    /// Its epoch.
    pub epoch: i16,
    /// The sequence number of its last record, or -1.
    pub last_sequence: i32,
    /// The largest timestamp of its last batch, in milliseconds since 1970.
    pub last_timestamp: i64,
}

impl Producers {
    /// Everybody who is remembered, in order of ids.
    pub fn active(&self) -> impl ExactSizeIterator<Item = Active> {
        self.entries.iter().map(|(id, entry): (&i64, &Entry)| Active {
            id: *id,
            epoch: entry.epoch(),
            last_sequence: entry.last_sequence().unwrap_or(-1),
            last_timestamp: entry.newest().map_or(entry.seen, |batch| batch.timestamp),
        })
    }
}
