//! Users: told once, put right again, gone with all that they had.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kastellan_core::security::ScramMechanism;
use serde_json::{Value, json};

use super::brokers::Data;
use super::scenarios::{READY, Scenario, Step};
use super::world::World;

fn data(world: &World) -> Data {
    world.brokers.data.lock().unwrap().values().next().cloned().unwrap_or_default()
}

/// A file of a Secret.
pub(crate) fn file(world: &World, secret: &str, name: &str) -> Option<String> {
    let object = world.get("secrets", secret)?;
    let bytes = STANDARD.decode(object["data"][name].as_str()?).unwrap();
    Some(String::from_utf8(bytes).unwrap())
}

pub(crate) fn is_ready(world: &World, user: &str) {
    assert_eq!(world.reason("kafkausers", user, "Ready", "True"), READY);
}

fn principals(world: &World) -> Vec<String> {
    let acls = data(world).held.acls.unwrap_or_default();
    acls.iter().map(|(principal, acls)| format!("{} {}", principal.as_str(), acls.len())).collect()
}

/// What is true of a user who logs in by SCRAM-SHA-512 with what is in its Secret.
fn logs_in(world: &World) {
    is_ready(world, "rider");
    let password = file(world, "rider", "password").unwrap();
    assert!(password.len() >= 32 || password == "my-own-password", "{password}");
    let known = data(world).passwords.0;
    let known: Vec<_> = known.iter().map(|((name, by), text)| (&**name, *by, &**text)).collect();
    assert_eq!(known, [("rider", "SCRAM-SHA-512", &*password)]);
    assert_eq!(principals(world), ["User:rider 2"]);
    let quotas = format!("{:?}", data(world).held.quotas);
    assert_eq!(quotas, "{\"rider\": {\"producer_byte_rate\": 1048576.0}}");
    let properties = file(world, "rider", "client.properties").unwrap();
    let address = format!("demo-bootstrap.{}.svc:9093", world.server.namespace());
    assert!(properties.contains(&format!("bootstrap.servers={address}\n")), "{properties}");
    assert!(properties.contains("security.protocol=SASL_SSL") && properties.contains(&password));
    let trusted = file(world, "rider", "ca.crt").unwrap();
    assert_eq!(Some(trusted), file(world, "demo-cluster-ca-cert", "ca.crt"));
}

pub(crate) fn rider(authentication: &Value) -> Value {
    json!({
        "clusterRef": { "name": "demo" },
        "authentication": authentication,
        "acls": [{
            "resource": { "type": "Topic", "name": "orders" },
            "operations": ["Read", "Describe"],
        }],
        "quotas": { "producerByteRate": "1Mi" },
    })
}

const GUARDED: Step = Step {
    act: |world| {
        let spec = json!({
            "replicas": 1,
            "listeners": [
                {
                    "name": "tls", "port": 9093, "tls": {},
                    "authentication": { "type": "SCRAM-SHA-512" },
                },
                { "name": "mtls", "port": 9094, "tls": {}, "authentication": { "type": "TLS" } },
            ],
            "authorization": {},
        });
        world.create("KafkaCluster", "demo", &spec);
    },
    check: |world| {
        assert_eq!(world.reason("kafkaclusters", "demo", "Ready", "True"), READY);
        for secret in ["demo-clients-ca", "demo-clients-ca-cert", "demo-0-listener-certs"] {
            assert!(world.get("secrets", secret).is_some(), "{secret}");
        }
    },
};

const USER: Step = Step {
    act: |world| {
        world.create("KafkaUser", "rider", &rider(&json!({ "type": "SCRAM-SHA-512" })));
    },
    check: logs_in,
};

/// Of this one every write is the operator's last once.
pub(crate) const USERS: Scenario = Scenario {
    name: "a user comes, changes and goes",
    steps: &[
        GUARDED,
        USER,
        Step {
            act: |world| {
                let rotate = json!({ "metadata": { "annotations": {
                    "kastellan.dev/rotate": "now",
                } } });
                world.patch("kafkausers", "rider", &rotate);
            },
            check: logs_in,
        },
        Step {
            act: |world| {
                let spec = rider(&json!({ "type": "TLS", "password": null }));
                world.patch("kafkausers", "rider", &json!({ "spec": spec }));
            },
            check: |world| {
                is_ready(world, "rider");
                assert!(data(world).passwords.0.is_empty(), "the password is forgotten");
                assert_eq!(principals(world), ["User:CN=rider 2"]);
                assert!(data(world).held.quotas.contains_key("CN=rider"));
                assert_eq!(file(world, "rider", "password"), None);
                assert!(file(world, "rider", "user.key").unwrap().contains("PRIVATE KEY"));
            },
        },
        Step {
            act: |world| {
                world.delete("kafkausers", "rider");
            },
            check: |world| {
                let there = data(world).held;
                assert!(there.passwords.is_empty() && there.quotas.is_empty(), "{there:?}");
                assert!(there.acls.unwrap_or_default().is_empty());
                assert_eq!(world.get("kafkausers", "rider"), None);
                assert_eq!(world.get("secrets", "rider"), None);
            },
        },
    ],
};

