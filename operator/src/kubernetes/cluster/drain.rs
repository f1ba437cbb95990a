//! Brokers that go because fewer are asked for: nothing new comes to them, what they have moves to
//! the others, and only once a broker is empty is it stopped, and forgotten by the others.
//!
//! All of it follows from what is there: who has replicas, who runs, who is registered. Until a
//! broker is off the record its Service, its certificates and its volumes stay.

use std::collections::BTreeSet;

use kastellan_core::placement::{self, Blocked, Cause, Move};
use kastellan_crds::condition::Reason;
use kube::ResourceExt as _;

use super::plan::{BEHIND, Draft};
use super::pods::Broker;
use super::waits::Wait;
use super::{Step, Told, World, moves};
use crate::admin::Placed;
use crate::kubernetes::names;
use crate::kubernetes::object::Kind;
use crate::kubernetes::render::{Cluster, Identity};

/// The setting by which nothing new comes to a broker, and its value then (KIP-1066).
pub(super) const CORDONED: (&str, &str) = ("cordoned.log.dirs", "*");

/// How many moves are looked for at once; more follow.
const MOST: usize = 2000;

/// Takes the brokers off the record that have gone: stopped, and forgotten by the others. Their
/// claims are to follow.
pub(super) fn retire(world: &World, identity: &mut Identity, go: &mut BTreeSet<i32>) {
    let cluster = world.cluster.name_any();
    let Some(replicas) = &world.replicas else { return };
    let knows = |id: i32| replicas.brokers.iter().any(|broker| broker.id == id);
    let gone = |id: &i32| {
        world.get(Kind::StatefulSet, &names::broker(&cluster, *id)).is_none()
            && world.get(Kind::Pod, &names::pod(&cluster, *id)).is_none()
            && !knows(*id)
    };
    // somebody who stays has to be known, or nothing is
    if !identity.brokers.iter().any(|id| !go.contains(id) && knows(*id)) {
        return;
    }
    let gone: Vec<i32> = go.iter().copied().filter(gone).collect();
    for id in gone {
        go.remove(&id);
        identity.retire(id);
    }
}

