//! What is true of a cluster, as its status says it: the whole of it, made anew every time.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kastellan_crds::KafkaClusterStatus;
use kastellan_crds::cluster::{
    BrokerStatus, Listener, ListenerStatus, ListenerType, RebalanceStatus, RolloutStatus,
    StorageType,
};
use kastellan_crds::condition::{self, Condition, ConditionStatus, ConditionType, Reason};
use kube::ResourceExt as _;

use super::balance::Balanced;
use super::parse::{Parsed, Refused};
use super::pods::Broker;
use super::waits::Wait;
use super::{World, certificates};
use crate::fleet::guard::mechanism;
use crate::kubernetes::names;
use crate::kubernetes::object::{Kind, file, text};
use crate::kubernetes::render::Cluster;

/// What the plan has found out.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    replicas: i32,
    cluster_id: Option<String>,
    version: Option<String>,
    brokers: Vec<Broker>,
    listeners: Vec<ListenerStatus>,
    /// Who reaches which listener, in a sentence.
    reach: String,
    /// What is known of certificates, once there are any.
    pub(super) certificates: Option<certificates::Facts>,
    /// Brokers that have been told everything.
    pub(super) told: BTreeSet<i32>,
    /// Voters that have lost their volume, and with it their vote.
    pub(super) silent: BTreeSet<i32>,
    /// The restarts that are under way.
    pub(super) rollout: Option<RolloutStatus>,
    /// Whether partitions are spread as asked.
    pub(super) balanced: Balanced,
}

impl Facts {
    /// What is known before anything was looked at.
    pub(super) fn of(parsed: &Parsed) -> Self {
        Self { replicas: parsed.replicas, ..Self::default() }
    }

    /// What a cluster and its brokers' pods tell.
    pub(super) fn describe(&mut self, cluster: &Cluster, brokers: &[Broker]) {
        self.cluster_id = Some(cluster.identity.cluster_id.clone());
        self.version = Some(cluster.identity.version.clone());
        self.brokers = brokers.to_vec();
        let bootstrap = names::host(&names::bootstrap(&cluster.name), &cluster.namespace);
        let mut reach = Vec::new();
        for listener in &cluster.listeners {
            let (name, port) = (listener.name.to_string(), listener.port);
            let whom = match listener.kind {
                ListenerType::Internal => "every pod of the Kubernetes cluster",
                _ => "everybody who reaches a node",
            };
            let whom = if listener.network_peers.is_empty() { whom } else { "its networkPeers" };
            reach.push(format!("{name} lets {whom} in, {}", guard(listener)));
            if listener.kind == ListenerType::Internal {
                let bootstrap = format!("{bootstrap}:{port}");
                self.listeners.push(ListenerStatus { name, bootstrap, certificates: Vec::new() });
            }
        }
        self.reach = reach.join("; ");
    }

    /// Adds a listener on ports of the nodes, once it has one.
    pub(super) fn node_port(&mut self, name: String, port: u16) {
        if let Some(host) = self.brokers.iter().find_map(|broker| broker.host.clone()) {
            let bootstrap = format!("{host}:{port}");
            self.listeners.push(ListenerStatus { name, bootstrap, certificates: Vec::new() });
        }
    }

    /// What clients of encrypted listeners have to trust, once it is there.
    pub(super) fn trust(&mut self, cluster: &Cluster, world: &World) {
        let name = names::cluster_certificate(&cluster.name);
        let trusted = world.get(Kind::Secret, &name).and_then(|secret| file(secret, "ca.crt"));
        let Some(trusted) = trusted.filter(|it| !it.is_empty()) else { return };
        let signed = |listener: &&Listener| {
            listener.tls.as_ref().is_some_and(|tls| tls.secret_name.is_none())
        };
        for listener in cluster.listeners.iter().filter(signed) {
            let mut told = self.listeners.iter_mut();
            if let Some(told) = told.find(|told| told.name == listener.name.as_str()) {
                told.certificates = vec![trusted.clone()];
            }
        }
    }

    fn ready(&self) -> usize {
        self.brokers.iter().filter(|broker| broker.ready).count()
    }
}

/// How a listener is guarded, in words.
fn guard(listener: &Listener) -> String {
    let tls = if listener.tls.is_some() { "with TLS" } else { "without encryption" };
    let known = listener.authentication.as_ref().map(|one| match mechanism(one.kind) {
        Some(mechanism) => format!(", who log in by {mechanism}"),
        None => ", who show a certificate".to_owned(),
    });
    format!("{tls}{}", known.unwrap_or_default())
}

/// Writes conditions with the time and the generation of now.
struct Conditions<'a> {
    world: &'a World,
    all: Vec<Condition>,
}

impl<'a> Conditions<'a> {
    /// Those of the last status, whose times stay where nothing changes.
    fn of(world: &'a World) -> Self {
        let status = world.cluster.status.as_ref();
        let all = status.map(|status| status.observed.conditions.clone()).unwrap_or_default();
        Self { world, all }
    }

