//! An API server in memory: as much of one as the operator uses. What differs from a real one is a
//! bug here; `e2e/tests/convergence` plays the same scenarios on a real one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::gate::Gate;
use super::legal;

// named, for e2e/tests/convergence has these files, too
#[path = "server/merge.rs"]
mod merge;
#[path = "server/path.rs"]
mod path;
#[path = "server/watches.rs"]
mod watches;

use path::Path;

const NAMESPACE: &str = "somewhere";

/// What a client hears.
type Answer = Response<UnsyncBoxBody<Bytes, std::io::Error>>;

/// Kind (as its plural), namespace and name.
pub(crate) type Id = (String, String);

/// All objects.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) objects: BTreeMap<Id, Stored>,
    /// What happened, for watches: at which version, how, and to what.
    log: Vec<(u64, &'static str, Id, Value)>,
    version: u64,
    uids: u64,
    /// The seconds that have passed.
    seconds: i64,
    /// What the operator did and must not have done.
    pub(crate) illegal: Vec<String>,
}

/// An object, and what each manager applied of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stored {
    pub(crate) value: Value,
    applied: BTreeMap<String, Value>,
}

/// A server that several clients share.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) state: Arc<Mutex<State>>,
    pub(crate) changed: watch::Sender<u64>,
    /// Which events watches do not tell, or tell twice: a number that each is divided by.
    pub(crate) unreliable: Arc<Mutex<Option<u64>>>,
}

impl Server {
    pub(crate) fn new() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        Self { state, changed: watch::Sender::new(0), unreliable: Arc::default() }
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

    /// Where everything is.
    #[expect(clippy::unused_self, reason = "each real one has another")]
    pub(crate) fn namespace(&self) -> &str {
        NAMESPACE
    }

    async fn answer(&self, request: Request<Body>, gate: &Gate) -> Answer {
        let (parts, body) = request.into_parts();
        let path = Path::parse(&parts.uri);
        let bytes = body.collect().await.unwrap().to_bytes();
        if path.resource == "events" {
            // told and forgotten
            return respond(StatusCode::CREATED, &serde_json::from_slice(&bytes).unwrap());
        }
        if parts.method == Method::GET {
            return match (&path.name, path.watches()) {
                (Some(name), _) => self.get(&path, name),
                (None, true) => watches::watch(self, &path),
                (None, false) => self.list(&path),
            };
        }
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let kind = parts.headers.get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
        let what = format!("{} {}", parts.method, parts.uri.path());
        let (server, method) = (self.clone(), parts.method);
        gate.write(what, move || {
            let answer = server.write(&method, &path, kind.as_deref().unwrap_or(""), &body);
            match answer {
                Ok(value) => respond(StatusCode::OK, &value),
                Err((code, message)) => failure(code, &message),
            }
        })
        .await
    }

    fn get(&self, path: &Path, name: &str) -> Answer {
        let state = self.state.lock().unwrap();
        match state.objects.get(&(path.resource.clone(), name.to_owned())) {
            Some(stored) => respond(StatusCode::OK, &stored.value),
            None => failure(404, "not found"),
        }
    }

    fn list(&self, path: &Path) -> Answer {
        let state = self.state.lock().unwrap();
        let items: Vec<&Value> = state
            .objects
            .iter()
            .filter(|((resource, _), stored)| {
                *resource == path.resource && path.selects(&stored.value)
            })
            .map(|(_, stored)| &stored.value)
            .collect();
        let version = state.version.to_string();
        let list = json!({
            "kind": "List",
            "apiVersion": path.api_version,
            "metadata": { "resourceVersion": version },
            "items": items,
        });
        respond(StatusCode::OK, &list)
    }

