//! Several brokers: what is decided once, and what becomes of a volume that is lost.

use kube::ResourceExt as _;

use super::rolls::pod;
use super::*;
use crate::kubernetes::names;

/// Three brokers whose record says that these have claims, and these have served.
pub(super) fn three(claimed: &str, formatted: &str, claims: &[i32]) -> World {
    let mut world = world(&json!({}), None);
    world.objects.remove(&(Kind::PersistentVolumeClaim, "data-demo-0".to_owned()));
    let record = json!({ "data": {
        "clusterId": "id", "version": "0.1", "image": "i",
        "brokers": "0,1,2", "claimed": claimed, "formatted": formatted,
    } });
    world.objects.extend([object(Kind::ConfigMap, "demo-identity", &record)]);
    for id in claims {
        let (key, mut claim) = object(
            Kind::PersistentVolumeClaim,
            &format!("data-demo-{id}"),
            &json!({ "status": { "phase": "Bound" } }),
        );
        let kept = [(names::BROKERS, "0,1,2"), (names::DIRECTORY_ID, "its own")];
        claim.annotations_mut().extend(kept.map(|(key, text)| (key.to_owned(), text.to_owned())));
        claim.labels_mut().insert(names::NODE_ID.to_owned(), id.to_string());
        world.objects.insert(key, claim);
    }
    world
}

/// The objects of a kind that a plan applies.
fn applied(plan: &Plan, kind: Kind) -> Vec<&Object> {
    let objects = plan.steps.iter().filter_map(|step| match step {
        Step::Create(object) | Step::Apply(object, _) => Some(object),
        _ => None,
    });
    objects.filter(|object| object.kind == kind).collect()
}

fn names_of<'a>(objects: &[&'a Object]) -> Vec<&'a str> {
    objects.iter().map(|object| object.name.as_str()).collect()
}

/// Whether a claim that is made says whose vote is on it.
fn votes(plan: &Plan, name: &str) -> bool {
    let claims = applied(plan, Kind::PersistentVolumeClaim);
    let claim = claims.iter().find(|claim| claim.name == name).unwrap();
    claim.body["metadata"]["annotations"].get(names::DIRECTORY_ID).is_some()
}

#[test]
fn nothing_runs_before_its_claims_are_on_record() {
    let mut new = world(&json!({}), None);
    new.objects.clear();
    let first = plan(&new);
    let Some(Step::Create(record)) = first.steps.first() else { panic!("{first:?}") };
    assert_eq!(record.body["data"]["brokers"], "0,1,2");
    assert_eq!(record.body["data"]["claimed"], "");

    let begun = plan(&three("", "", &[]));
    assert!((0..3).all(|id| votes(&begun, &format!("data-demo-{id}"))), "{begun:?}");
    assert_eq!(applied(&begun, Kind::StatefulSet), Vec::<&Object>::new());

    let some = plan(&three("", "", &[0, 2]));
    assert_eq!(names_of(&applied(&some, Kind::StatefulSet)), ["demo-0", "demo-2"]);
    let maps = names_of(&applied(&some, Kind::ConfigMap));
    assert_eq!(maps.iter().filter(|name| name.ends_with("-directory")).count(), 2, "{maps:?}");
    let record = applied(&some, Kind::ConfigMap);
    assert_eq!(record[0].body["data"]["claimed"], "0,2", "it comes first");
}

#[test]
fn who_has_served_is_never_formatted_by_its_first_id_again() {
    let mut served = three("0,1,2", "0,1,2", &[0, 1, 2]);
    let map = object(Kind::ConfigMap, "demo-1-directory", &json!({ "data": { "id": "x" } }));
    served.objects.extend([map]);
    let plan = plan(&served);
    let gone =
        Step::Delete(Kind::ConfigMap, "demo-1-directory".to_owned(), "demo-1-directory".to_owned());
    assert!(plan.steps.contains(&gone), "{plan:?}");
    let maps = names_of(&applied(&plan, Kind::ConfigMap));
    assert!(!maps.iter().any(|name| name.ends_with("-directory")), "{maps:?}");
}

#[test]
fn a_lost_volume_is_filled_again_without_a_vote() {
    let world = three("0,1,2", "0,1,2", &[0, 2]);
    let after = plan(&world);
    assert!(!votes(&after, "data-demo-1"), "{after:?}");
    let (status, reason, message) = condition(&world, ConditionType::Degraded);
    assert_eq!((status, reason), (ConditionStatus::True, Reason::StorageLost));
    assert!(message.starts_with("the volume of broker 1 was lost"), "{message}");

    // what would format it by its first id goes before it comes
    let mut early = three("0,1,2", "", &[0, 2]);
    let map = object(Kind::ConfigMap, "demo-1-directory", &json!({ "data": { "id": "x" } }));
    early.objects.extend([map]);
    assert_eq!(
        names_of(&applied(&plan(&early), Kind::PersistentVolumeClaim)),
        ["data-demo-0", "data-demo-2"]
    );
}

/// Those vote with that directory, and follow.
fn decide(world: &mut World, ids: &[i32], directory: &str) {
    let voters = ids.iter().map(|id| (*id, directory.to_owned())).collect();
    let current = ids.iter().copied().collect();
    let (leader, observers) = (0, BTreeMap::new());
    world.quorum = Some(Quorum { leader, voters, observers, current });
}

