//! What a connection's task shares with the threads that answer it: slots in request order.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    task::Waker,
};

use bytes::BytesMut;
use kastellan_protocol::{messages::ApiKey, throttle};

use super::{Response, vitals::Vitals};

/// The slots of one connection.
///
/// A slot is the number of a request, counted from the connection's first: index and generation in
/// one, since numbers are never used twice.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    state: Mutex<State>,
    vitals: Vitals,
}

#[derive(Debug, Default)]
struct State {
    /// The number of the request that `slots` begins with.
    first: u64,
    /// `None` until answered.
    slots: VecDeque<Option<Response>>,
    /// Parked fetches with something to read.
    fetches: Vec<u64>,
    /// Set while the task sleeps; whoever changes something takes and wakes it.
    waker: Option<Waker>,
    closed: Option<&'static str>,
    draining: bool,
    /// The sweeper would like the task to free its buffers.
    slim: bool,
    /// The sweeper doubts that the client reads.
    doubt: bool,
}

/// What the task finds when it looks.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(super) struct Glance {
    /// Requests that still wait for an answer.
    pub(crate) unanswered: usize,
    /// Why the connection has to be closed, if it has to.
    pub(crate) closed: Option<&'static str>,
    /// The broker stops: read nothing more, answer what is there.
    pub(crate) draining: bool,
}

impl Mailbox {
    /// A slot for the next request.
    pub(super) fn open_slot(&self) -> u64 {
        let mut state = self.lock();
        state.slots.push_back(None);
        state.first + state.slots.len() as u64 - 1
    }

    /// Fills a slot; nothing happens where it is filled already or the connection is gone.
    pub(crate) fn answer(&self, slot: u64, response: Response) {
        let mut state = self.lock();
        let index = slot.checked_sub(state.first).and_then(|index| usize::try_from(index).ok());
        if let Some(empty @ None) = index.and_then(|index| state.slots.get_mut(index)) {
            *empty = Some(response);
            // Only the head lets anything out.
            if index == Some(0) {
                wake(state);
            }
        }
    }

    /// Has the answer in a slot say that its client is not read from for a while; false where there
    /// is no answer yet.
    pub(super) fn throttle(
        &self,
        slot: u64,
        (api, version): (ApiKey, i16),
        throttle_ms: i32,
    ) -> bool {
        let mut state = self.lock();
        let index = slot.checked_sub(state.first).and_then(|index| usize::try_from(index).ok());
        let Some(Some(response)) = index.and_then(|index| state.slots.get_mut(index)) else {
            return false;
        };
        response.throttle_ms = response.throttle_ms.max(throttle_ms);
        let mut frame = BytesMut::from(std::mem::take(&mut response.bytes));
        if let Some(place) = throttle::place(api, version, &mut frame) {
            *place = response.throttle_ms.to_be_bytes();
        }
        response.bytes = frame.freeze();
        true
    }

    /// A parked fetch should look again.
    pub(crate) fn fetch_is_ready(&self, slot: u64) {
        let mut state = self.lock();
        state.fetches.push(slot);
        wake(state);
    }

    /// Asks the task to end; `reason` goes to the log.
    pub(crate) fn close(&self, reason: &'static str) {
        let mut state = self.lock();
        state.closed.get_or_insert(reason);
        wake(state);
    }

    /// Asks the task to answer what it has and end.
    pub(super) fn drain(&self) {
        let mut state = self.lock();
        state.draining = true;
        wake(state);
    }

    /// Asks the task to free what it does not need to rest.
    pub(super) fn slim(&self) {
        let mut state = self.lock();
        state.slim = true;
        wake(state);
    }

    /// Whether [`Self::slim`] was called since the last time.
    pub(super) fn take_slim(&self) -> bool {
        std::mem::take(&mut self.lock().slim)
    }

    /// Asks the task to try whether the client has read anything, and to end if it has not.
    pub(super) fn doubt(&self) {
        let mut state = self.lock();
        state.doubt = true;
        wake(state);
    }

    /// Whether [`Self::doubt`] was called since the last time.
    pub(super) fn take_doubt(&self) -> bool {
        std::mem::take(&mut self.lock().doubt)
    }

    /// What the sweeper looks at.
    pub(super) fn vitals(&self) -> &Vitals {
        &self.vitals
    }

    /// Whether nobody has asked the task to end.
    pub(crate) fn is_open(&self) -> bool {
        self.lock().closed.is_none()
    }

    /// Whether the broker stops.
    pub(super) fn is_draining(&self) -> bool {
        self.lock().draining
    }

    /// Takes the answers that may leave now, oldest first.
    pub(super) fn take(&self, mut each: impl FnMut(Response)) -> Glance {
        let mut state = self.lock();
        while let Some(Some(_)) = state.slots.front() {
            state.first += 1;
            if let Some(Some(response)) = state.slots.pop_front() {
                each(response);
            }
        }
        Glance { unanswered: state.slots.len(), closed: state.closed, draining: state.draining }
    }

    /// Takes the parked fetches that should look again.
    pub(super) fn take_fetches(&self, into: &mut Vec<u64>) {
        into.append(&mut self.lock().fetches);
    }

    /// Leaves a waker, to be used once; false when there is something to do instead of sleeping.
    /// `waits`: whether any request is parked; without one nobody has to look again, for what was
    /// woken has got its answer before, as a produce whose time was over has.
    pub(super) fn park(&self, waker: &Waker, seen: Glance, waits: bool) -> bool {
        let mut state = self.lock();
        if !waits {
            state.fetches.clear();
        }
        let news = matches!(state.slots.front(), Some(Some(_)))
            || !state.fetches.is_empty()
            || state.slim
            || state.doubt
            || state.closed != seen.closed
            || state.draining != seen.draining;
        if !news && !state.waker.as_ref().is_some_and(|old| old.will_wake(waker)) {
            state.waker = Some(waker.clone());
        }
        !news
    }

    /// The task is up: nobody needs to wake it.
    pub(super) fn unpark(&self) {
        self.lock().waker = None;
    }

    /// A panic between lock and unlock leaves the state whole: every change here is one step.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes the task with the lock released, so that it does not run into it.
fn wake(mut state: MutexGuard<'_, State>) {
    if let Some(waker) = state.waker.take() {
        drop(state);
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn response(text: &'static str) -> Response {
        Response::inline(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn a_wake_for_what_has_its_answer_keeps_nobody_awake() {
        let mailbox = Mailbox::default();
        let slot = mailbox.open_slot();
        mailbox.fetch_is_ready(slot);
        let glance = mailbox.take(|_| unreachable!());
        assert!(!mailbox.park(Waker::noop(), glance, true), "it has to look again");
        assert!(mailbox.park(Waker::noop(), glance, false), "nothing is parked");
        assert!(mailbox.park(Waker::noop(), glance, true), "and that is over");
    }

    #[test]
    fn answers_leave_in_the_order_of_the_requests() {
        let mailbox = Mailbox::default();
        let (a, b) = (mailbox.open_slot(), mailbox.open_slot());
        mailbox.answer(b, response("b"));
        assert_eq!(mailbox.take(|_| unreachable!()).unanswered, 2);

        mailbox.answer(a, response("a"));
        mailbox.answer(a, response("again"));
        let mut out = Vec::new();
        assert_eq!(mailbox.take(|response| out.push(response.bytes)).unanswered, 0);
        assert_eq!(out, ["a", "b"]);

        mailbox.answer(a, response("far too late"));
        let c = mailbox.open_slot();
        assert_eq!((c, mailbox.take(|_| unreachable!()).unanswered), (2, 1));
    }
}
