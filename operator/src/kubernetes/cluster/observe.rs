//! What there is of one cluster: its object, everything that is its, and what its brokers say.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use k8s_openapi::jiff::Timestamp;
use kastellan_crds::KafkaCluster;
use kastellan_crds::cluster::BalanceMode;
use kube::ResourceExt as _;
use kube::api::DynamicObject;

use super::{Settings, Told, World, parse, replacement, throttle};
use crate::kubernetes::api::{self, ApiError, Namespace};
use crate::kubernetes::kafka::{Brokers, Contact};
use crate::kubernetes::management::{Credentials, Loaded, Managed};
use crate::kubernetes::names;
use crate::kubernetes::object::{Kind, file, is_ready, text};
use crate::kubernetes::operator::Key;
use crate::kubernetes::render::{guarded, is_open};

/// Everything that the plan of one cluster is made of; `None` where there is no such cluster.
pub async fn observe(
    namespace: &Namespace,
    key: &Key,
    brokers: &dyn Brokers,
    settings: &Settings,
) -> Result<Option<World>, ApiError> {
    let Some(cluster) = api::get::<KafkaCluster>(namespace, &key.cluster).await? else {
        return Ok(None);
    };
    let mut objects = namespace.all_of(&key.cluster).await?;
    let certificates = namespace.certificates_of(&key.cluster).await?;
    let has_issuers = certificates.is_some();
    objects.extend(certificates.into_iter().flatten());
    let given = given(namespace, &cluster).await?;
    let mut world = World {
        cluster,
        objects,
        has_issuers,
        given,
        told: Told::NotAsked,
        replicas: None,
        loaded: BTreeMap::new(),
        users: BTreeMap::new(),
        quorum: None,
        placed: None,
        throttled: None,
        settings: settings.clone(),
        fresh_id: fresh_id(),
        refused: BTreeMap::new(),
        now: now(),
    };
    if let Some(contact) = contact(&world, key) {
        world.told = match brokers.overrides(&contact).await {
            Ok(overrides) => Told::Overrides(overrides),
            Err(why) => Told::Nothing(why.to_string()),
        };
        if let Some(broker) = managed(&world, key, &contact) {
            world.replicas = word(key, "the replicas", brokers.replicas(&broker).await);
            world.quorum = word(key, "who votes", brokers.quorum(&contact).await).flatten();
            if moves(&world) {
                world.placed = word(key, "the placement", brokers.placed(&contact).await);
                world.throttled = throttled(&world, key, &contact, brokers).await;
            }
        }
        if is_replaced(&world, key) {
            world.loaded = loaded(&world, key, &contact, brokers).await;
            let users = namespace.secrets_of_users(&key.cluster).await?.into_iter();
            world.users = users.map(|((_, name), secret)| (name, secret)).collect();
        }
    }
    Ok(Some(world))
}

/// What brokers say of something. That they do not is no failure of the pass.
fn word<T>(key: &Key, of: &str, said: Result<T, impl Display>) -> Option<T> {
    said.inspect_err(|why| tracing::debug!(cluster = %key.cluster, %why, "no word of {of}")).ok()
}

/// The settings of the topics of which some replicas were throttled.
async fn throttled(
    world: &World,
    key: &Key,
    contact: &Contact,
    brokers: &dyn Brokers,
) -> Option<BTreeMap<String, BTreeMap<String, String>>> {
    let topics: Vec<String> = throttle::recorded(world).into_iter().flatten().collect();
    if topics.is_empty() {
        return Some(BTreeMap::new());
    }
    let all = word(key, "what is throttled", brokers.describe(contact, &topics).await)?;
    Some(all.into_iter().map(|(name, topic)| (name, topic.config)).collect())
}

/// Whether an authority is being replaced.
fn is_replaced(world: &World, key: &Key) -> bool {
    let all = [names::authority(&key.cluster), names::clients_authority(&key.cluster)];
    all.iter().filter_map(|name| world.get(Kind::Secret, name)).any(|secret| {
        let files = secret.data.get("data").and_then(|data| data.as_object());
        replacement::is_under_way(files.into_iter().flatten().map(|(name, _)| name.as_str()))
    })
}

/// What each of the brokers that serve shows and trusts.
async fn loaded(
    world: &World,
    key: &Key,
    contact: &Contact,
    brokers: &dyn Brokers,
) -> BTreeMap<i32, Result<Loaded, String>> {
    let asked = contact.ids.iter().filter_map(|id| broker(world, key, *id));
    let asked = asked.map(|broker| async move { (broker.id, brokers.loaded(&broker).await) });
    futures::future::join_all(asked).await.into_iter().collect()
}

