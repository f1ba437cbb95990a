//! Balance: what is suggested, approved, begun, waited for and over.

use kastellan_core::id::BrokerId;
use kastellan_core::placement::{Broker, Disk, Partition, State};
use kube::ResourceExt as _;

use super::fleet::three;
use super::rolls::serving;
use super::*;
use crate::kubernetes::names;

/// A partition of 1 KiB in topic `t`, led by its first replica.
pub(super) fn partition(placed: &mut Placed, index: i32, replicas: &[i32]) {
    let replicas: Vec<BrokerId> = replicas.iter().copied().map(BrokerId).collect();
    for id in &replicas {
        *placed.held.entry(id.0).or_default() += 1;
    }
    placed.leaders.insert(("t".to_owned(), index), replicas[0].0);
    placed.picture.partitions.push(Partition {
        topic: "t".into(),
        index,
        in_sync: replicas.clone(),
        factor: replicas.len(),
        replicas,
        bytes: 1024,
        written: 0,
        read: 0,
        moving: false,
    });
}

/// So many brokers that are up and hold nothing.
pub(super) fn empty(count: i32) -> Placed {
    let mut placed = Placed::default();
    let broker = |id| Broker { id: BrokerId(id), rack: None, state: State::Active, disk: None };
    placed.picture.brokers.extend((0..count).map(broker));
    placed
}

/// Three brokers that serve, of which the first has everything.
pub(super) fn lopsided(balance: &Value) -> World {
    let mut world = serving(three("0,1,2", "0,1,2", &[0, 1, 2]));
    world.cluster.spec.balance = serde_json::from_value(balance.clone()).unwrap();
    let mut placed = empty(3);
    (0..6).for_each(|index| partition(&mut placed, index, &[0]));
    world.placed = Some(placed);
    world
}

fn balanced(world: &World) -> (ConditionStatus, Reason, String) {
    condition(world, ConditionType::Balanced)
}

/// The one step that is about moves.
pub(super) fn step(world: &World) -> Option<Step> {
    let mut steps = plan(world).steps.into_iter().filter(|step| match step {
        Step::Create(object) => object.name == "demo-rebalance",
        Step::Delete(_, name, _) => name == "demo-rebalance",
        Step::Reassign(_) | Step::Elect(_) => true,
        _ => false,
    });
    let first = steps.next();
    assert_eq!(steps.next(), None);
    first
}

/// Records a plan as the API server would.
pub(super) fn record(world: &mut World, step: Option<Step>) {
    let Some(Step::Create(map)) = step else { panic!("{step:?}") };
    let data = json!({ "data": map.body["data"] });
    world.objects.extend([object(Kind::ConfigMap, &map.name, &data)]);
}

/// The brokers begin with the moves of a step.
pub(super) fn begin(world: &mut World, step: Option<Step>) -> Vec<Move> {
    let Some(Step::Reassign(moves)) = step else { panic!("{step:?}") };
    let partitions = &mut world.placed.as_mut().unwrap().picture.partitions;
    for it in &moves {
        let one = partitions.iter_mut().find(|one| one.index == it.index).unwrap();
        (one.replicas, one.moving) = (it.to.clone(), true);
    }
    moves
}

/// All that moves has moved; who led still leads where it can.
pub(super) fn finish(world: &mut World) {
    let placed = world.placed.as_mut().unwrap();
    for it in placed.picture.partitions.iter_mut().filter(|it| it.moving) {
        (it.in_sync, it.moving) = (it.replicas.clone(), false);
    }
}

#[test]
fn a_plan_is_suggested_and_only_its_own_hash_approves_it() {
    let mut world = lopsided(&json!({ "mode": "Suggest" }));
    let (status, reason, message) = balanced(&world);
    assert_eq!((status, reason), (ConditionStatus::False, Reason::RebalanceProposed));
    assert_eq!(step(&world), None);
    let suggested = plan(&world).status.unwrap().rebalance.unwrap();
    assert!(message.contains("4 replicas (4.0 KiB) and 4 leaders should move"), "{message}");
    assert!(message.contains(&format!("kastellan.dev/approve-rebalance={}", suggested.hash)));
    assert_eq!((suggested.replica_moves, suggested.bytes, suggested.running), (4, 4096, false));
    let first = &suggested.brokers[0];
    assert_eq!((first.replicas, first.replicas_after), (6, 2));

    // it stands as it was described while its partitions grow
    world.cluster.status = plan(&world).status;
    let placed = world.placed.as_mut().unwrap();
    placed.picture.partitions.iter_mut().for_each(|it| it.bytes += 7);
    assert_eq!(plan(&world).status.unwrap().rebalance, Some(suggested.clone()));

    let annotations = world.cluster.annotations_mut();
    annotations.insert(names::APPROVE.to_owned(), "0123456789".to_owned());
    let (_, reason, message) = balanced(&world);
    assert_eq!((reason, step(&world)), (Reason::ApprovalStale, None), "{message}");
    world.cluster.annotations_mut().insert(names::APPROVE.to_owned(), suggested.hash.clone());
    let approved = step(&world);
    record(&mut world, approved);
    let running = plan(&world).status.unwrap().rebalance.unwrap();
    assert_eq!((running.hash, running.running), (suggested.hash, true));
}

