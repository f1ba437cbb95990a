//! `Envelope` (KIP-590): a client's request that another broker has handed to the active
//! controller, whole, and whose answer goes back whole.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use bytes::Bytes;
use kastellan_core::security::Principal;
use kastellan_protocol::{
    ErrorCode, Refused, header,
    messages::{EnvelopeRequest, EnvelopeResponse},
};

use crate::{
    broker::Broker,
    call::{Call, ClientInfo, Office, Proof, Responder, Way},
    controller::Active,
    dispatch::{handle as handle_here, needs_controller},
};

/// The size in front of a frame, which an envelope goes without.
const SIZE: usize = 4;

/// Answers with the embedded request's answer. Errors of the envelope itself: 41 `NOT_CONTROLLER`,
/// also where that is the embedded answer, as from Kafka's controllers; 42 `INVALID_REQUEST` for
/// what is not to be forwarded or cannot be read, 97 `PRINCIPAL_DESERIALIZATION_FAILURE` where it
/// is not said for whom.
pub(super) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: EnvelopeRequest = call.decode()?;
    if broker.controller.active() != Active::Here {
        call.reply.send(&refused(ErrorCode::NotController));
        return Ok(());
    }
    let data = request.request_data;
    let Ok((embedded, start)) = header::decode(&data) else {
        call.reply.send(&refused(ErrorCode::InvalidRequest));
        return Ok(());
    };
    let Some(api) = embedded.api().filter(|api| needs_controller(*api)) else {
        call.reply.send(&refused(ErrorCode::InvalidRequest));
        return Ok(());
    };
    // without a principal it is what the peer wants for itself
    let (principal, proof, peer) = match &request.request_principal {
        None => (Principal::anonymous(), Proof::Nothing, call.client.peer),
        Some(bytes) => match Principal::from_bytes(bytes) {
            Ok((principal, true)) => (principal, Proof::Token, None),
            Ok((principal, false)) => {
                let proof = Proof::of(&principal);
                (principal, proof, None)
            }
            Err(why) => {
                tracing::warn!(%why, "a peer does not say for whom it asks");
                call.reply.send(&refused(ErrorCode::PrincipalDeserializationFailure));
                return Ok(());
            }
        },
    };
    let host = address(&request.client_host_address);
    let listener = Arc::clone(&call.client.listener);
    let client = ClientInfo { host, listener, principal, proof, peer };
    let office = Office::default();
    let way = Way::Forwarded(office.clone());
    let reply = Responder::taken(api, &embedded, move |frame: Option<Bytes>| {
        let answer = match frame.filter(|frame| frame.len() >= SIZE) {
            _ if office.is_lost() => refused(ErrorCode::NotController),
            Some(frame) => {
                EnvelopeResponse::default().with_response_data(Some(frame.slice(SIZE..)))
            }
            None => refused(ErrorCode::InvalidRequest),
        };
        call.reply.send(&answer);
    });
    let embedded =
        Call { body: data.slice(start..), header: embedded, client: Arc::new(client), reply, way };
    // what is wrong with it has been answered: the connection is another broker's, and stays
    if let Err(why) = handle_here(broker, api, embedded) {
        tracing::debug!(?api, %why, "a forwarded request is refused");
    }
    Ok(())
}

fn refused(code: ErrorCode) -> EnvelopeResponse {
    EnvelopeResponse::default().with_error_code(code.code())
}

/// 4 or 16 bytes of an address; nowhere for anything else.
fn address(bytes: &[u8]) -> IpAddr {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let v6 = <[u8; 16]>::try_from(bytes).map(IpAddr::from);
    v4.or(v6).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}
