//! Producer ids for idempotent producers, out of blocks that the controller hands out.
//!
//! A block is durable before the first id of it is given away, so that no id is ever given twice;
//! what is left of a block when the broker stops is lost, as in Kafka.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kastellan_core::{
    id::BrokerId,
    metadata::{Input, Reply},
};
use kastellan_protocol::ErrorCode;

use super::Controller;

/// Called with an id, or with why there is none.
type Waiter = Box<dyn FnOnce(Result<i64, ErrorCode>) + Send>;

/// The ids of the current block, and who waits for the next one.
#[derive(Default)]
pub(crate) struct ProducerIds(Mutex<State>);

#[derive(Default)]
struct State {
    next: i64,
    end: i64,
    waiting: Vec<Waiter>,
}

impl std::fmt::Debug for ProducerIds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.lock();
        write!(f, "ProducerIds({}..{}, {} waiting)", state.next, state.end, state.waiting.len())
    }
}

impl ProducerIds {
    /// Gives `then` an id that nobody else has: at once, or when the controller has handed out a
    /// new block.
    pub(crate) fn take(
        self: &Arc<Self>,
        controller: &Arc<Controller>,
        me: BrokerId,
        then: impl FnOnce(Result<i64, ErrorCode>) + Send + 'static,
    ) {
        let mut state = self.lock();
        if let Some(id) = state.take() {
            drop(state);
            then(Ok(id));
            return;
        }
        state.waiting.push(Box::new(then));
        let first = state.waiting.len() == 1;
        drop(state);
        if first {
            self.refill(controller, me);
        }
    }

    fn refill(self: &Arc<Self>, controller: &Arc<Controller>, me: BrokerId) {
        let (ids, again) = (Arc::clone(self), Arc::clone(controller));
        controller.ask(
            move |ticket| Input::AllocateProducerIds { ticket, broker: me, epoch: None },
            move |reply| {
                if ids.answer(&reply) {
                    ids.refill(&again, me);
                }
            },
        );
    }

    /// Answers those who wait, in order; whether some have to wait for yet another block.
    fn answer(&self, reply: &Reply) -> bool {
        let mut state = self.lock();
        let mut waiting = mem::take(&mut state.waiting);
        let error = match reply {
            Reply::ProducerIds { first, count } => {
                (state.next, state.end) = (*first, first.saturating_add(*count));
                None
            }
            Reply::Failed(failure) => Some(failure.code),
            Reply::Done
            | Reply::Registered { .. }
            | Reply::Heartbeat { .. }
            | Reply::Altered(_)
            | Reply::Assigned(_)
            | Reply::Partitions(_)
            | Reply::Created(_)
            | Reply::Deleted(_)
            | Reply::Results(_) => Some(ErrorCode::UnknownServerError),
        };
        let left = usize::try_from(state.end - state.next).unwrap_or_default();
        let served = if error.is_some() { waiting.len() } else { left.min(waiting.len()) };
        state.waiting = waiting.split_off(served);
        let answers: Vec<_> = waiting
            .into_iter()
            .filter_map(|waiter| {
                let result = error.map_or_else(|| state.take().map(Ok), |error| Some(Err(error)));
                Some((waiter, result?))
            })
            .collect();
        let more = !state.waiting.is_empty();
        drop(state);
        for (waiter, result) in answers {
            waiter(result);
        }
        more
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self) -> Option<i64> {
        if self.next >= self.end {
            return None;
        }
        self.next += 1;
        Some(self.next - 1)
    }
}
