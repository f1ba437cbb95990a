//! Several brokers: formed once, restarted in turn, filled again, joined by more.

use std::collections::BTreeMap;

use kastellan_operator::admin::Described;
use serde_json::json;

use super::brokers::Data;
use super::scenarios::{READY, Scenario, Step};
use super::world::World;

fn ready(world: &World) {
    assert_eq!(world.reason("kafkaclusters", "demo", "Ready", "True"), READY);
    assert_eq!(world.get("kafkaclusters", "demo").unwrap()["status"]["readyReplicas"], 3);
    let record = world.get("configmaps", "demo-identity").unwrap()["data"].clone();
    for field in ["brokers", "claimed", "formatted"] {
        assert_eq!(record[field], "0,1,2", "{field}");
    }
    for id in 0..3 {
        let name = format!("demo-{id}-directory");
        assert_eq!(world.get("configmaps", &name), None, "{name}");
    }
}

/// Two more are there, and vote by now; who was there was not touched.
fn five(world: &World) {
    assert_eq!(world.reason("kafkaclusters", "demo", "Ready", "True"), READY);
    assert_eq!(world.get("kafkaclusters", "demo").unwrap()["status"]["readyReplicas"], 5);
    let record = world.get("configmaps", "demo-identity").unwrap()["data"].clone();
    for field in ["brokers", "claimed", "formatted"] {
        assert_eq!(record[field], "0,1,2,3,4", "{field}");
    }
    assert_eq!(record["voters"], "0,1,2");
    vote(world, &[0, 1, 2, 3, 4]);
    let arguments = |id: i32| {
        let set = world.get("statefulsets", &format!("demo-{id}")).unwrap();
        set["spec"]["template"]["spec"]["containers"][0]["args"].to_string()
    };
    assert!(arguments(3).contains("process.roles=broker\""), "{}", arguments(3));
    assert!(!arguments(0).contains("demo-3"), "{}", arguments(0));
}

/// Just these vote, and their claims say so.
fn vote(world: &World, ids: &[i32]) {
    let data = world.brokers.data.lock().unwrap();
    for data in data.values() {
        assert!(data.votes.keys().eq(ids), "{:?}", data.votes);
    }
    assert!(ids.iter().all(|id| votes(world, *id)));
}

/// Whether the claim of a broker says that it votes.
fn votes(world: &World, id: i32) -> bool {
    let claim = world.get("persistentvolumeclaims", &format!("data-demo-{id}")).unwrap();
    claim["metadata"]["annotations"]["kastellan.dev/directory-id"].is_string()
}

pub(crate) const THREE: Scenario = Scenario {
    name: "three brokers are formed, restarted and filled again, and become five",
    steps: &[
        Step {
            act: |world| world.create("KafkaCluster", "demo", &json!({})),
            check: |world| {
                ready(world);
                assert!((0..3).all(|id| votes(world, id)));
            },
        },
        Step {
            act: |world| {
                let annotation = json!({ "kastellan.dev/restart": "now" });
                let patch = json!({ "metadata": { "annotations": annotation } });
                world.patch("kafkaclusters", "demo", &patch);
            },
            check: ready,
        },
        Step {
            act: |world| {
                world.delete("persistentvolumeclaims", "data-demo-2");
                world.delete("pods", "demo-2-0");
            },
            check: |world| {
                ready(world);
                // the directory in the place of the one that was lost
                vote(world, &[0, 1, 2]);
                let reason = world.reason("kafkaclusters", "demo", "Degraded", "False");
                assert_eq!(reason, READY);
            },
        },
        Step {
            act: |world| {
                world.patch("kafkaclusters", "demo", &json!({ "spec": { "replicas": 5 } }));
            },
            check: five,
        },
        Step {
            act: |world| {
                world.patch("kafkaclusters", "demo", &json!({ "spec": { "replicas": 1 } }));
            },
            check: |world| {
                let reason = world.reason("kafkaclusters", "demo", "Stalled", "True");
                assert_eq!(reason, "NotYetSupported");
                assert!(world.get("statefulsets", "demo-4").is_some());
            },
        },
    ],
};

/// Those are the brokers, these of them vote, and nothing is left of others.
fn are(world: &World, ids: &[i32], voters: &[i32]) {
    assert_eq!(world.reason("kafkaclusters", "demo", "Ready", "True"), READY);
    let list = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let record = world.get("configmaps", "demo-identity").unwrap()["data"].clone();
    assert_eq!(record["brokers"], list);
    vote(world, voters);
    for id in 0..6 {
        let there = world.get("statefulsets", &format!("demo-{id}")).is_some();
        assert_eq!(there, ids.contains(&id), "{id}");
    }
}

