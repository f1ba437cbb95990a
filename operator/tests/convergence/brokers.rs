//! Brokers in memory: topics and settings of one cluster, under its id.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use kastellan_operator::admin::{AdminError, Answers, Described, NewTopic, Refusal};
use kastellan_operator::fleet::plan::Change;
use kastellan_operator::fleet::user::Held;
use kastellan_operator::kubernetes::kafka::{Brokers, Contact, Overrides};
use kastellan_operator::kubernetes::management::{Loaded, Managed, OfBroker, Replicas};

use super::gate::Gate;
use super::known::Passwords;
use super::mounted::Mounted;
use super::server::Server;

/// What is on the volumes of each cluster, by its id.
#[derive(Debug, Clone, Default)]
pub(crate) struct Data {
    pub(crate) topics: BTreeMap<String, Described>,
    /// What is known of users.
    pub(crate) held: Held,
    pub(crate) passwords: Passwords,
    pub(crate) overrides: BTreeMap<i32, BTreeMap<String, String>>,
    /// Who has served and was not forgotten.
    pub(crate) registered: BTreeSet<i32>,
    /// Who votes, and with which directory.
    pub(crate) votes: BTreeMap<i32, String>,
    /// Where replicas are, by topic and partition, and who leads.
    pub(crate) replicas: BTreeMap<(String, i32), (Vec<i32>, i32)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Fake {
    server: Server,
    gate: Gate,
    pub(crate) data: Arc<Mutex<BTreeMap<String, Data>>>,
    /// Who may be restarted.
    permits: Arc<Mutex<BTreeSet<i32>>>,
    mounted: Arc<Mutex<Mounted>>,
}

/// Who is the active controller of several brokers.
const CONTROLLER: i32 = 1;

impl Fake {
    pub(crate) fn new(server: &Server, gate: &Gate) -> Self {
        let (data, permits, mounted) = Default::default();
        Self { server: server.clone(), gate: gate.clone(), data, permits, mounted }
    }

    /// A second passes.
    pub(crate) fn pass(&self) {
        self.server.with(|state| self.mounted.lock().unwrap().pass(state));
    }

    /// The brokers whose pods are ready.
    pub(crate) fn ready(&self) -> Vec<i32> {
        let state = self.server.state.lock().unwrap();
        let pods = state.objects.iter().filter(|((resource, _), stored)| {
            resource == "pods" && stored.value["status"]["conditions"][1]["status"] == "True"
        });
        let id = |value: &serde_json::Value| {
            value["metadata"]["labels"]["kastellan.dev/node-id"].as_str()?.parse().ok()
        };
        pods.filter_map(|(_, stored)| id(&stored.value)).collect()
    }

    /// The directory of each broker's metadata, as far as its claim says which.
    pub(crate) fn directories(&self) -> BTreeMap<i32, Option<String>> {
        let state = self.server.state.lock().unwrap();
        let of = |(resource, name): &(String, String)| {
            let id =
                name.strip_prefix("data-demo-").filter(|_| resource == "persistentvolumeclaims");
            id?.parse::<i32>().ok()
        };
        let directory = |claim: &serde_json::Value| {
            let own = &claim["metadata"]["annotations"]["kastellan.dev/directory-id"];
            own.as_str().map(str::to_owned)
        };
        let all = state.objects.iter();
        all.filter_map(|(key, stored)| Some((of(key)?, directory(&stored.value)))).collect()
    }

    /// Whose volume a broker of a contact serves from.
    fn volume(&self, contact: &Contact) -> Result<String, AdminError> {
        let state = self.server.state.lock().unwrap();
        let get = |resource: &str, name: String| {
            state.objects.get(&(resource.to_owned(), name)).map(|stored| stored.value.clone())
        };
        let cluster = &contact.cluster;
        let serving = contact.ids.iter().find_map(|id| {
            let pod = get("pods", format!("{cluster}-{id}-0"))?;
            let ready = pod["status"]["conditions"][1]["status"] == "True";
            let claim = get("persistentvolumeclaims", format!("data-{cluster}-{id}"))?;
            let owner = claim["metadata"]["labels"]["kastellan.dev/cluster-id"].as_str()?;
            ready.then(|| owner.to_owned())
        });
        serving.ok_or(AdminError::NoBroker(0))
    }

    pub(crate) fn read<T>(
        &self,
        contact: &Contact,
        read: impl FnOnce(&Data) -> T,
    ) -> Result<T, AdminError> {
        let volume = self.volume(contact)?;
        Ok(read(self.data.lock().unwrap().entry(volume).or_default()))
    }

    pub(crate) async fn write(
        &self,
        contact: &Contact,
        what: &str,
        names: Vec<String>,
        act: impl Fn(&mut Data, &str) -> Result<(), Refusal>,
    ) -> Result<Answers, AdminError> {
        let what = format!("{what} {}", names.join(","));
        let all =
            |data: &mut Data| names.iter().map(|name| (name.clone(), act(data, name))).collect();
        self.act(contact, what, all).await
    }