/// Whether anything may have to move: every partition is looked at then.
fn moves(world: &World) -> bool {
    let spec = &world.cluster.spec;
    let record = names::identity(&world.cluster.name_any());
    let record = world.get(Kind::ConfigMap, &record).and_then(|it| text(it, "/data/brokers"));
    let there = record.map_or(1, |ids| ids.split(',').count());
    let asked = parse::cluster(&world.cluster).ok().map(|it| it.replicas);
    let fewer = asked.is_some_and(|asked| usize::try_from(asked).is_ok_and(|it| it < there));
    let throttled = throttle::recorded(world).is_some();
    fewer
        || throttled
        || spec.balance.as_ref().is_some_and(|balance| balance.mode != BalanceMode::Off)
}

/// The Secrets that the spec names, as far as they are there.
async fn given(
    namespace: &Namespace,
    cluster: &KafkaCluster,
) -> Result<BTreeMap<String, DynamicObject>, ApiError> {
    let spec = &cluster.spec;
    let listeners = spec.listeners.iter();
    let mut names: BTreeSet<&str> =
        listeners.filter_map(|one| one.tls.as_ref()?.secret_name.as_deref()).collect();
    if let Some(certificates) = &spec.certificates {
        let both = certificates.cluster.iter().chain(&certificates.clients);
        names.extend(both.filter_map(|one| one.secret_name.as_deref()));
    }
    let mut given = BTreeMap::new();
    for name in names {
        let secret = namespace.object(Kind::Secret, name).await?;
        given.extend(secret.map(|secret| (name.to_owned(), secret)));
    }
    Ok(given)
}

/// The broker that is asked about replicas, where there are several.
fn managed(world: &World, key: &Key, contact: &Contact) -> Option<Managed> {
    let record = world.get(Kind::ConfigMap, &names::identity(&key.cluster))?;
    text(record, "/data/brokers")?;
    broker(world, key, *contact.ids.first()?)
}

/// A broker, and what is shown to it.
fn broker(world: &World, key: &Key, id: i32) -> Option<Managed> {
    let secret = world.get(Kind::Secret, &names::operator_certificate(&key.cluster))?;
    let credentials = credentials(|name| file(secret, name))?;
    let (namespace, cluster) = (key.namespace.clone(), key.cluster.clone());
    Some(Managed { namespace, cluster, id, credentials })
}

/// What is in the files of a Secret with a certificate.
pub(super) fn credentials(file: impl Fn(&str) -> Option<String>) -> Option<Credentials> {
    let (authority, certificate) = (file("ca.crt")?, file("tls.crt")?);
    Some(Credentials { authority, certificate, key: file("tls.key")? })
}

/// To the second, as objects have it.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// A cluster id as Kafka makes them: 16 random bytes in base64url.
fn fresh_id() -> String {
    loop {
        let id = URL_SAFE_NO_PAD.encode(uuid::Uuid::new_v4().as_bytes());
        // it becomes a label, which begins and ends with a letter or a digit
        if !id.starts_with(['-', '_']) && !id.ends_with(['-', '_']) {
            return id;
        }
    }
}

/// Where the brokers that serve are, and what is shown to them where they let in nobody else;
/// `None` when none does, or nothing can be shown yet.
pub fn contact(world: &World, key: &Key) -> Option<Contact> {
    let spec = &world.cluster.spec;
    let listeners = parse::listeners(spec);
    let (port, credentials) = if guarded(&listeners, spec.authorization.is_some()) {
        let secret = world.get(Kind::Secret, &names::operator_certificate(&key.cluster))?;
        (names::OPERATOR_PORT, Some(credentials(|name| file(secret, name))?))
    } else {
        (listeners.iter().find(|one| is_open(one))?.port, None)
    };
    let ids: Vec<i32> = world
        .all(Kind::Pod)
        .filter_map(|pod| {
            api::node_id(pod).filter(|_| is_ready(pod) && pod.metadata.deletion_timestamp.is_none())
        })
        .collect();
    let (namespace, cluster) = (key.namespace.clone(), key.cluster.clone());
    (!ids.is_empty()).then_some(Contact { namespace, cluster, ids, port, credentials })
}
