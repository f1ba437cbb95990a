//! The port in plain HTTP: what a kubelet and Prometheus ask. Nothing here changes anything, and
//! nothing here is a secret.

use hyper::{Method, StatusCode};

use super::{
    health::{Health, Readiness},
    http::{Answer, Asked},
    metrics,
};

/// Answers one request.
pub(super) fn answer(health: &Health, asked: &Asked) -> Answer {
    let answer = match asked.path.as_str() {
        "/livez" => match health.broken() {
            None => Readiness::Ready,
            Some(why) => Readiness::Not(why.to_owned()),
        }
        .into(),
        "/readyz" => health.ready().into(),
        "/startupz" => health.started().into(),
        "/metrics" => metrics::of_broker(health),
        "/metrics/partitions" => metrics::of_partitions(health),
        _ => {
            let paths = "there is /livez, /readyz, /startupz, /metrics and /metrics/partitions";
            return Answer::text(StatusCode::NOT_FOUND, paths);
        }
    };
    if !matches!(asked.method, Method::GET | Method::HEAD) {
        let refused = Answer::text(StatusCode::METHOD_NOT_ALLOWED, "GET and HEAD only");
        return Answer { allow: Some("GET, HEAD"), ..refused };
    }
    answer
}

impl From<Readiness> for Answer {
    fn from(readiness: Readiness) -> Self {
        match readiness {
            Readiness::Ready => Self::text(StatusCode::OK, "ok"),
            Readiness::Not(why) => Self::text(StatusCode::SERVICE_UNAVAILABLE, &why),
        }
    }
}