    fn set(&mut self, kind: ConditionType, holds: bool, reason: Reason, message: &str) {
        let status = if holds { ConditionStatus::True } else { ConditionStatus::False };
        condition::set(
            &mut self.all,
            Condition {
                kind,
                status,
                reason,
                message: message.to_owned(),
                observed_generation: self.world.cluster.metadata.generation,
                last_transition_time: Time(self.world.now),
            },
        );
    }
}

/// The status of a cluster that is looked after.
pub(super) fn running(world: &World, facts: &Facts, waits: &[Wait]) -> KafkaClusterStatus {
    let hibernated = world.cluster.spec.hibernated;
    let ready = facts.ready();
    let total = facts.brokers.len();
    let all = usize::try_from(facts.replicas).unwrap_or_default().max(total);
    let serve = format!("{ready} of {all} brokers serve");
    let mut conditions = Conditions::of(world);
    let (reason, message) = match waits.first() {
        _ if hibernated => (Reason::Hibernated, hibernation(facts)),
        Some(first) => (first.reason, said(waits, world)),
        None if facts.told.len() < total || total == 0 => (Reason::BrokersStarting, serve.clone()),
        None => (Reason::AsSpecified, serve.clone()),
    };
    let as_specified = reason == Reason::AsSpecified;
    let gone = hibernated && facts.brokers.iter().all(|broker| broker.pod.is_none());
    conditions.set(ConditionType::Ready, as_specified, reason, &message);
    let working = !(as_specified || gone);
    conditions.set(ConditionType::Reconciling, working, reason, &message);
    conditions.set(ConditionType::Stalled, false, reason, "nothing waits for a human");
    let up = ready > 0 && ready == total;
    let why = if up { Reason::AsSpecified } else { reason };
    conditions.set(ConditionType::Available, up, why, &serve);
    let late: Vec<&Wait> = waits.iter().filter(|wait| wait.late(world.now)).collect();
    match late.first().filter(|_| !hibernated) {
        Some(first) => {
            let late: Vec<Wait> = late.iter().copied().cloned().collect();
            conditions.set(ConditionType::Degraded, true, first.reason, &said(&late, world));
        }
        None if !facts.silent.is_empty() => {
            let message = silence(&facts.silent);
            conditions.set(ConditionType::Degraded, true, Reason::StorageLost, &message);
        }
        None => conditions.set(
            ConditionType::Degraded,
            false,
            why,
            "nothing takes longer than it should",
        ),
    }
    listeners(&mut conditions, facts, waits);
    certified(&mut conditions, facts);
    storage(&mut conditions, world);
    let rebalance = balance(&mut conditions, &facts.balanced);
    conditions.set(ConditionType::Paused, false, Reason::AsSpecified, "changes are carried out");
    let mut status = KafkaClusterStatus {
        cluster_id: facts.cluster_id.clone(),
        version: facts.version.clone(),
        replicas: if hibernated { 0 } else { facts.replicas },
        ready_replicas: i32::try_from(ready).unwrap_or(i32::MAX),
        selector: Some(format!("{}={}", names::CLUSTER, world.cluster.name_any())),
        listeners: facts.listeners.clone(),
        brokers: facts.brokers.iter().map(|broker| one(broker, facts, world)).collect(),
        rollout: facts.rollout.clone(),
        rebalance,
        ..KafkaClusterStatus::default()
    };
    if let Some(replicas) = &world.replicas {
        status.under_replicated_partitions = Some(replicas.under_replicated);
        status.offline_partitions = Some(replicas.offline);
    }
    status.observed.observed_generation = world.cluster.metadata.generation;
    status.observed.conditions = conditions.all;
    status
}

/// What is to be known of voters without a vote.
fn silence(ids: &BTreeSet<i32>) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let plural = ids.len() > 1;
    format!(
        "the volume of broker{} {} was lost: what {} is filled again by the others, and {} again in \
         the election of the active controller once that has come far enough",
        if plural { "s" } else { "" },
        ids.join(", "),
        if plural { "they kept" } else { "it kept" },
        if plural { "they vote" } else { "it votes" },
    )
}

fn hibernation(facts: &Facts) -> String {
    let left = facts.brokers.iter().filter(|broker| broker.pod.is_some()).count();
    match left {
        0 => "all brokers are stopped; their volumes are kept (spec.hibernated)".to_owned(),
        left => format!("{left} brokers are still to stop (spec.hibernated)"),
    }
}

