//! From a whole frame to its handler: header, version, route; and nothing a handler does takes more
//! than this connection down.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use kastellan_core::machine::Millis;
use kastellan_protocol::{
    Refused,
    header::{self, RequestHeader},
    messages::ApiKey,
};

use super::{Connection, Parked, login::Verdict};
use crate::{
    api::{
        fetch,
        produce::{self, Scratch},
    },
    broker::Broker,
    call::{Call, ClientInfo, Peer, Responder, Way},
    dispatch::dispatch,
    net::{Mailbox, Response, account, input::Front, login::Stage},
    quotas::Purse,
};

/// A request that cannot be answered, an unknown API or version among them: Kafka closes the
/// connection, and so do we.
#[derive(Debug, thiserror::Error)]
pub(in crate::net) enum Trouble {
    /// Header or body do not hold what they must.
    #[error("refused: {0}")]
    Refused(#[from] Refused),
    /// A request of somebody who has not logged in.
    #[error("{0:?} before a login: the client's security.protocol has no SASL")]
    NotLoggedIn(ApiKey),
    /// A request of somebody whose login is over (KIP-368).
    #[error(
        "a request after the end of a login (connections.max.reauth.ms, or its token's) without another"
    )]
    LoginOver,
    /// The system has no random numbers.
    #[error("nobody can log in: {0}")]
    NoNonce(#[from] std::io::Error),
    /// A handler panicked: a bug of ours.
    #[error("a handler panicked: a bug of ours")]
    Panicked,
}

/// What the handlers of Produce and Fetch work with: they stay on the connection's own buffers.
#[derive(Debug)]
pub(crate) struct Hot<'a> {
    /// The broker.
    pub(crate) broker: &'a Arc<Broker>,
    /// The header of the request.
    pub(crate) header: &'a RequestHeader,
    /// The body, in the connection's buffer: batches are patched in place.
    pub(crate) body: &'a mut [u8],
    /// The connection's mailbox, for answers that come later.
    pub(crate) mailbox: &'a Arc<Mailbox>,
    /// Who is at the other end, if it is a broker of the cluster.
    pub(crate) peer: Option<Peer>,
    /// The client.
    pub(crate) client: &'a Arc<ClientInfo>,
    /// Requests of this connection that wait.
    pub(crate) parked: &'a mut Vec<Parked>,
    /// Memory that is reused from request to request.
    pub(crate) scratch: &'a mut Scratch,
    /// What the client may take, where that is limited.
    pub(crate) purse: Option<&'a Arc<Purse>>,
    muted: &'a mut Option<Millis>,
    out: &'a mut super::Out,
    pending: &'a mut usize,
    began: &'a mut VecDeque<(ApiKey, Instant)>,
    /// When its handling began.
    at: (ApiKey, Instant),
}

impl Hot<'_> {
    /// Answers now: `write` appends a frame that is all bytes, given the request's body.
    pub(crate) fn answer_with(&mut self, write: impl FnOnce(&[u8], &mut BytesMut)) {
        if *self.pending == 0 {
            write(self.body, self.out.tail());
        } else {
            let mut frame = BytesMut::new();
            write(self.body, &mut frame);
            self.answer(Response::inline(frame.freeze()));
        }
    }

    /// Answers now.
    pub(crate) fn answer(&mut self, response: Response) {
        if *self.pending == 0 {
            self.out.push(&response);
            self.mute(response.throttle_ms);
        } else {
            let slot = self.open_slot();
            self.mailbox.answer(slot, response);
        }
    }

    /// Reads nothing more for so many milliseconds.
    pub(crate) fn mute(&mut self, throttle_ms: i32) {
        super::quota::mute(self.muted, self.broker, throttle_ms);
    }

    /// How long the request has kept this thread busy.
    pub(crate) fn busy(&self) -> Duration {
        self.at.1.elapsed()
    }

    /// The request as one of the cold APIs, to be answered by another thread.
    pub(crate) fn call(&mut self) -> Call {
        let slot = self.open_slot();
        let header = self.header.clone();
        let reply = Responder::new(ApiKey::Fetch, &header, slot, Arc::clone(self.mailbox));
        let (body, client) = (Bytes::copy_from_slice(self.body), Arc::clone(self.client));
        Call { header, body, client, reply, way: Way::Direct }
    }

    /// A slot, for an answer later.
    pub(crate) fn open_slot(&mut self) -> u64 {
        *self.pending += 1;
        self.began.push_back(self.at);
        self.mailbox.open_slot()
    }
}