#[test]
fn moves_are_few_at_a_time_and_an_operator_that_comes_anew_goes_on_with_them() {
    let mut world = lopsided(&json!({ "mode": "Auto", "maxConcurrentMoves": 3 }));
    let begun = step(&world);
    record(&mut world, begun);
    let first = step(&world);
    assert_eq!(begin(&mut world, first).len(), 3);
    assert_eq!(step(&world), None, "as many move as may");
    let wake = plan(&world).wake.unwrap();
    assert!(wake <= Duration::from_secs(2), "{wake:?}");
    finish(&mut world);
    let second = step(&world);
    assert_eq!(begin(&mut world, second).len(), 1);
    let (_, _, message) = balanced(&world);
    assert!(
        message.starts_with("3 of 4 partitions have moved; moving: 1; 1.0 KiB left"),
        "{message}"
    );
    let status = plan(&world).status.unwrap().rebalance.unwrap();
    assert_eq!((status.bytes, status.bytes_done), (4096, 3072));
    finish(&mut world);
    // the fake brokers have left the leaders behind
    let Some(Step::Elect(unled)) = step(&world) else { panic!("{:?}", step(&world)) };
    assert_eq!(unled.len(), 4);
    let placed = world.placed.as_mut().unwrap();
    for it in &placed.picture.partitions {
        placed.leaders.insert((it.topic.to_string(), it.index), it.replicas[0].0);
    }
    assert!(matches!(step(&world), Some(Step::Delete(Kind::ConfigMap, ..))));
    world.objects.remove(&(Kind::ConfigMap, "demo-rebalance".to_owned()));
    assert_eq!(step(&world), None);
    let (status, reason, _) = balanced(&world);
    assert_eq!((status, reason), (ConditionStatus::True, Reason::AsSpecified));
}

#[test]
fn nothing_begins_while_something_is_behind_and_what_changed_meanwhile_is_left_alone() {
    let mut world = lopsided(&json!({ "mode": "Auto", "maxConcurrentMoves": 1 }));
    let begun = step(&world);
    record(&mut world, begun);
    let placed = world.placed.as_mut().unwrap();
    partition(placed, 6, &[1, 2]);
    placed.picture.partitions[6].in_sync.pop();
    assert_eq!(step(&world), None);
    let (_, _, message) = balanced(&world);
    assert!(message.ends_with("next: 4, waiting for all replicas of t-6 to be in sync"));

    // somebody has moved everything elsewhere: the plan is over
    let placed = world.placed.as_mut().unwrap();
    placed.picture.partitions[6].in_sync.push(BrokerId(2));
    for it in &mut placed.picture.partitions {
        it.replicas = vec![BrokerId(0), BrokerId(1)];
        it.in_sync.clone_from(&it.replicas);
    }
    assert!(matches!(step(&world), Some(Step::Delete(Kind::ConfigMap, ..))));
}

#[test]
fn full_disks_are_no_balance() {
    let mut world = lopsided(&json!({ "mode": "Auto" }));
    for broker in &mut world.placed.as_mut().unwrap().picture.brokers {
        broker.disk = Some(Disk { total: 1 << 20, free: 1 << 10 });
    }
    assert_eq!(step(&world), None);
    let (status, reason, message) = balanced(&world);
    assert_eq!((status, reason), (ConditionStatus::False, Reason::NoRoom), "{message}");
}

#[test]
fn nothing_is_planned_unless_it_is_asked_for_and_the_brokers_are_calm() {
    for balance in [Value::Null, json!({ "mode": "Off" })] {
        let mut world = lopsided(&balance);
        let status = plan(&world).status.unwrap();
        assert!(status.observed.conditions.iter().all(|it| it.kind != ConditionType::Balanced));
        assert_eq!((status.rebalance, step(&world)), (None, None));
        // switched off in the middle
        world.objects.extend([object(Kind::ConfigMap, "demo-rebalance", &json!({}))]);
        assert!(matches!(step(&world), Some(Step::Delete(Kind::ConfigMap, ..))));
    }
    let mut world = lopsided(&json!({ "mode": "Auto" }));
    world.objects.remove(&(Kind::Pod, "demo-2-0".to_owned()));
    assert_eq!(step(&world), None);
}
