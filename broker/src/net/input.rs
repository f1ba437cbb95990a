//! The bytes a client has sent and nobody has handled yet.

use std::{
    io,
    ops::Range,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::BufMut;
use kastellan_protocol::frame::{self, FrameError};
use tokio::io::AsyncReadExt;

use super::{
    Stream,
    pool::{Held, Pool},
};

/// What a buffer starts with, and what it may have without asking the pool.
const BASE: usize = 8 << 10;

/// A read never asks for more than this unless it knows a frame to be longer: what it took of the
/// next frame would have to be moved.
const READ: usize = 64 << 10;

/// One connection's read buffer. It grows with the bytes that really arrive, never by the size a
/// frame declares.
#[derive(Debug)]
pub(super) struct Input {
    bytes: Vec<u8>,
    /// Everything before this has been handled.
    start: usize,
    held: Held,
    pool: Arc<Pool>,
    /// The pool was empty at the last read.
    starved: bool,
}

/// What lies at the front of the buffer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Front {
    /// A whole frame, without its size; a range of [`Input::bytes_mut`].
    Frame(Range<usize>),
    /// The beginning of one.
    Partial,
    /// Nothing at all.
    Empty,
}

impl Input {
    /// An empty buffer, which takes its memory from `pool`.
    pub(super) fn new(pool: Arc<Pool>) -> Self {
        Self { bytes: Vec::new(), start: 0, held: Held::default(), pool, starved: false }
    }

    /// What has arrived.
    pub(super) fn front(&self, limits: &frame::Limits) -> Result<Front, FrameError> {
        let rest = self.unread();
        if rest.is_empty() {
            return Ok(Front::Empty);
        }
        match whole(rest, limits)? {
            Some(whole) if whole <= rest.len() => {
                Ok(Front::Frame(self.start + 4..self.start + whole))
            }
            Some(_) | None => Ok(Front::Partial),
        }
    }

    /// The bytes that [`Front::Frame`] points into.
    pub(super) fn bytes_mut(&mut self, range: Range<usize>) -> &mut [u8] {
        self.bytes.get_mut(range).unwrap_or_default()
    }

    /// Nobody wants what has arrived.
    pub(super) fn forget(&mut self) {
        self.consume(self.bytes.len());
    }

    /// The frame that ends at `end` is done with.
    pub(super) fn consume(&mut self, end: usize) {
        self.start = end;
        if self.start >= self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        }
    }

    /// Makes room for the next read. False: the pool is empty and will call `waker`.
    fn make_room(&mut self, limits: &frame::Limits, waker: &Waker) -> bool {
        if self.bytes.len() < self.bytes.capacity() {
            return true;
        }
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        let len = self.bytes.len();
        // No more than as much again, and no more than the frame needs, but never less than BASE.
        let declared = whole(&self.bytes, limits).ok().flatten().unwrap_or(BASE);
        let target = (2 * len).min(declared).max(len + 64).max(BASE);
        if target <= self.bytes.capacity() {
            return true;
        }
        if target > BASE && !self.pool.draw(&mut self.held, target, waker) {
            return false;
        }
        self.bytes.reserve_exact(target - len);
        true
    }

    /// Reads once, into the room that is there. 0: the client has closed its side.
    pub(super) fn poll_read(
        &mut self,
        stream: &mut Stream,
        limits: &frame::Limits,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.starved = !self.make_room(limits, cx.waker());
        if self.starved {
            return Poll::Pending;
        }
        let have = self.unread().len();
        let whole = whole(self.unread(), limits).ok().flatten().unwrap_or(0);
        let most = if whole > READ { whole.saturating_sub(have).max(1) } else { READ };
        let mut room = (&mut self.bytes).limit(most);
        // Unlike a read of our own this one knows from a short read that the socket is empty, which
        // spares a system call per request.
        pin!(stream.read_buf(&mut room)).poll(cx)
    }

    /// Whether it is our memory that a frame waits for, and not the client.
    pub(super) fn is_starved(&self) -> bool {
        self.starved
    }

    /// Frees what an idle connection does not need; the next bytes start a new buffer.
    pub(super) fn shrink(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = Vec::new();
            self.pool.give_back(&mut self.held);
        }
    }

    /// Whether [`Self::shrink`] would free anything.
    pub(super) fn is_shrinkable(&self) -> bool {
        self.bytes.is_empty() && self.bytes.capacity() > 0
    }

    fn unread(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.pool.give_back(&mut self.held);
    }
}

/// The length of the frame that `bytes` begin with, with its size in front; `None` until it shows.
fn whole(bytes: &[u8], limits: &frame::Limits) -> Result<Option<usize>, FrameError> {
    if bytes.len() < 4 {
        return Ok(None);
    }
    Ok(frame::body_len(bytes, limits)?.map(|body| body + 4))
}
