//! The real API server under the scenarios: the interface of the one in memory, with every request
//! sent on. Whoever asks waits for the answer with the clock of the world standing still, and until
//! all watches have told of what was changed: time passes only when nothing is on its way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use kastellan_e2e::process::pause;
use kastellan_operator::kubernetes::contains::contains;
use kastellan_operator::kubernetes::object::Kind;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use super::gate::Gate;
use super::legal;

mod link;
#[path = "../../../../operator/tests/convergence/server/path.rs"]
mod path;
mod watches;

pub(crate) use link::start;
use link::{Asked, Link};
use path::Path;
use watches::Watches;

/// What a client hears.
type Answer = Response<UnsyncBoxBody<Bytes, std::io::Error>>;

/// Kind (as its plural) and name.
pub(crate) type Id = (String, String);

/// An object as the server has it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stored {
    pub(crate) value: Value,
}

/// All objects of a namespace, as the answers to writes tell: nobody else writes there.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) objects: BTreeMap<Id, Stored>,
    /// What the operator did and must not have done.
    pub(crate) illegal: Vec<String>,
    changes: usize,
    link: Link,
    watches: Watches,
}

/// A namespace that several clients share.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) state: Arc<Mutex<State>>,
    namespace: String,
}

impl Server {
    /// A new namespace on the server that was started.
    pub(crate) fn new() -> Self {
        let link = Link::new();
        let namespace = link.namespace().to_owned();
        let (objects, illegal, watches) = Default::default();
        let state = State { objects, illegal, changes: 0, link, watches };
        Self { state: Arc::new(Mutex::new(state)), namespace }
    }

    /// Where everything is.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// A client whose writes go through a gate.
    pub(crate) fn client(&self, gate: &Gate) -> Client {
        let (server, gate) = (self.clone(), gate.clone());
        let service = tower::service_fn(move |request: Request<Body>| {
            let (server, gate) = (server.clone(), gate.clone());
            async move { Ok::<_, std::convert::Infallible>(server.answer(request, &gate).await) }
        });
        Client::new(service, self.namespace())
    }

    async fn answer(&self, request: Request<Body>, gate: &Gate) -> Answer {
        let (parts, body) = request.into_parts();
        let path = Path::parse(&parts.uri);
        let asked = Asked::of(&parts, body.collect().await.unwrap().to_bytes());
        if path.watches() {
            return self.state.lock().unwrap().watch(&asked, &path);
        }
        if asked.method == Method::GET || path.resource == "events" {
            let (status, bytes) = self.state.lock().unwrap().link.ask(&asked);
            return respond(status, bytes);
        }
        let what = format!("{} {}", parts.method, parts.uri.path());
        let server = self.clone();
        gate.write(what.replace(self.namespace(), "somewhere"), move || {
            let mut state = server.state.lock().unwrap();
            let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
            legal::check(&mut state, &asked.method, &path.resource, path.name.as_deref(), &body);
            let (status, bytes) = state.write(&path.resource, path.name.as_deref(), &asked);
            respond(status, bytes)
        })
        .await
    }

    /// What people and other controllers do: not counted, and never the operator's end.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap())
    }
}

impl State {
    /// How often something was changed.
    pub(crate) fn changes(&self) -> usize {
        self.changes
    }

    /// What is created from now on is younger: the server's clock counts whole seconds.
    pub(crate) fn passes(&mut self) {
        let creates = |(resource, _): &Id| resource == "kafkatopics";
        let newest = self.objects.iter().filter(|(id, _)| creates(id));
        let newest = newest.filter_map(|(_, stored)| {
            let time = stored.value["metadata"]["creationTimestamp"].as_str()?;
            Some(time.parse::<jiff::Timestamp>().unwrap().as_second())
        });
        let Some(newest) = newest.max() else { return };
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        while now() <= newest.cast_unsigned() {
            pause();
        }
    }

    fn watch(&mut self, asked: &Asked, path: &Path) -> Answer {
        let body = self.watches.begin(&self.link, asked, path);
        for ((resource, _), stored) in &self.objects {
            if *resource == path.resource {
                self.watches.wait(resource, Some(&stored.value), Some(&stored.value));
            }
        }
        Response::new(body)
    }

