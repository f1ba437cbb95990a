//! Producer ids for idempotent producers, out of blocks that the controller hands out.
//!
//! A block is durable before the first id of it is given away, so that no id is ever given twice;
//! what is left of a block when the broker stops is lost, as in Kafka.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kastellan_core::id::BrokerId;
use kastellan_protocol::{
    ErrorCode,
    messages::{AllocateProducerIdsRequest, AllocateProducerIdsResponse},
};

use crate::{
    broker::Broker,
    peers::{PeerError, ask_controller},
};

/// How long the controller may take for a block.
const PATIENCE: Duration = Duration::from_secs(5);

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
        broker: &Arc<Broker>,
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
            self.refill(broker);
        }
    }

    fn refill(self: &Arc<Self>, broker: &Arc<Broker>) {
        let (ids, again) = (Arc::clone(self), Arc::clone(broker));
        let me = BrokerId(broker.config.node_id);
        let epoch = broker.controller.image().broker(me).map_or(-1, |broker| broker.epoch);
        let request = AllocateProducerIdsRequest::default()
            .with_broker_id(me.0.into())
            .with_broker_epoch(epoch);
        ask_controller(broker, &request, PATIENCE, move |answer| {
            if ids.answer(block(answer)) {
                ids.refill(&again);
            }
        });
    }

    /// Answers those who wait, in order; whether some have to wait for yet another block.
    fn answer(&self, block: Result<(i64, i64), ErrorCode>) -> bool {
        let mut state = self.lock();
        let mut waiting = mem::take(&mut state.waiting);
        let error = match block {
            Ok(block) => {
                (state.next, state.end) = block;
                None
            }
            Err(code) => Some(code),
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

/// The first id of a block and the one behind its last.
fn block(answer: Result<AllocateProducerIdsResponse, PeerError>) -> Result<(i64, i64), ErrorCode> {
    // clients try again: another broker may be the controller by then
    let answer = answer.or(Err(ErrorCode::CoordinatorLoadInProgress))?;
    match answer.error_code {
        0 => {
            let first = answer.producer_id_start.0;
            Ok((first, first.saturating_add(answer.producer_id_len.into())))
        }
        code => Err(ErrorCode::try_from_code(code).unwrap_or(ErrorCode::UnknownServerError)),
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
