//! What has to be done for a cluster, and what is true of it meanwhile: one pure function.
//!
//! It reads whole: who the cluster is, which brokers it has, what they need, what has to go, which
//! of them has to be restarted, and what they have to be told. Each part plans for itself; what one
//! waits for does not keep the others from their work.

use std::collections::BTreeSet;
use std::time::Duration;

use kastellan_crds::condition::Reason;
use kastellan_crds::head::DeletionPolicy;
use kube::api::DynamicObject;
use kube::{Resource as _, ResourceExt as _};
use serde_json::Value;

use super::parse::{self, Parsed, Refused};
use super::pods::{self, Broker};
use super::status::{self, Facts};
use super::waits::Wait;
use super::{Plan, Seen, Step, Told, World, certificates, drain, identity, rolls, throttle};
use crate::fleet::plan as fleet;
use crate::kubernetes::api;
use crate::kubernetes::contains::contains;
use crate::kubernetes::names;
use crate::kubernetes::object::{Kind, Object, label};
use crate::kubernetes::render::{self, Cluster};

/// A cluster is looked at even if nothing is heard of it: settings of brokers, lost events.
const LOOK: Duration = Duration::from_secs(30);
/// When a cluster is looked at again whose replicas are not all in sync: brokers tell nobody.
pub(super) const BEHIND: Duration = Duration::from_secs(2);
/// When brokers that did not answer are asked again.
pub(super) const AGAIN: Duration = Duration::from_secs(1);
/// When a request that was refused is sent again.
const REFUSED: Duration = Duration::from_secs(10);
/// How long an object may take to go.
const GONE: Duration = Duration::from_mins(1);

/// The plan for one cluster.
pub fn plan(world: &World) -> Plan {
    if world.cluster.meta().deletion_timestamp.is_some() {
        // what it owns goes with it; volumes that stay are owned by nobody
        return Plan::default();
    }
    if paused(world) {
        return Plan { status: Some(status::paused(world)), ..Plan::default() };
    }
    let mut draft = Draft { world, steps: Vec::new(), waits: Vec::new(), soon: false, rate: None };
    match draft.whole() {
        Ok(facts) => {
            let Draft { steps, waits, soon, .. } = draft;
            let wake = waits.iter().filter_map(|wait| wait.wake(world.now)).min();
            let replicas = world.replicas.as_ref();
            let behind = replicas.is_some_and(|known| known.under_replicated + known.offline > 0);
            let certificates = facts.certificates.as_ref().and_then(|known| known.wake);
            let wake = wake.into_iter().chain(certificates).min();
            let look = if behind || soon { BEHIND } else { LOOK };
            let wake = Some(wake.unwrap_or(look).min(look));
            Plan { status: Some(status::running(world, &facts, &waits)), steps, wake }
        }
        Err(refused) => Plan { status: Some(status::refused(world, &refused)), ..Plan::default() },
    }
}

/// Whether the cluster is to be left as it is.
pub fn paused(world: &World) -> bool {
    world.cluster.spec.paused
        || world.cluster.annotations().get(names::PAUSE).is_some_and(|value| value == "true")
}

/// A plan in the making.
pub(super) struct Draft<'a> {
    pub(super) world: &'a World,
    pub(super) steps: Vec<Step>,
    pub(super) waits: Vec<Wait>,
    /// Whether to look again soon, as brokers tell nobody how far moves are.
    pub(super) soon: bool,
    /// Bytes a second that each broker may give and take for moves.
    pub(super) rate: Option<u64>,
}