impl Connection {
    /// Whether its login is over, without success: it hears the answer and nothing else.
    fn is_refused(&self) -> bool {
        self.entry.as_ref().is_some_and(|entry| matches!(entry.stage, Stage::Refused))
    }

    /// Handles every frame that has arrived, as far as the limits let it.
    pub(super) fn handle_frames(&mut self) -> Result<(), super::Ending> {
        if self.is_refused() {
            self.input.forget();
            return Ok(());
        }
        let limits = self.gate.limits.load_full();
        while !self.mailbox.is_draining()
            && !self.is_refused()
            && self.muted.is_none()
            && self.pending < limits.pipelined
            && self.out.queued() < limits.queued_response_bytes
        {
            let front = self.input.front(&self.frame_limits(&limits))?;
            let now_partial = matches!(front, Front::Partial);
            let Front::Frame(range) = front else {
                let now = self.broker.clock.monotonic();
                self.mailbox.vitals().partial(now, now_partial);
                break;
            };
            let end = range.end;
            // A poisoned partition is offline from then on; everything else here dies with the
            // task.
            let handled = catch_unwind(AssertUnwindSafe(|| self.handle(range)));
            let handled = handled.unwrap_or(Err(Trouble::Panicked))?;
            self.mailbox.vitals().framed();
            if !handled {
                break;
            }
            self.input.consume(end);
        }
        Ok(())
    }

    /// False: the frame has to wait until there is memory for its answer.
    fn handle(&mut self, range: std::ops::Range<usize>) -> Result<bool, Trouble> {
        if self.entry.is_some()
            && let Verdict::Taken = self.admit(range.clone())?
        {
            return Ok(true);
        }
        let frame = self.input.bytes_mut(range);
        let (header, header_len) = header::decode_for(self.gate.audience, frame)?;
        let Some(api) = header.api() else {
            return Err(Refused::UnknownApi(header.api_key).into());
        };
        let body = frame.get_mut(header_len..).unwrap_or_default();
        if !matches!(api, ApiKey::Produce | ApiKey::Fetch) {
            if !self.answers.reserve(account::cost(api, header.api_version, body)?) {
                return Ok(false);
            }
            self.broker.metrics.request(api);
            // Small, and its parts may outlive the buffer: strings point into it.
            let body = Bytes::copy_from_slice(body);
            return self.handle_cold(api, header, body).map(|()| true);
        }
        self.broker.metrics.request(api);
        let at = (api, Instant::now());
        let waiting = self.pending;
        let client_id = header.client_id.as_ref();
        let purse = self.broker.quotas.look_up(&mut self.purse, &self.client, client_id);
        let mut hot = Hot {
            broker: &self.broker,
            header: &header,
            body,
            mailbox: &self.mailbox,
            peer: self.client.peer,
            client: &self.client,
            parked: &mut self.parked,
            scratch: &mut self.scratch,
            purse,
            muted: &mut self.muted,
            out: &mut self.out,
            pending: &mut self.pending,
            began: &mut self.began,
            at,
        };
        if api == ApiKey::Produce {
            produce::handle(&mut hot)?;
        } else {
            fetch::handle(&mut hot)?;
        }
        // one that has a slot is not answered yet
        if self.pending == waiting {
            self.broker.metrics.answered(api, at.1.elapsed());
        }
        Ok(true)
    }

    fn handle_cold(
        &mut self,
        api: ApiKey,
        header: RequestHeader,
        body: Bytes,
    ) -> Result<(), Trouble> {
        let slot = self.mailbox.open_slot();
        let began = Instant::now();
        self.began.push_back((api, began));
        let reply = Responder::new(api, &header, slot, Arc::clone(&self.mailbox));
        let client = Arc::clone(&self.client);
        let client_id = header.client_id.as_ref();
        let purse = self.broker.quotas.look_up(&mut self.purse, &client, client_id).cloned();
        let version = header.api_version;
        let handled =
            dispatch(&self.broker, api, Call { header, body, client, reply, way: Way::Direct });
        if let Some(purse) = purse {
            self.take_time(&purse, (api, version), (slot, began));
        }
        // Most are answered by now.
        self.collect();
        Ok(handled?)
    }
}
