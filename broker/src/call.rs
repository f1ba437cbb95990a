//! One request on its way to a handler, and the promise to answer it.

use std::{
    fmt,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use kastellan_core::{id::BrokerId, machine::Millis, metadata::Requester, security::Principal};
use kastellan_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request};
use kastellan_protocol::{
    ErrorCode, Refused,
    header::{ClientId, RequestHeader},
    messages::ApiKey,
    throttle,
};

use crate::net::{Mailbox, Response};

/// A request of one of the cold APIs. Produce and Fetch stay in the connection's own buffer.
#[derive(Debug)]
pub(crate) struct Call {
    /// Who asks for what, in which version.
    pub(crate) header: RequestHeader,
    /// The body behind the header, not yet checked.
    pub(crate) body: Bytes,
    /// Where the request came from.
    pub(crate) client: Arc<ClientInfo>,
    /// How to answer.
    pub(crate) reply: Responder,
    /// How it came here.
    pub(crate) way: Way,
}

/// How a request came to its handler.
#[derive(Debug, Clone)]
pub(crate) enum Way {
    /// From whoever is at the other end of the connection.
    Direct,
    /// The same, and this broker is the active controller.
    Here(Office),
    /// The same, from an attempt that found no active controller; no more of them after that time.
    Again {
        /// When the client is told.
        until: Millis,
    },
    /// From a client of another broker, in an envelope.
    Forwarded(Office),
    /// Back from an attempt to forward it: nothing is decided here, and the answer is this error.
    Failed(ErrorCode),
}

/// The active controller's, for as long as one request takes: lost where its answer is that another
/// controller is to be asked, however the API says so.
#[derive(Debug, Clone, Default)]
pub(crate) struct Office(Arc<AtomicBool>);

impl Office {
    /// The decision is another controller's.
    pub(crate) fn lose(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it is.
    pub(crate) fn is_lost(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Who is at the other end of a connection.
#[derive(Debug)]
pub(crate) struct ClientInfo {
    /// The peer's address.
    pub(crate) host: IpAddr,
    /// The name of the listener it came in by.
    pub(crate) listener: Arc<str>,
    /// Whom its requests count as coming from; of no meaning for a peer.
    pub(crate) principal: Principal,
    /// By what anybody knows that.
    pub(crate) proof: Proof,
    /// Which broker of the cluster it is; `None`: a client.
    pub(crate) peer: Option<Peer>,
}

/// By what it is known who a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// By nothing.
    Nothing,
    /// By a password, a certificate or the like, of its own.
    Credential,
    /// By a delegation token, which somebody has given it.
    Token,
}

impl Proof {
    /// Of somebody who has come in as `principal`, but not by a token.
    pub(crate) fn of(principal: &Principal) -> Self {
        if *principal == Principal::anonymous() { Self::Nothing } else { Self::Credential }
    }
}

/// A broker of the cluster at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// The one that its certificate names.
    Node(BrokerId),
    /// Whoever it says: peers connect in plain text here.
    Unproven,
}

impl Peer {
    /// Whether it may speak as broker `id`.
    pub(crate) fn may_be(self, id: i32) -> bool {
        match self {
            Self::Node(node) => node.0 == id,
            Self::Unproven => id >= 0,
        }
    }
}

/// A client for which a broker asks something that the client has not asked for in these words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker<'a> {
    /// Who it is.
    pub(crate) client: &'a ClientInfo,
    /// What it calls itself.
    pub(crate) id: Option<&'a ClientId>,
}

impl Asker<'_> {
    /// On whose account partitions are created and deleted; `strict`: see [`Requester`].
    pub(crate) fn requester(self, strict: bool) -> Requester {
        Requester {
            user: self.client.principal.name().into(),
            client: self.id.map_or("", ClientId::as_str).into(),
            strict,
        }
    }
}

impl Call {
    /// Checks every count and length, then decodes. Hand [`Refused`] back to the dispatcher: it
    /// closes the connection.
    pub(crate) fn decode<R: Request + Decodable>(&self) -> Result<R, Refused> {
        let decoded = kastellan_protocol::decode(self.header.api_version, self.body.clone());
        if decoded.is_err() {
            self.reply.refuse();
        }
        decoded
    }

    /// Whether who asks may speak as replica `id`, where a negative one is no replica: a client is
    /// none, and a peer only itself.
    pub(crate) fn may_speak_as(&self, id: i32) -> bool {
        id < 0 || self.client.peer.is_some_and(|peer| peer.may_be(id))
    }

