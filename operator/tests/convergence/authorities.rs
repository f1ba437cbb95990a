//! Authorities are replaced while everything runs: whoever meets whom meanwhile
//! ([`super::mounted`]), nobody is turned away, and nobody is restarted.

use serde_json::{Value, json};

use super::mounted::trusts;
use super::scenarios::{READY, Scenario, Step};
use super::users::{file, is_ready, rider};
use super::world::World;

const CLUSTER: &str = "kastellan.dev/replace-cluster-ca";
const CLIENTS: &str = "kastellan.dev/replace-clients-ca";

/// Every broker's pod, by its uid.
fn pods(world: &World) -> Vec<Value> {
    let pod = |id: i32| world.get("pods", &format!("demo-{id}-0")).unwrap();
    (0..2).map(|id| pod(id)["metadata"]["uid"].clone()).collect()
}

/// Nothing is left of a replacement, and what everybody shows is signed by what is there now.
fn settled(world: &World) {
    assert_eq!(world.reason("kafkaclusters", "demo", "Ready", "True"), READY);
    assert_eq!(world.reason("kafkaclusters", "demo", "CertificatesValid", "True"), READY);
    is_ready(world, "rider");
    for (authority, shown) in [
        ("demo-cluster-ca", &["demo-0-certs", "demo-1-certs", "demo-operator-certs"][..]),
        ("demo-cluster-ca", &["demo-0-listener-certs", "demo-1-listener-certs"]),
    ] {
        let authority = file(world, authority, "ca.crt").unwrap();
        for secret in shown {
            assert_eq!(file(world, secret, "ca.crt").as_ref(), Some(&authority), "{secret}");
            assert!(trusts(&authority, &file(world, secret, "tls.crt").unwrap()), "{secret}");
        }
    }
    let cluster = file(world, "demo-cluster-ca", "ca.crt");
    let clients = file(world, "demo-clients-ca", "ca.crt");
    assert_eq!(file(world, "demo-cluster-ca-cert", "ca.crt"), cluster);
    assert_eq!(file(world, "demo-clients-ca-cert", "ca.crt"), clients);
    assert_eq!(file(world, "rider", "ca.crt"), cluster);
    assert!(trusts(&clients.unwrap(), &file(world, "rider", "user.crt").unwrap()));
    for secret in ["demo-cluster-ca", "demo-clients-ca"] {
        let data = world.get("secrets", secret).unwrap()["data"].clone();
        let names: Vec<&String> = data.as_object().unwrap().keys().collect();
        assert_eq!(names, ["ca.crt", "ca.key"], "{secret}");
    }
    // the first one, or the one that was asked for
    let of = |resource: &str, name: &str, mark: &str| {
        let object = world.get(resource, name).unwrap();
        object["metadata"]["annotations"][mark].clone()
    };
    for (secret, mark) in [("demo-cluster-ca", CLUSTER), ("demo-clients-ca", CLIENTS)] {
        assert_eq!(of("secrets", secret, mark), of("kafkaclusters", "demo", mark), "{secret}");
    }
    let mut known = world.noted.lock().unwrap();
    for (secret, mark) in [("demo-cluster-ca", CLUSTER), ("demo-clients-ca", CLIENTS)] {
        let certificate = json!(file(world, secret, "ca.crt").unwrap());
        let asked = of("kafkaclusters", "demo", mark);
        // one for each value of the annotation
        let what = format!("{secret} {asked}");
        assert!(known.values().all(|one| *one != certificate) || known.contains_key(&what));
        known.insert(what, certificate);
    }
    let first: Vec<String> = (0..2).map(|id| format!("the first pod of broker {id}")).collect();
    for (what, pod) in first.into_iter().zip(pods(world)) {
        assert_eq!(*known.entry(what.clone()).or_insert(pod.clone()), pod, "{what} is gone");
    }
}

pub(crate) const AUTHORITIES: Scenario = Scenario {
    name: "both authorities are replaced under two brokers and a user",
    steps: &[
        Step {
            act: |world| {
                let at_once = json!({ "overlapMinutes": 0 });
                let spec = json!({
                    "replicas": 2,
                    "listeners": [{
                        "name": "mtls", "port": 9094, "tls": {}, "authentication": { "type": "TLS" },
                    }],
                    "authorization": {},
                    "certificates": { "cluster": at_once, "clients": at_once },
                });
                world.create("KafkaCluster", "demo", &spec);
                world.create("KafkaUser", "rider", &rider(&json!({ "type": "TLS" })));
            },
            check: settled,
        },
        Step {
            act: |world| {
                let asked =
                    json!({ "metadata": { "annotations": { CLUSTER: "now", CLIENTS: "now" } } });
                world.patch("kafkaclusters", "demo", &asked);
            },
            check: settled,
        },
    ],
};
