//! Whether everybody shows and trusts what stands in the Secrets: brokers by their own word, users
//! by what their Secrets hold.

use kube::ResourceExt as _;
use kube::api::DynamicObject;

use super::World;
use super::certificates::fingerprint;
use super::pods::Broker;
use crate::fleet::guard;
use crate::kubernetes::management::{Loaded, Shown};
use crate::kubernetes::names;
use crate::kubernetes::object::{Kind, file};
use crate::kubernetes::render::Cluster;
use crate::pki::fingerprints;

/// So many names are said of those that are waited for.
const NAMED: usize = 3;

/// Who of the brokers is behind, each in words.
pub(super) fn brokers(world: &World, cluster: &Cluster, brokers: &[Broker]) -> Vec<String> {
    let mut behind = Vec::new();
    let mut late = Vec::new();
    for broker in brokers {
        let id = broker.id;
        match world.loaded.get(&id) {
            _ if !broker.ready => behind.push(format!("broker {id}, which does not serve")),
            None => late.push(id.to_string()),
            Some(Err(why)) => behind.push(format!("broker {id}: {why}")),
            Some(Ok(loaded)) => match trouble(loaded) {
                Some(why) => behind.push(format!("broker {id}: {why}")),
                None if has_all(world, cluster, id, loaded) => {}
                None => late.push(id.to_string()),
            },
        }
    }
    if !late.is_empty() {
        let plural = if late.len() > 1 { "s" } else { "" };
        behind.insert(0, format!("broker{plural} {} to load them", late.join(", ")));
    }
    behind
}

/// Why a broker does not use what its files hold.
fn trouble(loaded: &Loaded) -> Option<&str> {
    let listeners = loaded.listeners.iter().map(|listener| &listener.certificate);
    [&loaded.certificate].into_iter().chain(listeners).find_map(|shown| shown.trouble.as_deref())
}

/// Whether a broker shows and trusts what its Secrets hold.
fn has_all(world: &World, cluster: &Cluster, id: i32, loaded: &Loaded) -> bool {
    let content = |secret: &str, name: &str| {
        let there = world.get(Kind::Secret, secret).or_else(|| world.given.get(secret));
        there.and_then(|secret| file(secret, name)).map(|text| fingerprints(&text))
    };
    let shows = |shown: &Shown, secret: &str| {
        let leaf = content(secret, "tls.crt").and_then(|all| all.into_iter().next());
        leaf.is_some_and(|leaf| leaf == shown.sha256)
    };
    let trusts =
        |shown: &Shown, secret: &str| content(secret, "ca.crt").as_ref() == Some(&shown.ca_sha256);
    let own = names::broker_certificate(&cluster.name, id);
    let clients = cluster.clients().secret_name;
    let clients = clients.unwrap_or_else(|| names::clients_certificate(&cluster.name));
    let to_clients = names::listener_certificate(&cluster.name, id);
    let listener = |name: &str| {
        loaded.listeners.iter().find(|one| one.name == name).map(|one| &one.certificate)
    };
    let peers = shows(&loaded.certificate, &own) && trusts(&loaded.certificate, &own);
    let operator = !cluster.is_guarded()
        || listener(guard::OPERATOR).is_some_and(|shown| shows(shown, &own) && trusts(shown, &own));
    let others = cluster.doors().filter(|door| door.tls.is_some()).all(|door| {
        let signed = cluster.own_certificates().all(|(name, _)| name != door.name);
        listener(door.name).is_some_and(|shown| {
            (!signed || shows(shown, &to_clients))
                && (!door.wants_certificates() || trusts(shown, &clients))
        })
    });
    peers && operator && others
}

/// Whose Secrets do not have `trusted` yet, where they have anything to trust.
pub(super) fn trusting(world: &World, trusted: &str) -> Vec<String> {
    let behind = |secret: &DynamicObject| {
        file(secret, "ca.crt").is_some_and(|there| !there.is_empty() && there != trusted)
    };
    users(world, behind)
}

/// Whose certificates are not signed by `signer` yet.
pub(super) fn signed(world: &World, signer: &str) -> Vec<String> {
    let by = fingerprint(signer);
    let behind = |secret: &DynamicObject| {
        file(secret, "user.crt").is_some()
            && secret.annotations().get(names::AUTHORITY).is_none_or(|there| *there != by)
    };
    users(world, behind)
}

fn users(world: &World, behind: impl Fn(&DynamicObject) -> bool) -> Vec<String> {
    let all: Vec<&str> = world
        .users
        .iter()
        .filter(|(_, secret)| behind(secret))
        .map(|(name, _)| name.as_str())
        .collect();
    let named = all.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    match all.len() {
        0 => Vec::new(),
        count if count > NAMED => vec![format!("the Secrets of {count} users: {named}, ...")],
        _ => vec![format!("the users' Secrets {named}")],
    }
}
