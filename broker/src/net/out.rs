//! The bytes that wait to be sent to a client: a buffer, with file ranges in between.

mod tls;

use std::{collections::VecDeque, io, os::unix::fs::FileExt};

use bytes::BytesMut;
use rustix::{
    io::Errno,
    net::{SendFlags, sockopt},
};
use tokio::{io::Interest, net::TcpStream};

use self::tls::Encrypting;
use super::{
    Stream,
    cold::{self, Probe},
    response::{FileRange, Response},
};

/// Shorter file ranges are copied into the buffer: one system call less than `sendfile`.
const INLINE: usize = 8 << 10;

/// The most that one call of [`Out::flush`] sends from files, so that other connections get a turn.
const SLICE: usize = 1 << 20;

/// What of the buffer's capacity an idle connection keeps.
const KEPT: usize = 4 << 10;

/// One connection's unsent responses, oldest first.
#[derive(Debug, Default)]
pub(super) struct Out {
    bytes: BytesMut,
    /// Everything of `bytes` before this is sent.
    sent: usize,
    /// Ranges to be sent before the byte at the position given.
    files: VecDeque<(usize, FileRange)>,
    corked: bool,
    /// Bytes that the socket has taken, ever, or TLS for it.
    taken: u64,
    /// Stays empty where nothing is encrypted.
    encrypting: Encrypting,
}

/// How far [`Out::flush`] came.
#[derive(Debug)]
pub(super) enum Flushed {
    /// Everything is with the kernel.
    All,
    /// The socket takes no more for now.
    Blocked,
    /// A slice has been sent, and there is more.
    Slice,
    /// The next range is on the disk and has to be read by another thread first.
    Cold(FileRange),
}

impl Out {
    /// Queues a response behind all others.
    pub(super) fn push(&mut self, response: &Response) {
        let mut copied = 0;
        for (position, range) in &response.files {
            self.bytes.extend_from_slice(response.bytes.get(copied..*position).unwrap_or_default());
            copied = *position;
            if range.len >= INLINE || !self.copy_in(range) {
                self.files.push_back((self.bytes.len(), range.clone()));
            }
        }
        self.bytes.extend_from_slice(response.bytes.get(copied..).unwrap_or_default());
    }

    /// The buffer's end, for a frame that is all bytes and in order.
    pub(super) fn tail(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }

