//! HTTP/1.1 for a handful of paths: a request within limits becomes an [`Asked`], an [`Answer`]
//! becomes the response. What is asked and answered are values, so that the rest needs no socket to
//! be tested.

use std::{convert::Infallible, pin::pin, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

/// How much a client of a management port may ask of us.
#[derive(Debug)]
pub(super) struct Limits {
    /// Open connections of the port.
    pub(super) connections: usize,
    /// Bytes of a request's head.
    pub(super) head: usize,
    /// Bytes of a request's body.
    pub(super) body: usize,
    /// How long a head may take from its first byte, and a connection rest between two requests.
    pub(super) head_deadline: Duration,
    /// How long a body may take.
    pub(super) body_deadline: Duration,
    /// How long a connection may live; then it ends with the answer that is under way.
    pub(super) lifetime: Duration,
    /// How long that answer may take.
    pub(super) grace: Duration,
    /// Whether a second request may follow the first.
    pub(super) keep_alive: bool,
}

/// Header fields of one request.
const HEADERS: usize = 64;

/// Of the port in plain text: whoever reaches the pod reaches it. One request a connection, which
/// is what a kubelet sends.
pub(super) const PLAIN: Limits = Limits {
    connections: 64,
    head: 8 << 10,
    body: 0,
    head_deadline: Duration::from_secs(5),
    body_deadline: Duration::from_secs(5),
    lifetime: Duration::from_secs(20),
    grace: Duration::ZERO,
    keep_alive: false,
};

/// Of the port for the operator, whom we know: it keeps connections, and waits for changes.
pub(super) const OPERATOR: Limits = Limits {
    connections: 64,
    head: 16 << 10,
    body: 64 << 10,
    head_deadline: Duration::from_mins(2),
    body_deadline: Duration::from_secs(10),
    lifetime: Duration::from_hours(1),
    // the longest poll
    grace: Duration::from_secs(70),
    keep_alive: true,
};

/// A request that keeps the limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// GET, POST, ...
    pub(super) method: Method,
    /// Without the query.
    pub(super) path: String,
    /// What follows the question mark.
    pub(super) query: String,
    /// The body.
    pub(super) body: Bytes,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// 200 and so on.
    pub(super) status: StatusCode,
    /// The media type of the body.
    pub(super) media: &'static str,
    /// The methods that the path has, where it was asked with another one.
    pub(super) allow: Option<&'static str>,
    /// The body.
    pub(super) body: Bytes,
}

impl Answer {
    /// A text for people, ended with a newline.
    pub(super) fn text(status: StatusCode, text: &str) -> Self {
        let body = Bytes::from(format!("{text}\n"));
        Self { status, media: "text/plain; charset=utf-8", allow: None, body }
    }

    fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.media));
        // what a probe was told is of no use to another one
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}

/// Serves one connection to its end. What does not keep to HTTP or to the limits ends it, without a
/// word to the log: anybody can send that.
pub(super) async fn serve<F>(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    limits: &'static Limits,
    answer: impl Fn(Asked) -> F,
) where
    F: Future<Output = Answer>,
{
    let answer = &answer;
    let service = service_fn(move |request: Request<Incoming>| async move {
        let response = match read(request, limits).await {
            Ok(asked) => answer(asked).await,
            Err(refusal) => refusal,
        };
        Ok::<_, Infallible>(response.into_response())
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_deadline)
        .max_buf_size(limits.head)
        .max_headers(HEADERS)
        .keep_alive(limits.keep_alive)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = match timeout(limits.lifetime, connection.as_mut()).await {
        Ok(ended) => Ok(ended),
        Err(_lived_long_enough) => {
            connection.as_mut().graceful_shutdown();
            timeout(limits.grace, connection).await
        }
    };
    match ended {
        Ok(Ok(())) => (),
        Ok(Err(error)) => tracing::debug!(%error, "a management connection ended"),
        Err(elapsed) => tracing::debug!(%elapsed, "a management connection was cut off"),
    }
}

async fn read(request: Request<Incoming>, limits: &Limits) -> Result<Asked, Answer> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, limits.body).collect();
    let body = match timeout(limits.body_deadline, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(why)) if why.is::<http_body_util::LengthLimitError>() => {
            let why = format!("the body is longer than {} bytes", limits.body);
            return Err(Answer::text(StatusCode::PAYLOAD_TOO_LARGE, &why));
        }
        Ok(Err(why)) => return Err(Answer::text(StatusCode::BAD_REQUEST, &why.to_string())),
        Err(elapsed) => {
            return Err(Answer::text(StatusCode::REQUEST_TIMEOUT, &elapsed.to_string()));
        }
    };
    Ok(Asked {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        body,
    })
}
