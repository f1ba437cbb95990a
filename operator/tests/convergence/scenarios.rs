//! What people do, step by step; after each step, what has to be true once all is quiet.

use serde_json::json;

use super::fleet::{BALANCED, FEWER, THREE, VOTERS};
use super::server::State;
use super::world::World;

pub(crate) const READY: &str = "AsSpecified";

/// One thing that somebody does, and what has to come of it.
pub(crate) struct Step {
    pub(crate) act: fn(&World),
    pub(crate) check: fn(&World),
}

pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) steps: &'static [Step],
}

fn ready(world: &World) {
    assert_eq!(world.reason("kafkaclusters", "demo", "Ready", "True"), READY);
}

fn topic(world: &World, name: &str) -> Option<(i32, String)> {
    let data = world.brokers.data.lock().unwrap();
    let topic = data.values().find_map(|data| data.topics.get(name))?;
    Some((topic.partitions, format!("{:?}", topic.config)))
}

fn topic_ready(world: &World) {
    ready(world);
    assert_eq!(world.reason("kafkatopics", "orders", "Ready", "True"), READY);
}

const CREATE: Step = Step {
    act: |world| world.create("KafkaCluster", "demo", &json!({ "replicas": 1 })),
    check: |world| {
        ready(world);
        let status = world.get("kafkaclusters", "demo").unwrap()["status"].clone();
        assert_eq!(status["readyReplicas"], 1);
        let address = format!("demo-bootstrap.{}.svc:9092", world.server.namespace());
        assert_eq!(status["listeners"][0]["bootstrap"], address);
        for (resource, name) in [
            ("statefulsets", "demo-0"),
            ("services", "demo-0"),
            ("services", "demo-bootstrap"),
            ("services", "demo-brokers"),
            ("persistentvolumeclaims", "data-demo-0"),
            ("poddisruptionbudgets", "demo"),
            ("networkpolicies", "demo"),
        ] {
            assert!(world.get(resource, name).is_some(), "{resource} {name}");
        }
        assert_eq!(world.get("configmaps", "demo-identity").unwrap()["data"]["formatted"], "0");
    },
};

const TOPIC: Step = Step {
    act: |world| {
        let spec = json!({
            "clusterRef": { "name": "demo" }, "partitions": 2,
            "config": { "retention.ms": "1000" }, "deletionPolicy": "Delete",
        });
        world.create("KafkaTopic", "orders", &spec);
    },
    check: |world| {
        topic_ready(world);
        let there = topic(world, "orders").unwrap();
        assert_eq!(there, (2, "{\"retention.ms\": \"1000\"}".to_owned()));
        let object = world.get("kafkatopics", "orders").unwrap();
        assert_eq!(object["metadata"]["finalizers"], json!(["kastellan.dev/topic"]));
        assert_eq!(object["status"]["topicId"], "id-orders");
    },
};