pub(crate) const VOTERS: Scenario = Scenario {
    name: "voters come and go",
    steps: &[
        Step { act: |world| world.create("KafkaCluster", "demo", &json!({})), check: ready },
        Step {
            act: |world| ask(world, &json!({ "replicas": 4 })),
            check: |world| are(world, &[0, 1, 2, 3], &[0, 1, 2]),
        },
        Step {
            act: |world| ask(world, &json!({ "replicas": 3, "removedBrokers": [0] })),
            check: |world| {
                are(world, &[1, 2, 3], &[1, 2, 3]);
                // whom brokers ask that come anew
                let record = world.get("configmaps", "demo-identity").unwrap();
                assert_eq!(record["data"]["voters"], "0,1,2");
            },
        },
        Step {
            // nobody comes with the number of one that voted before
            act: |world| ask(world, &json!({ "replicas": 4 })),
            check: |world| are(world, &[1, 2, 3, 4], &[1, 2, 3]),
        },
    ],
};

/// Where the replicas of the topic `t` are.
fn replicas(world: &World) -> Vec<(Vec<i32>, i32)> {
    let data = world.brokers.data.lock().unwrap();
    data.values().flat_map(|data| data.replicas.values().cloned()).collect()
}

/// The hash of the plan in the status.
fn suggested(world: &World) -> Option<String> {
    let cluster = world.get("kafkaclusters", "demo").unwrap();
    cluster["status"]["rebalance"]["hash"].as_str().map(str::to_owned)
}

fn approve(world: &World, hash: &str) {
    let annotation = json!({ "kastellan.dev/approve-rebalance": hash });
    world.patch("kafkaclusters", "demo", &json!({ "metadata": { "annotations": annotation } }));
}

/// All of `t` is on the first broker.
fn load(world: &World) {
    for data in world.brokers.data.lock().unwrap().values_mut() {
        let partition = |index| (("t".to_owned(), index), (vec![0], 0));
        data.replicas = (0..9).map(partition).collect();
        let config = BTreeMap::new();
        let topic = Described { id: "id-t".to_owned(), partitions: 9, replicas: 1, config };
        data.topics.insert("t".to_owned(), topic);
    }
    // the brokers tell nobody: any change of the object has it looked at
    world.patch("kafkaclusters", "demo", &json!({ "metadata": { "labels": { "loaded": "t" } } }));
}

/// All hold and lead equally much, and no plan is left.
fn even(world: &World) {
    ready(world);
    assert_eq!(world.reason("kafkaclusters", "demo", "Balanced", "True"), READY);
    let placed = replicas(world);
    for id in 0..3 {
        let leads = placed.iter().filter(|(replicas, leader)| *replicas == [id] && *leader == id);
        assert_eq!(leads.count(), 3, "{placed:?}");
    }
    assert_eq!((suggested(world), world.get("configmaps", "demo-rebalance")), (None, None));
    assert_eq!(world.get("configmaps", "demo-throttled"), None);
    let data = world.brokers.data.lock().unwrap();
    let left = |data: &Data| (data.topics["t"].config.clone(), data.overrides.clone());
    for (topic, brokers) in data.values().map(left) {
        assert_eq!(topic, BTreeMap::new());
        assert!(brokers.values().all(BTreeMap::is_empty), "{brokers:?}");
    }
}

fn untouched(world: &World, reason: &str) {
    ready(world);
    assert_eq!(world.reason("kafkaclusters", "demo", "Balanced", "False"), reason);
    assert!(replicas(world).iter().all(|(replicas, _)| *replicas == [0]));
}

