//! One connection: a task that reads frames, has them handled and sends what has been answered.
//!
//! It sleeps until the socket, an answer from elsewhere, a parked fetch or the sweeper wakes it. It
//! has no timer of its own except while a fetch is parked or the client has to wait for its quota.

mod handle;
mod login;
mod parked;
mod quota;

use std::{
    collections::VecDeque,
    future::poll_fn,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use kastellan_core::machine::Millis;
use kastellan_protocol::{
    frame::{self, FrameError},
    messages::ApiKey,
};
use tokio::{task::JoinHandle, time::Sleep};

use self::handle::Trouble;
pub(crate) use self::{handle::Hot, login::Rejection, parked::Parked};
use super::{
    Gate, Limits, Mailbox, Stream,
    account::Account,
    cold, door,
    input::{Front, Input},
    login::Entry,
    mailbox::Glance,
    out::{Flushed, Out},
};
use crate::{
    api::produce::Scratch, broker::Broker, call::ClientInfo, metrics::Counter, peers::Turned,
    quotas::Purse,
};

/// How long a producer waits at a time while the disk is too far behind.
const BREATH: Duration = Duration::from_millis(5);

/// A client's connection.
#[derive(Debug)]
pub(super) struct Connection {
    broker: Arc<Broker>,
    gate: Arc<Gate>,
    client: Arc<ClientInfo>,
    /// Where it stands with its login; `None`: it needs none.
    entry: Option<Box<Entry>>,
    /// Why its login was refused, and when it is closed if the client has not done so: some lose
    /// an answer that the end of the connection is right behind.
    rejected: Option<(String, Millis)>,
    stream: Stream,
    mailbox: Arc<Mailbox>,
    input: Input,
    out: Out,
    /// What its answers take.
    answers: Account,
    /// Requests that have a slot and no answer in `out` yet.
    pending: usize,
    /// What those requests are and when they came, oldest first.
    began: VecDeque<(ApiKey, Instant)>,
    /// Requests that wait: fetches for data, acknowledgements for the disk.
    parked: Vec<Parked>,
    /// What its client may take, where that is limited.
    purse: Option<Arc<Purse>>,
    /// Until when nothing is read from a client that has taken too much (KIP-219).
    muted: Option<Millis>,
    /// Runs while a fetch is parked or the client is muted.
    timer: Option<Pin<Box<Sleep>>>,
    /// Runs while a range is read from the disk; gives its length.
    warming: Option<JoinHandle<usize>>,
    scratch: Scratch,
    /// The client has closed its side: it may still read.
    ended: bool,
}

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ending {
    /// The client closed it, or the network did.
    #[error("the client is gone: {0}")]
    Gone(#[from] io::Error),
    /// A frame that no client of Kafka sends.
    #[error("bad frame: {0}")]
    Frame(#[from] FrameError),
    /// A request that cannot be served.
    #[error("{0}")]
    Trouble(#[from] Trouble),
    /// Somebody who is no broker of the cluster.
    #[error("turned away: {0}")]
    Turned(#[from] Turned),
    /// A client that did not get in.
    #[error("a login was refused: {0}")]
    Rejected(String),
    /// A client that cannot come in.
    #[error("{0}")]
    Client(#[from] door::Turned),
    /// A deadline, the end of the broker, or a bug of ours.
    #[error("{0}")]
    Asked(&'static str),
}

impl Connection {
    /// A connection that nobody has read from yet.
    pub(super) fn new(
        broker: Arc<Broker>,
        gate: Arc<Gate>,
        client: ClientInfo,
        stream: Stream,
        mailbox: Arc<Mailbox>,
    ) -> Self {
        let input = Input::new(Arc::clone(&gate.pool));
        let answers = Account::new(Arc::clone(&gate.answers));
        Self {
            broker,
            gate,
            client: Arc::new(client),
            entry: None,
            rejected: None,
            stream,
            mailbox,
            input,
            out: Out::default(),
            answers,
            pending: 0,
            began: VecDeque::new(),
            parked: Vec::new(),
            purse: None,
            muted: None,
            timer: None,
            warming: None,
            scratch: Scratch::default(),
            ended: false,
        }
    }

    /// The same for one that has to log in, if it has an entry, and came at the time `began`.
    pub(super) fn logging_in(self, entry: Option<Box<Entry>>, began: Millis) -> Self {
        let since = entry.is_some().then_some(began);
        self.mailbox.vitals().logging_in(since);
        Self { entry, ..self }
    }

    /// Serves the client until one side has enough.
    pub(super) async fn serve(mut self) -> Result<(), Ending> {
        let ended = self.run().await;
        // who was refused may go as it likes, or go on as if it were in: what counts is why
        self.rejected.map_or(ended, |(why, _)| Err(Ending::Rejected(why)))
    }

    async fn run(&mut self) -> Result<(), Ending> {
        self.mailbox.vitals().active(self.broker.clock.monotonic());
        loop {
            let now = self.broker.clock.monotonic();
            self.muted = self.muted.filter(|until| *until > now);
            self.handle_frames()?;
            self.retry_parked(now);
            if self.scratch.has_produced() && self.broker.partitions.over_budget() {
                // The disk is behind: this client's next bytes have to wait for it.
                tokio::time::sleep(BREATH).await;
            }
            let glance = self.collect();
            if let Some(reason) = glance.closed {
                return Err(Ending::Asked(reason));
            }
            let flushed = self.flush(now)?;
            let rejected = self.rejected.as_ref().is_some_and(|(_, until)| *until <= now);
            let ended = self.ended && !self.answers.is_starved();
            let over = glance.draining || ended || rejected;
            if self.pending == 0 && self.out.is_empty() {
                self.answers.settle();
            }
            if over && self.pending == 0 && self.out.is_empty() {
                return Ok(());
            }
            match flushed {
                Flushed::Slice => {
                    tokio::task::yield_now().await;
                    continue;
                }
                // Answers have left: frames that had to wait for them may be handled now.
                Flushed::All if self.may_handle(glance) && self.has_frame()? => continue,
                Flushed::All | Flushed::Blocked | Flushed::Cold(_) => {}
            }
            self.note_bloat();
            let read = poll_fn(|cx| self.poll_wait(cx, glance)).await?;
            self.mailbox.unpark();
            if read {
                let now = self.broker.clock.monotonic();
                self.mailbox.vitals().active(now);
            }
        }
    }

    /// Moves what has been answered, in order, to the output.
    fn collect(&mut self) -> Glance {
        let (out, began, metrics) = (&mut self.out, &mut self.began, &self.broker.metrics);
        let mut throttle_ms = 0;
        let glance = self.mailbox.take(|response| {
            out.push(&response);
            throttle_ms = throttle_ms.max(response.throttle_ms);
            if let Some((api, began)) = began.pop_front() {
                metrics.answered(api, began.elapsed());
            }
        });
        self.pending = glance.unanswered;
        self.answers.charge(self.out.memory());
        quota::mute(&mut self.muted, &self.broker, throttle_ms);
        glance
    }

    /// Sends what the socket takes, and hands what is on the disk to another thread.
    fn flush(&mut self, now: Millis) -> io::Result<Flushed> {
        let asked = self.mailbox.take_doubt();
        if self.warming.is_some() || self.out.is_empty() {
            self.mailbox.vitals().blocked(now, false);
            return Ok(Flushed::All);
        }
        let before = self.out.taken();
        let flushed = self.out.flush(&mut self.stream, asked)?;
        self.broker.metrics.add(Counter::Sent, self.out.taken() - before);
        let blocked = matches!(flushed, Flushed::Blocked);
        if !blocked || self.out.taken() > before {
            self.mailbox.vitals().active(now);
            self.mailbox.vitals().blocked(now, false);
        }
        self.mailbox.vitals().blocked(now, blocked);
        if asked && blocked && self.out.taken() == before {
            self.mailbox.close("the client does not read its responses");
        }
        if let Flushed::Cold(range) = &flushed {
            let (range, count) = (range.clone(), range.len.min(1 << 20));
            self.warming = Some(tokio::task::spawn_blocking(move || {
                cold::warm(&range, count);
                count
            }));
        }
        Ok(flushed)
    }

    /// Gives fetches whose data came, or whose time is over, their answer.
    fn retry_parked(&mut self, now: Millis) {
        if self.parked.is_empty() {
            return;
        }
        let mut woken = std::mem::take(&mut self.scratch.woken);
        self.mailbox.take_fetches(&mut woken);
        let draining = self.mailbox.is_draining();
        let (broker, mailbox) = (&self.broker, &self.mailbox);
        self.parked.retain_mut(|fetch| {
            let force = (draining && fetch.is_fetch()) || fetch.deadline() <= now;
            if !force && !woken.contains(&fetch.slot()) {
                return true;
            }
            let answer = fetch.retry(broker, force);
            answer.map(|response| mailbox.answer(fetch.slot(), response)).is_none()
        });
        woken.clear();
        self.scratch.woken = woken;
    }

    /// Whether the client has not taken more than its share.
    fn may_handle(&self, glance: Glance) -> bool {
        let limits = self.gate.limits.load();
        !glance.draining
            && self.muted.is_none()
            && !self.answers.is_starved()
            && self.pending < limits.pipelined
            && self.out.queued() < limits.queued_response_bytes
    }

    /// What frames may be like: small until it is known who sends them.
    fn frame_limits(&self, limits: &Limits) -> frame::Limits {
        match &self.entry {
            Some(entry) => entry.frame_limits(limits),
            None => limits.frame,
        }
    }

    fn has_frame(&self) -> Result<bool, FrameError> {
        let limits = self.frame_limits(&self.gate.limits.load());
        Ok(matches!(self.input.front(&limits)?, Front::Frame(_)))
    }

    /// Sleeps until there is something to do. True: bytes have arrived.
    fn poll_wait(&mut self, cx: &mut Context<'_>, glance: Glance) -> Poll<io::Result<bool>> {
        if !self.mailbox.park(cx.waker(), glance, !self.parked.is_empty()) {
            self.shrink();
            return Poll::Ready(Ok(false));
        }
        if let Some(warming) = &mut self.warming {
            if let Poll::Ready(count) = Pin::new(warming).poll(cx) {
                self.warming = None;
                self.out.warmed(count.unwrap_or(0));
                return Poll::Ready(Ok(false));
            }
        } else if !self.out.is_empty() && self.stream.socket().poll_write_ready(cx)?.is_ready() {
            return Poll::Ready(Ok(false));
        }
        if self.poll_timer(cx).is_ready() {
            return Poll::Ready(Ok(false));
        }
        if self.answers.is_starved() && self.answers.draw(cx.waker()) {
            return Poll::Ready(Ok(false));
        }
        if !self.ended && self.may_handle(glance) {
            let limits = self.frame_limits(&self.gate.limits.load());
            if let Poll::Ready(read) = self.input.poll_read(&mut self.stream, &limits, cx) {
                let read = read?;
                self.broker.metrics.add(Counter::Received, read as u64);
                self.ended = read == 0;
                return Poll::Ready(Ok(true));
            }
            if self.input.is_starved() {
                self.mailbox.vitals().framed();
            }
        }
        Poll::Pending
    }

    /// Ready when the first parked fetch, or a muted client, has waited long enough.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let closing = self.rejected.as_ref().map(|(_, until)| *until);
        let Some(deadline) =
            self.parked.iter().map(Parked::deadline).chain(closing).chain(self.muted).min()
        else {
            return Poll::Pending;
        };
        let at = self.broker.clock.instant(deadline).into();
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if timer.deadline() != at {
            timer.as_mut().reset(at);
        }
        timer.as_mut().poll(cx)
    }

    fn note_bloat(&self) {
        let bloated = self.input.is_shrinkable() || self.out.is_shrinkable();
        self.mailbox.vitals().bloated(bloated);
    }

    /// Frees the buffers if the sweeper found that the connection rests.
    fn shrink(&mut self) {
        if self.mailbox.take_slim() {
            self.input.shrink();
            self.out.shrink();
            self.scratch.shrink();
            self.note_bloat();
        }
    }
}