    fn write(
        &self,
        method: &Method,
        path: &Path,
        kind: &str,
        body: &Value,
    ) -> Result<Value, (u16, String)> {
        let mut state = self.state.lock().unwrap();
        legal::check(&mut state, method, path.resource.as_str(), path.name.as_deref(), body);
        let result = match (method.as_str(), &path.name) {
            ("POST", None) => state.create(&path.resource, body, &path.manager),
            ("DELETE", Some(name)) => state.delete(&path.resource, name, body),
            ("PATCH", Some(name)) if kind.contains("apply-patch") => state.apply(
                &(path.resource.clone(), name.clone()),
                path.status,
                body,
                &path.manager,
            ),
            ("PATCH", Some(name)) => state.merge(&path.resource, name, path.status, body),
            _ => panic!("the operator asks for {method} {path:?}"),
        };
        let version = state.version;
        drop(state);
        self.changed.send_replace(version);
        result
    }

    /// What people and other controllers do: not counted, and never the operator's end.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().unwrap();
        let result = act(&mut state);
        let version = state.version;
        drop(state);
        self.changed.send_replace(version);
        result
    }
}

impl State {
    /// How often something was changed.
    pub(crate) fn changes(&self) -> usize {
        self.log.len()
    }

    /// A second passes: what is created from now on is younger.
    pub(crate) fn passes(&mut self) {
        self.seconds += 1;
    }

    fn next(&mut self) -> String {
        self.version += 1;
        self.version.to_string()
    }

    fn time(&self) -> String {
        jiff::Timestamp::from_second(1_800_000_000 + self.seconds).unwrap().to_string()
    }

    /// Stores a new version of an object and tells of it.
    pub(crate) fn put(&mut self, id: Id, mut stored: Stored) -> Value {
        if stored.value["metadata"]["finalizers"] == json!([]) {
            stored.value["metadata"].as_object_mut().unwrap().remove("finalizers");
        }
        if id.0 == "services" {
            addresses(&id.1, &mut stored.value["spec"]);
        }
        let known = self.objects.get(&id).map(|known| known.value.clone());
        let version = |value: &Value| value["metadata"]["resourceVersion"].clone();
        if let Some(known) = &known {
            stored.value["metadata"]["resourceVersion"] = version(known);
            if *known == stored.value {
                self.objects.insert(id, stored);
                return known.clone();
            }
            if known["spec"] != stored.value["spec"] {
                let generation = known["metadata"]["generation"].as_i64().unwrap_or(0);
                stored.value["metadata"]["generation"] = json!(generation + 1);
            }
        }
        stored.value["metadata"]["resourceVersion"] = json!(self.next());
        let value = stored.value.clone();
        let deleting = value["metadata"]["deletionTimestamp"].is_string();
        let held = value["metadata"]["finalizers"].as_array().is_some_and(|all| !all.is_empty());
        if deleting && !held {
            // the answer has it as it was written last
            self.objects.insert(id.clone(), stored);
            return self.remove(&id);
        }
        let how = if known.is_some() { "MODIFIED" } else { "ADDED" };
        self.log.push((self.version, how, id.clone(), value.clone()));
        self.objects.insert(id, stored);
        value
    }

    pub(crate) fn create(
        &mut self,
        resource: &str,
        body: &Value,
        manager: &str,
    ) -> Result<Value, (u16, String)> {
        let name = body["metadata"]["name"].as_str().unwrap().to_owned();
        let id = (resource.to_owned(), name);
        if self.objects.contains_key(&id) {
            return Err((409, format!("{} {} already exists", id.0, id.1)));
        }
        let mut value = body.clone();
        self.uids += 1;
        value["metadata"]["uid"] = json!(format!("uid-{}", self.uids));
        value["metadata"]["creationTimestamp"] = json!(self.time());
        value["metadata"]["generation"] = json!(1);
        value["metadata"]["namespace"] = json!(NAMESPACE);
        let applied = BTreeMap::from([(manager.to_owned(), body.clone())]);
        Ok(self.put(id, Stored { value, applied }))
    }