    /// A write of any kind.
    pub(crate) async fn act<T>(
        &self,
        contact: &Contact,
        what: String,
        act: impl FnOnce(&mut Data) -> T,
    ) -> Result<T, AdminError> {
        self.gate
            .write(what, || {
                let volume = self.volume(contact)?;
                let mut data = self.data.lock().unwrap();
                Ok(act(data.entry(volume).or_default()))
            })
            .await
    }
}

fn no(code: i16, message: &str) -> Refusal {
    Refusal { code, message: message.to_owned(), retriable: false }
}

fn change(settings: &mut BTreeMap<String, String>, changes: &[Change]) {
    for (name, value) in changes {
        match value {
            Some(value) => settings.insert(name.clone(), value.clone()),
            None => settings.remove(name),
        };
    }
}

impl Brokers for Fake {
    fn overrides<'a>(
        &'a self,
        contact: &'a Contact,
    ) -> BoxFuture<'a, Result<Overrides, AdminError>> {
        let overrides = self.read(contact, |data| {
            let of = |id: &i32| (*id, data.overrides.get(id).cloned().unwrap_or_default());
            contact.ids.iter().map(of).collect()
        });
        Box::pin(async move { overrides })
    }

    fn alter_broker<'a>(
        &'a self,
        contact: &'a Contact,
        id: i32,
        changes: &'a [Change],
    ) -> BoxFuture<'a, Result<Answers, AdminError>> {
        Box::pin(self.write(contact, "alter broker", vec![id.to_string()], move |data, _| {
            change(data.overrides.entry(id).or_default(), changes);
            Ok(())
        }))
    }

    fn replicas<'a>(&'a self, broker: &'a Managed) -> BoxFuture<'a, Result<Replicas, String>> {
        assert!(broker.credentials.key.contains("PRIVATE KEY"), "no key is shown");
        let ready = self.ready();
        let mut data = self.data.lock().unwrap();
        let of = |id: &i32| OfBroker { id: *id, replicas: 1, in_sync: 1 };
        let registered = data.values_mut().flat_map(|data| {
            data.registered.extend(&ready);
            if data.votes.is_empty() {
                let first = |(id, own): (i32, Option<String>)| Some((id, own?));
                data.votes = self.directories().into_iter().filter_map(first).collect();
            }
            data.registered.iter()
        });
        let brokers = registered.map(of).collect();
        let active_controller = Some(CONTROLLER);
        Box::pin(async move { Ok(Replicas { active_controller, brokers, ..Replicas::default() }) })
    }

    fn loaded<'a>(&'a self, broker: &'a Managed) -> BoxFuture<'a, Result<Loaded, String>> {
        let loaded = self.mounted.lock().unwrap().loaded(broker.id);
        Box::pin(async move { loaded })
    }

    fn permit<'a>(
        &'a self,
        controller: &'a Managed,
        id: i32,
        over: &'a [i32],
    ) -> BoxFuture<'a, Result<(), String>> {
        assert_eq!(controller.id, CONTROLLER);
        let mut permits = self.permits.lock().unwrap();
        permits.retain(|held| !over.contains(held));
        assert!(permits.iter().all(|held| *held == id), "{permits:?} may be restarted already");
        permits.insert(id);
        Box::pin(async { Ok(()) })
    }

    fn describe<'a>(
        &'a self,
        contact: &'a Contact,
        topics: &'a [String],
    ) -> BoxFuture<'a, Result<BTreeMap<String, Described>, AdminError>> {
        let found = self.read(contact, |data| {
            let there = data.topics.iter().filter(|(name, _)| topics.contains(name));
            there.map(|(name, topic)| (name.clone(), topic.clone())).collect()
        });
        Box::pin(async move { found })
    }

    fn create<'a>(
        &'a self,
        contact: &'a Contact,
        topics: &'a [NewTopic],
    ) -> BoxFuture<'a, Result<Answers, AdminError>> {
        let names = topics.iter().map(|topic| topic.name.clone()).collect();
        Box::pin(self.write(contact, "create topics", names, move |data, name| {
            if data.topics.contains_key(name) {
                return Err(no(36, "TopicAlreadyExists"));
            }
            let topic = topics.iter().find(|topic| topic.name == name).unwrap();
            if topic.config.values().any(|value| value == "666") {
                return Err(no(40, "InvalidConfig: no"));
            }
            let described = Described {
                id: format!("id-{name}"),
                partitions: topic.partitions.unwrap_or(1),
                replicas: topic.replicas.unwrap_or(1),
                config: topic.config.clone(),
            };
            data.topics.insert(name.to_owned(), described);
            Ok(())
        }))
    }

    fn extend<'a>(
        &'a self,
        contact: &'a Contact,
        topics: &'a [(String, i32)],
    ) -> BoxFuture<'a, Result<Answers, AdminError>> {
        let names = topics.iter().map(|(name, _)| name.clone()).collect();
        Box::pin(self.write(contact, "extend topics", names, move |data, name| {
            let (_, count) = topics.iter().find(|(one, _)| one == name).unwrap();
            let topic = data.topics.get_mut(name).ok_or_else(|| no(3, "UnknownTopic"))?;
            if *count <= topic.partitions {
                return Err(no(37, "InvalidPartitions"));
            }
            topic.partitions = *count;
            Ok(())
        }))
    }

    fn alter<'a>(
        &'a self,
        contact: &'a Contact,
        changes: &'a BTreeMap<String, Vec<Change>>,
    ) -> BoxFuture<'a, Result<Answers, AdminError>> {
        let names = changes.keys().cloned().collect();
        Box::pin(self.write(contact, "alter topics", names, move |data, name| {
            let topic = data.topics.get_mut(name).ok_or_else(|| no(3, "UnknownTopic"))?;
            change(&mut topic.config, &changes[name]);
            Ok(())
        }))
    }

    fn delete<'a>(
        &'a self,
        contact: &'a Contact,
        topics: &'a [String],
    ) -> BoxFuture<'a, Result<Answers, AdminError>> {
        Box::pin(self.write(contact, "delete topics", topics.to_vec(), |data, name| {
            data.topics.remove(name).map(drop).ok_or_else(|| no(3, "UnknownTopic"))
        }))
    }
}
