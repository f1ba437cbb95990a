//! Watches that tell nothing of some events and twice of others; and a world that does not change.

use serde_json::json;

use super::gate::End;
use super::play::{clock, difference};
use super::scenarios::ALL;
use super::users::OF_USERS;
use super::world::{LONG, World};

#[test]
fn events_that_are_lost_or_repeated_make_no_difference() {
    for scenario in ALL.iter().chain(OF_USERS) {
        let mut dumps = Vec::new();
        for unreliable in [None, Some(2), Some(3)] {
            dumps.push(clock().block_on(async {
                let mut world = World::new(End::Never);
                if unreliable.is_some() {
                    world.quiet = LONG;
                }
                *world.server.unreliable.lock().unwrap() = unreliable;
                for step in scenario.steps {
                    (step.act)(&world);
                    world.settle().await;
                    // a watch is begun anew now and then, with a list of all there is
                    world.kill();
                    world.start();
                    world.settle().await;
                }
                world.dump()
            }));
        }
        for dump in &dumps[1..] {
            assert!(*dump == dumps[0], "{}: {}", scenario.name, difference(&dumps[0], dump));
        }
    }
}

#[test]
fn a_second_operator_in_an_unchanged_world_writes_nothing() {
    for scenario in ALL.iter().chain(OF_USERS) {
        clock().block_on(async {
            let mut world = World::new(End::Never);
            for step in scenario.steps {
                (step.act)(&world);
                world.settle().await;
                let before = world.gate.writes();
                world.kill();
                world.start();
                world.settle().await;
                let after = world.gate.writes();
                // what the brokers refused is asked once more by whoever does not remember
                let mut new = after[before.len()..].iter().filter(|write| !write.contains("bad"));
                assert_eq!(new.next(), None, "{}", scenario.name);
            }
        });
    }
}

#[test]
fn somebody_elses_object_is_not_taken_over() {
    clock().block_on(async {
        let mut world = World::new(End::Never);
        let foreign = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "demo-0" },
            "spec": { "selector": { "app": "mine" } },
        });
        world.change(|state| state.create("services", &foreign, "kubectl").unwrap());
        world.create("KafkaCluster", "demo", &json!({ "replicas": 1 }));
        world.settle().await;
        let selector = world.get("services", "demo-0").unwrap()["spec"]["selector"].clone();
        assert_eq!(selector, json!({ "app": "mine" }));
        let reason = world.reason("kafkaclusters", "demo", "Degraded", "True");
        assert_eq!(reason, "RequestRefused");
        world.delete("services", "demo-0");
        world.settle().await;
        assert_eq!(world.reason("kafkaclusters", "demo", "Ready", "True"), "AsSpecified");
    });
}