#[test]
fn a_claim_says_whose_vote_is_on_it_once_its_broker_serves_and_votes() {
    let mut world = three("0,1,2", "0,1,2", &[0, 1, 2]);
    let key = (Kind::PersistentVolumeClaim, "data-demo-1".to_owned());
    let claim = world.objects.get_mut(&key).unwrap();
    claim.annotations_mut().remove(names::DIRECTORY_ID);
    decide(&mut world, &[0, 1, 2], "anew");
    assert!(!votes(&plan(&world), "data-demo-1"), "it does not serve");
    pod(&mut world, 1, "now", true);
    assert!(votes(&plan(&world), "data-demo-1"));
    // it is the vote of a directory that is gone
    if let Some(quorum) = &mut world.quorum {
        quorum.current.remove(&1);
    }
    assert!(!votes(&plan(&world), "data-demo-1"));
}

#[test]
fn two_lost_volumes_are_not_the_end_of_five_voters() {
    let mut world = three("0,1,2", "0,1,2", &[0]);
    assert_eq!(condition(&world, ConditionType::Stalled).1, Reason::StorageLost);
    for id in [0, 3, 4] {
        pod(&mut world, id, "now", true);
    }
    decide(&mut world, &[0, 1, 2, 3, 4], "its own");
    if let Some(quorum) = &mut world.quorum {
        quorum.current = [0, 3, 4].into();
    }
    let (status, _, message) = condition(&world, ConditionType::Stalled);
    assert_eq!(status, ConditionStatus::False, "{message}");
    // and they are once one more is away
    if let Some(quorum) = &mut world.quorum {
        quorum.current = [0, 3].into();
    }
    assert_eq!(condition(&world, ConditionType::Stalled).1, Reason::StorageLost);
}

#[test]
fn when_most_voters_are_lost_a_human_decides() {
    let world = three("0,1,2", "0,1,2", &[2]);
    let (status, reason, message) = condition(&world, ConditionType::Stalled);
    assert_eq!((status, reason), (ConditionStatus::True, Reason::StorageLost));
    assert!(message.contains("(1 of 3 are left)"), "{message}");
    assert_eq!(plan(&world).steps, []);
}

#[test]
fn volumes_that_were_kept_say_how_many_brokers_there_were() {
    let mut world = three("", "", &[0, 1, 2]);
    world.objects.remove(&(Kind::ConfigMap, "demo-identity".to_owned()));
    let again = plan(&world);
    let Some(Step::Create(record)) = again.steps.first() else { panic!("{again:?}") };
    for field in ["brokers", "claimed", "formatted"] {
        assert_eq!(record.body["data"][field], "0,1,2", "{field}");
    }
    world.cluster.spec.replicas = Some(1);
    let (_, reason, message) = condition(&world, ConditionType::Stalled);
    assert_eq!(reason, Reason::NotYetSupported);
    assert!(message.contains("write replicas: 2 or more"), "{message}");
}

/// What the record says after a change of the number of brokers.
fn recorded(world: &World, field: &str) -> Value {
    let plan = plan(world);
    let maps = applied(&plan, Kind::ConfigMap);
    let record = maps.iter().find(|map| map.name == "demo-identity").expect("it is recorded");
    record.body["data"][field].clone()
}

#[test]
fn more_brokers_come_without_a_vote_and_restart_nobody() {
    let mut world = three("0,1,2", "0,1,2", &[0, 1, 2]);
    let before: Vec<Object> =
        applied(&plan(&world), Kind::StatefulSet).into_iter().cloned().collect();
    assert_eq!(before.len(), 3);
    world.cluster.spec.replicas = Some(5);
    assert_eq!(recorded(&world, "brokers"), "0,1,2,3,4");
    assert_eq!(recorded(&world, "voters"), "0,1,2");
    let grown = plan(&world);
    let first = grown.steps.first();
    assert!(matches!(first, Some(Step::Apply(map, _)) if map.name == "demo-identity"), "{first:?}");
    // the record comes first, then their claims, and only then what runs on them
    let sets: Vec<Object> = applied(&grown, Kind::StatefulSet).into_iter().cloned().collect();
    assert_eq!(sets, before, "the others stay as they are");
    assert!(!votes(&grown, "data-demo-3") && !votes(&grown, "data-demo-4"));
    assert!(votes(&grown, "data-demo-0"));
    let maps = names_of(&applied(&grown, Kind::ConfigMap));
    assert!(!maps.iter().any(|name| name.ends_with("-directory")), "{maps:?}");

    // a fourth changes nothing about who votes, so there is nothing to say of it
    world.cluster.spec.replicas = Some(4);
    assert_eq!(recorded(&world, "brokers"), "0,1,2,3");
    assert_eq!(recorded(&world, "voters"), Value::Null);
}

#[test]
fn who_votes_is_known_though_the_record_is_lost_while_more_brokers_come() {
    let mut world = three("0,1,2", "0,1,2", &[0, 1, 2]);
    world.objects.remove(&(Kind::ConfigMap, "demo-identity".to_owned()));
    // one claim is told already
    let key = (Kind::PersistentVolumeClaim, "data-demo-1".to_owned());
    let told = [(names::BROKERS, "0,1,2,3,4"), (names::VOTERS, "0,1,2")];
    let claim = world.objects.get_mut(&key).expect("it has a claim");
    claim.annotations_mut().extend(told.map(|(key, text)| (key.to_owned(), text.to_owned())));
    world.cluster.spec.replicas = Some(5);
    let Some(Step::Create(record)) = plan(&world).steps.into_iter().next() else { panic!("none") };
    assert_eq!(record.body["data"]["brokers"], "0,1,2,3,4");
    assert_eq!(record.body["data"]["voters"], "0,1,2");
}

#[test]
fn nobody_is_left_alone() {
    let mut world = three("0,1,2", "0,1,2", &[0, 1, 2]);
    world.cluster.spec.replicas = Some(1);
    let (_, reason, message) = condition(&world, ConditionType::Stalled);
    assert_eq!(reason, Reason::NotYetSupported);
    assert!(message.contains("write replicas: 2 or more"), "{message}");
    assert_eq!(plan(&world).steps, []);
}
