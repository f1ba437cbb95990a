//! Who waits for a partition: acknowledgements for the high watermark, deletions for the low one,
//! fetches for bytes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use kastellan_core::{id::Offset, partition::Partition as Machine};
use kastellan_protocol::ErrorCode;

use super::{Log, Partition, State};
use crate::net::Mailbox;

/// Called when everything before `upto` is committed or deleted, or never will be.
pub(super) struct Waiter {
    pub(super) upto: Offset,
    pub(super) tell: Tell,
}

/// How somebody is told.
type Tell = Box<dyn FnOnce(Result<(), ErrorCode>) + Send>;

/// Waiters with what they wait for, to be told without the partition's lock.
#[must_use]
pub(super) struct Told {
    pub(super) waiters: Vec<Waiter>,
    pub(super) outcome: Result<(), ErrorCode>,
}

impl Told {
    /// Tells them.
    pub(super) fn tell(self) {
        for waiter in self.waiters {
            (waiter.tell)(self.outcome);
        }
    }
}

/// A fetch session, or one fetch, that wants to hear of appends.
pub(super) struct Reader {
    subscription: Weak<Subscription>,
    slot: usize,
    /// A follower, which sees the log to its end.
    follows: bool,
}

/// What a fetch session hears from its partitions.
#[derive(Debug, Default)]
pub(crate) struct Subscription {
    state: Mutex<Heard>,
}

#[derive(Debug, Default)]
struct Heard {
    /// Slots of the session that something happened to, each once.
    marked: Vec<usize>,
    is_marked: Vec<bool>,
    /// Bytes that were appended since the last look.
    bytes: usize,
    waiting: Option<Waiting>,
}

/// A fetch that is parked in its connection.
#[derive(Debug)]
struct Waiting {
    bytes: usize,
    mailbox: Arc<Mailbox>,
    slot: u64,
}

impl Subscription {
    /// Moves the slots that something happened to into `each`; from here on bytes count anew.
    pub(crate) fn take(&self, mut each: impl FnMut(usize)) {
        let mut heard = self.lock();
        heard.bytes = 0;
        heard.waiting = None;
        while let Some(slot) = heard.marked.pop() {
            if let Some(marked) = heard.is_marked.get_mut(slot) {
                *marked = false;
            }
            each(slot);
        }
    }

    /// Wakes `slot` of `mailbox` once `bytes` more have come. False: they have come already.
    pub(crate) fn wait(&self, bytes: usize, mailbox: &Arc<Mailbox>, slot: u64) -> bool {
        let mut heard = self.lock();
        if heard.bytes >= bytes.max(1) {
            return false;
        }
        heard.waiting = Some(Waiting { bytes, mailbox: Arc::clone(mailbox), slot });
        true
    }

    /// Whoever waits looks at once, for it is asked something else.
    pub(crate) fn poke(&self) {
        let mut heard = self.lock();
        heard.bytes = usize::MAX;
        if let Some(waiting) = heard.waiting.take() {
            drop(heard);
            waiting.mailbox.fetch_is_ready(waiting.slot);
        }
    }