    fn delete(
        &mut self,
        resource: &str,
        name: &str,
        options: &Value,
    ) -> Result<Value, (u16, String)> {
        let id = (resource.to_owned(), name.to_owned());
        let Some(stored) = self.objects.get(&id) else { return Err((404, "not found".into())) };
        let uid = &options["preconditions"]["uid"];
        if uid.is_string() && *uid != stored.value["metadata"]["uid"] {
            return Err((409, "another uid".into()));
        }
        Ok(self.begin_to_go(&id))
    }

    /// What a deletion does at once: pods take their time, finalizers hold.
    pub(crate) fn begin_to_go(&mut self, id: &Id) -> Value {
        let mut stored = self.objects.get(id).cloned().unwrap();
        let held = stored.value["metadata"]["finalizers"].as_array().is_some_and(|f| !f.is_empty());
        if id.0 != "pods" && !held {
            return self.remove(id);
        }
        if stored.value["metadata"]["deletionTimestamp"].is_null() {
            stored.value["metadata"]["deletionTimestamp"] = json!(self.time());
            if id.0 == "pods" {
                // the kubelet's own business, which ends in a tick
                stored.value["metadata"]["finalizers"] = json!(["kubelet"]);
            }
        }
        self.put(id.clone(), stored)
    }

    pub(crate) fn remove(&mut self, id: &Id) -> Value {
        let mut gone = self.objects.remove(id).map(|stored| stored.value).unwrap_or_default();
        gone["metadata"]["resourceVersion"] = json!(self.next());
        self.log.push((self.version, "DELETED", id.clone(), gone.clone()));
        gone
    }

    fn apply(
        &mut self,
        id: &Id,
        status: bool,
        body: &Value,
        manager: &str,
    ) -> Result<Value, (u16, String)> {
        let resource = id.0.as_str();
        let Some(mut stored) = self.objects.get(id).cloned() else {
            if status {
                return Err((404, "not found".into()));
            }
            return self.create(resource, body, manager);
        };
        if let Some(why) = merge::immutable(resource, &stored.value, body) {
            return Err((422, why));
        }
        let key = if status { format!("{manager}/status") } else { manager.to_owned() };
        let before = stored.applied.get(&key).cloned().unwrap_or_default();
        merge::apply(&mut stored.value, &before, body);
        stored.applied.insert(key, body.clone());
        Ok(self.put(id.clone(), stored))
    }

    pub(crate) fn merge(
        &mut self,
        resource: &str,
        name: &str,
        status: bool,
        body: &Value,
    ) -> Result<Value, (u16, String)> {
        let id = (resource.to_owned(), name.to_owned());
        let Some(mut stored) = self.objects.get(&id).cloned() else {
            return Err((404, "not found".into()));
        };
        let wanted = &body["metadata"]["resourceVersion"];
        if wanted.is_string() && *wanted != stored.value["metadata"]["resourceVersion"] {
            return Err((409, "the object has been modified".into()));
        }
        let part = if status { json!({ "status": body["status"] }) } else { body.clone() };
        merge::merge(&mut stored.value, &part);
        Ok(self.put(id, stored))
    }
}

/// Gives a Service its addresses and ports, which it has from the first moment on.
fn addresses(name: &str, spec: &mut Value) {
    if spec["clusterIP"].is_null() {
        spec["clusterIP"] = json!(format!("10.96.0.{}", name.len()));
    }
    let outside = spec["type"] == "NodePort";
    for port in spec["ports"].as_array_mut().into_iter().flatten() {
        port["protocol"] = json!("TCP");
        if outside && port["nodePort"].is_null() {
            port["nodePort"] = json!(30_000 + name.len());
        }
    }
}

fn respond(code: StatusCode, body: &Value) -> Answer {
    let whole = Full::new(Bytes::from(body.to_string())).map_err(|never| match never {});
    let mut response = Response::new(whole.boxed_unsync());
    *response.status_mut() = code;
    response
}

fn failure(code: u16, message: &str) -> Answer {
    let status = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": message,
        "reason": if code == 404 { "NotFound" } else { "Conflict" },
        "code": code,
    });
    respond(StatusCode::from_u16(code).unwrap(), &status)
}
