//! Several brokers: formed once, restarted in turn, filled again, joined by more.

use serde_json::json;

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

/// Two more are there, and do not vote; who was there was not touched.
fn five(world: &World) {
    assert_eq!(world.reason("kafkaclusters", "demo", "Ready", "True"), READY);
    assert_eq!(world.get("kafkaclusters", "demo").unwrap()["status"]["readyReplicas"], 5);
    let record = world.get("configmaps", "demo-identity").unwrap()["data"].clone();
    for field in ["brokers", "claimed", "formatted"] {
        assert_eq!(record[field], "0,1,2,3,4", "{field}");
    }
    assert_eq!(record["voters"], "0,1,2");
    assert!(!votes(world, 3) && !votes(world, 4));
    let arguments = |id: i32| {
        let set = world.get("statefulsets", &format!("demo-{id}")).unwrap();
        set["spec"]["template"]["spec"]["containers"][0]["args"].to_string()
    };
    assert!(arguments(3).contains("process.roles=broker\""), "{}", arguments(3));
    assert!(!arguments(0).contains("demo-3"), "{}", arguments(0));
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
                assert!(votes(world, 0) && votes(world, 1) && !votes(world, 2));
                let reason = world.reason("kafkaclusters", "demo", "Degraded", "True");
                assert_eq!(reason, "StorageLost");
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
                world.patch("kafkaclusters", "demo", &json!({ "spec": { "replicas": 4 } }));
            },
            check: |world| {
                let reason = world.reason("kafkaclusters", "demo", "Stalled", "True");
                assert_eq!(reason, "NotYetSupported");
                assert!(world.get("statefulsets", "demo-4").is_some());
            },
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
                let auto = json!({ "mode": "Auto", "maxConcurrentMoves": 2 });
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