impl Draft<'_> {
    /// Empties the brokers that `go`; those that are empty, and do not run any more.
    pub(super) fn drain(
        &mut self,
        cluster: &Cluster,
        brokers: &[Broker],
        go: &BTreeSet<i32>,
    ) -> BTreeSet<i32> {
        let world = self.world;
        let set = |id: i32| world.get(Kind::StatefulSet, &names::broker(&cluster.name, id));
        if go.is_empty() {
            return BTreeSet::new();
        }
        let (Some(placed), Some(quorum)) = (&world.placed, &world.quorum) else {
            let message =
                "fewer brokers are asked for: waiting for word of what is where, and of who votes";
            self.waits.push(Wait::new(Reason::BrokersDraining, message).again(BEHIND));
            return go.iter().copied().filter(|id| set(*id).is_none()).collect();
        };
        let empty = |broker: &&Broker| {
            let holds = placed.held.get(&broker.id).is_some_and(|held| *held > 0);
            let holds = holds || quorum.voters.contains_key(&broker.id);
            go.contains(&broker.id) && !holds && (!broker.ready || is_closed(world, broker.id))
        };
        let empty: BTreeSet<i32> = brokers.iter().filter(empty).map(|broker| broker.id).collect();
        for broker in brokers.iter().filter(|broker| empty.contains(&broker.id)) {
            let id = broker.id;
            let wait = |what: &str| {
                let message = format!("broker {id} is empty: {what}");
                Wait::new(Reason::BrokersDraining, message).again(BEHIND)
            };
            if let Some(uid) = set(id).and_then(kube::ResourceExt::uid) {
                let name = names::broker(&cluster.name, id);
                self.steps.push(Step::Delete(Kind::StatefulSet, name, uid));
                self.waits.push(wait("it is stopped"));
            } else if world.get(Kind::Pod, &names::pod(&cluster.name, id)).is_some() {
                self.waits.push(wait("it stops"));
            } else {
                self.steps.push(Step::Unregister(id));
                self.waits.push(wait("the others forget it"));
            }
        }
        let full: BTreeSet<i32> = go.difference(&empty).copied().collect();
        if !full.is_empty() {
            self.move_away(cluster, placed, (go, &full));
        }
        empty
    }

    /// Moves away what the brokers of `full`, of all that `go`, still hold.
    fn move_away(
        &mut self,
        cluster: &Cluster,
        placed: &Placed,
        (go, full): (&BTreeSet<i32>, &BTreeSet<i32>),
    ) {
        let held: usize = full.iter().filter_map(|id| placed.held.get(id)).sum();
        let ids: Vec<String> = full.iter().map(ToString::to_string).collect();
        let mut message = format!("brokers that go ({}) hold {held} replicas", ids.join(", "));
        let picture = moves::picture(placed, go, &cluster.spec.cordoned_brokers);
        let plan = placement::plan(&picture, MOST);
        let leaves = |step: &Move| step.removed().any(|id| go.contains(&id.0));
        let away: Vec<Move> = plan.moves.into_iter().filter(leaves).collect();
        let blocked = plan.blocked.iter().filter(|it| it.on.iter().any(|id| go.contains(&id.0)));
        let blocked: Vec<&Blocked> = blocked.filter(|it| it.cause != Cause::Moving).collect();
        if let Some(first) = blocked.first() {
            let message = why(first, blocked.len(), cluster.identity.brokers.len());
            self.waits.push(Wait::new(Reason::DrainBlocked, message).again(BEHIND));
        }
        let most = cluster.spec.balance.clone().unwrap_or_default().max_concurrent_moves;
        if let Some(obstacle) = moves::obstacle(placed, go).filter(|_| !away.is_empty()) {
            message = format!("{message}; {obstacle}");
        } else {
            let begin = moves::next(placed, &away, usize::try_from(most).unwrap_or(1));
            if !begin.is_empty() {
                self.steps.push(Step::Reassign(begin));
            }
        }
        self.waits.push(Wait::new(Reason::BrokersDraining, message).again(BEHIND));
    }

    /// Deletes the claims of brokers that are off the record, where they go with their cluster.
    pub(super) fn discard(&mut self, cluster: &Cluster) {
        for claim in claims(self.world, &cluster.identity.removed) {
            if let Some(uid) = claim.uid().filter(|_| claim.metadata.deletion_timestamp.is_none()) {
                let name = claim.name_any();
                self.steps.push(Step::Delete(Kind::PersistentVolumeClaim, name, uid));
            }
        }
    }
}

/// The claims of these brokers.
pub(super) fn claims<'a>(
    world: &'a World,
    ids: &'a BTreeSet<i32>,
) -> impl Iterator<Item = &'a kube::api::DynamicObject> {
    let of = |claim: &&kube::api::DynamicObject| {
        crate::kubernetes::api::node_id(claim).is_some_and(|id| ids.contains(&id))
    };
    world.all(Kind::PersistentVolumeClaim).filter(of)
}

/// Whether a broker that runs says that nothing new comes to it.
fn is_closed(world: &World, id: i32) -> bool {
    let Told::Overrides(all) = &world.told else { return false };
    let (name, value) = CORDONED;
    all.get(&id).and_then(|set| set.get(name)).is_some_and(|set| set == value)
}

/// Why a partition keeps a broker from going, and what to do.
fn why(blocked: &Blocked, count: usize, there: usize) -> String {
    let Blocked { topic, index, on, cause } = blocked;
    let ids: Vec<String> = on.iter().map(|id| id.0.to_string()).collect();
    let why = match cause {
        Cause::TooFewBrokers { factor, active } => format!(
            "it has {factor} replicas, and {active} of the brokers that stay could have one: give \
             topic {topic} fewer replicas, or write replicas: {there}"
        ),
        Cause::NoRoom => "no broker that stays has room for it".to_owned(),
        Cause::NoSource => {
            "no broker has all of it: start the ones that have it, or delete the topic".to_owned()
        }
        Cause::Moving => "it is being moved".to_owned(),
    };
    let more = match count {
        1 => String::new(),
        more => format!(" ({} other partitions stand against it, too)", more - 1),
    };
    format!("brokers {} cannot go yet: partition {topic}-{index}: {why}{more}", ids.join(", "))
}
