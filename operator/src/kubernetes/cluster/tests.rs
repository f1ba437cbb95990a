//! What a status says of brokers that do not come up, and when that is worth an alarm.

use kastellan_crds::condition::{ConditionStatus, ConditionType, Reason};
use serde_json::json;

use super::*;

mod authorities;
mod balance;
mod drain;
mod fleet;
mod issued;
mod rolls;
mod throttle;

const NOW: i64 = 1_800_000_000;

fn object(kind: Kind, name: &str, rest: &Value) -> ((Kind, String), DynamicObject) {
    let made = Timestamp::from_second(NOW - 600).unwrap().to_string();
    let mut value = json!({
        "apiVersion": "v1",
        "kind": kind.name(),
        "metadata": {
            "name": name, "uid": name, "creationTimestamp": made,
            "labels": { "kastellan.dev/node-id": "0", "kastellan.dev/cluster-id": "id" },
        },
    });
    for (field, rest) in rest.as_object().unwrap() {
        value[field] = rest.clone();
    }
    ((kind, name.to_owned()), serde_json::from_value(value).unwrap())
}

/// A cluster that has its certificates and its record, with a pod in some state.
fn world(spec: &Value, pod: Option<&Value>) -> World {
    let cluster = serde_json::from_value(json!({
        "apiVersion": "kastellan.dev/v1alpha1",
        "kind": "KafkaCluster",
        "metadata": { "name": "demo", "namespace": "kafka", "uid": "u", "generation": 3 },
        "spec": spec,
    }))
    .unwrap();
    let identity = json!({ "data": { "clusterId": "id", "version": "0.1", "image": "i" } });
    let authority = json!({ "data": { "ca.crt": "YQ==", "ca.key": "YQ==" } });
    let mut objects = BTreeMap::from([
        object(Kind::ConfigMap, "demo-identity", &identity),
        object(Kind::Secret, "demo-cluster-ca", &authority),
        object(Kind::PersistentVolumeClaim, "data-demo-0", &json!({ "status": {} })),
    ]);
    objects.extend(pod.map(|pod| object(Kind::Pod, "demo-0-0", pod)));
    World {
        cluster,
        objects,
        given: BTreeMap::new(),
        told: Told::NotAsked,
        replicas: None,
        loaded: BTreeMap::new(),
        users: BTreeMap::new(),
        quorum: None,
        placed: None,
        throttled: Some(BTreeMap::new()),
        has_issuers: false,
        settings: Settings { broker_image: "i".to_owned(), pull_secrets: Vec::new() },
        fresh_id: "fresh".to_owned(),
        refused: BTreeMap::new(),
        now: Timestamp::from_second(NOW).unwrap(),
    }
}

/// Whether a condition holds, why, and in words.
fn condition(world: &World, kind: ConditionType) -> (ConditionStatus, Reason, String) {
    let status = plan(world).status.unwrap();
    let found = status.observed.conditions.into_iter().find(|one| one.kind == kind).unwrap();
    (found.status, found.reason, found.message)
}

fn waiting(reason: &str, message: &str) -> Value {
    json!({ "status": { "containerStatuses": [{
        "name": "broker", "image": "i:1", "imageID": "", "ready": false, "restartCount": 4,
        "state": { "waiting": { "reason": reason, "message": message } },
        "lastState": if reason == "CrashLoopBackOff" {
            json!({ "terminated": { "exitCode": 2, "message": "panic\nerror: no disk\n" } })
        } else {
            json!({})
        },
    }] } })
}

#[test]
fn a_broker_that_does_not_come_up_says_why_and_is_late_in_time() {
    let unplaced = json!({ "status": { "conditions": [{
        "type": "PodScheduled", "status": "False", "message": "0/3 nodes are available",
    }] } });
    let cases = [
        (unplaced, Reason::PodUnschedulable, "broker 0 cannot be placed: 0/3 nodes are available"),
        (
            waiting("ImagePullBackOff", "not found"),
            Reason::ImageUnavailable,
            "broker 0: its image i:1 is not there: not found",
        ),
        (
            waiting("CrashLoopBackOff", "back-off"),
            Reason::BrokerDown,
            "broker 0 ends with code 2 again and again (4 times): error: no disk",
        ),
    ];
    for (pod, reason, words) in cases {
        let world = world(&json!({ "replicas": 1 }), Some(&pod));
        let (status, why, message) = condition(&world, ConditionType::Ready);
        assert_eq!((status, why), (ConditionStatus::False, reason), "{message}");
        assert!(message.starts_with(words), "{message}");
        let (status, why, _) = condition(&world, ConditionType::Degraded);
        assert_eq!((status, why), (ConditionStatus::True, reason), "it began ten minutes ago");
        let (status, ..) = condition(&world, ConditionType::Stalled);
        assert_eq!(status, ConditionStatus::False, "it may pass without a human");
    }
}

#[test]
fn a_deadline_wakes_the_plan_and_time_alone_changes_no_word() {
    let mut early = world(&json!({ "replicas": 1 }), Some(&waiting("ErrImagePull", "not found")));
    early.now = Timestamp::from_second(NOW - 590).unwrap();
    assert_eq!(condition(&early, ConditionType::Degraded).0, ConditionStatus::False);
    assert_eq!(plan(&early).wake, Some(Duration::from_secs(20)));
    let late = world(&json!({ "replicas": 1 }), Some(&waiting("ErrImagePull", "not found")));
    let mut later = late.clone();
    later.now = Timestamp::from_second(NOW + 3600).unwrap();
    assert_eq!(condition(&late, ConditionType::Ready).2, condition(&later, ConditionType::Ready).2);
}

#[test]
fn what_cannot_be_carried_out_plans_nothing() {
    for (spec, reason, words) in [
        (json!({ "replicas": 3 }), Reason::NotYetSupported, "others beside one broker"),
        (json!({}), Reason::NotYetSupported, "write replicas: 1"),
        (
            json!({ "replicas": 3, "storage": { "type": "Ephemeral" } }),
            Reason::NotYetSupported,
            "write type: PersistentClaim, or replicas: 1",
        ),
        (
            json!({ "replicas": 1, "config": { "default.replication.factor": 2 } }),
            Reason::InvalidConfig,
            "needs 2 brokers; there is 1",
        ),
        (
            json!({ "replicas": 1, "config": { "log.retention.hours": "soon" } }),
            Reason::InvalidConfig,
            "log.retention.hours",
        ),
        (
            json!({ "replicas": 1, "listeners": [{ "name": "a", "port": 1, "type": "LoadBalancer" }] }),
            Reason::NotYetSupported,
            "listener a: type LoadBalancer",
        ),
    ] {
        let world = world(&spec, None);
        let (status, why, message) = condition(&world, ConditionType::Stalled);
        assert_eq!((status, why), (ConditionStatus::True, reason), "{message}");
        assert!(message.contains(words), "{message}");
        assert_eq!(plan(&world).steps, []);
    }
}

#[test]
fn the_same_world_gives_the_same_plan() {
    let world = world(&json!({ "replicas": 1 }), None);
    assert_eq!(plan(&world), plan(&world));
}
