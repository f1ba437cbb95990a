//! What a status says while an authority is replaced, and what the replacement waits for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::jiff::ToSpan as _;
use kube::ResourceExt as _;

use super::*;
use crate::kubernetes::management::{OfListener, Shown};
use crate::kubernetes::names;
use crate::pki::{self, OF_BROKERS, OF_CLIENTS, Pair};

const VALID: ConditionType = ConditionType::CertificatesValid;

/// What two authorities are in the middle of: everybody is to trust another one.
struct Scene {
    world: World,
    /// The cluster's authority and the next one, then those of the clients.
    authorities: [Pair; 4],
}

fn data(files: &[(&str, &str)]) -> Value {
    let data: serde_json::Map<String, Value> = files
        .iter()
        .map(|(name, text)| ((*name).to_owned(), json!(STANDARD.encode(text))))
        .collect();
    json!({ "data": data })
}

impl Scene {
    /// One broker that serves, and a listener where clients show certificates.
    fn new() -> Self {
        let spec = json!({ "replicas": 1, "listeners": [{
            "name": "mtls", "port": 9094, "tls": {}, "authentication": { "type": "TLS" },
        }] });
        let ready = json!({ "status": { "conditions": [{ "type": "Ready", "status": "True" }] } });
        let mut world = world(&spec, Some(&ready));
        let made = |kind| pki::authority(kind, "id", world.now).unwrap();
        let authorities = [made(OF_BROKERS), made(OF_BROKERS), made(OF_CLIENTS), made(OF_CLIENTS)];
        for (name, [signs, next]) in ["demo-cluster-ca", "demo-clients-ca"]
            .into_iter()
            .zip([[&authorities[0], &authorities[1]], [&authorities[2], &authorities[3]]])
        {
            let files = [
                ("ca.crt", &*signs.certificate),
                ("ca.key", &*signs.key),
                ("ca-next.crt", &*next.certificate),
                ("ca-next.key", &*next.key),
            ];
            let (key, mut secret) = object(Kind::Secret, name, &data(&files));
            let since = (world.now - 61.minutes()).to_string();
            secret.annotations_mut().insert(names::SINCE.to_owned(), since);
            world.objects.insert(key, secret);
        }
        Self { world, authorities }
    }

    /// Carries out what the plan has of Secrets, as `apply` does.
    fn write(&mut self) {
        for _ in 0..3 {
            for step in plan(&self.world).steps {
                match step {
                    Step::Certificate(certificate, _) => {
                        let name = certificate.frame["metadata"]["name"].as_str().unwrap();
                        let [signs, next, ..] = &self.authorities;
                        let trusted = pki::bundle([&*signs.certificate, &*next.certificate]);
                        let now = self.world.now;
                        let pair =
                            pki::sign(&signs.certificate, &signs.key, &certificate.subject, now);
                        let pair = pair.unwrap();
                        let files = [
                            ("ca.crt", &*trusted),
                            ("tls.crt", &*pair.certificate),
                            ("tls.key", &*pair.key),
                        ];
                        let (key, mut secret) = object(Kind::Secret, name, &data(&files));
                        let marks = [
                            (names::NOT_AFTER, pair.not_after.to_string()),
                            (names::AUTHORITY, fingerprint(&trusted)),
                            (names::SUBJECT, secret_hash(&certificate.subject)),
                        ];
                        let marks = marks.map(|(name, value)| (name.to_owned(), value));
                        secret.annotations_mut().extend(marks);
                        self.world.objects.insert(key, secret);
                    }
                    Step::Apply(object, _) if object.kind == Kind::Secret => {
                        let secret = serde_json::from_value(object.body).unwrap();
                        self.world.objects.insert((Kind::Secret, object.name), secret);
                    }
                    _ => {}
                }
            }
        }
    }

    fn fingerprints(&self, secret: &str, name: &str) -> Vec<String> {
        let secret = self.world.get(Kind::Secret, secret).unwrap();
        pki::fingerprints(&crate::kubernetes::object::file(secret, name).unwrap())
    }

