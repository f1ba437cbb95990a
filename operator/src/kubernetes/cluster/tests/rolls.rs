//! Restarts of several brokers: whose turn it is, and what has to happen first.

use kube::ResourceExt as _;

use super::fleet::three;
use super::*;
use crate::kubernetes::management::OfBroker;
use crate::kubernetes::names;
use crate::kubernetes::render::revision;

/// A pod of a broker, of some revision.
pub(super) fn pod(world: &mut World, id: i32, of: &str, ready: bool) {
    let status = if ready { "True" } else { "False" };
    let conditions = json!({ "conditions": [{ "type": "Ready", "status": status }] });
    let (key, mut pod) =
        object(Kind::Pod, &format!("demo-{id}-0"), &json!({ "status": conditions }));
    pod.annotations_mut().insert(names::REVISION.to_owned(), of.to_owned());
    world.objects.insert(key, pod);
}

/// The same brokers, serving as what they should be: with their StatefulSets, told everything.
pub(super) fn serving(mut world: World) -> World {
    let mut told = BTreeMap::new();
    for step in plan(&world).steps {
        if let Step::Apply(set, _) = step
            && set.kind == Kind::StatefulSet
        {
            let of = revision(&set.body).unwrap().to_owned();
            let id = set.body["metadata"]["labels"][names::NODE_ID].as_str().unwrap();
            let id = id.parse().unwrap();
            pod(&mut world, id, &of, true);
            told.insert(id, BTreeMap::new());
            let mut there = set.body.clone();
            there["metadata"]["uid"] = json!(set.name);
            let set_there = serde_json::from_value(there).unwrap();
            world.objects.insert((Kind::StatefulSet, set.name), set_there);
        }
    }
    world.told = Told::Overrides(told);
    world
}

/// Three brokers that all serve, and were started as something that is no longer asked for.
fn outdated(controller: i32) -> World {
    let mut world = three("0,1,2", "0,1,2", &[0, 1, 2]);
    for id in 0..3 {
        let template = json!({ "metadata": { "annotations": { names::REVISION: "old" } } });
        let set = json!({ "spec": { "template": template } });
        world.objects.extend([object(Kind::StatefulSet, &format!("demo-{id}"), &set)]);
        pod(&mut world, id, "old", true);
    }
    let brokers = (0..3).map(|id| OfBroker { id, replicas: 4, in_sync: 4 }).collect();
    let active_controller = Some(controller);
    world.replicas = Some(Replicas { active_controller, brokers, ..Replicas::default() });
    world
}

/// The restart of a plan, and what it says of restarts.
fn roll(world: &World) -> (Option<Roll>, String) {
    let plan = plan(world);
    let mut rolls = plan.steps.into_iter().filter_map(|step| match step {
        Step::Roll(roll) => Some(roll),
        _ => None,
    });
    let roll = rolls.next();
    assert_eq!(rolls.next(), None, "one at a time");
    let message = plan.status.and_then(|status| status.rollout).map(|rollout| rollout.message);
    (roll, message.unwrap_or_default())
}

#[test]
fn the_active_controller_goes_last_and_each_by_its_permit() {
    let mut world = outdated(0);
    let mut order = Vec::new();
    while let (Some(Roll { id, permit, stateful_set, pod: gone }), _) = roll(&world) {
        let permit = permit.unwrap();
        assert_eq!(permit.controller, 0);
        assert_eq!(permit.over, (0..3).filter(|other| *other != id).collect::<Vec<_>>());
        assert_eq!(permit.secret, "demo-operator-certs");
        assert_eq!(gone.unwrap().0, format!("demo-{id}-0"));
        let set = stateful_set.unwrap();
        let now = revision(&set.body).unwrap().to_owned();
        let set = serde_json::from_value(set.body).unwrap();
        world.objects.insert((Kind::StatefulSet, format!("demo-{id}")), set);
        pod(&mut world, id, &now, true);
        order.push(id);
    }
    assert_eq!(order, [1, 2, 0]);
    assert_eq!(roll(&world), (None, String::new()));
}

#[test]
fn a_restart_waits_for_the_others() {
    let mut world = outdated(0);
    let replicas = world.replicas.as_mut().unwrap();
    replicas.brokers[2].in_sync = 3;
    let (none, why) = roll(&world);
    assert_eq!(none, None);
    assert_eq!(why, "broker 1 is next: waiting for 1 replicas of broker 2 to be in sync");

    let mut world = outdated(0);
    world.replicas.as_mut().unwrap().active_controller = None;
    assert_eq!(
        roll(&world),
        (None, "broker 0 is next: waiting for an active controller".to_owned())
    );
    world.replicas = None;
    assert_eq!(roll(&world).0, None, "nobody knows what is in sync");
}

#[test]
fn replicas_that_are_not_in_sync_are_looked_at_again_soon() {
    let mut world = three("0,1,2", "0,1,2", &[0, 1, 2]);
    for (under_replicated, seconds) in [(0, 30), (1, 2)] {
        world.replicas = Some(Replicas { under_replicated, ..Replicas::default() });
        assert_eq!(plan(&world).wake, Some(Duration::from_secs(seconds)));
    }
}

#[test]
fn a_broker_that_serves_nobody_goes_first_and_needs_no_permit() {
    let mut world = outdated(0);
    pod(&mut world, 2, "old", false);
    let (Some(first), _) = roll(&world) else { panic!("no restart") };
    assert_eq!((first.id, first.permit), (2, None));
    pod(&mut world, 1, "old", false);
    let (none, why) = roll(&world);
    assert_eq!((none, why), (None, "broker 1 is next: waiting for broker 2".to_owned()));
}
