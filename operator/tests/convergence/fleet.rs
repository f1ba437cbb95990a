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