pub(crate) const ALL: &[Scenario] = &[
    THREE,
    BALANCED,
    FEWER,
    VOTERS,
    Scenario {
        name: "a cluster and a topic come and go",
        steps: &[
            CREATE,
            TOPIC,
            Step {
                act: |world| {
                    let more = json!({ "spec": { "partitions": 4, "config": {
                        "retention.ms": "2000",
                    } } });
                    world.patch("kafkatopics", "orders", &more);
                },
                check: |world| {
                    topic_ready(world);
                    let there = topic(world, "orders").unwrap();
                    assert_eq!(there, (4, "{\"retention.ms\": \"2000\"}".to_owned()));
                },
            },
            Step {
                act: |world| {
                    // the rules of the definition let no object ask for less than before
                    let mut data = world.brokers.data.lock().unwrap();
                    let topics = &mut data.values_mut().next().unwrap().topics;
                    topics.get_mut("orders").unwrap().partitions = 8;
                },
                check: |world| {
                    let reason = world.reason("kafkatopics", "orders", "Stalled", "True");
                    assert_eq!(reason, "PartitionsCannotShrink");
                    assert_eq!(topic(world, "orders").unwrap().0, 8);
                },
            },
            Step {
                act: |world| world.delete("kafkatopics", "orders"),
                check: |world| {
                    assert_eq!(topic(world, "orders"), None);
                    assert_eq!(world.get("kafkatopics", "orders"), None);
                },
            },
            Step {
                act: |world| world.delete("kafkaclusters", "demo"),
                check: |world| {
                    assert_eq!(world.get("statefulsets", "demo-0"), None);
                    assert!(world.get("persistentvolumeclaims", "data-demo-0").is_some());
                },
            },
        ],
    },
    Scenario {
        name: "a cluster comes back to its volumes",
        steps: &[
            CREATE,
            TOPIC,
            Step {
                act: |world| world.delete("kafkaclusters", "demo"),
                check: |world| {
                    let reason = world.reason("kafkatopics", "orders", "Ready", "False");
                    assert_eq!(reason, "ClusterNotFound");
                    let finalizers = &world.get("kafkatopics", "orders").unwrap()["metadata"];
                    assert_eq!(finalizers["finalizers"], json!(null));
                },
            },
            Step {
                act: CREATE.act,
                check: |world| {
                    (CREATE.check)(world);
                    (TOPIC.check)(world);
                },
            },
        ],
    },
    Scenario {
        name: "settings change, with and without a restart",
        steps: &[
            CREATE,
            Step {
                act: |world| {
                    let config = json!({ "spec": { "config": { "log.retention.ms": "5000" } } });
                    world.patch("kafkaclusters", "demo", &config);
                },
                check: |world| {
                    ready(world);
                    let data = format!("{:?}", world.brokers.data.lock().unwrap());
                    assert!(data.contains("\"log.retention.ms\": \"5000\""), "{data}");
                },
            },
            Step {
                act: |world| {
                    let config = json!({ "spec": {
                        "config": { "log.retention.ms": null, "offsets.topic.num.partitions": "7" },
                    } });
                    world.patch("kafkaclusters", "demo", &config);
                },
                check: |world| {
                    ready(world);
                    let maps = world.server.state.lock().unwrap().objects.clone();
                    let texts: Vec<String> = maps
                        .iter()
                        .filter(|((resource, _), _)| resource == "configmaps")
                        .filter_map(|(_, stored)| {
                            Some(stored.value["data"]["broker.properties"].as_str()?.to_owned())
                        })
                        .collect();
                    assert_eq!(texts, ["offsets.topic.num.partitions=7\n"]);
                },
            },
            Step {
                act: |world| {
                    let change = json!({ "spec": { "image": "kastellan:other" } });
                    world.patch("kafkaclusters", "demo", &change);
                },
                check: |world| {
                    ready(world);
                    let pod = world.get("pods", "demo-0-0").unwrap();
                    assert_eq!(pod["spec"]["containers"][0]["image"], "kastellan:other");
                },
            },
        ],
    },
    Scenario {
        name: "what is deleted or changed by hand comes back",
        steps: &[
            CREATE,
            TOPIC,
            Step {
                act: |world| {
                    for (resource, name) in [
                        ("services", "demo-0"),
                        ("services", "demo-bootstrap"),
                        ("statefulsets", "demo-0"),
                        ("networkpolicies", "demo"),
                        ("poddisruptionbudgets", "demo"),
                        ("configmaps", "demo-identity"),
                        ("secrets", "demo-cluster-ca"),
                    ] {
                        world.delete(resource, name);
                    }
                },
                check: |world| {
                    (CREATE.check)(world);
                    (TOPIC.check)(world);
                },
            },
            Step {
                act: |world| {
                    world.patch("statefulsets", "demo-0", &json!({ "spec": { "replicas": 0 } }));
                    let labels =
                        json!({ "spec": { "selector": { "kastellan.dev/cluster": "x" } } });
                    world.patch("services", "demo-bootstrap", &labels);
                    let mut data = world.brokers.data.lock().unwrap();
                    let topics = &mut data.values_mut().next().unwrap().topics;
                    let config = &mut topics.get_mut("orders").unwrap().config;
                    config.insert("cleanup.policy".to_owned(), "compact".to_owned());
                },
                check: |world| {
                    (CREATE.check)(world);
                    (TOPIC.check)(world);
                },
            },
        ],
    },
    Scenario {
        name: "a cluster goes with its volumes",
        steps: &[
            Step {
                act: |world| {
                    let spec = json!({ "replicas": 1, "storage": { "deletionPolicy": "Delete" } });
                    world.create("KafkaCluster", "demo", &spec);
                },
                check: CREATE.check,
            },
            Step {
                act: |world| world.delete("kafkaclusters", "demo"),
                check: |world| assert_eq!(world.server.state.lock().unwrap().objects.len(), 0),
            },
        ],
    },
    Scenario {
        name: "a cluster sleeps, is paused, and is lost",
        steps: &[
            CREATE,
            Step {
                act: |world| {
                    world.patch(
                        "kafkaclusters",
                        "demo",
                        &json!({ "spec": { "hibernated": true } }),
                    );
                },
                check: |world| {
                    let reason = world.reason("kafkaclusters", "demo", "Ready", "False");
                    assert_eq!(reason, "Hibernated");
                    assert_eq!(world.get("pods", "demo-0-0"), None);
                },
            },
            Step {
                act: |world| {
                    world.patch(
                        "kafkaclusters",
                        "demo",
                        &json!({ "spec": { "hibernated": false } }),
                    );
                },
                check: CREATE.check,
            },
            Step {
                act: |world| {
                    world.patch("kafkaclusters", "demo", &json!({ "spec": { "paused": true } }));
                },
                check: |world| {
                    assert_eq!(world.reason("kafkaclusters", "demo", "Paused", "True"), "Paused");
                },
            },
            Step {
                act: |world| {
                    world.patch("kafkaclusters", "demo", &json!({ "spec": { "paused": false } }));
                    world.delete("persistentvolumeclaims", "data-demo-0");
                },
                check: |world| {
                    let reason = world.reason("kafkaclusters", "demo", "Stalled", "True");
                    assert_eq!(reason, "StorageLost");
                },
            },
        ],
    },
    Scenario {
        name: "what cannot be is said",
        steps: &[
            Step {
                act: |world| {
                    let spec = json!({ "rack": { "topologyKey": "zone" } });
                    world.create("KafkaCluster", "demo", &spec);
                },
                check: |world| {
                    let reason = world.reason("kafkaclusters", "demo", "Stalled", "True");
                    assert_eq!(reason, "NotYetSupported");
                },
            },
            Step {
                act: |world| {
                    let spec = json!({ "spec": { "replicas": 1, "rack": null, "listeners": [
                        { "name": "plain", "port": 9092 },
                        { "name": "out", "port": 9094, "type": "NodePort" },
                    ] } });
                    world.patch("kafkaclusters", "demo", &spec);
                },
                check: |world| {
                    ready(world);
                    let status = world.get("kafkaclusters", "demo").unwrap()["status"].clone();
                    let bootstrap = status["listeners"][1]["bootstrap"].as_str().unwrap();
                    assert!(bootstrap.starts_with("192.0.2.1:"), "{status}");
                },
            },
            Step {
                act: |world| {
                    let of_demo = json!({ "clusterRef": { "name": "demo" } });
                    let mut spec = of_demo.clone();
                    spec["config"] = json!({ "retention.ms": "666" });
                    world.create("KafkaTopic", "bad", &spec);
                    let mut spec = of_demo;
                    spec["topicName"] = json!("same");
                    world.create("KafkaTopic", "first", &spec);
                    world.change(State::passes);
                    world.create("KafkaTopic", "second", &spec);
                    spec["clusterRef"] = json!({ "name": "nowhere" });
                    world.create("KafkaTopic", "lost", &spec);
                },
                check: |world| {
                    for (resource, name, reason) in [
                        ("kafkatopics", "bad", "InvalidConfig"),
                        ("kafkatopics", "second", "ResourceConflict"),
                        ("kafkatopics", "lost", "ClusterNotFound"),
                    ] {
                        let said = world.reason(resource, name, "Ready", "False");
                        assert_eq!(said, reason, "{name}");
                    }
                    assert_eq!(world.reason("kafkatopics", "first", "Ready", "True"), READY);
                },
            },
        ],
    },
];
