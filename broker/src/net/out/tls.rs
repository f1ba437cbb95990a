//! Sending under TLS: what is in files goes through one buffer that is used again and again.

use std::{
    io,
    os::unix::fs::FileExt as _,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use tokio::{io::AsyncWrite as _, net::TcpStream};
use tokio_rustls::TlsStream;

use super::{Flushed, Out, SLICE};
use crate::net::cold::{self, Probe};

/// What is read from a file at a time: four of TLS's records.
const CHUNK: usize = 64 << 10;

/// What has been read from a file, or given to TLS, and is not with the kernel yet.
#[derive(Debug, Default)]
pub(super) struct Encrypting {
    chunk: Vec<u8>,
    sent: usize,
    /// TLS may hold bytes that the socket did not take.
    unflushed: bool,
}

impl Encrypting {
    /// Whether everything is with the kernel.
    pub(super) fn is_done(&self) -> bool {
        self.sent == self.chunk.len() && !self.unflushed
    }

    /// Bytes of memory that what is unsent keeps.
    pub(super) fn memory(&self) -> usize {
        if self.is_done() { 0 } else { self.chunk.capacity() }
    }

    /// Bytes of memory that it keeps.
    pub(super) fn capacity(&self) -> usize {
        self.chunk.capacity()
    }

    /// Nothing is left to send; the buffer stays for the next time.
    fn rest(&mut self) {
        self.chunk.clear();
        self.sent = 0;
        self.unflushed = false;
    }
}

impl Out {
    /// [`Self::flush`] for a connection under TLS.
    pub(super) fn encrypt(&mut self, tls: &mut TlsStream<TcpStream>) -> io::Result<Flushed> {
        // whoever is told that the socket is full asks it to tell when it is not
        let mut cx = Context::from_waker(Waker::noop());
        let mut budget = SLICE;
        loop {
            let state = &mut self.encrypting;
            let at_file = self.files.front().is_some_and(|(position, _)| *position == self.sent);
            let from_chunk = state.sent < state.chunk.len();
            if !from_chunk && at_file {
                if budget == 0 {
                    return Ok(Flushed::Slice);
                }
                let Some(read) = self.read_chunk()? else {
                    let cold = self.files.front().map(|(_, range)| Flushed::Cold(range.clone()));
                    return Ok(cold.unwrap_or(Flushed::All));
                };
                budget = budget.saturating_sub(read);
                continue;
            }
            let bytes = if from_chunk {
                state.chunk.get(state.sent..).unwrap_or_default()
            } else {
                let end = self.files.front().map_or(self.bytes.len(), |(position, _)| *position);
                self.bytes.get(self.sent..end).unwrap_or_default()
            };
            if bytes.is_empty() {
                break;
            }
            match Pin::new(&mut *tls).poll_write(&mut cx, bytes)? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(n) if from_chunk => {
                    state.sent += n;
                    self.taken += n as u64;
                }
                Poll::Ready(n) => {
                    self.sent += n;
                    self.taken += n as u64;
                }
                Poll::Pending => {
                    state.unflushed = true;
                    return Ok(Flushed::Blocked);
                }
            }
            state.unflushed = true;
        }
        if self.encrypting.unflushed && Pin::new(tls).poll_flush(&mut cx)?.is_pending() {
            return Ok(Flushed::Blocked);
        }
        self.bytes.clear();
        self.sent = 0;
        self.encrypting.rest();
        Ok(Flushed::All)
    }

    /// Reads the next piece of the file at the front. `None`: it is not in the page cache.
    fn read_chunk(&mut self) -> io::Result<Option<usize>> {
        let Some((_, range)) = self.files.front_mut() else { return Ok(None) };
        let count = range.len.min(CHUNK);
        if range.maybe_cold && range.warm < count {
            if cold::probe(range, count) == Probe::Cold {
                return Ok(None);
            }
            range.warm = count;
        }
        let state = &mut self.encrypting;
        state.chunk.resize(count, 0);
        state.sent = 0;
        range.file.as_file().read_exact_at(&mut state.chunk, range.position)?;
        range.position += count as u64;
        range.len -= count;
        range.warm = range.warm.saturating_sub(count);
        self.files.pop_front_if(|(_, range)| range.len == 0);
        Ok(Some(count))
    }
}