    /// On whose account partitions are created and deleted. From version `strict` on clients know
    /// 89 `THROTTLING_QUOTA_EXCEEDED`.
    pub(crate) fn requester(&self, strict: i16) -> Requester {
        let asker = Asker { client: &self.client, id: self.header.client_id.as_ref() };
        asker.requester(self.version() >= strict)
    }

    /// The version that the request is written in, within what is advertised.
    pub(crate) fn version(&self) -> i16 {
        self.header.api_version
    }
}

/// The right to answer one request, once, from any thread and at any time.
///
/// Responses leave the connection in the order of the requests however they are answered. Dropping
/// a responder without an answer is a bug of ours: it is logged and closes the connection.
#[derive(Debug)]
pub(crate) struct Responder {
    api: ApiKey,
    version: i16,
    correlation_id: i32,
    /// Taken by the answer.
    to: Option<To>,
}

/// Where an answer goes.
enum To {
    /// Into a slot of the connection that asked.
    Slot(u64, Arc<Mailbox>),
    /// To whoever put the request together from something else: the whole frame, or `None` where
    /// a connection would be closed.
    Taker(Taker),
}

/// Takes a whole answer, its size in front.
type Taker = Box<dyn FnOnce(Option<Bytes>) + Send>;

impl fmt::Debug for To {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slot(slot, _) => write!(f, "Slot({slot})"),
            Self::Taker(_) => f.write_str("Taker"),
        }
    }
}

impl Responder {
    /// The promise to fill `slot` of `mailbox`.
    pub(crate) fn new(
        api: ApiKey,
        header: &RequestHeader,
        slot: u64,
        mailbox: Arc<Mailbox>,
    ) -> Self {
        Self::to(api, header, To::Slot(slot, mailbox))
    }

    /// The promise to call `taker`.
    pub(crate) fn taken(
        api: ApiKey,
        header: &RequestHeader,
        taker: impl FnOnce(Option<Bytes>) + Send + 'static,
    ) -> Self {
        Self::to(api, header, To::Taker(Box::new(taker)))
    }

    fn to(api: ApiKey, header: &RequestHeader, to: To) -> Self {
        let (version, correlation_id) = (header.api_version, header.correlation_id);
        Self { api, version, correlation_id, to: Some(to) }
    }

    /// Answers with `body`, encoded as the request's API and version ask.
    pub(crate) fn send<R: Encodable + HeaderVersion>(mut self, body: &R) {
        let Some(to) = self.to.take() else { return };
        let (api, version, id) = (self.api, self.version, self.correlation_id);
        match kastellan_protocol::encode_response(api, version, id, body) {
            Ok(frame) => to.answer((api, version), frame),
            Err(error) => {
                tracing::error!(?api, version, %error, "an answer of ours cannot be encoded");
                to.close("an answer could not be encoded");
            }
        }
    }

    /// Answers with a whole frame, its size in front, which another broker has written.
    pub(crate) fn pass_on(mut self, frame: Bytes) {
        if let Some(to) = self.to.take() {
            to.answer((self.api, self.version), frame);
        }
    }

    /// The request is not what it claims to be: dropping this responder is in order from now on.
    fn refuse(&self) {
        if let Some(To::Slot(_, mailbox)) = &self.to {
            mailbox.close("a malformed request");
        }
    }

    /// Closes the connection instead of answering; `reason` goes to the log.
    pub(crate) fn close(mut self, reason: &'static str) {
        if let Some(to) = self.to.take() {
            to.close(reason);
        }
    }
}

impl To {
    /// Whoever is told to wait is not read from for as long, whichever broker has said so.
    fn answer(self, (api, version): (ApiKey, i16), frame: Bytes) {
        match self {
            Self::Slot(slot, mailbox) => {
                let throttle_ms = throttle::told(api, version, &frame);
                mailbox.answer(slot, Response { throttle_ms, ..Response::inline(frame) });
            }
            Self::Taker(taker) => taker(Some(frame)),
        }
    }

    fn close(self, reason: &'static str) {
        match self {
            Self::Slot(_, mailbox) => mailbox.close(reason),
            Self::Taker(taker) => {
                tracing::debug!(reason, "a request for somebody else is not answered");
                taker(None);
            }
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        let Some(to) = self.to.take() else { return };
        if matches!(&to, To::Slot(_, mailbox) if !mailbox.is_open()) {
            return;
        }
        // a refused request of somebody else is dropped too: its taker hears of it
        if matches!(to, To::Slot(..)) {
            let (api, version) = (self.api, self.version);
            tracing::error!(?api, version, "a request was dropped unanswered: a bug of ours");
        }
        to.close("a request was dropped unanswered");
    }
}
