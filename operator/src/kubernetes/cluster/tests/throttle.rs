//! What moves may take of brokers: set before they begin, taken back whoever looks when they are
//! over, less while others fall behind, and how long it takes.

use kube::ResourceExt as _;

use super::balance::{begin, finish, lopsided, partition, record, step};
use super::*;
use crate::admin::Moving;

const RATE: &str = "leader.replication.throttled.rate";
const LEADERS: &str = "leader.replication.throttled.replicas";
const FOLLOWERS: &str = "follower.replication.throttled.replicas";
const KEY: (Kind, &str) = (Kind::ConfigMap, "demo-throttled");

/// What the brokers are told of the rate: another one, that there is none, or nothing.
#[derive(Debug, PartialEq)]
enum Said {
    Rate(u64),
    Gone,
    Nothing,
}

fn rate(plan: &Plan) -> Said {
    let mut told = plan.steps.iter().filter_map(|step| match step {
        Step::Alter(_, changes) => changes.iter().find(|(name, _)| name == RATE),
        _ => None,
    });
    let said = match told.next() {
        Some((_, Some(rate))) => Said::Rate(rate.parse().unwrap()),
        Some((_, None)) => Said::Gone,
        None => return Said::Nothing,
    };
    assert_eq!(told.count(), 2, "all three are told: {plan:?}");
    said
}

/// Carries out what a plan has of throttles, as brokers and the API server would.
fn carry_out(world: &mut World, plan: &Plan) {
    for step in &plan.steps {
        match step {
            Step::Alter(id, changes) => {
                let Told::Overrides(all) = &mut world.told else { panic!("{:?}", world.told) };
                let set = all.get_mut(id).unwrap();
                for (name, value) in changes {
                    match value {
                        Some(value) => set.insert(name.clone(), value.clone()),
                        None => set.remove(name),
                    };
                }
            }
            Step::AlterTopics(topics) => {
                let map = KEY.1.to_owned();
                let on_record = world.get(KEY.0, &map).unwrap().data["data"]["topics"].clone();
                assert_eq!(on_record, "t", "it is on record before it is done");
                let set = world.throttled.as_mut().unwrap().entry("t".to_owned()).or_default();
                for (name, value) in &topics["t"] {
                    match value {
                        Some(value) => set.insert(name.clone(), value.clone()),
                        None => set.remove(name),
                    };
                }
            }
            Step::Apply(map, _) if map.name == KEY.1 => {
                let data = json!({ "data": map.body["data"] });
                world.objects.extend([object(KEY.0, KEY.1, &data)]);
            }
            Step::Delete(_, name, _) if name == KEY.1 => {
                world.objects.remove(&(KEY.0, KEY.1.to_owned()));
            }
            _ => {}
        }
    }
}

/// A plan of four moves has begun with two of them, at 50 MiB a second.
fn moving() -> World {
    let balance = json!({ "mode": "Auto", "maxConcurrentMoves": 2, "maxBytesPerSecond": "50Mi" });
    let mut world = lopsided(&balance);
    for id in 0..3 {
        let Told::Overrides(all) = &mut world.told else { panic!("{:?}", world.told) };
        all.insert(id, BTreeMap::new());
    }
    let created = step(&world);
    record(&mut world, created);
    let begun = plan(&world);
    let at = |what: fn(&Step) -> bool| begun.steps.iter().position(what).unwrap();
    let reassign = at(|step| matches!(step, Step::Reassign(_)));
    assert!(at(|step| matches!(step, Step::AlterTopics(_))) < reassign);
    assert!(at(|step| matches!(step, Step::Alter(..))) < reassign);
    assert_eq!(rate(&begun), Said::Rate(50 << 20));
    carry_out(&mut world, &begun);
    let moves = begin(&mut world, begun.steps.into_iter().nth(reassign));
    for it in &moves {
        let added = it.added().map(|id| (id.0, 256)).collect();
        let held_by = it.from.iter().map(|id| id.0).chain(it.added().map(|id| id.0)).collect();
        let place = (it.topic.to_string(), it.index);
        world.placed.as_mut().unwrap().moving.insert(place, Moving { held_by, added });
        // who gets it is not in sync at first
        let partitions = &mut world.placed.as_mut().unwrap().picture.partitions;
        partitions.iter_mut().find(|one| one.index == it.index).unwrap().in_sync.clear();
    }
    world
}

