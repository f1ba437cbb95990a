//! `/livez`, `/readyz` and `/metrics` of the operator itself: plain HTTP for kubelet and
//! Prometheus.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::metrics::Metrics;
use super::operator::Operator;

/// How long a client may take to ask.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many clients at the same time.
const CLIENTS: usize = 32;

/// What is asked for.
#[derive(Debug)]
pub struct Probes {
    /// The operator's figures.
    pub metrics: Arc<Metrics>,
    /// What it knows.
    pub operator: Arc<Operator>,
    /// Whether this is the operator that works: the others are ready to take over.
    pub leads: tokio::sync::watch::Receiver<bool>,
}

impl Probes {
    fn answer(&self, path: &str) -> (StatusCode, String) {
        match path {
            "/livez" => (StatusCode::OK, "ok\n".to_owned()),
            "/readyz" if !*self.leads.borrow() => (StatusCode::OK, "standing by\n".to_owned()),
            "/readyz" if self.metrics.has_listed() => (StatusCode::OK, "ok\n".to_owned()),
            "/readyz" => {
                (StatusCode::SERVICE_UNAVAILABLE, "the watches have not listed yet\n".to_owned())
            }
            "/metrics" => {
                let topics = ("KafkaTopic", self.operator.topics.count());
                let users = ("KafkaUser", self.operator.users.count());
                (StatusCode::OK, self.metrics.text(&[topics, users]))
            }
            _ => (StatusCode::NOT_FOUND, "ask for /livez, /readyz or /metrics\n".to_owned()),
        }
    }
}

/// Listens; an error is one of the address.
pub async fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Answers for ever.
pub async fn serve(listener: TcpListener, probes: Probes) {
    let (probes, room) = (Arc::new(probes), Arc::new(Semaphore::new(CLIENTS)));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // out of descriptors, perhaps: not a reason to end, nor to spin
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let probes = Arc::clone(&probes);
        let answer = service_fn(move |request: Request<Incoming>| {
            let probes = Arc::clone(&probes);
            async move { Ok::<_, Infallible>(respond(&probes, &request)) }
        });
        tokio::spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .serve_connection(TokioIo::new(stream), answer);
            // whoever hangs up has no use for an answer
            drop(connection.await);
            drop(permit);
        });
    }
}

fn respond(probes: &Probes, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let (status, text) = if request.method() == Method::GET {
        probes.answer(request.uri().path())
    } else {
        (StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned())
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
}
