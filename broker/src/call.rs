//! One request on its way to a handler, and the promise to answer it.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use kastellan_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request};
use kastellan_protocol::{Refused, header::RequestHeader, messages::ApiKey};

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
}

/// Who is at the other end of a connection.
#[derive(Debug)]
pub(crate) struct ClientInfo {
    /// The peer's address.
    pub(crate) host: IpAddr,
    /// The name of the listener it came in by.
    pub(crate) listener: Arc<str>,
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
    slot: u64,
    /// Taken by the answer.
    mailbox: Option<Arc<Mailbox>>,
}

impl Responder {
    /// The promise to fill `slot` of `mailbox`.
    pub(crate) fn new(
        api: ApiKey,
        header: &RequestHeader,
        slot: u64,
        mailbox: Arc<Mailbox>,
    ) -> Self {
        Self {
            api,
            version: header.api_version,
            correlation_id: header.correlation_id,
            slot,
            mailbox: Some(mailbox),
        }
    }

    /// Answers with `body`, encoded as the request's API and version ask.
    pub(crate) fn send<R: Encodable + HeaderVersion>(mut self, body: &R) {
        let Some(mailbox) = self.mailbox.take() else { return };
        let (api, version, id) = (self.api, self.version, self.correlation_id);
        match kastellan_protocol::encode_response(api, version, id, body) {
            Ok(frame) => mailbox.answer(self.slot, Response::inline(frame)),
            Err(error) => {
                tracing::error!(?api, version, %error, "an answer of ours cannot be encoded");
                mailbox.close("an answer could not be encoded");
            }
        }
    }

    /// The request is not what it claims to be: dropping this responder is in order from now on.
    fn refuse(&self) {
        if let Some(mailbox) = &self.mailbox {
            mailbox.close("a malformed request");
        }
    }

    /// Closes the connection instead of answering; `reason` goes to the log.
    pub(crate) fn close(mut self, reason: &'static str) {
        if let Some(mailbox) = self.mailbox.take() {
            mailbox.close(reason);
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if let Some(mailbox) = self.mailbox.take()
            && mailbox.is_open()
        {
            let (api, version) = (self.api, self.version);
            tracing::error!(?api, version, "a request was dropped unanswered: a bug of ours");
            mailbox.close("a request was dropped unanswered");
        }
    }
}
