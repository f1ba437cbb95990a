//! `GET /v1/status`: who this is and how it is.

use hyper::StatusCode;
use kastellan_core::id::BrokerId;
use serde::Serialize;

use super::{Api, json};
use crate::{
    certificates::Watched,
    controller::Active,
    manage::{
        health::{Phase, Readiness},
        http::Answer,
    },
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    node_id: i32,
    cluster_id: String,
    version: &'static str,
    state: &'static str,
    ready: bool,
    /// Why it is not ready.
    message: Option<String>,
    recovery: Recovery,
    certificate: Certificate,
    /// What clients are shown; empty before the broker runs.
    listeners: Vec<Listener>,
    metadata: Option<Metadata>,
}

#[derive(Serialize)]
struct Listener {
    name: String,
    certificate: Certificate,
}

#[derive(Serialize)]
struct Recovery {
    partitions: usize,
    opened: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Certificate {
    generation: u64,
    sha256: String,
    ca_sha256: Vec<String>,
    not_after: i64,
    /// Why what the files hold now is not in use.
    trouble: Option<String>,
}

/// What the broker knows of the cluster; only while it runs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    offset: i64,
    incarnation_id: Option<String>,
    broker_epoch: Option<i64>,
    fenced: bool,
    /// The node id of the active controller, while there is one.
    active_controller: Option<i32>,
}

pub(super) fn get(api: &Api) -> Answer {
    let (opened, partitions) = api.health.progress().unwrap_or_default();
    let message = match api.health.ready() {
        Readiness::Ready => None,
        Readiness::Not(why) => Some(why),
    };
    let status = Status {
        node_id: api.node_id,
        cluster_id: api.identity.cluster().to_owned(),
        version: env!("CARGO_PKG_VERSION"),
        state: match api.health.phase() {
            Phase::Starting => "Starting",
            Phase::Recovering => "Recovering",
            Phase::Running => "Running",
            Phase::Stopping => "Stopping",
        },
        ready: message.is_none(),
        message,
        recovery: Recovery { partitions, opened },
        certificate: certificate(&api.identity),
        listeners: listeners(api),
        metadata: metadata(api),
    };
    json(StatusCode::OK, &status)
}

/// The listeners of clients that speak TLS.
fn listeners(api: &Api) -> Vec<Listener> {
    let all = api.health.ask(|broker| {
        let doors = broker.doors.iter().filter_map(|(name, door)| {
            let certificate = certificate(door.watched()?);
            Some(Listener { name: name.to_string(), certificate })
        });
        doors.collect()
    });
    all.unwrap_or_default()
}

fn certificate<C>(watched: &Watched<C>) -> Certificate {
    let shown = watched.now();
    Certificate {
        generation: shown.generation,
        sha256: shown.fingerprint.clone(),
        ca_sha256: shown.ca_fingerprints.clone(),
        not_after: shown.not_after,
        trouble: watched.trouble(),
    }
}

fn metadata(api: &Api) -> Option<Metadata> {
    api.health.ask(|broker| {
        let image = broker.controller.image();
        let me = image.broker(BrokerId(broker.config.node_id));
        Metadata {
            offset: image.offset(),
            incarnation_id: me.map(|me| kastellan_core::id::uuid_to_text(me.incarnation)),
            broker_epoch: me.map(|me| me.epoch),
            fenced: me.is_none_or(|me| me.fenced),
            active_controller: match broker.controller.active() {
                Active::Here => Some(broker.config.node_id),
                Active::There(id) => Some(id.0),
                Active::Nobody => None,
            },
        }
    })
}
