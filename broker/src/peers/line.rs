//! One connection to one peer for one purpose: dialled when somebody asks, kept while it holds.
//!
//! Requests leave in the order in which they came and answers come back in that order. A request
//! that is not answered in time takes the connection along: what comes behind it would wait for the
//! same silence.

use std::{collections::VecDeque, io, sync::Arc};

use bytes::{Buf as _, Bytes, BytesMut};
use kastellan_core::id::BrokerId;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, WriteHalf},
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use super::{Lost, Shared, backoff::Backoff, dial::Dialled, distrust::words, error::PeerError};
use crate::net::Stream;

/// Requests that wait for an answer, at most.
pub(super) const MOST: usize = 64;

/// The largest answer that is taken. Followers ask for half of it at most.
const LARGEST: usize = 64 << 20;

/// The least room to read into.
const ROOM: usize = 8 << 10;

/// Called with the bytes of the answer behind their size.
pub(super) type Then = Box<dyn FnOnce(Result<Bytes, PeerError>) + Send>;

/// Where a node is: host and port.
pub(super) type Address = (String, u16);

/// A request on its way.
pub(super) struct Ask {
    /// The whole frame, its correlation id still to be written; empty: only whether one gets
    /// through is asked.
    pub(super) frame: BytesMut,
    /// When it is too late for an answer.
    pub(super) deadline: Instant,
    /// What to do with the answer.
    pub(super) then: Then,
}

impl Ask {
    /// Whether it only asks for the connection.
    fn is_probe(&self) -> bool {
        self.frame.is_empty()
    }
}

/// A request that has been sent.
struct Flying {
    id: i32,
    deadline: Instant,
    then: Then,
}

/// How a connection ended.
enum Ended {
    /// The other side closed it, or the network did.
    Lost(io::Error),
    /// An answer did not come in time.
    TimedOut,
    /// An answer was none.
    Malformed,
    /// The node has moved, or other certificates are in use.
    Renewed,
    /// Nobody asks any more.
    Over,
}

/// What a connection is about.
pub(super) struct Line {
    pub(super) to: BrokerId,
    pub(super) shared: Arc<Shared>,
    pub(super) asks: mpsc::Receiver<Ask>,
    pub(super) address: watch::Receiver<Option<Address>>,
    /// Came and are not sent.
    pub(super) waiting: VecDeque<Ask>,
    pub(super) backoff: Backoff,
    /// The connection that there is, or was last, has brought an answer.
    pub(super) answered: bool,
    /// The one before it was lost without any: taken by the kernel, perhaps, and by nobody else.
    pub(super) in_vain: bool,
}

impl Line {
    /// Lives for as long as somebody may ask.
    pub(super) async fn run(mut self) {
        loop {
            if self.waiting.is_empty() {
                let Some(ask) = self.asks.recv().await else { return };
                self.waiting.push_back(ask);
            }
            if !self.may_dial().await {
                continue;
            }
            let Some(address) = self.address.borrow_and_update().clone() else {
                self.fail_all(|| PeerError::Unknown);
                continue;
            };
            match self.dial(address).await {
                Ok(dialled) => self.talk(dialled).await,
                Err(why) => self.unreachable(why),
            }
        }
    }

    /// Whether there is anybody to dial for. Whoever asks while the last failure is fresh is told
    /// of it. A probe is worth an attempt after the first failure; after another one it waits as
    /// long as anybody, or a peer that takes connections and ends them would be dialled again and
    /// again.
    async fn may_dial(&mut self) -> bool {
        if !self.backoff.is_fresh(Instant::now()) {
            return true;
        }
        let (probes, others) = self.waiting.drain(..).partition::<VecDeque<_>, _>(Ask::is_probe);
        self.waiting = probes;
        for ask in others {
            (ask.then)(Err(PeerError::BackingOff));
        }
        if self.waiting.is_empty() {
            return false;
        }
        if self.backoff.is_first() {
            return true;
        }
        tokio::select! {
            ask = self.asks.recv() => match ask {
                Some(ask) => self.waiting.push_back(ask),
                None => self.fail_all(|| PeerError::Stopped),
            },
            () = alarm(self.backoff.until()) => (),
        }
        false
    }

