//! What happened, in order: a hash over all of it, and the last lines as text for a failure.

use std::{collections::VecDeque, fmt};

/// Lines kept for a failure's report.
const KEPT: usize = 5_000;

/// The history of one run.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    hash: u64,
    lines: VecDeque<String>,
}

impl Default for Trace {
    fn default() -> Self {
        // FNV-1a's offset basis
        Self { hash: 0xcbf2_9ce4_8422_2325, lines: VecDeque::new() }
    }
}

impl Trace {
    /// Notes one line.
    pub(crate) fn note(&mut self, line: fmt::Arguments<'_>) {
        let line = line.to_string();
        self.bytes(line.as_bytes());
        if self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// Notes bytes that nobody wants to read.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// The hash of everything so far.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    /// The last lines, oldest first.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }
}
