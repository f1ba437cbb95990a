//! Hands a client's request to the active controller, and its answer back.

use std::{net::IpAddr, sync::Arc, time::Duration};

use bytes::{BufMut as _, Bytes, BytesMut};
use kastellan_core::id::BrokerId;
use kastellan_protocol::{
    ErrorCode, Refused,
    header::{self, ClientId},
    messages::{ApiKey, EnvelopeRequest, EnvelopeResponse},
};

use super::{PeerError, Purpose};
use crate::{
    broker::Broker,
    call::{Call, ClientInfo, Office, Proof, Responder, Way},
    dispatch::{dispatch, handle},
};

/// How long the controller may take, as a client's `request.timeout.ms` by default.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long there may be no active controller before clients are told.
const ELECTION: Duration = Duration::from_secs(10);
/// Between two attempts.
const AGAIN: Duration = Duration::from_millis(50);

/// Sends `call` to `node`, which is the active controller as far as this broker knows. The client
/// gets the controller's answer as it is; where there is none, its API's answer with 41
/// `NOT_CONTROLLER`, or 7 `REQUEST_TIMED_OUT` if it has the request and does not answer.
pub(crate) fn forward(
    broker: &Arc<Broker>,
    node: BrokerId,
    api: ApiKey,
    call: Call,
) -> Result<(), Refused> {
    // what is not even a request need not travel
    kastellan_protocol::walk::request(api, call.version(), &call.body)?;
    let request = envelope(&call.client, embedded(api, &call));
    let back = Arc::clone(broker);
    broker.peers.send((node, Purpose::Forward), &request, PATIENCE, move |answer| {
        let outcome = match verdict(answer) {
            Ok(frame) => {
                call.reply.pass_on(frame);
                Ok(())
            }
            Err(ErrorCode::NotController) => later(&back, api, call),
            Err(code) => handle(&back, api, Call { way: Way::Failed(code), ..call }),
        };
        if let Err(why) = outcome {
            tracing::debug!(?api, %why, "a request that could not be forwarded is refused");
        }
    });
    Ok(())
}

/// Has this broker, the active controller, decide itself, and asks its successor where it loses its
/// office before it has answered.
pub(crate) fn decide_here(broker: &Arc<Broker>, api: ApiKey, call: Call) -> Result<(), Refused> {
    let office = Office::default();
    let again = (Arc::clone(broker), office.clone());
    let header = call.header.clone();
    let asked = Call {
        body: call.body.clone(),
        client: Arc::clone(&call.client),
        way: Way::Here(office),
        reply: Responder::taken(api, &header, move |frame: Option<Bytes>| {
            let (broker, office) = again;
            match frame {
                _ if office.is_lost() => {
                    if let Err(why) = later(&broker, api, call) {
                        tracing::debug!(?api, %why, "a request that is tried again is refused");
                    }
                }
                Some(frame) => call.reply.pass_on(frame),
                None => call.reply.close("a request that cannot be answered"),
            }
        }),
        header,
    };
    handle(broker, api, asked)
}

/// Tries once more in a moment: an election is soon over, and clients take 41 `NOT_CONTROLLER` for
/// the end of it. They get it where there is still nobody after a while.
pub(crate) fn later(broker: &Arc<Broker>, api: ApiKey, call: Call) -> Result<(), Refused> {
    let now = broker.clock.monotonic();
    let until = match call.way {
        Way::Again { until } => until,
        _ => now.after(ELECTION),
    };
    let Some(handle_of_peers) = broker.peers.handle().filter(|_| now < until) else {
        let way = Way::Failed(ErrorCode::NotController);
        return handle(broker, api, Call { way, ..call });
    };
    let broker = Arc::clone(broker);
    handle_of_peers.spawn(async move {
        tokio::time::sleep(AGAIN).await;
        let call = Call { way: Way::Again { until }, ..call };
        if let Err(why) = dispatch(&broker, api, call) {
            tracing::debug!(?api, %why, "a request that was tried again is refused");
        }
    });
    Ok(())
}

/// An envelope of `client`'s with `request` in it, a frame without its size.
pub(super) fn envelope(client: &ClientInfo, request: Bytes) -> EnvelopeRequest {
    let principal = client.principal.to_bytes(client.proof == Proof::Token);
    EnvelopeRequest::default()
        .with_request_data(request)
        .with_request_principal(Some(principal.into()))
        .with_client_host_address(address(client.host))
}

/// The request as the client has sent it, without its size.
fn embedded(api: ApiKey, call: &Call) -> Bytes {
    let mut frame = BytesMut::with_capacity(call.body.len() + 64);
    let client_id = call.header.client_id.as_ref().map(ClientId::as_str);
    let (version, id) = (call.header.api_version, call.header.correlation_id);
    header::encode(api, version, id, client_id, &mut frame);
    frame.extend_from_slice(&call.body);
    frame.freeze()
}

fn address(host: IpAddr) -> Bytes {
    match host {
        IpAddr::V4(host) => Bytes::copy_from_slice(&host.octets()),
        IpAddr::V6(host) => Bytes::copy_from_slice(&host.octets()),
    }
}

/// The embedded answer with its size in front, or the error that the client gets.
fn verdict(answer: Result<EnvelopeResponse, PeerError>) -> Result<Bytes, ErrorCode> {
    let answer = answer.map_err(|why| {
        tracing::debug!(%why, "a request could not be forwarded");
        match why {
            // it died with the request, and Kafka's brokers ask its successor, too: a topic that
            // was created already is refused then
            PeerError::Unreachable { .. } => ErrorCode::NotController,
            why if why.sent() => ErrorCode::RequestTimedOut,
            _ => ErrorCode::NotController,
        }
    })?;
    if answer.error_code != 0 {
        let code = ErrorCode::try_from_code(answer.error_code);
        return Err(code.unwrap_or(ErrorCode::UnknownServerError));
    }
    let data = answer.response_data.ok_or(ErrorCode::UnknownServerError)?;
    let size = i32::try_from(data.len()).or(Err(ErrorCode::UnknownServerError))?;
    let mut frame = BytesMut::with_capacity(data.len() + 4);
    frame.put_i32(size);
    frame.extend_from_slice(&data);
    Ok(frame.freeze())
}
