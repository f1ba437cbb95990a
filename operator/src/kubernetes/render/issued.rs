//! What cert-manager is asked to sign: a Certificate for each broker, in the Secret that the
//! operator would have written itself.

use std::net::IpAddr;

use kastellan_crds::cluster::IssuerRef;
use serde_json::{Map, Value, json};

use super::Cluster;
use super::secret::listener_subject;
use crate::kubernetes::names;
use crate::kubernetes::object::{Kind, Object};

/// What a broker shows to clients, reached by the addresses of `nodes` as well; how long it is good
/// for and when it is made anew is the issuer's to say.
pub fn certificate(cluster: &Cluster, id: i32, nodes: &[String], issuer: &IssuerRef) -> Object {
    let name = names::listener_certificate(&cluster.name, id);
    let labels = cluster.broker_labels(id);
    let names = listener_subject(cluster, id, nodes).names;
    let (addresses, names): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|name| name.parse::<IpAddr>().is_ok());
    let mut spec = Map::from_iter([
        ("secretName".to_owned(), json!(name)),
        ("secretTemplate".to_owned(), json!({ "labels": labels })),
        ("dnsNames".to_owned(), json!(names)),
        ("usages".to_owned(), json!(["digital signature", "key encipherment", "server auth"])),
        (
            "privateKey".to_owned(),
            json!({
                "algorithm": "ECDSA",
                "encoding": "PKCS8",
                "rotationPolicy": "Always",
                "size": 256,
            }),
        ),
        ("issuerRef".to_owned(), json!(issuer)),
    ]);
    if !addresses.is_empty() {
        spec.insert("ipAddresses".to_owned(), json!(addresses));
    }
    let metadata = cluster.metadata(&name, &labels);
    Object::new(Kind::Certificate, metadata, json!({ "spec": Value::Object(spec) }))
}
