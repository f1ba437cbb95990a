//! What brokers have loaded of their Secrets: each looks at its own pace. Whatever they have, they
//! let each other in, and the operator and every user too.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kastellan_operator::kubernetes::management::{Loaded, OfListener, Shown};
use kastellan_operator::pki::fingerprints;
use rustls::RootCertStore;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use serde_json::Value;

use super::server::State;

/// All brokers of a cluster.
#[derive(Debug, Default)]
pub(crate) struct Mounted {
    seconds: usize,
    /// The uid of the authority's Secret. Once somebody has deleted it, nothing holds any more.
    authority: Option<Value>,
    lost: bool,
    brokers: BTreeMap<i32, Broker>,
}

/// What a broker has loaded: texts in PEM form, empty where there is nothing.
#[derive(Debug, Clone, Default)]
struct Broker {
    pod: Value,
    /// For other brokers and the operator: its certificate, and whom it trusts.
    own: (String, String),
    /// For clients, the same.
    clients: (String, String),
    listeners: Vec<Value>,
}

impl Mounted {
    /// A second passes.
    pub(crate) fn pass(&mut self, state: &mut State) {
        self.seconds += 1;
        let authority = object(state, "secrets", "demo-cluster-ca")["metadata"]["uid"].clone();
        let known = self.authority.get_or_insert_with(|| authority.clone());
        self.lost |= !known.is_null() && *known != authority;
        *known = authority;
        let before = std::mem::take(&mut self.brokers);
        for id in 0..3 {
            let pod = object(state, "pods", &format!("demo-{id}-0"))["metadata"]["uid"].clone();
            if pod.is_null() {
                continue;
            }
            // one that was just started has read everything; no two look in the same second
            let looks = self.seconds % 5 == 2 * usize::try_from(id).unwrap();
            let kept = before.get(&id).filter(|kept| kept.pod == pod && !looks).cloned();
            self.brokers.insert(id, kept.unwrap_or_else(|| load(state, id, pod)));
        }
        if !self.lost {
            state.illegal.extend(self.strangers(state));
        }
    }

    /// Who would turn whom away.
    fn strangers(&self, state: &State) -> Vec<String> {
        let mut turned = Vec::new();
        let mut meet = |who: String, shown: &str, whom: &str, trusted: &str| {
            if !shown.is_empty() && !trusted.is_empty() && !trusts(trusted, shown) {
                turned.push(format!("{who} is turned away by {whom}"));
            }
        };
        let operator = (
            file(state, "demo-operator-certs", "tls.crt"),
            file(state, "demo-operator-certs", "ca.crt"),
        );
        let users: Vec<&String> = state
            .objects
            .iter()
            .filter(|((resource, _), stored)| {
                let labels = &stored.value["metadata"]["labels"];
                resource == "secrets" && labels["kastellan.dev/users-of"].is_string()
            })
            .map(|((_, name), _)| name)
            .collect();
        for (id, one) in &self.brokers {
            let broker = format!("broker {id}");
            meet("the operator".to_owned(), &operator.0, &broker, &one.own.1);
            meet(broker.clone(), &one.own.0, "the operator", &operator.1);
            for (other, two) in &self.brokers {
                meet(broker.clone(), &one.own.0, &format!("broker {other}"), &two.own.1);
            }
            for user in &users {
                let certificate = file(state, user, "user.crt");
                meet(format!("user {user}"), &certificate, &broker, &one.clients.1);
                meet(broker.clone(), &one.clients.0, user, &file(state, user, "ca.crt"));
            }
        }
        turned
    }

    /// What a broker says of it.
    pub(crate) fn loaded(&self, id: i32) -> Result<Loaded, String> {
        let broker = self.brokers.get(&id).ok_or("nobody is there")?;
        let shown = |(certificate, trusted): &(String, String), asks: bool| Shown {
            sha256: fingerprints(certificate).concat(),
            ca_sha256: if asks { fingerprints(trusted) } else { Vec::new() },
            trouble: None,
        };
        let mut listeners: Vec<OfListener> = broker
            .listeners
            .iter()
            .filter(|listener| listener["tls"].is_object())
            .map(|listener| OfListener {
                name: listener["name"].as_str().unwrap().to_owned(),
                certificate: shown(&broker.clients, listener["authentication"]["type"] == "TLS"),
            })
            .collect();
        let certificate = shown(&broker.own, true);
        let name = "for_operator".to_owned();
        listeners.push(OfListener { name, certificate: certificate.clone() });
        Ok(Loaded { certificate, listeners })
    }
}

fn load(state: &State, id: i32, pod: Value) -> Broker {
    let (own, shown) = (format!("demo-{id}-certs"), format!("demo-{id}-listener-certs"));
    let spec = object(state, "kafkaclusters", "demo")["spec"].clone();
    Broker {
        pod,
        own: (file(state, &own, "tls.crt"), file(state, &own, "ca.crt")),
        clients: (file(state, &shown, "tls.crt"), file(state, "demo-clients-ca-cert", "ca.crt")),
        listeners: spec["listeners"].as_array().cloned().unwrap_or_default(),
    }
}

fn object(state: &State, resource: &str, name: &str) -> Value {
    let found = state.objects.iter().find(|((of, known), _)| of == resource && known == name);
    found.map(|(_, stored)| stored.value.clone()).unwrap_or_default()
}

/// A file of a Secret; empty where there is none.
fn file(state: &State, secret: &str, name: &str) -> String {
    let secret = object(state, "secrets", secret);
    let bytes = STANDARD.decode(secret["data"][name].as_str().unwrap_or_default()).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Whether a certificate is signed by one of those that are trusted.
pub(crate) fn trusts(trusted: &str, shown: &str) -> bool {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(trusted.as_bytes()) {
        roots.add(root.unwrap()).unwrap();
    }
    let leaf = CertificateDer::from_pem_slice(shown.as_bytes()).unwrap();
    let leaf = ParsedCertificate::try_from(&leaf).unwrap();
    let algorithms = default_provider().signature_verification_algorithms.all;
    verify_server_cert_signed_by_trust_anchor(&leaf, &roots, &[], UnixTime::now(), algorithms)
        .is_ok()
}
