//! The management API, version 1: JSON for the operator. `broker/MANAGEMENT.md` describes it.

mod blockers;
mod changes;
mod log_dirs;
mod replicas;
mod restart_permits;
mod status;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use bytes::Bytes;
use hyper::{Method, StatusCode};
use kastellan_core::id::BrokerId;
use serde::Serialize;

use super::{
    changes::Feed,
    health::Health,
    http::{Answer, Asked},
    permits::Permits,
};
use crate::{broker::Broker, peers::Identity};

/// What the API works with.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) health: Arc<Health>,
    pub(super) identity: Arc<Identity>,
    node_id: i32,
    feed: OnceLock<Arc<Feed>>,
    permits: Mutex<Permits>,
}

/// Why a request is not answered as it was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    /// For programs.
    reason: &'static str,
    /// For people.
    message: String,
}

#[derive(Serialize)]
struct Failed<'a> {
    error: Reason<'a>,
}

#[derive(Serialize)]
struct Reason<'a> {
    reason: &'a str,
    message: &'a str,
}

/// What is served where, and the paths' methods.
pub(crate) const ROUTES: [(&str, &str); 6] = [
    ("/v1/status", "GET"),
    ("/v1/restart-permits", "POST, DELETE"),
    ("/v1/blockers", "GET"),
    ("/v1/replicas", "GET"),
    ("/v1/changes", "GET"),
    ("/v1/log-dirs", "GET"),
];

impl Api {
    pub(super) fn new(health: Arc<Health>, identity: Arc<Identity>, node_id: i32) -> Self {
        let (feed, permits) = Default::default();
        Self { health, identity, node_id, feed, permits }
    }

    /// The metadata is there, and no client has been let in yet: changes are told from now on.
    pub(super) fn follow(&self, broker: &Arc<Broker>) {
        drop(self.feed.set(Feed::of(broker)));
    }

    /// Answers one request.
    pub(super) async fn answer(&self, asked: Asked) -> Answer {
        let path = asked.path.trim_end_matches('/');
        let answer = match (&asked.method, path) {
            (&Method::GET, "/v1/status") => Ok(status::get(self)),
            (&Method::POST, "/v1/restart-permits") => restart_permits::post(self, &asked.body),
            (&Method::DELETE, "/v1/restart-permits") => restart_permits::delete(self, &asked.body),
            (&Method::GET, "/v1/blockers") => blockers::get(self, &asked.query),
            (&Method::GET, "/v1/replicas") => replicas::get(self),
            (&Method::GET, "/v1/changes") => changes::get(self, &asked.query).await,
            (&Method::GET, "/v1/log-dirs") => log_dirs::get(self),
            (_, path) => Err(unknown(path)),
        };
        let allow = ROUTES.iter().find(|(known, _)| *known == path).map(|(_, methods)| *methods);
        match answer {
            Ok(answer) => answer,
            Err(refusal) if refusal.status == StatusCode::METHOD_NOT_ALLOWED => {
                Answer { allow, ..refusal.into() }
            }
            Err(refusal) => refusal.into(),
        }
    }

    fn permits(&self) -> MutexGuard<'_, Permits> {
        self.permits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the broker, once it can be asked.
    fn ask<R>(&self, ask: impl FnOnce(&Arc<Broker>) -> R) -> Result<R, Refusal> {
        self.health.ask(ask).ok_or_else(|| not_running(&self.health))
    }
}

impl Refusal {
    fn new(status: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { status, reason, message: message.into() }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Invalid", message)
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let error = Reason { reason: refusal.reason, message: &refusal.message };
        json(refusal.status, &Failed { error })
    }
}

fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(value).expect("what is answered has text keys only");
    Answer { status, media: "application/json", allow: None, body: Bytes::from(body) }
}

fn unknown(path: &str) -> Refusal {
    if let Some((_, methods)) = ROUTES.iter().find(|(known, _)| *known == path) {
        let message = format!("{path} has {methods}");
        return Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message);
    }
    let paths: Vec<_> = ROUTES.iter().map(|(path, _)| *path).collect();
    Refusal::new(StatusCode::NOT_FOUND, "NotFound", format!("there is {}", paths.join(", ")))
}

fn not_running(health: &Health) -> Refusal {
    let message = match health.ready() {
        super::health::Readiness::Not(why) => format!("the broker cannot be asked: {why}"),
        super::health::Readiness::Ready => "the broker cannot be asked just now".to_owned(),
    };
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "NotRunning", message)
}

/// The values of a query's parameters, each of which has to be known; the last of several counts.
/// Nothing that is asked for needs an escape.
fn parameters<'a, const N: usize>(
    query: &'a str,
    known: [&str; N],
) -> Result<[Option<&'a str>; N], Refusal> {
    let mut found = [None; N];
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let at = known.iter().position(|known| *known == name);
        let slot = at.and_then(|at| found.get_mut(at)).ok_or_else(|| {
            Refusal::invalid(format!("the parameter {name:?} is not one of {}", known.join(", ")))
        })?;
        *slot = Some(value);
    }
    Ok(found)
}

/// The ids that are asked about, which have to be registered.
fn registered(
    broker: &Broker,
    ids: impl IntoIterator<Item = i32>,
) -> Result<BTreeSet<BrokerId>, Refusal> {
    let image = broker.controller.image();
    let ids: BTreeSet<_> = ids.into_iter().map(BrokerId).collect();
    match ids.iter().find(|id| image.broker(**id).is_none()) {
        None if ids.is_empty() => Err(Refusal::invalid("name at least one broker")),
        None => Ok(ids),
        Some(id) => {
            let message = format!("no broker with the id {} is registered", id.0);
            Err(Refusal::new(StatusCode::NOT_FOUND, "UnknownBroker", message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_known_or_refused() {
        let of = |query| parameters(query, ["after", "waitMs"]);
        assert_eq!(of("after=1&waitMs=2&after=3"), Ok([Some("3"), Some("2")]));
        assert_eq!(of(""), Ok([None, None]));
        assert_eq!(of("&waitMs&"), Ok([None, Some("")]));
        assert!(of("afer=1").unwrap_err().message.contains("\"afer\""));
    }
}
