//! Watches: they tell which cluster to look at, and keep the topics and users at hand.
//!
//! Events may be lost, repeated and out of order: a pass reads for itself what it needs, and looks
//! again from time to time.

use std::sync::Arc;

use futures::{Stream, StreamExt as _};
use kastellan_crds::{KafkaCluster, KafkaTopic, KafkaUser};
use kube::api::{Api, DynamicObject};
use kube::core::NamespaceResourceScope;
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Config, Event};
use kube::{Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::UnboundedSender;

use super::index::{Index, Refers};
use super::names::{CLUSTER, OURS, USERS_OF};
use super::object::Kind;
use super::operator::{Key, Part};

/// What a watch tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Something of a key may have changed.
    Of(Key),
    /// A watch has listed all there is.
    Listed {
        /// In this namespace; `None`: in all of them.
        namespace: Option<String>,
        /// The kind of objects.
        kind: &'static str,
    },
}

/// Where the watches look, and whom they tell.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The one namespace; `None`: all of them.
    pub namespace: Option<String>,
    /// Hears of every change.
    pub tell: UnboundedSender<Heard>,
}

impl Scope {
    fn admits(&self, namespace: &str) -> bool {
        self.namespace.as_deref().is_none_or(|only| only == namespace)
    }

    fn api<K>(&self, client: &Client) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        match &self.namespace {
            Some(namespace) => Api::namespaced(client.clone(), namespace),
            None => Api::all(client.clone()),
        }
    }

    fn heard(&self, part: Part, namespace: &str, cluster: &str) {
        let (namespace, cluster) = (namespace.to_owned(), cluster.to_owned());
        // whoever hears nothing any more is about to end
        drop(self.tell.send(Heard::Of(Key { part, namespace, cluster })));
    }

    fn listed(&self, kind: &'static str) {
        drop(self.tell.send(Heard::Listed { namespace: self.namespace.clone(), kind }));
    }
}

/// How many watches there are in one scope; each tells whenever it has listed.
pub const WATCHES: usize = Kind::ALL.len() + 3;

/// Watches everything of one scope, for ever.
pub async fn run(
    client: Client,
    scope: Scope,
    topics: Arc<Index<KafkaTopic>>,
    users: Arc<Index<KafkaUser>>,
) {
    let owned = Kind::ALL.map(|kind| owned(&client, &scope, kind));
    tokio::join!(
        clusters(&client, &scope),
        referring(&client, &scope, Part::Topics, &topics),
        referring(&client, &scope, Part::Users, &users),
        futures::future::join_all(owned),
    );
}

/// Reads a watch to its end, which never comes.
async fn follow<K>(
    stream: impl Stream<Item = Result<Event<K>, watcher::Error>>,
    mut each: impl FnMut(Event<K>),
) {
    let mut stream = std::pin::pin!(stream.default_backoff());
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => each(event),
            Err(why) => tracing::warn!(%why, "a watch has failed: begun anew"),
        }
    }
}

async fn clusters(client: &Client, scope: &Scope) {
    let api = scope.api::<PartialObjectMeta<KafkaCluster>>(client);
    let stream = watcher::watcher(api, Config::default());
    follow(stream, |event| match event {
        Event::Apply(object) | Event::InitApply(object) | Event::Delete(object) => {
            let namespace = object.namespace().unwrap_or_default();
            for part in [Part::Cluster, Part::Topics, Part::Users] {
                scope.heard(part, &namespace, &object.name_any());
            }
        }
        Event::Init => {}
        Event::InitDone => scope.listed(Part::Cluster.kind()),
    })
    .await;
}

/// Topics and users: kept whole.
async fn referring<K>(client: &Client, scope: &Scope, part: Part, index: &Index<K>)
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Refers
        + Clone
        + std::fmt::Debug
        + DeserializeOwned
        + Send
        + 'static,
{
    let stream = watcher::watcher(scope.api::<K>(client), Config::default());
    follow(stream, |event| {
        let (namespace, cluster) = match event {
            Event::Apply(object) => index.put(object),
            Event::Delete(object) => index.remove(&object),
            Event::InitApply(object) => index.listed(object),
            Event::Init => return index.list_begins(),
            Event::InitDone => {
                for (namespace, cluster) in index.list_ends(|of| scope.admits(of)) {
                    scope.heard(part, &namespace, &cluster);
                }
                return scope.listed(part.kind());
            }
        };
        scope.heard(part, &namespace, &cluster);
    })
    .await;
}

/// What the operator made, and the pods: only which cluster it belongs to.
async fn owned(client: &Client, scope: &Scope, kind: Kind) {
    let resource = kind.resource();
    let api: Api<PartialObjectMeta<DynamicObject>> = match &scope.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let stream = watcher::watcher(api, Config::default().labels(OURS));
    follow(stream, |event| match event {
        Event::Apply(object) | Event::InitApply(object) | Event::Delete(object) => {
            let metadata = object.metadata;
            let (Some(labels), Some(namespace)) = (metadata.labels, metadata.namespace) else {
                return;
            };
            if let Some(cluster) = labels.get(CLUSTER) {
                scope.heard(Part::Cluster, &namespace, cluster);
            }
            if let Some(cluster) = labels.get(USERS_OF) {
                scope.heard(Part::Users, &namespace, cluster);
            }
        }
        Event::Init => {}
        Event::InitDone => scope.listed(kind.name()),
    })
    .await;
}
