//! Fewer brokers: who goes, in which order of things, and what stands against it.

use kube::ResourceExt as _;

use super::balance::{empty, partition};
use super::fleet::three;
use super::rolls::serving;
use super::*;
use crate::kubernetes::management::OfBroker;
use crate::kubernetes::names;

/// Five brokers that serve, of whom three vote and `asked` shall stay; each partition is on these.
fn five(asked: i32, partitions: &[&[i32]]) -> World {
    let mut world = three("0,1,2", "0,1,2", &[0, 1, 2, 3, 4]);
    let record = json!({ "data": {
        "clusterId": "id", "version": "0.1", "image": "i", "voters": "0,1,2",
        "brokers": "0,1,2,3,4", "claimed": "0,1,2,3,4", "formatted": "0,1,2,3,4",
    } });
    world.objects.extend([object(Kind::ConfigMap, "demo-identity", &record)]);
    world.cluster.spec.replicas = Some(5);
    world = serving(world);
    world.cluster.spec.replicas = Some(asked);
    let mut placed = empty(5);
    for (index, replicas) in (0..).zip(partitions) {
        partition(&mut placed, index, replicas);
    }
    world.placed = Some(placed);
    let brokers = (0..5).map(|id| OfBroker { id, replicas: 1, in_sync: 1 }).collect();
    let active_controller = Some(0);
    world.replicas = Some(Replicas { active_controller, brokers, ..Replicas::default() });
    vote(&mut world, &[0, 1, 2]);
    world
}

/// These vote, and the others of five brokers follow.
fn vote(world: &mut World, voters: &[i32]) {
    let directory = |id: i32| (id, format!("its own {id}"));
    let (voters, observers) = (0..5).partition::<Vec<i32>, _>(|id| voters.contains(id));
    let all = |ids: &[i32]| ids.iter().copied().map(directory).collect();
    let (leader, observers, current) = (0, all(&observers), voters.iter().copied().collect());
    world.quorum = Some(Quorum { leader, voters: all(&voters), observers, current });
}

/// What is done about brokers that go.
fn steps(world: &World) -> Vec<String> {
    let steps = plan(world).steps.into_iter().filter_map(|step| match step {
        Step::Alter(id, changes) => Some(format!("{id}: {changes:?}")),
        Step::Reassign(moves) => Some(format!("move {}", moves.len())),
        Step::Delete(kind, name, _) => Some(format!("delete {} {name}", kind.name())),
        Step::Unregister(id) => Some(format!("forget {id}")),
        Step::Vote(Vote::Give { id, .. }) => Some(format!("vote for {id}")),
        Step::Vote(Vote::Take { id, .. }) => Some(format!("no vote for {id}")),
        Step::Apply(set, _) if set.kind == Kind::StatefulSet => Some(format!("apply {}", set.name)),
        _ => None,
    });
    steps.collect()
}

/// The broker says that nothing new comes to it.
fn close(world: &mut World, id: i32) {
    let Told::Overrides(all) = &mut world.told else { panic!("{:?}", world.told) };
    all.insert(id, BTreeMap::from([("cordoned.log.dirs".to_owned(), "*".to_owned())]));
}

const CORDON_4: &str = r#"4: [("cordoned.log.dirs", Some("*"))]"#;

#[test]
fn a_broker_is_closed_emptied_stopped_forgotten_and_then_its_things_go() {
    let mut world = five(4, &[&[4, 0], &[1, 2]]);
    assert_eq!(steps(&world), ["move 1", CORDON_4]);
    let (_, reason, message) = condition(&world, ConditionType::Ready);
    assert_eq!(reason, Reason::BrokersDraining);
    assert!(message.starts_with("brokers that go (4) hold 1 replicas"), "{message}");
    assert!(plan(&world).wake.unwrap() <= Duration::from_secs(2));

    // empty, and a topic could still be made there
    let mut placed = empty(5);
    partition(&mut placed, 0, &[3, 0]);
    world.placed = Some(placed);
    assert_eq!(steps(&world), [CORDON_4]);
    close(&mut world, 4);
    assert_eq!(steps(&world), ["delete StatefulSet demo-4"]);

    // nobody makes it anew while it stops, nor when the brokers do not answer for a moment
    world.objects.remove(&(Kind::StatefulSet, "demo-4".to_owned()));
    assert_eq!(steps(&world), Vec::<String>::new());
    let placed = world.placed.take();
    assert_eq!(steps(&world), Vec::<String>::new());
    world.placed = placed;
    world.objects.remove(&(Kind::Pod, "demo-4-0".to_owned()));
    assert_eq!(steps(&world), ["forget 4"]);

    world.replicas.as_mut().unwrap().brokers.pop();
    world.cluster.spec.storage.deletion_policy = kastellan_crds::head::DeletionPolicy::Delete;
    let secret = object(Kind::Secret, "demo-4-certs", &json!({}));
    world.objects.extend([secret]);
    let secret = (Kind::Secret, "demo-4-certs".to_owned());
    let labels = world.objects.get_mut(&secret).unwrap().labels_mut();
    labels.insert(names::NODE_ID.to_owned(), "4".to_owned());
    let last = plan(&world);
    let Some(Step::Apply(record, _)) = last.steps.first() else { panic!("{:?}", last.steps) };
    assert_eq!(record.body["data"]["brokers"], "0,1,2,3");
    assert_eq!(record.body["data"]["removed"], "4");
    let gone = steps(&world);
    for step in ["delete Secret demo-4-certs", "delete PersistentVolumeClaim data-demo-4"] {
        assert!(gone.iter().any(|it| it == step), "{gone:?}");
    }
    world.cluster.spec.storage.deletion_policy = kastellan_crds::head::DeletionPolicy::Retain;
    assert!(!steps(&world).iter().any(|it| it.contains("PersistentVolumeClaim")));
}