/// All that is waited for, with since when where that is too long.
fn said(waits: &[Wait], world: &World) -> String {
    let one = |wait: &Wait| match wait.late_since(world.now) {
        Some(since) => format!("{} (since {})", wait.message, since.strftime("%H:%M:%SZ")),
        None => wait.message.clone(),
    };
    waits.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn one(broker: &Broker, facts: &Facts, world: &World) -> BrokerStatus {
    let behind = world.replicas.as_ref().map_or(0, |replicas| replicas.behind(broker.id));
    let behind = (behind > 0).then(|| format!("{behind} replicas are not in sync"));
    BrokerStatus {
        id: broker.id,
        pool: None,
        rack: None,
        version: facts.version.clone().filter(|_| broker.ready),
        ready: broker.ready,
        message: broker.wait.as_ref().map(|wait| wait.message.clone()).or(behind),
    }
}

fn listeners(conditions: &mut Conditions<'_>, facts: &Facts, waits: &[Wait]) {
    let kind = ConditionType::ListenersReady;
    match waits.iter().find(|wait| wait.reason == Reason::ListenerPending) {
        Some(wait) => conditions.set(kind, false, Reason::ListenerPending, &wait.message),
        None if facts.brokers.is_empty() => {
            conditions.set(kind, false, Reason::ListenerPending, "the Services are to be made");
        }
        None => conditions.set(kind, true, Reason::AsSpecified, &facts.reach),
    }
}

fn certified(conditions: &mut Conditions<'_>, facts: &Facts) {
    let kind = ConditionType::CertificatesValid;
    let Some(known) = &facts.certificates else {
        return conditions.set(kind, false, Reason::CertificateMissing, "they are to be made");
    };
    if let Some((reason, message)) = &known.replacing {
        let valid = *reason != Reason::AuthorityExpired;
        return conditions.set(kind, valid, *reason, message);
    }
    let waits = known.window.map(|window| {
        let window = window.strftime("%Y-%m-%d %H:%M:%SZ");
        format!("; renewals wait for the maintenance window of {window}")
    });
    let (end, waits) = (known.end.strftime("%Y-%m-%d"), waits.unwrap_or_default());
    let message = format!("the earliest certificate ends {end}{waits}");
    conditions.set(kind, true, Reason::AsSpecified, &message);
}

fn storage(conditions: &mut Conditions<'_>, world: &World) {
    let kind = ConditionType::StorageReady;
    if world.cluster.spec.storage.storage_type == StorageType::Ephemeral {
        let message = "records are lost with their pods (storage.type: Ephemeral)";
        return conditions.set(kind, true, Reason::AsSpecified, message);
    }
    let claims: Vec<_> = world.all(Kind::PersistentVolumeClaim).collect();
    let pending: Vec<String> = claims
        .iter()
        .filter(|claim| text(claim, "/status/phase") != Some("Bound"))
        .map(|claim| claim.name_any())
        .collect();
    if claims.is_empty() {
        conditions.set(kind, false, Reason::StoragePending, "the claims are to be made");
    } else if pending.is_empty() {
        let message = format!("{} volumes are bound", claims.len());
        conditions.set(kind, true, Reason::AsSpecified, &message);
    } else {
        let message = format!("not bound yet: {}", pending.join(", "));
        conditions.set(kind, false, Reason::StoragePending, &message);
    }
}

/// Says whether partitions are spread as asked, if anybody asks; the plan that stands.
fn balance(conditions: &mut Conditions<'_>, known: &Balanced) -> Option<RebalanceStatus> {
    let kind = ConditionType::Balanced;
    match known {
        Balanced::NotAsked => {
            conditions.all.retain(|condition| condition.kind != kind);
            None
        }
        Balanced::Unknown => conditions.world.cluster.status.as_ref()?.rebalance.clone(),
        Balanced::Known { holds, reason, message, plan } => {
            conditions.set(kind, *holds, *reason, message);
            plan.clone()
        }
    }
}

/// The status of a cluster whose spec is not carried out: a human has to change something.
pub(super) fn refused(world: &World, refused: &Refused) -> KafkaClusterStatus {
    let mut conditions = Conditions::of(world);
    let Refused { reason, message } = refused;
    conditions.set(ConditionType::Ready, false, *reason, message);
    conditions.set(ConditionType::Reconciling, false, *reason, "waiting for a human");
    conditions.set(ConditionType::Stalled, true, *reason, message);
    last(world, conditions)
}

/// The status of a cluster that is left alone.
pub(super) fn paused(world: &World) -> KafkaClusterStatus {
    let mut conditions = Conditions::of(world);
    let message =
        format!("nothing is changed: spec.paused, or the annotation {}, says so", names::PAUSE);
    conditions.set(ConditionType::Paused, true, Reason::Paused, &message);
    last(world, conditions)
}

/// The last status with other conditions.
fn last(world: &World, conditions: Conditions<'_>) -> KafkaClusterStatus {
    let mut status = world.cluster.status.clone().unwrap_or_default();
    status.observed.observed_generation = world.cluster.metadata.generation;
    status.observed.conditions = conditions.all;
    status
}