    /// The broker says that it has loaded everything.
    fn load(&mut self) {
        let shown = |secret: &str, trusted: &str| Shown {
            sha256: self.fingerprints(secret, "tls.crt").concat(),
            ca_sha256: self.fingerprints(trusted, "ca.crt"),
            trouble: None,
        };
        let own = shown("demo-0-certs", "demo-0-certs");
        let listener = |name: &str, certificate| OfListener { name: name.to_owned(), certificate };
        let listeners = vec![
            listener("for_operator", own.clone()),
            listener("mtls", shown("demo-0-listener-certs", "demo-clients-ca-cert")),
        ];
        self.world.loaded = BTreeMap::from([(0, Ok(Loaded { certificate: own, listeners }))]);
    }

    /// What happens to the authorities, and what is said of it.
    fn turns(&self) -> (Vec<Turn>, String) {
        let turns = plan(&self.world).steps.into_iter().filter_map(|step| match step {
            Step::Authority(authority) => Some(authority.turn),
            _ => None,
        });
        let (status, reason, message) = condition(&self.world, VALID);
        assert_eq!((status, reason), (ConditionStatus::True, Reason::TrustingNewAuthority));
        (turns.collect(), message)
    }
}

fn secret_hash(subject: &Subject) -> String {
    crate::kubernetes::render::secret::subject_hash(subject)
}

#[test]
fn a_new_authority_signs_once_every_broker_and_user_trusts_it() {
    let mut scene = Scene::new();
    let (turns, message) = scene.turns();
    assert_eq!(turns, []);
    assert!(message.contains("waiting for the certificates to be written"), "{message}");

    scene.write();
    let (turns, message) = scene.turns();
    assert_eq!(turns, []);
    assert_eq!(
        message,
        "replacing the authority, 1 of 2: the new one is made known; waiting for broker 0 to load \
         them; replacing the clients' authority, 1 of 2: the new one is made known; waiting for \
         broker 0 to load them"
    );
    assert_eq!(plan(&scene.world).wake, Some(Duration::from_secs(5)));

    scene.load();
    assert_eq!(scene.turns().0, [Turn::Use, Turn::Use]);

    // one that has not loaded a single file of all, and one that cannot say
    let all = scene.world.loaded.clone();
    for spoil in [
        |loaded: &mut Loaded| loaded.certificate.ca_sha256.truncate(1),
        |loaded: &mut Loaded| loaded.certificate.sha256.clear(),
        |loaded: &mut Loaded| loaded.listeners[1].certificate.ca_sha256.truncate(1),
        |loaded: &mut Loaded| loaded.listeners[1].certificate.sha256.clear(),
        |loaded: &mut Loaded| loaded.listeners[0].certificate.sha256.clear(),
        |loaded: &mut Loaded| loaded.listeners.truncate(1),
    ] {
        spoil(scene.world.loaded.get_mut(&0).unwrap().as_mut().unwrap());
        assert_eq!(scene.turns().0, []);
        scene.world.loaded.clone_from(&all);
    }
    let loaded = scene.world.loaded.get_mut(&0).unwrap().as_mut().unwrap();
    loaded.certificate.trouble = Some("half a file".to_owned());
    assert!(scene.turns().1.contains("waiting for broker 0: half a file"));
    scene.world.loaded.insert(0, Err("broker 0 does not answer within 5 s".to_owned()));
    assert!(scene.turns().1.contains("waiting for broker 0: broker 0 does not answer"));
    scene.world.loaded = all;

    // a user whose Secret is behind keeps back the authority that clients trust
    let (_, user) = object(Kind::Secret, "rider", &data(&[("ca.crt", "another")]));
    scene.world.users.insert("rider".to_owned(), user);
    let (turns, message) = scene.turns();
    assert_eq!(turns, [Turn::Use]);
    assert!(message.contains("waiting for the users' Secrets rider"), "{message}");
    scene.world.users.clear();

    // a broker that is down has not loaded anything
    let pod = scene.world.objects.get_mut(&(Kind::Pod, "demo-0-0".to_owned())).unwrap();
    pod.data["status"]["conditions"][0]["status"] = json!("False");
    assert!(scene.turns().1.contains("waiting for broker 0, which does not serve"));
}