impl Draft<'_> {
    fn whole(&mut self) -> Result<Facts, Refused> {
        let parsed = parse::cluster(&self.world.cluster)?;
        self.leftovers();
        if !self.steps.is_empty() {
            // nothing is decided from what an earlier cluster of this name has left behind
            return Ok(Facts::of(&parsed));
        }
        let (mut identity, recorded) = identity::identity(self.world, &parsed)?;
        let mut go = identity::scale(self.world, &parsed, &mut identity)?;
        drain::retire(self.world, &mut identity, &mut go);
        let ids = identity::node_ids(self.world, &identity);
        let brokers: Vec<Broker> = ids.iter().map(|id| pods::broker(self.world, *id)).collect();
        let mut cluster = self.cluster(&parsed, identity);
        let volumes = render::volumes(&cluster);
        let first = volumes.first().map(|volume| volume.name.as_str()).unwrap_or_default();
        let silent = identity::without_vote(self.world, first, &cluster.identity);
        if let Some(lost) = identity::lost(self.world, &ids, &cluster.identity, &silent) {
            return Err(lost);
        }
        if recorded {
            self.formatted(&mut cluster, &brokers);
        } else {
            self.steps.push(Step::Create(render::identity(&cluster)));
        }
        let services = render::services(&cluster, &ids);
        let ports: Vec<Vec<(String, u16)>> =
            ids.iter().map(|id| self.node_ports(&cluster, *id)).collect();
        let mut wanted = services;
        wanted.extend(render::shared(&cluster));
        self.apply_all(&wanted);
        let mut facts = Facts::of(&parsed);
        facts.describe(&cluster, &brokers);
        facts.silent.clone_from(&silent);
        for listener in cluster.node_ports() {
            let name = names::listener_bootstrap(&cluster.name, listener.name.as_str());
            if let Some(port) = self.node_port(&name) {
                facts.node_port(listener.name.to_string(), port);
            }
        }
        self.refusals();
        if !recorded {
            return Ok(facts);
        }
        let nodes: BTreeSet<String> =
            brokers.iter().filter_map(|broker| broker.host.clone()).collect();
        let nodes: Vec<String> = nodes.into_iter().collect();
        facts.certificates = certificates::plan(self, &cluster, &brokers, &nodes);
        facts.trust(&cluster, self.world);
        if facts.certificates.is_none() {
            return Ok(facts);
        }
        for (broker, ports) in brokers.iter().zip(&ports) {
            wanted.extend(self.broker(&cluster, broker.id, &silent));
            if ports.len() < cluster.node_ports().count() {
                let message = format!("broker {}: waiting for its ports on the nodes", broker.id);
                self.waits.push(Wait::new(Reason::ListenerPending, message));
            }
        }
        self.prune(&wanted, &cluster.identity);
        self.discard(&cluster);
        self.rate = throttle::rate(self.world, &cluster, &go);
        let gone = self.drain(&cluster, &brokers, &go);
        self.votes(&cluster, &brokers, &go);
        let (brokers, ports): (Vec<Broker>, Vec<_>) =
            brokers.into_iter().zip(ports).filter(|(broker, _)| !gone.contains(&broker.id)).unzip();
        facts.rollout = self.rolls(&cluster, &brokers, &ports);
        self.tell(&cluster, (&brokers, &go), &mut facts);
        let calm = self.waits.is_empty() && facts.told.len() == brokers.len();
        facts.balanced = self.balance(&cluster, (&brokers, &go), calm);
        self.throttle(&cluster);
        Ok(facts)
    }

    fn cluster(&self, parsed: &Parsed, identity: render::Identity) -> Cluster {
        let object = &self.world.cluster;
        Cluster {
            name: object.name_any(),
            namespace: object.namespace().unwrap_or_default(),
            uid: object.uid().unwrap_or_default(),
            spec: object.spec.clone(),
            listeners: parsed.listeners.clone(),
            settings: parsed
                .fleet
                .brokers
                .first()
                .map(|broker| broker.settings.clone())
                .unwrap_or_default(),
            identity,
            restart: object.annotations().get(names::RESTART).cloned(),
            pull_secrets: self.world.settings.pull_secrets.clone(),
        }
    }

    /// Objects of an earlier cluster of this name go first; so does what is on its way out already.
    fn leftovers(&mut self) {
        let own = self.world.cluster.uid().unwrap_or_default();
        for ((kind, name), object) in &self.world.objects {
            let owners = object.metadata.owner_references.iter().flatten();
            let foreign =
                owners.clone().any(|owner| owner.kind == "KafkaCluster" && owner.uid != own);
            let going = object.metadata.deletion_timestamp.is_some();
            if *kind == Kind::Pod || !foreign {
                continue;
            }
            let message = format!("waiting for {} {name} of an earlier cluster to go", kind.name());
            self.waits.push(Wait::new(Reason::ResourceConflict, message));
            if !going && let Some(uid) = object.uid() {
                self.steps.push(Step::Delete(*kind, name.clone(), uid));
            }
        }
    }

    /// Records the brokers that have served: from then on their volumes hold data. Of several,
    /// those whose claims have been made too: from then on a claim that is not there is lost.
    fn formatted(&mut self, cluster: &mut Cluster, brokers: &[Broker]) {
        let served = brokers.iter().filter(|broker| broker.ready).map(|broker| broker.id);
        let more: Vec<i32> = served.collect();
        cluster.identity.formatted.extend(more);
        let claimed = cluster.identity.brokers.iter().copied();
        let claimed: Vec<i32> = claimed.filter(|id| self.claimed(cluster, *id)).collect();
        cluster.identity.claimed.extend(claimed);
        // claims that are to stay stay; those that are gone are nobody's business any more
        let goes = cluster.spec.storage.deletion_policy == DeletionPolicy::Delete;
        let left: BTreeSet<i32> = drain::claims(self.world, &cluster.identity.removed)
            .filter(|_| goes)
            .filter_map(api::node_id)
            .collect();
        cluster.identity.removed = left;
        self.apply(&render::identity(cluster));
    }

    /// Whether all claims of a broker are there.
    fn claimed(&self, cluster: &Cluster, id: i32) -> bool {
        render::volumes(cluster).iter().all(|volume| {
            let name = names::claim(&volume.name, &cluster.name, id);
            self.world.get(Kind::PersistentVolumeClaim, &name).is_some()
        })
    }

    /// What one broker needs before its pod can start.
    fn broker(&mut self, cluster: &Cluster, id: i32, silent: &BTreeSet<i32>) -> Vec<Object> {
        let config_map = render::config_map(cluster, id);
        self.apply(&config_map);
        let wanted = vec![config_map];
        if formats(cluster, id, silent) {
            self.apply(&render::directory(cluster, id));
        } else if self.forgets(cluster, id) && silent.contains(&id) {
            // a new volume waits for that
            return wanted;
        }
        if !render::persistent(cluster) {
            return wanted;
        }
        for volume in render::volumes(cluster) {
            let name = names::claim(&volume.name, &cluster.name, id);
            let there = self.world.get(Kind::PersistentVolumeClaim, &name);
            self.apply(&render::claim(cluster, id, &volume, there));
        }
        wanted
    }

    /// Takes away the ConfigMap by which a voter formats its directory; whether it was there.
    fn forgets(&mut self, cluster: &Cluster, id: i32) -> bool {
        let name = names::directory(&cluster.name, id);
        let there = self.world.get(Kind::ConfigMap, &name);
        let Some(uid) = there.and_then(kube::ResourceExt::uid) else { return false };
        self.steps.push(Step::Delete(Kind::ConfigMap, name, uid));
        true
    }

    fn apply_all(&mut self, wanted: &[Object]) {
        for object in wanted {
            self.apply(object);
        }
    }

    /// Applies an object unless all of it is there.
    pub(super) fn apply(&mut self, wanted: &Object) {
        let Some(there) = self.world.get(wanted.kind, &wanted.name) else {
            self.steps.push(Step::Apply(wanted.clone(), Seen::Nowhere));
            return;
        };
        if there.metadata.deletion_timestamp.is_some() {
            self.waits.push(going(there, wanted));
        } else if !contains(&whole(there), &wanted.body) {
            self.steps.push(Step::Apply(wanted.clone(), Seen::Ours));
        }
    }

    /// Deletes what is the cluster's and not wanted any more, and the certificates of brokers that
    /// are gone. Volumes and brokers are never among it.
    fn prune(&mut self, wanted: &[Object], identity: &render::Identity) {
        let mut keep: BTreeSet<(Kind, String)> =
            wanted.iter().map(|object| (object.kind, object.name.clone())).collect();
        let cluster = self.world.cluster.name_any();
        keep.insert((Kind::ConfigMap, names::identity(&cluster)));
        keep.insert((Kind::ConfigMap, names::rebalance(&cluster)));
        keep.insert((Kind::ConfigMap, names::throttled(&cluster)));
        // these come and go by themselves
        for object in self.world.all(Kind::ConfigMap) {
            if let Some(id) = label(object, names::NODE_ID).and_then(|id| id.parse().ok()) {
                keep.insert((Kind::ConfigMap, names::directory(&cluster, id)));
            }
        }
        for user in self.world.all(Kind::StatefulSet).chain(self.world.all(Kind::Pod)) {
            keep.extend(config_maps(user).map(|name| (Kind::ConfigMap, name)));
        }
        let prunable =
            [Kind::ConfigMap, Kind::Service, Kind::PodDisruptionBudget, Kind::NetworkPolicy];
        for ((kind, name), object) in &self.world.objects {
            let stays = keep.contains(&(*kind, name.clone())) || !prunable.contains(kind);
            let of_gone = *kind == Kind::Secret && removed(identity, object);
            let stays = stays && !of_gone;
            if stays || object.metadata.deletion_timestamp.is_some() {
                continue;
            }
            if let Some(uid) = object.uid() {
                self.steps.push(Step::Delete(*kind, name.clone(), uid));
            }
        }
    }

    /// The ports of the nodes that lead to a broker, one for each listener that has some.
    fn node_ports(&self, cluster: &Cluster, id: i32) -> Vec<(String, u16)> {
        let port = |listener: &kastellan_crds::cluster::Listener| {
            let name = names::listener_broker(&cluster.name, listener.name.as_str(), id);
            Some((listener.name.to_string(), self.node_port(&name)?))
        };
        cluster.node_ports().filter_map(port).collect()
    }

    /// The port of the nodes that a Service was given.
    fn node_port(&self, service: &str) -> Option<u16> {
        let service = self.world.get(Kind::Service, service)?;
        let port = service.data.pointer("/spec/ports/0/nodePort")?.as_u64()?;
        u16::try_from(port).ok()
    }

    /// What was refused at the last attempt is said until it succeeds.
    fn refusals(&mut self) {
        for (what, words) in &self.world.refused {
            let wait = Wait::new(Reason::RequestRefused, format!("{what}: {words}"));
            self.waits.push(wait.since(Some(self.world.now), Duration::ZERO).again(REFUSED));
        }
    }

    /// StatefulSets, and the one broker whose turn it is to be restarted.
    fn rolls(
        &mut self,
        cluster: &Cluster,
        brokers: &[Broker],
        ports: &[Vec<(String, u16)>],
    ) -> Option<kastellan_crds::cluster::RolloutStatus> {
        let external = cluster.node_ports().count();
        let identity = &cluster.identity;
        // the claims are on record before anything can be written to them
        let claimed = |id: i32| identity.brokers.is_empty() || identity.claimed.contains(&id);
        let sets: Vec<(&Broker, render::StatefulSet)> = brokers
            .iter()
            .zip(ports)
            .filter(|(broker, ports)| ports.len() == external && claimed(broker.id))
            .map(|(broker, ports)| (broker, render::stateful_set(cluster, broker.id, ports)))
            .collect();
        rolls::plan(self, &sets)
    }

    /// What running brokers have to be told, once they answer.
    fn tell(
        &mut self,
        cluster: &Cluster,
        (brokers, go): (&[Broker], &BTreeSet<i32>),
        facts: &mut Facts,
    ) {
        for broker in brokers {
            if let Some(wait) = &broker.wait {
                self.waits.push(wait.clone());
            }
        }
        let serving: Vec<&Broker> = brokers.iter().filter(|broker| broker.ready).collect();
        if serving.is_empty() {
            return;
        }
        match &self.world.told {
            Told::NotAsked => {}
            Told::Nothing(why) => {
                let message = format!("the brokers do not answer the operator: {why}");
                self.waits.push(Wait::new(Reason::BrokerDown, message).again(AGAIN));
            }
            Told::Overrides(overrides) => {
                let alone = cluster.identity.brokers.is_empty();
                for broker in serving {
                    let Some(overrides) = overrides.get(&broker.id) else { continue };
                    let mut settings = cluster.settings.clone();
                    let cordoned = &cluster.spec.cordoned_brokers;
                    if go.contains(&broker.id) || cordoned.contains(&broker.id) {
                        let (name, value) = drain::CORDONED;
                        settings.insert(name.to_owned(), value.to_owned());
                    }
                    let changes = fleet::on_running(&settings, overrides, alone);
                    if changes.is_empty() {
                        facts.told.insert(broker.id);
                        continue;
                    }
                    self.alter(broker.id, changes);
                }
            }
        }
    }

    fn alter(&mut self, id: i32, changes: Vec<fleet::Change>) {
        let names: Vec<&str> = changes.iter().map(|(name, _)| name.as_str()).collect();
        let message = format!("broker {id}, without a restart: {}", names.join(", "));
        self.waits.push(Wait::new(Reason::ConfigUpdating, message));
        self.steps.push(Step::Alter(id, changes));
    }
}