#[test]
fn a_broker_that_changed_its_mind_is_opened_again() {
    let mut world = five(5, &[&[4, 0]]);
    vote(&mut world, &[0, 1, 2, 3, 4]);
    close(&mut world, 4);
    assert_eq!(steps(&world), [r#"4: [("cordoned.log.dirs", None)]"#]);
    world.cluster.spec.cordoned_brokers = vec![4];
    assert_eq!(steps(&world), Vec::<String>::new(), "the spec closes it");
}

#[test]
fn partitions_that_fit_nowhere_stay_where_they_are() {
    let world = five(4, &[&[0, 1, 2, 3, 4], &[4, 0]]);
    assert_eq!(steps(&world), ["move 1", CORDON_4], "all else goes on");
    let (_, reason, message) = condition(&world, ConditionType::Ready);
    assert_eq!(reason, Reason::DrainBlocked);
    assert!(
        message.contains("partition t-0: it has 5 replicas, and 4 of the brokers"),
        "{message}"
    );
    assert!(message.contains("or write replicas: 5"), "{message}");

    let mut world = five(4, &[&[0, 1]]);
    world.cluster.spec.removed_brokers = vec![3];
    assert_eq!(steps(&world), [CORDON_4.replace("4:", "3:")]);
}

#[test]
fn a_voter_goes_once_another_one_votes_in_its_place() {
    let mut world = five(4, &[&[0, 2]]);
    world.cluster.spec.removed_brokers = vec![1];
    close(&mut world, 1);
    // empty as it is, it stays for its vote
    assert_eq!(steps(&world), ["vote for 3"]);
    let (_, reason, message) = condition(&world, ConditionType::Ready);
    assert_eq!(reason, Reason::BrokersDraining, "{message}");
    assert!(message.ends_with("broker 3 gets a vote"), "{message}");
    vote(&mut world, &[0, 1, 2, 3]);
    assert_eq!(steps(&world), ["no vote for 1"]);
    // nobody says any more who votes
    let known = world.quorum.take();
    assert_eq!(steps(&world), Vec::<String>::new());
    world.quorum = known;
    vote(&mut world, &[0, 2, 3]);
    assert_eq!(steps(&world), ["delete StatefulSet demo-1"]);

    // of those that voted first one has to stay
    world.cluster.spec.replicas = Some(2);
    world.cluster.spec.removed_brokers = vec![0, 1, 2];
    let (_, reason, message) = condition(&world, ConditionType::Stalled);
    assert_eq!((reason, plan(&world).steps), (Reason::NotYetSupported, vec![]));
    assert!(message.contains("all of the brokers 0, 1, 2 would go"), "{message}");
}

#[test]
fn moves_away_wait_for_those_who_stay_and_not_for_those_who_go() {
    let mut world = five(3, &[&[4, 0], &[1, 2]]);
    let behind = |world: &mut World, index: usize, id: i32| {
        let placed = world.placed.as_mut().unwrap();
        placed.picture.partitions[index].in_sync.retain(|it| it.0 != id);
    };
    behind(&mut world, 0, 4);
    assert!(steps(&world).contains(&"move 1".to_owned()));
    behind(&mut world, 1, 2);
    assert!(!steps(&world).contains(&"move 1".to_owned()));
    let (_, _, message) = condition(&world, ConditionType::Ready);
    assert!(message.contains("waiting for all replicas of t-1 to be in sync"), "{message}");
}