    /// `bytes` were appended to the partition in `slot`; `urgent`: whoever waits should look at
    /// once.
    fn mark(&self, slot: usize, bytes: usize, urgent: bool) {
        let mut heard = self.lock();
        if heard.is_marked.len() <= slot {
            heard.is_marked.resize(slot + 1, false);
        }
        if let Some(marked @ false) = heard.is_marked.get_mut(slot) {
            *marked = true;
            heard.marked.push(slot);
        }
        heard.bytes = heard.bytes.saturating_add(if urgent { usize::MAX } else { bytes });
        let enough = heard.waiting.as_ref().is_some_and(|waiting| heard.bytes >= waiting.bytes);
        if enough && let Some(waiting) = heard.waiting.take() {
            drop(heard);
            waiting.mailbox.fetch_is_ready(waiting.slot);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Tells all readers of `bytes` that they may see now.
    pub(super) fn tell_readers(&mut self, bytes: usize, urgent: bool) {
        self.tell(|_reader| Some((bytes, urgent)));
    }

    /// Tells consumers of `bytes` that they may see now; followers hear of it with what comes next.
    pub(super) fn tell_consumers(&mut self, bytes: usize, urgent: bool) {
        self.tell(|reader| Some(if reader.follows { (0, false) } else { (bytes, urgent) }));
    }

    /// Tells followers of `bytes` that nobody else may see yet.
    pub(super) fn tell_followers(&mut self, bytes: usize) {
        self.tell(|reader| reader.follows.then_some((bytes, false)));
    }

    fn tell(&mut self, what: impl Fn(&Reader) -> Option<(usize, bool)>) {
        self.readers.retain(|reader| match reader.subscription.upgrade() {
            Some(subscription) => {
                if let Some((bytes, urgent)) = what(reader) {
                    subscription.mark(reader.slot, bytes, urgent);
                }
                true
            }
            None => false,
        });
    }

    /// Takes the waiters whom the high watermark has passed; they hear it if fewer replicas than
    /// promised are in sync by now.
    pub(super) fn committed(&mut self) -> Told {
        let machine = self.machine.as_ref();
        let reached = machine.map_or(-1, Machine::high_watermark);
        let count = self.waiters.partition_point(|waiter| waiter.upto <= reached);
        let waiters: Vec<_> = self.waiters.drain(..count).collect();
        let outcome = match machine {
            Some(machine) if !waiters.is_empty() => machine.acknowledged(reached).map(|_all| ()),
            Some(_) | None => Ok(()),
        };
        Told { waiters, outcome }
    }

    /// Takes those who wait for a deletion that every replica in sync has followed by now; `None`
    /// where nobody does.
    pub(super) fn deleted(&mut self) -> Option<Told> {
        if self.deleters.is_empty() {
            return None;
        }
        let reached = self.machine.as_ref()?.low_watermark().ok()?;
        let waiters = self.deleters.extract_if(.., |waiter| waiter.upto <= reached).collect();
        Some(Told { waiters, outcome: Ok(()) })
    }

    /// Takes everybody who waits, for nobody is going to be told otherwise.
    pub(super) fn send_away(&mut self, code: ErrorCode) -> Told {
        self.tell_readers(0, true);
        let waiters = self.waiters.drain(..).chain(self.deleters.drain(..)).collect();
        Told { waiters, outcome: Err(code) }
    }
}

impl Partition {
    /// Has `subscription` hear of this partition as its `slot`; one that `follows` hears of what is
    /// not committed, too.
    pub(crate) fn subscribe(
        &self,
        subscription: &Arc<Subscription>,
        slot: usize,
        follows: bool,
    ) -> Result<(), ErrorCode> {
        let mut state = self.lock()?;
        // Those who are gone leave when there would be no room: a quiet partition drops them too.
        if state.readers.len() == state.readers.capacity() {
            state.readers.retain(|reader| reader.subscription.strong_count() > 0);
        }
        state.readers.push(Reader { subscription: Arc::downgrade(subscription), slot, follows });
        Ok(())
    }

    /// Calls `tell` as soon as everything before `upto` is committed: now, or from whichever thread
    /// brings it about, or with an error when it cannot be any more.
    pub(crate) fn when_committed(
        &self,
        upto: Offset,
        tell: impl FnOnce(Result<(), ErrorCode>) + Send + 'static,
    ) {
        self.when(
            |machine| machine.acknowledged(upto),
            tell,
            |state, tell| {
                let at = state.waiters.partition_point(|waiter| waiter.upto <= upto);
                state.waiters.insert(at, Waiter { upto, tell });
            },
        );
    }

    /// The same once no replica in sync has anything before `upto`.
    pub(crate) fn when_deleted(
        &self,
        upto: Offset,
        tell: impl FnOnce(Result<(), ErrorCode>) + Send + 'static,
    ) {
        self.when(
            |machine| Ok(machine.low_watermark()? >= upto),
            tell,
            |state, tell| {
                state.deleters.push(Waiter { upto, tell });
            },
        );
    }

    /// Calls `tell` if something `is_so` or cannot be; has it wait otherwise.
    fn when(
        &self,
        is_so: impl FnOnce(&Machine<Log>) -> Result<bool, ErrorCode>,
        tell: impl FnOnce(Result<(), ErrorCode>) + Send + 'static,
        wait: impl FnOnce(&mut State, Tell),
    ) {
        let mut state = match self.lock() {
            Ok(state) => state,
            Err(code) => return tell(Err(code)),
        };
        let known = state.machine.as_ref().map_or(Err(ErrorCode::KafkaStorageError), is_so);
        if known == Ok(false) {
            return wait(&mut state, Box::new(tell));
        }
        drop(state);
        tell(known.map(drop));
    }
}