    /// Bytes in memory that are not sent yet.
    pub(super) fn queued(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Bytes of memory that unsent answers keep.
    pub(super) fn memory(&self) -> usize {
        let queued = if self.queued() == 0 { 0 } else { self.bytes.capacity() };
        queued + self.encrypting.memory()
    }

    /// Bytes that the socket has taken, ever: it grows while a client reads.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Whether everything is sent.
    pub(super) fn is_empty(&self) -> bool {
        self.queued() == 0 && self.files.is_empty() && self.encrypting.is_done()
    }

    /// Sends as much as the socket takes; `ask` says whether it is asked although it has not said
    /// that it takes more: the kernel tells of room only once there is much. An error, a file that
    /// is shorter than it was among them, ends the connection: a response cannot be taken back.
    pub(super) fn flush(&mut self, stream: &mut Stream, ask: bool) -> io::Result<Flushed> {
        match stream {
            Stream::Plain(stream) => self.send(stream, ask),
            Stream::Tls(stream) => self.encrypt(stream),
        }
    }

    fn send(&mut self, stream: &TcpStream, ask: bool) -> io::Result<Flushed> {
        let socket = Socket { stream, ask };
        if self.files.len() > 1 && !self.corked {
            sockopt::set_tcp_cork(stream, true)?;
            self.corked = true;
        }
        let mut budget = SLICE;
        while !self.is_empty() {
            let step = match self.files.front_mut() {
                Some((position, range)) if *position == self.sent => {
                    if budget == 0 {
                        return Ok(Flushed::Slice);
                    }
                    match socket.send_range(range, budget) {
                        Ok(None) => return Ok(Flushed::Cold(range.clone())),
                        Ok(Some(n)) => {
                            budget -= n;
                            self.taken += n as u64;
                            self.files.pop_front_if(|(_, range)| range.len == 0);
                            Ok(())
                        }
                        Err(error) => Err(error),
                    }
                }
                next => {
                    let (end, more) = match next {
                        Some((position, _)) => (*position, true),
                        None => (self.bytes.len(), false),
                    };
                    let bytes = self.bytes.get(self.sent..end).unwrap_or_default();
                    socket.send_bytes(bytes, more).map(|n| {
                        self.sent += n;
                        self.taken += n as u64;
                    })
                }
            };
            match step {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Flushed::Blocked);
                }
                Err(error) => return Err(error),
            }
        }
        self.bytes.clear();
        self.sent = 0;
        if self.corked {
            self.corked = false;
            sockopt::set_tcp_cork(stream, false)?;
        }
        Ok(Flushed::All)
    }

    /// The range at the front has been read by another thread: send it without asking again.
    pub(super) fn warmed(&mut self, len: usize) {
        if let Some((_, range)) = self.files.front_mut() {
            range.warm = len;
        }
    }

    /// Frees what an idle connection does not need.
    pub(super) fn shrink(&mut self) {
        if self.is_shrinkable() {
            self.bytes = BytesMut::new();
            self.sent = 0;
            self.encrypting = Encrypting::default();
        }
    }

    /// Whether [`Self::shrink`] would free anything.
    pub(super) fn is_shrinkable(&self) -> bool {
        self.is_empty() && self.bytes.capacity().max(self.encrypting.capacity()) > KEPT
    }

    /// Reads a short range behind the buffer. False: it is not in the page cache, or could not be
    /// read; sending it will say why.
    fn copy_in(&mut self, range: &FileRange) -> bool {
        let end = self.bytes.len();
        self.bytes.resize(end + range.len, 0);
        let room = self.bytes.get_mut(end..).unwrap_or_default();
        let read = if range.maybe_cold {
            cold::read_warm(range, room)
        } else {
            range.file.as_file().read_exact_at(room, range.position).is_ok()
        };
        if !read {
            self.bytes.truncate(end);
        }
        read
    }
}

/// The socket, with or without waiting for its word.
#[derive(Clone, Copy)]
struct Socket<'a> {
    stream: &'a TcpStream,
    ask: bool,
}

impl Socket<'_> {
    /// Sends bytes; with `more` to follow at once, the kernel keeps a packet that is not full.
    fn send_bytes(self, bytes: &[u8], more: bool) -> io::Result<usize> {
        let more = if more { SendFlags::MORE } else { SendFlags::empty() };
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT | more;
        self.attempt(|| Ok(rustix::net::send(self.stream, bytes, flags)?))
    }

    /// Sends up to `most` bytes of a range and shortens it. `None`: they are not in the page cache.
    fn send_range(self, range: &mut FileRange, most: usize) -> io::Result<Option<usize>> {
        let count = range.len.min(most);
        if range.maybe_cold && range.warm < count {
            if cold::probe(range, count) == Probe::Cold {
                return Ok(None);
            }
            range.warm = count;
        }
        let mut offset = range.position;
        let sent = self.attempt(|| {
            let file = range.file.as_file();
            match rustix::fs::sendfile(self.stream, file, Some(&mut offset), count) {
                Err(Errno::INTR) => Ok(0),
                Ok(0) => {
                    Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a log file is too short"))
                }
                other => Ok(other?),
            }
        })?;
        range.position += sent as u64;
        range.len -= sent;
        range.warm = range.warm.saturating_sub(sent);
        Ok(Some(sent))
    }

    fn attempt(self, send: impl FnOnce() -> io::Result<usize>) -> io::Result<usize> {
        if self.ask { send() } else { self.stream.try_io(Interest::WRITABLE, send) }
    }
}
