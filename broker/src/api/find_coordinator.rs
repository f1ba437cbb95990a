//! `FindCoordinator`: which broker a group's members talk to.

use std::sync::Arc;

use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        FindCoordinatorRequest, FindCoordinatorResponse, find_coordinator_response::Coordinator,
    },
    protocol::StrBytes,
};

use crate::{
    access::{
        Judge,
        needs::{FIND_GROUP, FIND_TRANSACTION},
    },
    broker::Broker,
    call::{Call, Responder},
    groups::{self, wire},
};

/// From here on a request asks for several keys at once (KIP-699).
const BATCHED: i16 = 4;
/// `key_type`: a group.
const GROUP: i8 = 0;
/// `key_type`: a transactional id.
const TRANSACTION: i8 = 1;

/// A key's answer.
type Found = Result<groups::Coordinator, (ErrorCode, &'static str)>;

pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: FindCoordinatorRequest = call.decode()?;
    let version = call.version();
    let keys: Vec<String> = if version >= BATCHED {
        request.coordinator_keys.iter().map(ToString::to_string).collect()
    } else {
        vec![request.key.to_string()]
    };
    let judge = broker.judge(&call.client);
    let denied: Vec<bool> =
        keys.iter().map(|key| is_denied(&judge, request.key_type, key)).collect();
    drop(judge);
    let refusal = match request.key_type {
        GROUP => None,
        // 35 is what every client takes for final; a retriable code would have it ask for ever
        TRANSACTION => {
            Some((ErrorCode::UnsupportedVersion, "this broker does not serve transactions yet"))
        }
        _ => Some((ErrorCode::InvalidRequest, "this kind of coordinator is not served here")),
    };
    let reply = call.reply;
    if let Some(refusal) = refusal {
        let code = ErrorCode::TransactionalIdAuthorizationFailed;
        let not_yours = (code, "this transactional id is not for you to see");
        let found = denied.iter().map(|denied| Err(if *denied { not_yours } else { refusal }));
        answer(reply, version, &keys, found.collect());
        return Ok(());
    }
    let kept = keys.iter().zip(&denied).filter(|(_, denied)| !**denied).map(|(key, _)| key);
    let kept: Vec<_> = kept.cloned().collect();
    let none = || Err((ErrorCode::GroupAuthorizationFailed, "this group is not for you to see"));
    if kept.is_empty() {
        answer(reply, version, &keys, keys.iter().map(|_| none()).collect());
        return Ok(());
    }
    let listener = Arc::clone(&call.client.listener);
    groups::find(broker, &listener, kept, move |found| {
        let why = "the coordinator is not available yet: ask again";
        let mut found = found.into_iter().map(|found| found.map_err(|code| (code, why)));
        // those that were denied were not asked about
        let one = |denied: &bool| if *denied { none() } else { found.next().unwrap_or_else(none) };
        answer(reply, version, &keys, denied.iter().map(one).collect());
    });
    Ok(())
}

/// Whether the client may not know who coordinates `key`.
fn is_denied(judge: &Judge<'_>, key_type: i8, key: &str) -> bool {
    match key_type {
        GROUP => !judge.may(FIND_GROUP, key),
        TRANSACTION => !judge.may(FIND_TRANSACTION, key),
        _ => false,
    }
}

fn answer(reply: Responder, version: i16, keys: &[String], found: Vec<Found>) {
    let mut response = FindCoordinatorResponse::default();
    if version >= BATCHED {
        response.coordinators =
            keys.iter().zip(found).map(|(key, found)| coordinator(key, found)).collect();
    } else if let (Some(key), Some(found)) = (keys.first(), found.into_iter().next()) {
        let one = coordinator(key, found);
        response.error_code = one.error_code;
        response.node_id = one.node_id;
        response.host = one.host;
        response.port = one.port;
        // version 0 has no message; Kafka says "NONE" where nothing is wrong
        if version >= 1 {
            response.error_message = match one.error_code {
                wire::NONE => Some(StrBytes::from("NONE")),
                _ => one.error_message,
            };
        }
    }
    reply.send(&response);
}

fn coordinator(key: &str, found: Found) -> Coordinator {
    let named = Coordinator::default().with_key(wire::text(key));
    match found {
        Ok(it) => named
            .with_node_id(it.node.into())
            .with_host(StrBytes::from_string(it.host))
            .with_port(i32::from(it.port)),
        Err((code, why)) => named
            .with_node_id((-1).into())
            .with_port(-1)
            .with_error_code(code.code())
            .with_error_message(Some(StrBytes::from(why))),
    }
}