#[test]
fn what_moves_is_held_back_and_nothing_else_and_all_of_it_is_taken_back() {
    let mut world = moving();
    let set = world.throttled.as_ref().unwrap()["t"].clone();
    assert_eq!((set[LEADERS].split(',').count(), set[FOLLOWERS].split(',').count()), (2, 2));
    assert!(set[LEADERS].split(',').all(|it| it.ends_with(":0")), "{set:?}");
    // those that hold a part of it may lead it in the end
    let again = plan(&world);
    carry_out(&mut world, &again);
    let quiet = plan(&world);
    let changes = |step: &&Step| matches!(step, Step::Alter(..) | Step::AlterTopics(_));
    assert_eq!(quiet.steps.iter().find(changes), None);

    // the operator is another one by now, and nobody asks for balance any more
    let mut given_up = world.clone();
    given_up.cluster.spec.balance = None;
    given_up.objects.remove(&(Kind::ConfigMap, "demo-rebalance".to_owned()));
    finish(&mut given_up);
    given_up.placed.as_mut().unwrap().moving.clear();
    let over = plan(&given_up);
    assert_eq!(rate(&over), Said::Gone);
    carry_out(&mut given_up, &over);
    assert_eq!(given_up.throttled.as_ref().unwrap()["t"], BTreeMap::new());
    assert!(given_up.get(KEY.0, KEY.1).is_some(), "until it is seen to be gone");
    let seen = plan(&given_up);
    carry_out(&mut given_up, &seen);
    assert_eq!(given_up.get(KEY.0, KEY.1), None);
    assert_eq!(plan(&given_up).steps.iter().find(changes), None);

    // where nobody answers, nothing is forgotten
    world.throttled = None;
    world.placed = None;
    let deaf = plan(&world);
    assert_eq!((rate(&deaf), deaf.steps.iter().find(changes)), (Said::Nothing, None));
    carry_out(&mut world, &deaf);
    assert!(world.get(KEY.0, KEY.1).is_some());
}

#[test]
fn others_that_fall_behind_go_first() {
    let mut world = moving();
    partition(world.placed.as_mut().unwrap(), 6, &[1, 2]);
    world.placed.as_mut().unwrap().picture.partitions[6].in_sync.pop();
    for half in [25 << 20, (25 << 20) / 2] {
        let slower = plan(&world);
        assert_eq!(rate(&slower), Said::Rate(half));
        carry_out(&mut world, &slower);
    }
    // one that is down is behind whatever is done
    world.placed.as_mut().unwrap().down.insert(2);
    let faster = plan(&world);
    assert_eq!(rate(&faster), Said::Rate(25 << 20));
    let ready = condition(&world, ConditionType::Ready);
    assert_eq!(ready.1, Reason::AsSpecified, "no news of the cluster: {}", ready.2);
}

#[test]
fn what_is_left_and_how_long_it_takes_is_said_and_not_because_time_passes() {
    let mut world = moving();
    let status = |world: &World| plan(world).status.unwrap();
    let first = status(&world).rebalance.unwrap();
    // recorded ten minutes ago: two quarters of 1 KiB are there
    assert_eq!((first.bytes, first.bytes_done, first.bytes_left), (4096, 512, 3584));
    assert_eq!((first.seconds_left, first.bytes_per_second), (Some(4200), Some(50 << 20)));
    let message = first.message.clone().unwrap();
    assert!(message.ends_with("moving: 2; 3.5 KiB left, which takes about 1h10m"), "{message}");
    world.cluster.status = Some(status(&world));
    world.now = Timestamp::from_second(NOW + 60).unwrap();
    assert_eq!(status(&world).rebalance.unwrap(), first);

    let mut suggested = lopsided(&json!({ "mode": "Suggest", "maxBytesPerSecond": 512 }));
    let plan = status(&suggested).rebalance.unwrap();
    assert_eq!((plan.seconds_left, plan.bytes_left), (Some(4), 4096), "2 KiB to each of two");
    suggested.cluster.spec.balance = serde_json::from_value(json!({})).unwrap();
    assert_eq!(status(&suggested).rebalance.unwrap().seconds_left, None);
    assert!(suggested.cluster.annotations().is_empty());
}
