//! Requests to the real API server by whoever may not wait in tokio's way: another runtime sends
//! them, and the caller's thread stands still.

use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use tokio::runtime::{Handle, Runtime};

/// Where requests are sent from, and to whom.
static ELSEWHERE: OnceLock<(Runtime, Client)> = OnceLock::new();
/// So many namespaces were made.
static TURN: AtomicU32 = AtomicU32::new(0);

/// Has all worlds from now on live on the server of a kubeconfig.
pub(crate) fn start(kubeconfig: &Path) {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build().unwrap();
    let client = runtime.block_on(async {
        let file = Kubeconfig::read_from(kubeconfig).unwrap();
        let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await;
        Client::try_from(config.unwrap()).unwrap()
    });
    assert!(ELSEWHERE.set((runtime, client)).is_ok(), "started twice");
}

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: Method,
    uri: String,
    kind: String,
    pub(super) body: Bytes,
}

impl Asked {
    /// The one of a client.
    pub(super) fn of(parts: &Parts, body: Bytes) -> Self {
        let kind = parts.headers.get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
        let (method, uri) = (parts.method.clone(), parts.uri.to_string());
        Self { method, uri, kind: kind.unwrap_or_default(), body }
    }

    pub(super) fn get(path: &str) -> Self {
        let (uri, kind, body) = (path.to_owned(), String::new(), Bytes::new());
        Self { method: Method::GET, uri, kind, body }
    }

    /// A write of somebody else than the operator.
    pub(super) fn write(method: &Method, path: &str, body: &Value) -> Self {
        let merges = *method == Method::PATCH;
        let kind = if merges { "application/merge-patch+json" } else { "application/json" };
        Self {
            method: method.clone(),
            uri: path.to_owned(),
            kind: kind.to_owned(),
            body: body.to_string().into(),
        }
    }

    fn request(&self) -> Request<Body> {
        let mut request = Request::builder().method(&self.method).uri(&self.uri);
        if !self.kind.is_empty() {
            request = request.header("content-type", &self.kind);
        }
        request.body(Body::from(self.body.to_vec())).unwrap()
    }
}

/// The way to a namespace of the server.
pub(super) struct Link {
    namespace: String,
    elsewhere: Handle,
    client: Client,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Link").field(&self.namespace).finish()
    }
}

impl Link {
    /// The way to a new one.
    pub(super) fn new() -> Self {
        let turn = TURN.fetch_add(1, Ordering::Relaxed);
        let (runtime, client) = ELSEWHERE.get().unwrap();
        let (namespace, client) = (format!("world-{turn}-of-many"), client.clone());
        let link = Self { namespace, elsewhere: runtime.handle().clone(), client };
        let made = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": link.namespace },
        });
        let (status, bytes) = link.ask(&Asked::write(&Method::POST, "/api/v1/namespaces", &made));
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&bytes));
        link
    }

    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Sends a request; the status and the body of the answer.
    pub(super) fn ask(&self, asked: &Asked) -> (u16, Bytes) {
        let (client, request) = (self.client.clone(), asked.request());
        let (tell, heard) = mpsc::channel();
        self.elsewhere.spawn(async move {
            let response = client.send(request).await.unwrap();
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            drop(tell.send((status, body)));
        });
        heard.recv().unwrap_or_else(|_| panic!("no answer to {} {}", asked.method, asked.uri))
    }

    /// Begins to read an answer without an end; each piece of it is given to `hear`, as long as
    /// that wants more.
    pub(super) fn follow(
        &self,
        asked: &Asked,
        mut hear: impl FnMut(Bytes) -> bool + Send + 'static,
        closed: impl Future<Output = ()> + Send + 'static,
        end: impl FnOnce() + Send + 'static,
    ) {
        let (client, request) = (self.client.clone(), asked.request());
        let (tell, begun) = mpsc::channel();
        self.elsewhere.spawn(async move {
            let response = client.send(request).await.unwrap();
            assert_eq!(response.status(), 200);
            tell.send(()).unwrap();
            let mut body = response.into_body();
            let mut closed = std::pin::pin!(closed);
            loop {
                let frame = tokio::select! {
                    frame = body.frame() => frame,
                    () = &mut closed => break,
                };
                let Some(Ok(frame)) = frame else { break };
                let more = frame.into_data().is_ok_and(&mut hear);
                if !more {
                    break;
                }
            }
            end();
        });
        begun.recv().unwrap_or_else(|_| panic!("no answer to {}", asked.uri));
    }
}