#[test]
fn clients_have_their_time_and_the_status_says_how_long() {
    let mut scene = Scene::new();
    scene.write();
    scene.load();
    let long = json!({ "cluster": { "overlapMinutes": 90 }, "clients": { "overlapMinutes": 0 } });
    scene.world.cluster.spec.certificates = Some(serde_json::from_value(long).unwrap());
    let (turns, message) = scene.turns();
    assert_eq!(turns, [Turn::Use]);
    let until = (scene.world.now + 29.minutes()).strftime("%Y-%m-%d %H:%M:%SZ");
    let words = format!("clients have time until {until} (overlapMinutes)");
    assert!(message.contains(&words), "{message}");
}

#[test]
fn one_that_has_ended_is_replaced_at_once_and_said_to_be() {
    let mut scene = Scene::new();
    let old = pki::authority(OF_BROKERS, "id", scene.world.now - 90_000.hours()).unwrap();
    let files = [("ca.crt", &*old.certificate), ("ca.key", &*old.key)];
    let secret = object(Kind::Secret, "demo-cluster-ca", &data(&files));
    scene.world.objects.extend([secret]);
    scene.world.cluster.spec.listeners.clear();
    let (status, reason, message) = condition(&scene.world, VALID);
    assert_eq!((status, reason), (ConditionStatus::False, Reason::AuthorityExpired));
    assert_eq!(message, "the authority has ended: another one takes its place at once");
    let turns = plan(&scene.world)
        .steps
        .into_iter()
        .any(|step| matches!(step, Step::Authority(authority) if authority.turn == Turn::Replace));
    assert!(turns);
}

#[test]
fn what_can_wait_waits_for_a_maintenance_window() {
    let mut scene = Scene::new();
    let made = scene.world.now - (24 * (3650 - 80)).hours();
    let old = pki::authority(OF_BROKERS, "id", made).unwrap();
    let files = [("ca.crt", &*old.certificate), ("ca.key", &*old.key)];
    let secret = object(Kind::Secret, "demo-cluster-ca", &data(&files));
    scene.world.objects.extend([secret]);
    scene.world.cluster.spec.listeners.clear();
    let turns = |world: &World| {
        let steps = plan(world).steps.into_iter();
        let turns = steps.filter_map(|step| match step {
            Step::Authority(authority) => Some(authority.turn),
            _ => None,
        });
        turns.collect::<Vec<_>>()
    };
    assert_eq!(turns(&scene.world), [Turn::Renew]);

    // now is a Friday, 08:00
    let sundays = json!({ "windows": [{ "schedule": "0 2 * * 0", "minutes": 60 }] });
    scene.world.cluster.spec.maintenance = Some(serde_json::from_value(sundays).unwrap());
    assert_eq!(turns(&scene.world), []);
    let message = condition(&scene.world, VALID).2;
    let words = "renewals wait for the maintenance window of 2027-01-17 02:00:00Z";
    assert!(message.ends_with(words), "{message}");
    // what somebody asks for does not wait
    let mut asked = scene.world.clone();
    asked.cluster.annotations_mut().insert(names::REPLACE_CLUSTER.to_owned(), "now".to_owned());
    assert_eq!(turns(&asked), [Turn::Trust]);
    scene.world.now = "2027-01-17T02:59:00Z".parse().unwrap();
    assert_eq!(turns(&scene.world), [Turn::Renew]);
    // nor does what has waited for half of its time
    scene.world.now = made + (24 * (3650 - 44)).hours();
    assert_eq!(turns(&scene.world), [Turn::Renew]);
}
