//! What an issuer of cert-manager signs: asked for, waited for, adopted, and taken back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::ResourceExt as _;

use super::*;
use crate::kubernetes::object::file;

const SHOWN: &str = "demo-0-listener-certs";
const TRUSTED: &str = "demo-cluster-ca-cert";

/// A cluster with an encrypted listener, for which `corp` signs; nothing of it is there.
fn fresh() -> World {
    let mut world = world(
        &json!({
            "replicas": 1,
            "listeners": [{ "name": "tls", "port": 9093, "tls": {} }],
            "certificates": { "issuerRef": { "name": "corp" } },
        }),
        None,
    );
    world.has_issuers = true;
    world
}

/// Carries out what the plan has of Secrets and Certificates, as an API server would.
fn apply(world: &mut World) {
    for step in plan(world).steps {
        match step {
            Step::Apply(object, _) if matches!(object.kind, Kind::Secret | Kind::Certificate) => {
                let key = (object.kind, object.name);
                let mut whole: DynamicObject = serde_json::from_value(object.body).unwrap();
                whole.metadata.uid = Some(key.1.clone());
                if let Some(there) = world.objects.get(&key) {
                    let marks = there.annotations().clone();
                    whole.annotations_mut().extend(marks);
                    let known = ["data", "status"].map(|name| (name, there.data.get(name)));
                    for (name, value) in known.into_iter().filter_map(|(it, v)| Some((it, v?))) {
                        whole.data[name] = value.clone();
                    }
                }
                world.objects.insert(key, whole);
            }
            Step::Delete(kind @ Kind::Certificate, name, _) => {
                world.objects.remove(&(kind, name)).unwrap();
            }
            _ => {}
        }
    }
}

/// What cert-manager does with a Certificate: `ca` comes with what it signs.
fn sign(world: &mut World, ca: &str) {
    let (_, issuer) =
        world.objects.iter().find(|((kind, _), _)| *kind == Kind::Certificate).unwrap();
    let issuer = issuer.data["spec"]["issuerRef"].clone();
    let data: serde_json::Map<String, Value> = [("tls.crt", "c"), ("tls.key", "k"), ("ca.crt", ca)]
        .into_iter()
        .map(|(name, text)| (name.to_owned(), json!(STANDARD.encode(text))))
        .collect();
    let (key, mut secret) = object(Kind::Secret, SHOWN, &json!({ "data": data }));
    let marks = [
        ("cert-manager.io/certificate-name", json!(SHOWN)),
        ("cert-manager.io/issuer-name", issuer["name"].clone()),
        ("cert-manager.io/issuer-kind", issuer["kind"].clone()),
        ("cert-manager.io/issuer-group", issuer["group"].clone()),
    ];
    let marks = marks.map(|(name, value)| (name.to_owned(), value.as_str().unwrap().to_owned()));
    secret.annotations_mut().extend(marks);
    world.objects.insert(key, secret);
    let certificate = world.objects.get_mut(&(Kind::Certificate, SHOWN.to_owned())).unwrap();
    certificate.data["status"] = json!({
        "notAfter": "2027-03-01T00:00:00Z",
        "conditions": [{ "type": "Ready", "status": "True", "message": "up to date" }],
    });
}

fn ready(world: &World) -> (Reason, String) {
    let (_, reason, message) = condition(world, ConditionType::Ready);
    (reason, message)
}

fn claims_are_planned(world: &World) -> bool {
    plan(world).steps.iter().any(|step| match step {
        Step::Apply(object, _) => object.kind == Kind::ConfigMap && object.name != "demo-identity",
        _ => false,
    })
}

#[test]
fn without_cert_manager_it_says_what_to_do_and_makes_no_broker() {
    let world = World { has_issuers: false, ..fresh() };
    let (reason, message) = ready(&world);
    assert_eq!(reason, Reason::CertificateMissing);
    assert!(message.contains("has no cert-manager") && message.contains("install it"), "{message}");
    assert!(!claims_are_planned(&world));
}

#[test]
fn without_cert_manager_brokers_that_have_something_to_show_are_looked_after() {
    let mut world = fresh();
    apply(&mut world);
    sign(&mut world, "authority");
    world.objects.retain(|(kind, _), _| *kind != Kind::Certificate);
    world.has_issuers = false;
    assert!(ready(&world).1.contains("has no cert-manager"), "{:?}", ready(&world));
    assert!(claims_are_planned(&world));
}

#[test]
fn a_broker_waits_for_its_certificate_and_clients_trust_who_signed_it() {
    let mut world = fresh();
    apply(&mut world);
    let asked = world.get(Kind::Certificate, SHOWN).unwrap();
    let spec = &asked.data["spec"];
    assert_eq!(
        spec["issuerRef"],
        json!({ "name": "corp", "kind": "Issuer", "group": "cert-manager.io" })
    );
    assert_eq!(spec["secretName"], SHOWN);
    assert!(spec["dnsNames"].as_array().unwrap().contains(&json!("demo-bootstrap.kafka.svc")));
    let refused =
        json!([{ "type": "Issuing", "status": "True", "message": "the issuer is not ready" }]);
    world.objects.get_mut(&(Kind::Certificate, SHOWN.to_owned())).unwrap().data["status"] =
        json!({ "conditions": refused });
    let words =
        format!("waiting for Issuer corp to sign Certificate {SHOWN}: the issuer is not ready");
    assert_eq!(ready(&world), (Reason::CertificateMissing, words));
    assert!(!claims_are_planned(&world));
    sign(&mut world, "authority");
    assert!(claims_are_planned(&world));
    apply(&mut world);
    let shown = world.get(Kind::Secret, SHOWN).unwrap();
    assert_eq!(shown.owner_references().len(), 1, "it goes with the cluster");
    let trusted = file(world.get(Kind::Secret, TRUSTED).unwrap(), "ca.crt");
    assert_eq!(trusted.as_deref(), Some("authority"));
}

#[test]
fn another_issuer_takes_over_while_brokers_show_what_they_have() {
    let mut world = fresh();
    apply(&mut world);
    sign(&mut world, "authority");
    apply(&mut world);
    let certificates = world.cluster.spec.certificates.as_mut().unwrap();
    certificates.issuer_ref.as_mut().unwrap().name = "next".to_owned();
    assert!(ready(&world).1.contains("waiting for Issuer next"), "{:?}", ready(&world));
    assert!(claims_are_planned(&world), "all else goes on");
}

#[test]
fn who_is_asked_no_more_is_told_before_the_operator_signs_itself() {
    let mut world = fresh();
    apply(&mut world);
    sign(&mut world, "authority");
    apply(&mut world);
    world.cluster.spec.certificates = None;
    let signs = |world: &World| {
        plan(world).steps.iter().any(|step| match step {
            Step::Certificate(one, _) => one.frame["metadata"]["name"] == SHOWN,
            _ => false,
        })
    };
    assert!(!signs(&world), "the Secret is cert-manager's still");
    apply(&mut world);
    assert_eq!(world.get(Kind::Certificate, SHOWN), None);
    assert!(signs(&world));
}