    /// A request that changes an object, or is refused.
    fn write(&mut self, resource: &str, name: Option<&str>, asked: &Asked) -> (u16, Bytes) {
        let (status, bytes) = self.link.ask(asked);
        if (200..300).contains(&status) {
            let mut object: Value = serde_json::from_slice(&bytes).unwrap();
            let said = name.or_else(|| object["metadata"]["name"].as_str()).unwrap_or_default();
            let id = (resource.to_owned(), said.to_owned());
            let path = self.link.path(resource, Some(&id.1));
            let goes = asked.method == Method::DELETE
                || object["metadata"]["deletionTimestamp"].is_string();
            if goes {
                let (status, bytes) = self.link.ask(&Asked::get(&path));
                let there = (status == 200).then(|| serde_json::from_slice(&bytes).unwrap());
                object = there.unwrap_or_default();
            }
            self.learn(&id, Some(object).filter(|object| !object.is_null()));
        }
        (status, bytes)
    }

    /// An object is now like this, or gone; waits until all watches have told so.
    fn learn(&mut self, id: &Id, object: Option<Value>) {
        let before = self.objects.remove(id).map(|stored| stored.value);
        let now = object.map(|mut object| {
            object["metadata"].as_object_mut().unwrap().remove("managedFields");
            object
        });
        if before == now {
            self.objects.extend(now.map(|value| (id.clone(), Stored { value })));
            return;
        }
        self.changes += 1;
        self.watches.wait(&id.0, before.as_ref(), now.as_ref());
        self.objects.extend(now.map(|value| (id.clone(), Stored { value })));
    }

    /// Sends a write of somebody else's; the object as it was answered.
    fn send(
        &mut self,
        id: &Id,
        status: bool,
        method: &Method,
        body: &Value,
    ) -> Result<Value, (u16, String)> {
        let name = Some(id.1.as_str()).filter(|_| *method != Method::POST);
        let mut path = self.link.path(&id.0, name);
        path.push_str(if status { "/status" } else { "" });
        let asked = Asked::write(method, &path, body);
        let (status, bytes) = self.write(&id.0, Some(&id.1), &asked);
        let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        if (200..300).contains(&status) {
            Ok(answer)
        } else {
            Err((status, answer["message"].as_str().unwrap_or_default().to_owned()))
        }
    }

    pub(crate) fn create(
        &mut self,
        resource: &str,
        body: &Value,
        _manager: &str,
    ) -> Result<Value, (u16, String)> {
        let name = body["metadata"]["name"].as_str().unwrap().to_owned();
        self.send(&(resource.to_owned(), name), false, &Method::POST, body)
    }

    pub(crate) fn merge(
        &mut self,
        resource: &str,
        name: &str,
        status: bool,
        body: &Value,
    ) -> Result<Value, (u16, String)> {
        self.send(&(resource.to_owned(), name.to_owned()), status, &Method::PATCH, body)
    }

    /// What other controllers make of an object.
    #[expect(clippy::needless_pass_by_value, reason = "the server in memory keeps it")]
    pub(crate) fn put(&mut self, id: Id, stored: Stored) {
        let known = self.objects.get(&id).map(|known| known.value.clone()).unwrap_or_default();
        for (part, status) in [("spec", false), ("status", true)] {
            let wanted = &stored.value[part];
            if !contains(&known[part], wanted) {
                let patch = json!({ part: wanted });
                self.send(&id, status, &Method::PATCH, &patch).unwrap();
            }
        }
    }

    /// What `kubectl delete` does.
    pub(crate) fn begin_to_go(&mut self, id: &Id) {
        self.send(id, false, &Method::DELETE, &json!({})).unwrap();
    }

    /// What a kubelet does in the end.
    pub(crate) fn remove(&mut self, id: &Id) {
        let now = json!({ "gracePeriodSeconds": 0 });
        self.send(id, false, &Method::DELETE, &now).unwrap();
    }
}

impl Link {
    /// The path of an object, or of all of its kind.
    fn path(&self, resource: &str, name: Option<&str>) -> String {
        let kind = Kind::ALL.into_iter().find(|kind| kind.resource().plural == resource);
        let group = match kind.map(|kind| kind.resource().api_version) {
            Some(version) if version == "v1" => "/api/v1".to_owned(),
            Some(version) => format!("/apis/{version}"),
            None => "/apis/kastellan.dev/v1alpha1".to_owned(),
        };
        let name = name.map(|name| format!("/{name}")).unwrap_or_default();
        format!("{group}/namespaces/{}/{resource}{name}", self.namespace())
    }
}

fn respond(status: u16, bytes: Bytes) -> Answer {
    let whole = Full::new(bytes).map_err(|never| match never {});
    let mut response = Response::new(whole.boxed_unsync());
    *response.status_mut() = status.try_into().unwrap();
    response
}