/// Whether an object is one broker's that the cluster does not have any more.
fn removed(identity: &render::Identity, object: &DynamicObject) -> bool {
    let several = !identity.brokers.is_empty();
    several && api::node_id(object).is_some_and(|id| !identity.brokers.contains(&id))
}

/// Whether a voter formats its directory by the id that it was given: only until it has served,
/// and never on a volume that took the place of a lost one.
fn formats(cluster: &Cluster, id: i32, silent: &BTreeSet<i32>) -> bool {
    let identity = &cluster.identity;
    let claimed = identity.claimed.contains(&id) && !identity.formatted.contains(&id);
    identity.voters().contains(&id) && claimed && !silent.contains(&id)
}

fn going(there: &DynamicObject, wanted: &Object) -> Wait {
    let message = format!("waiting for the old {} {} to go", wanted.kind.name(), wanted.name);
    let since = there.metadata.deletion_timestamp.as_ref().map(|time| time.0);
    Wait::new(Reason::ResourceConflict, message).since(since, GONE)
}

/// The whole object as the API server wrote it.
pub(super) fn whole(object: &DynamicObject) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}

/// The ConfigMaps that a pod, or the pods of a StatefulSet, mount.
fn config_maps(user: &DynamicObject) -> impl Iterator<Item = String> + '_ {
    let list = |path| user.data.pointer(path).and_then(Value::as_array).into_iter().flatten();
    let volumes = list("/spec/template/spec/volumes").chain(list("/spec/volumes"));
    volumes.filter_map(|volume| Some(volume.pointer("/configMap/name")?.as_str()?.to_owned()))
}
