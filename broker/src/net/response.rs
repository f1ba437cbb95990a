//! A response frame as a handler leaves it: bytes, with file ranges to be sent in between.

use std::sync::Arc;

use bytes::Bytes;

use crate::partition::LogFile;

/// A run of a file's bytes that belongs into a response.
#[derive(Debug, Clone)]
pub(crate) struct FileRange {
    /// The open file.
    pub(crate) file: Arc<LogFile>,
    /// Where in the file the range begins.
    pub(crate) position: u64,
    /// How many bytes; more than 0.
    pub(crate) len: usize,
    /// Whether the range may have left the page cache and wants to be probed before it is sent.
    pub(crate) maybe_cold: bool,
    /// How many bytes from `position` on have just been read from the disk.
    pub(crate) warm: usize,
}

/// One response frame.
#[derive(Debug, Default)]
pub(crate) struct Response {
    /// The frame without the file ranges.
    pub(crate) bytes: Bytes,
    /// Ranges to be sent in front of the byte of `bytes` at the position given; ascending.
    pub(crate) files: Vec<(usize, FileRange)>,
    /// How long the connection is not read from after it, in milliseconds (KIP-219).
    pub(crate) throttle_ms: i32,
}

impl Response {
    /// A frame that is all bytes.
    pub(crate) fn inline(bytes: Bytes) -> Self {
        Self { bytes, files: Vec::new(), throttle_ms: 0 }
    }
}
