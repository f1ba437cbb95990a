//! Frames of a connection that has not logged in, or whose login is over.

use std::{
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use kastellan_core::{
    machine::Millis,
    security::{
        Principal,
        sasl::{Answer, Refusal},
    },
};
use kastellan_protocol::{
    Refused,
    header::{self, RequestHeader},
    messages::{ApiKey, SaslAuthenticateRequest, SaslHandshakeRequest},
    protocol::{Encodable, HeaderVersion},
};

use super::{Connection, Parked, handle::Trouble};
use crate::{
    api::{sasl_authenticate, sasl_handshake},
    call::{ClientInfo, Proof},
    net::{
        Response,
        login::{self, Stage},
    },
};

/// How long a client has to close a connection that it was refused on.
const LINGER: Duration = Duration::from_secs(1);

/// What is to be done with a frame.
pub(super) enum Verdict {
    /// Nothing more: it was part of a login.
    Taken,
    /// It is a request like all others.
    Pass,
}

/// The answer to somebody who does not get in: it comes late, so that trying passwords is slow.
#[derive(Debug)]
pub(crate) struct Rejection {
    slot: u64,
    at: Millis,
    answer: Option<Bytes>,
}

impl Rejection {
    pub(super) fn slot(&self) -> u64 {
        self.slot
    }

    pub(super) fn deadline(&self) -> Millis {
        self.at
    }

    pub(super) fn retry(&mut self, force: bool) -> Option<Response> {
        let answer = if force { self.answer.take() } else { None };
        answer.map(Response::inline)
    }
}

/// Whom an answer is for.
enum To<'a> {
    /// Whoever sent a request with this header.
    Request(&'a RequestHeader),
    /// Whoever sent a message of a mechanism alone.
    Raw,
}

impl Connection {
    /// Looks at a frame where there is a login to look for.
    pub(super) fn admit(&mut self, range: Range<usize>) -> Result<Verdict, Trouble> {
        let now = self.broker.clock.monotonic();
        let Some(entry) = &mut self.entry else { return Ok(Verdict::Pass) };
        let frame = self.input.bytes_mut(range);
        if let Stage::LoggingIn { raw: true, .. } = &entry.stage {
            let message = frame.to_vec();
            self.take_message(&message, &To::Raw, now)?;
            return Ok(Verdict::Taken);
        }
        let (header, header_len) = header::decode_for(self.gate.audience, frame)?;
        let body = Bytes::copy_from_slice(frame.get(header_len..).unwrap_or_default());
        let Some(api) = header.api() else {
            return Err(Refused::UnknownApi(header.api_key).into());
        };
        if api == ApiKey::SaslHandshake && entry.begin_again(now) {
            self.mailbox.vitals().logging_in(Some(now));
        }
        match &entry.stage {
            Stage::In { ends, .. } if ends.is_none_or(|ends| now < ends) => {
                return Ok(Verdict::Pass);
            }
            Stage::In { .. } => return Err(Trouble::LoginOver),
            Stage::LoggingIn { login, .. } => {
                if api == ApiKey::ApiVersions && login.is_at_the_beginning() {
                    return Ok(Verdict::Pass);
                }
            }
            Stage::Refused => return Ok(Verdict::Taken),
        }
        match api {
            ApiKey::SaslHandshake => self.take_handshake(&header, body, now)?,
            ApiKey::SaslAuthenticate => {
                let version = header.api_version;
                let request: SaslAuthenticateRequest = kastellan_protocol::decode(version, body)?;
                self.take_message(&request.auth_bytes, &To::Request(&header), now)?;
            }
            other => return Err(Trouble::NotLoggedIn(other)),
        }
        Ok(Verdict::Taken)
    }

    fn take_handshake(
        &mut self,
        header: &RequestHeader,
        body: Bytes,
        now: Millis,
    ) -> Result<(), Trouble> {
        let request: SaslHandshakeRequest = kastellan_protocol::decode(header.api_version, body)?;
        let Some(entry) = &mut self.entry else { return Ok(()) };
        let Stage::LoggingIn { login, raw, .. } = &mut entry.stage else { return Ok(()) };
        let enabled = entry.desk.enabled.clone();
        match login.handshake(&request.mechanism, &enabled) {
            Ok(()) => {
                *raw = header.api_version == 0;
                let answer = encoded(header, &sasl_handshake::response(None, &enabled))?;
                self.answer_now(ApiKey::SaslHandshake, answer);
            }
            Err(why) => {
                let answer = sasl_handshake::response(Some(why.code), &enabled);
                self.reject(ApiKey::SaslHandshake, Some(encoded(header, &answer)?), &why, now);
            }
        }
        Ok(())
    }

    fn take_message(&mut self, message: &[u8], to: &To<'_>, now: Millis) -> Result<(), Trouble> {
        let nonce = login::nonce()?;
        let image = self.broker.controller.image();
        let Some(entry) = &mut self.entry else { return Ok(()) };
        let desk = Arc::clone(&entry.desk);
        let Stage::LoggingIn { login, since, .. } = &mut entry.stage else { return Ok(()) };
        let since = *since;
        let wall = self.broker.clock.now().wall;
        let settings = self.broker.settings.load();
        let key = settings.tokens.key.as_ref();
        let answer = login.message(message, &desk.users(&image, key, wall), &nonce);
        match answer {
            Ok(Answer { message, user, ends, by_token, distrust }) => {
                let how = user.as_ref().map(|(_, mechanism)| *mechanism);
                let session = how.and_then(|mechanism| desk.session(mechanism, ends, wall));
                let answer = match to {
                    To::Raw => framed(&message),
                    To::Request(header) => {
                        encoded(header, &sasl_authenticate::response(message, session))?
                    }
                };
                if let Some((user, mechanism)) = user {
                    let principal = Principal::user(&user);
                    let ClientInfo { host, listener, peer, .. } = &*self.client;
                    let (host, listener, peer) = (*host, Arc::clone(listener), *peer);
                    let proof = if by_token { Proof::Token } else { Proof::Credential };
                    let client = ClientInfo { host, listener, principal, proof, peer };
                    self.client = Arc::new(client);
                    let ends = session.map(|session| now.after(session));
                    entry.stage = Stage::In { user, mechanism, since, ends };
                    self.mailbox.vitals().logging_in(None);
                }
                if let Some(why) = distrust {
                    desk.distrusts(why);
                    // not every client says that it has understood before it goes
                    let until = now.after(self.gate.limits.load().login);
                    self.rejected = Some((why.to_string(), until));
                }
                self.answer_now(ApiKey::SaslAuthenticate, answer);
            }
            Err(why) => {
                // the old way has no words for it: the connection is closed
                let answer = match to {
                    To::Raw => None,
                    To::Request(header) => {
                        Some(encoded(header, &sasl_authenticate::refusal(&why))?)
                    }
                };
                self.reject(ApiKey::SaslAuthenticate, answer, &why, now);
            }
        }
        Ok(())
    }

    fn answer_now(&mut self, api: ApiKey, answer: Bytes) {
        let slot = self.mailbox.open_slot();
        self.pending += 1;
        self.began.push_back((api, Instant::now()));
        self.mailbox.answer(slot, Response::inline(answer));
        self.collect();
    }

    /// Answers later, and hears nothing more until then.
    fn reject(&mut self, api: ApiKey, answer: Option<Bytes>, why: &Refusal, now: Millis) {
        if let Some(entry) = &mut self.entry {
            entry.stage = Stage::Refused;
        }
        let at = now.after(self.gate.limits.load().rejection_delay);
        self.rejected = Some((why.message.clone(), at.after(LINGER)));
        let slot = self.mailbox.open_slot();
        self.pending += 1;
        self.began.push_back((api, Instant::now()));
        let answer = Some(answer.unwrap_or_default());
        self.parked.push(Parked::Rejection(Rejection { slot, at, answer }));
    }
}

fn encoded<R: Encodable + HeaderVersion>(
    header: &RequestHeader,
    body: &R,
) -> Result<Bytes, Trouble> {
    let (version, id) = (header.api_version, header.correlation_id);
    let api = header.api().ok_or(Refused::UnknownApi(header.api_key))?;
    kastellan_protocol::encode_response(api, version, id, body).map_err(|why| {
        tracing::error!(?api, version, %why, "an answer of ours cannot be encoded");
        Trouble::Panicked
    })
}

/// A message with its size in front and nothing else.
fn framed(message: &[u8]) -> Bytes {
    let size = u32::try_from(message.len()).unwrap_or_default();
    [&size.to_be_bytes(), message].concat().into()
}