pub(crate) const BALANCED: Scenario = Scenario {
    name: "partitions move as they were suggested and approved, or by themselves",
    steps: &[
        Step {
            act: |world| {
                world.create("KafkaCluster", "demo", &json!({ "balance": { "mode": "Suggest" } }));
            },
            check: |world| {
                ready(world);
                assert_eq!(world.reason("kafkaclusters", "demo", "Balanced", "True"), READY);
            },
        },
        Step { act: load, check: |world| untouched(world, "RebalanceProposed") },
        Step {
            act: |world| approve(world, "something"),
            check: |world| untouched(world, "ApprovalStale"),
        },
        Step { act: |world| approve(world, &suggested(world).unwrap()), check: even },
        Step {
            act: |world| {
                let auto =
                    json!({ "mode": "Auto", "maxConcurrentMoves": 2, "maxBytesPerSecond": "8Mi" });
                world.patch("kafkaclusters", "demo", &json!({ "spec": { "balance": auto } }));
                load(world);
            },
            check: even,
        },
        Step {
            act: |world| {
                world.patch("kafkaclusters", "demo", &json!({ "spec": { "balance": null } }));
            },
            check: |world| {
                ready(world);
                let none = world.reason("kafkaclusters", "demo", "Balanced", "True");
                assert!(none.starts_with("no Balanced=True"), "{none}");
            },
        },
    ],
};

/// Every broker of four holds something; one partition is on so many of them.
fn hold(world: &World, wide: i32) {
    for data in world.brokers.data.lock().unwrap().values_mut() {
        let place = |index: i32| vec![index % 4, (index + 1) % 4];
        let partition = |index: i32| (("t".to_owned(), index), (place(index), index % 4));
        data.replicas = (0..8).map(partition).collect();
        data.replicas.insert(("wide".to_owned(), 0), ((0..wide).collect(), 0));
    }
}

fn ask(world: &World, spec: &serde_json::Value) {
    world.patch("kafkaclusters", "demo", &json!({ "spec": spec }));
}

/// So many brokers are there, and hold everything; and so many claims.
fn there(world: &World, count: i32, claims: i32) {
    assert_eq!(world.reason("kafkaclusters", "demo", "Ready", "True"), READY);
    let serve = world.get("kafkaclusters", "demo").unwrap()["status"]["readyReplicas"].clone();
    assert_eq!(serve, count);
    let ids = (0..count).map(|id| id.to_string()).collect::<Vec<_>>().join(",");
    let record = world.get("configmaps", "demo-identity").unwrap()["data"].clone();
    for field in ["brokers", "claimed", "formatted"] {
        assert_eq!(record[field], *ids, "{field}");
    }
    for field in ["removed", "voters"] {
        assert_eq!(record[field], serde_json::Value::Null, "{field}");
    }
    for id in 0..4 {
        let (stays, name) = (id < count, format!("demo-{id}"));
        for (resource, name) in
            [("statefulsets", &name), ("services", &name), ("secrets", &format!("{name}-certs"))]
        {
            assert_eq!(world.get(resource, name).is_some(), stays, "{resource} {name}");
        }
        let claim = world.get("persistentvolumeclaims", &format!("data-{name}"));
        assert_eq!(claim.is_some(), id < claims, "{name}");
    }
    let placed = replicas(world);
    let strays = |(replicas, _): &&(Vec<i32>, i32)| replicas.iter().any(|id| *id >= count);
    assert_eq!(placed.iter().find(strays), None);
    let data = world.brokers.data.lock().unwrap();
    assert!(data.values().all(|data| data.registered.iter().copied().eq(0..count)));
}

pub(crate) const FEWER: Scenario = Scenario {
    name: "a broker goes once it is empty, and comes again",
    steps: &[
        Step {
            act: |world| world.create("KafkaCluster", "demo", &json!({ "replicas": 4 })),
            check: |world| there(world, 4, 4),
        },
        Step {
            act: |world| {
                hold(world, 4);
                ask(world, &json!({ "replicas": 3 }));
            },
            check: |world| {
                let reason = world.reason("kafkaclusters", "demo", "Ready", "False");
                assert_eq!(reason, "DrainBlocked");
                let moved = replicas(world);
                let held = moved.iter().filter(|(replicas, _)| replicas.contains(&3)).count();
                assert_eq!(held, 1, "all but the one that has nowhere to go: {moved:?}");
                assert!(world.get("statefulsets", "demo-3").is_some());
            },
        },
        Step {
            act: |world| {
                hold(world, 3);
                ask(world, &json!({ "storage": { "deletionPolicy": "Delete" } }));
            },
            check: |world| there(world, 3, 3),
        },
        Step {
            act: |world| {
                let kept = json!({ "deletionPolicy": "Retain" });
                ask(world, &json!({ "replicas": 4, "storage": kept }));
            },
            check: |world| there(world, 4, 4),
        },
        Step {
            act: |world| {
                hold(world, 3);
                ask(world, &json!({ "replicas": 3 }));
            },
            check: |world| there(world, 3, 4),
        },
    ],
};