/// Beside it: what needs no writes of other kinds.
pub(crate) const MORE: Scenario = Scenario {
    name: "users are put right, given passwords, and told what cannot be",
    steps: &[
        GUARDED,
        USER,
        Step {
            act: |world| {
                // somebody else's doing
                let mut data = world.brokers.data.lock().unwrap();
                let data = data.values_mut().next().unwrap();
                data.held.passwords.clear();
                data.passwords.0.clear();
                data.held.acls.as_mut().unwrap().values_mut().next().unwrap().pop_first();
                data.held.quotas.values_mut().for_each(BTreeMap::clear);
            },
            check: logs_in,
        },
        Step {
            act: |world| {
                // another password, as kafka-configs sets one
                let mut data = world.brokers.data.lock().unwrap();
                let data = data.values_mut().next().unwrap();
                let known = data.held.passwords.get_mut("rider").unwrap();
                known.insert(ScramMechanism::Sha512, 4096);
                let key = ("rider".to_owned(), "SCRAM-SHA-512");
                data.passwords.0.insert(key, "theirs".to_owned());
            },
            check: logs_in,
        },
        Step { act: |world| world.delete("secrets", "rider"), check: logs_in },
        Step {
            act: |world| {
                let given = json!({ "name": "mine", "key": "word" });
                let spec = rider(&json!({ "type": "SCRAM-SHA-512", "password": given }));
                world.patch("kafkausers", "rider", &json!({ "spec": spec }));
            },
            check: |world| {
                let reason = world.reason("kafkausers", "rider", "Stalled", "True");
                assert_eq!(reason, "SecretNotFound");
            },
        },
        Step {
            act: |world| {
                let data = json!({ "word": STANDARD.encode("my-own-password") });
                let secret = json!({ "metadata": { "name": "mine" }, "data": data });
                world.change(|state| state.create("secrets", &secret, "kubectl").unwrap());
                let look = json!({ "metadata": { "annotations": { "looked": "at" } } });
                world.patch("kafkausers", "rider", &look);
            },
            check: |world| {
                logs_in(world);
                assert_eq!(file(world, "rider", "password").unwrap(), "my-own-password");
            },
        },
        Step {
            act: |world| {
                world.patch("kafkausers", "rider", &json!({ "spec": { "secretName": "keys" } }));
                world.create("KafkaUser", "lost", &json!({ "clusterRef": { "name": "nowhere" } }));
                let again = json!({ "clusterRef": { "name": "demo" }, "userName": "rider" });
                world.create("KafkaUser", "rider-too", &again);
                let mut spec = rider(&json!({ "type": "SCRAM-SHA-256" }));
                spec["secretName"] = json!("demo-cluster-ca");
                world.create("KafkaUser", "bad", &spec);
            },
            check: |world| {
                is_ready(world, "rider");
                assert!(world.get("secrets", "rider").is_none());
                assert!(file(world, "keys", "password").is_some());
                for (user, reason) in [
                    ("lost", "ClusterNotFound"),
                    ("rider-too", "ResourceConflict"),
                    ("bad", "InvalidConfig"),
                ] {
                    assert_eq!(world.reason("kafkausers", user, "Ready", "False"), reason);
                }
            },
        },
        Step {
            act: |world| {
                for user in ["rider", "rider-too", "lost", "bad"] {
                    world.delete("kafkausers", user);
                }
            },
            check: |world| {
                let there = data(world).held;
                assert!(there.passwords.is_empty() && there.quotas.is_empty(), "{there:?}");
                assert!(there.acls.unwrap_or_default().is_empty());
                for user in ["rider", "rider-too", "lost", "bad"] {
                    assert_eq!(world.get("kafkausers", user), None, "{user}");
                }
                assert_eq!(world.get("secrets", "keys"), None);
            },
        },
    ],
};

/// Both.
pub(crate) const OF_USERS: &[Scenario] = &[USERS, MORE];