    fn fail_all(&mut self, why: impl Fn() -> PeerError) {
        for ask in self.waiting.drain(..) {
            (ask.then)(Err(why()));
        }
    }

    fn unreachable(&mut self, why: PeerError) {
        self.backoff.failed(Instant::now());
        self.say(&why, "a peer cannot be reached");
        if why.is_refused() {
            self.shared.lost(self.to, Lost::Refused);
        } else if why.is_cut_off() {
            self.shared.lost(self.to, Lost::Reset);
        }
        let mut waiting = std::mem::take(&mut self.waiting).into_iter();
        let again = |why: &PeerError| match why {
            PeerError::Unreachable { why, .. } => io::Error::new(why.kind(), words(why)).into(),
            _ => PeerError::BackingOff,
        };
        let next = again(&why);
        if let Some(first) = waiting.next() {
            (first.then)(Err(why));
        }
        for ask in waiting {
            (ask.then)(Err(again(&next)));
        }
    }

    /// Logs `what` happened, for all to see where it does not pass by itself.
    fn say(&self, why: &PeerError, what: &str) {
        let to = self.to.0;
        if !why.is_distrust() {
            tracing::debug!(to, %why, "{what}");
        } else if let Some(missed) = self.shared.quiet.speak() {
            tracing::warn!(to, %why, missed, "{what}");
        }
    }

    /// Connects, and lets those go meanwhile who have no time left.
    async fn dial(&mut self, address: Address) -> Result<Dialled, PeerError> {
        let shared = Arc::clone(&self.shared);
        let dialling = shared.manner.dial(self.to, address);
        tokio::pin!(dialling);
        loop {
            let deadline = self.waiting.iter().map(|ask| ask.deadline).min();
            tokio::select! {
                dialled = &mut dialling => return dialled,
                ask = self.asks.recv(), if self.waiting.len() < MOST => match ask {
                    Some(ask) => self.waiting.push_back(ask),
                    None => return Err(PeerError::Stopped),
                },
                () = alarm(deadline) => self.expire(),
            }
        }
    }

    /// Tells those who wait in vain.
    fn expire(&mut self) {
        let now = Instant::now();
        for ask in std::mem::take(&mut self.waiting) {
            if ask.deadline <= now {
                (ask.then)(Err(PeerError::TimedOut { sent: false }));
            } else {
                self.waiting.push_back(ask);
            }
        }
    }

    /// Asks and hears over one connection until it ends.
    async fn talk(&mut self, dialled: Dialled) {
        let mut flying = VecDeque::new();
        self.answered = false;
        let ended = self.exchange(dialled, &mut flying).await;
        let why = |ended: &Ended| match ended {
            Ended::Lost(why) => {
                let why = io::Error::new(why.kind(), words(why));
                PeerError::Unreachable { why, sent: true }
            }
            Ended::TimedOut => PeerError::TimedOut { sent: true },
            Ended::Malformed => PeerError::Malformed(kastellan_protocol::Refused::Decoder(
                "answers do not come in order".to_owned(),
            )),
            Ended::Renewed | Ended::Over => {
                let moved = io::Error::new(io::ErrorKind::ConnectionAborted, "it has moved");
                PeerError::Unreachable { why: moved, sent: true }
            }
        };
        for Flying { then, .. } in flying {
            then(Err(why(&ended)));
        }
        match &ended {
            Ended::Lost(_) => {
                self.say(&why(&ended), "the connection to a peer is lost");
                if !self.answered && std::mem::replace(&mut self.in_vain, true) {
                    self.backoff.failed(Instant::now());
                }
                self.shared.lost(self.to, Lost::Reset);
            }
            Ended::TimedOut | Ended::Malformed => self.backoff.failed(Instant::now()),
            Ended::Renewed | Ended::Over => (),
        }
    }

