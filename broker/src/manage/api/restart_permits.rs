//! `/v1/restart-permits`: may these brokers be restarted now?
//!
//! A permit is given where nothing would suffer that has replicas elsewhere, and to one set of
//! brokers at a time. The active controller decides.

use bytes::Bytes;
use hyper::StatusCode;
use serde::{Deserialize, Serialize};

use super::{Api, Refusal, json, registered};
use crate::{
    broker::Broker,
    controller::Active,
    manage::{blockers, http::Answer, permits::LIFE},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Brokers {
    brokers: Vec<i32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Granted {
    brokers: Vec<i32>,
    expires_in_ms: u128,
    #[serde(flatten)]
    found: blockers::Found,
}

#[derive(Serialize)]
struct Blocked {
    error: super::Reason<'static>,
    #[serde(flatten)]
    found: blockers::Found,
}

/// Asks for a permit. Who has it already gets it for longer.
pub(super) fn post(api: &Api, body: &Bytes) -> Result<Answer, Refusal> {
    let asked = parse(body)?;
    api.ask(|broker| {
        decides(broker)?;
        let ids = registered(broker, asked.brokers)?;
        let now = broker.clock.monotonic();
        let mut permits = api.permits();
        if let Err(held) = permits.check(now, &ids) {
            let held: Vec<_> = held.iter().map(|id| id.0.to_string()).collect();
            let message = format!("another permit is held, for {}", held.join(", "));
            return Err(Refusal::new(StatusCode::CONFLICT, "PermitHeld", message));
        }
        let found = blockers::find(&broker.controller.image(), &broker.settings.load(), &ids);
        if found.blocker_count > 0 {
            let message = "partitions would have too few replicas in sync";
            let error = super::Reason { reason: "Blocked", message };
            return Ok(json(StatusCode::CONFLICT, &Blocked { error, found }));
        }
        let brokers = ids.iter().map(|id| id.0).collect();
        permits.give(now, ids);
        Ok(json(StatusCode::OK, &Granted { brokers, expires_in_ms: LIFE.as_millis(), found }))
    })?
}

/// Gives a permit back. One that has ended, or was never given, is given back as well.
pub(super) fn delete(api: &Api, body: &Bytes) -> Result<Answer, Refusal> {
    let asked = parse(body)?;
    api.ask(|broker| {
        decides(broker)?;
        let ids = registered(broker, asked.brokers)?;
        let mut permits = api.permits();
        permits.take(&ids);
        let held = permits.held(broker.clock.monotonic());
        let brokers = held.into_iter().flatten().map(|id| id.0).collect();
        Ok(json(StatusCode::OK, &Held { brokers }))
    })?
}

/// Only the active controller gives permits: two that do would give two.
fn decides(broker: &Broker) -> Result<(), Refusal> {
    let message = match broker.controller.active() {
        Active::Here => return Ok(()),
        Active::There(id) => format!("broker {} is the active controller: ask that one", id.0),
        Active::Nobody => "no controller is active just now: ask again".to_owned(),
    };
    Err(Refusal::new(StatusCode::MISDIRECTED_REQUEST, "NotActiveController", message))
}

/// Who has the permit after all.
#[derive(Serialize)]
struct Held {
    brokers: Vec<i32>,
}

fn parse(body: &Bytes) -> Result<Brokers, Refusal> {
    serde_json::from_slice(body).map_err(|why| {
        Refusal::invalid(format!("{why}: write the brokers' ids, as in {{\"brokers\":[0]}}"))
    })
}
