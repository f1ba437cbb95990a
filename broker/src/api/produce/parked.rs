//! Acknowledgements that wait until what they acknowledge is on the disk.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::BytesMut;
use kastellan_core::{id::Offset, machine::Millis};
use kastellan_protocol::{
    ErrorCode,
    fetch::NodeEndpoint,
    produce::{PartitionResponse, ProduceRequest, ProduceResponse},
};

use crate::{
    net::{Hot, Mailbox, Response},
    partition::Partition,
};

/// A request whose answer waits in its connection.
#[derive(Debug)]
pub(crate) struct Parked {
    slot: u64,
    deadline: Millis,
    version: i16,
    correlation_id: i32,
    request: ProduceRequest,
    /// The topics' names, for the request's body has gone.
    names: Vec<u8>,
    answers: Vec<PartitionResponse>,
    pending: Arc<Pending>,
    nodes: Vec<NodeEndpoint>,
    throttle_ms: i32,
}

/// What an answer waits for.
pub(super) struct Waiting {
    /// The answer's place, the partition, and the offset that has to be committed.
    pub(super) partitions: Vec<(usize, Arc<Partition>, Offset)>,
    /// The client's patience in milliseconds.
    pub(super) patience: i32,
    /// Where the leaders are that the answer names.
    pub(super) nodes: Vec<NodeEndpoint>,
    /// How long the client has to wait after it.
    pub(super) throttle_ms: i32,
}

/// The place of an answer, and what its partition has said.
type Told = (usize, Option<Result<(), ErrorCode>>);

/// Counted down by the partitions, from whichever thread.
#[derive(Debug)]
struct Pending {
    left: Mutex<Vec<Told>>,
    mailbox: Arc<Mailbox>,
    slot: u64,
}

impl Pending {
    fn lock(&self) -> MutexGuard<'_, Vec<Told>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, which: usize, outcome: Result<(), ErrorCode>) {
        let mut left = self.lock();
        if let Some((_, told)) = left.get_mut(which) {
            *told = Some(outcome);
        }
        if left.iter().all(|(_, told)| told.is_some()) {
            drop(left);
            self.mailbox.fetch_is_ready(self.slot);
        }
    }
}

/// Parks the answer to `request` until everything that it waits for has come.
pub(super) fn park(
    hot: &mut Hot<'_>,
    request: &ProduceRequest,
    answers: Vec<PartitionResponse>,
    waiting: Waiting,
) {
    let slot = hot.open_slot();
    let (request, names) = keep_names(request, hot.body);
    let left = waiting.partitions.iter().map(|(answer, _, _)| (*answer, None)).collect();
    let mailbox = Arc::clone(hot.mailbox);
    let pending = Arc::new(Pending { left: Mutex::new(left), mailbox, slot });
    for (which, (_, partition, upto)) in waiting.partitions.into_iter().enumerate() {
        let pending = Arc::clone(&pending);
        partition.when_committed(upto, move |outcome| pending.tell(which, outcome));
    }
    let patience = Duration::from_millis(u64::try_from(waiting.patience).unwrap_or(0));
    let deadline = hot.broker.clock.monotonic().after(patience);
    hot.parked.push(crate::net::Parked::Produce(Parked {
        slot,
        deadline,
        version: hot.header.api_version,
        correlation_id: hot.header.correlation_id,
        request,
        names,
        answers,
        pending,
        nodes: waiting.nodes,
        throttle_ms: waiting.throttle_ms,
    }));
}

/// The request with its topics' names in a buffer of their own.
fn keep_names(request: &ProduceRequest, body: &[u8]) -> (ProduceRequest, Vec<u8>) {
    let mut request = request.clone();
    let mut names = Vec::new();
    for topic in &mut request.topics {
        let start = names.len();
        names.extend_from_slice(topic.name(body).as_bytes());
        topic.name = start..names.len();
    }
    (request, names)
}

impl Parked {
    /// The slot of the connection that waits for it.
    pub(crate) fn slot(&self) -> u64 {
        self.slot
    }

    /// When the client has waited long enough.
    pub(crate) fn deadline(&self) -> Millis {
        self.deadline
    }

    /// The answer, once everything has come; `force`: what has not come has timed out.
    pub(crate) fn retry(&mut self, force: bool) -> Option<Response> {
        let left = self.pending.lock();
        if !force && left.iter().any(|(_, told)| told.is_none()) {
            return None;
        }
        for (answer, told) in left.iter() {
            let outcome = told.unwrap_or(Err(ErrorCode::RequestTimedOut));
            if let (Err(code), Some(answer)) = (outcome, self.answers.get_mut(*answer)) {
                *answer = PartitionResponse::error(answer.index, code);
            }
        }
        drop(left);
        let mut out = BytesMut::new();
        ProduceResponse {
            version: self.version,
            correlation_id: self.correlation_id,
            throttle_ms: self.throttle_ms,
            request: &self.request,
            body: &self.names,
            answers: &self.answers,
            nodes: &self.nodes,
        }
        .encode(&mut out);
        let throttle_ms = self.throttle_ms;
        Some(Response { throttle_ms, ..Response::inline(out.freeze()) })
    }
}