    async fn exchange(&mut self, dialled: Dialled, flying: &mut VecDeque<Flying>) -> Ended {
        let Dialled { stream, generation } = dialled;
        let (mut reader, mut writer) = tokio::io::split(stream);
        let (mut input, mut out) = (BytesMut::new(), BytesMut::new());
        let (mut next_id, mut unflushed) = (0_i32, false);
        loop {
            if flying.is_empty() && self.shared.manner.generation() != generation {
                return Ended::Renewed;
            }
            while flying.len() < MOST
                && let Some(ask) = self.waiting.pop_front()
            {
                let Ask { mut frame, deadline, then } = ask;
                if frame.is_empty() {
                    then(Ok(Bytes::new()));
                    continue;
                }
                next_id = next_id.wrapping_add(1) & i32::MAX;
                if let Some(place) = frame.get_mut(8..12) {
                    place.copy_from_slice(&next_id.to_be_bytes());
                }
                out.unsplit(frame);
                flying.push_back(Flying { id: next_id, deadline, then });
            }
            match answers(&mut input, flying) {
                Ok(false) => {}
                Ok(true) => {
                    (self.answered, self.in_vain) = (true, false);
                    self.backoff.reset();
                }
                Err(ended) => return ended,
            }
            make_room(&mut input);
            let deadline = flying.iter().map(|flying| flying.deadline).min();
            tokio::select! {
                ask = self.asks.recv(), if self.waiting.is_empty() => match ask {
                    Some(ask) => self.waiting.push_back(ask),
                    None => return Ended::Over,
                },
                changed = self.address.changed() => match changed {
                    Ok(()) => return Ended::Renewed,
                    Err(_) => return Ended::Over,
                },
                pushed = push(&mut writer, &mut out, &mut unflushed) => if let Err(error) = pushed {
                    return Ended::Lost(error);
                },
                read = reader.read_buf(&mut input) => match read {
                    Ok(0) => return Ended::Lost(io::ErrorKind::UnexpectedEof.into()),
                    Ok(_) => {}
                    Err(error) => return Ended::Lost(error),
                },
                () = alarm(deadline) => return Ended::TimedOut,
            }
        }
    }
}

/// Sleeps until `deadline`, for ever without one.
async fn alarm(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Sends some of `out`, and what TLS holds back once that is all; for ever where there is nothing.
/// Nothing is lost when it is dropped halfway.
async fn push(
    writer: &mut WriteHalf<Stream>,
    out: &mut BytesMut,
    unflushed: &mut bool,
) -> io::Result<()> {
    if !out.is_empty() {
        if writer.write_buf(out).await? == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        *unflushed = true;
    } else if *unflushed {
        writer.flush().await?;
        *unflushed = false;
    } else {
        std::future::pending::<()>().await;
    }
    Ok(())
}

/// Hands out every whole answer that has come; whether there was one.
fn answers(input: &mut BytesMut, flying: &mut VecDeque<Flying>) -> Result<bool, Ended> {
    let mut answered = false;
    while let Some(size) = size(input) {
        if !(4..=LARGEST).contains(&size) {
            return Err(Ended::Malformed);
        }
        if input.len() < 4 + size {
            return Ok(answered);
        }
        answered = true;
        input.advance(4);
        let frame = input.split_to(size).freeze();
        let id = frame.first_chunk().map(|id| i32::from_be_bytes(*id));
        match flying.pop_front() {
            Some(first) if id == Some(first.id) => (first.then)(Ok(frame)),
            Some(first) => {
                flying.push_front(first);
                return Err(Ended::Malformed);
            }
            None => return Err(Ended::Malformed),
        }
    }
    Ok(answered)
}

/// The size that the frame at the front declares; above any limit where it is negative.
fn size(input: &BytesMut) -> Option<usize> {
    let size = i32::from_be_bytes(*input.first_chunk()?);
    Some(usize::try_from(size).unwrap_or(usize::MAX))
}

/// Room for what is still to come of the frame at the front.
fn make_room(input: &mut BytesMut) {
    let whole = size(input).map_or(ROOM, |size| size.saturating_add(4));
    let missing = whole.saturating_sub(input.len()).max(1);
    if input.capacity() - input.len() < missing.min(ROOM) {
        input.reserve(missing.max(ROOM));
    }
}
