//! The brokers' management API as the operator uses it (`broker/MANAGEMENT.md`): JSON over TLS,
//! with a certificate of the cluster's own authority on both sides.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use hyper::Request;
use kube::client::Body;
use kube::{Client, Config};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::names;
pub use crate::pki::Credentials;

/// How long a broker may take for one answer, the connection included.
const PATIENCE: Duration = Duration::from_secs(5);
/// No answer that is asked for here is as long.
const LONGEST: usize = 4 << 20;

/// A broker of a cluster, to be managed.
#[derive(Debug, Clone)]
pub struct Managed {
    /// The cluster's namespace.
    pub namespace: String,
    /// The cluster's name.
    pub cluster: String,
    /// The broker's node id.
    pub id: i32,
    /// What is shown to it.
    pub credentials: Credentials,
}

/// What the brokers know of their replicas; fields that are new there are left out here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Replicas {
    /// Who leads the cluster, if anybody does.
    pub active_controller: Option<i32>,
    /// Partitions that nobody leads.
    pub offline: i32,
    /// Partitions with a replica that is not in sync.
    pub under_replicated: i32,
    /// Of each broker.
    pub brokers: Vec<OfBroker>,
}

/// The replicas of one broker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfBroker {
    /// Its node id.
    pub id: i32,
    /// How many it has.
    pub replicas: i32,
    /// How many of them are in sync.
    pub in_sync: i32,
}

impl Replicas {
    /// How many replicas of a broker are not in sync.
    pub fn behind(&self, id: i32) -> i32 {
        let of = self.brokers.iter().find(|broker| broker.id == id);
        of.map_or(0, |broker| broker.replicas - broker.in_sync)
    }
}

/// What the brokers know of their replicas, by the word of one of them.
pub async fn replicas(broker: &Managed) -> Result<Replicas, String> {
    ask(broker, "GET", "/v1/replicas", &Value::Null).await
}

/// The certificates that a broker shows and trusts, by its own word.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Loaded {
    /// To other brokers and to the operator.
    pub certificate: Shown,
    /// To clients.
    pub listeners: Vec<OfListener>,
}

/// What one listener shows and trusts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct OfListener {
    /// The listener's name.
    pub name: String,
    /// What it shows and trusts.
    pub certificate: Shown,
}

/// A certificate and whom it trusts, by their fingerprints (`pki::fingerprints`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// Of the certificate.
    pub sha256: String,
    /// Of the authorities.
    pub ca_sha256: Vec<String>,
    /// Why what the files hold now is not in use.
    pub trouble: Option<String>,
}

/// What a broker shows and trusts now.
pub async fn loaded(broker: &Managed) -> Result<Loaded, String> {
    ask(broker, "GET", "/v1/status", &Value::Null).await
}

/// Asks `broker`, the active controller, for the permit to restart broker `id`, once the permits of
/// `over` are given back: their restarts are over.
pub async fn permit(broker: &Managed, id: i32, over: &[i32]) -> Result<(), String> {
    const PATH: &str = "/v1/restart-permits";
    for id in over {
        let _: Value = ask(broker, "DELETE", PATH, &json!({ "brokers": [id] })).await?;
    }
    let _: Value = ask(broker, "POST", PATH, &json!({ "brokers": [id] })).await?;
    Ok(())
}

#[derive(Deserialize)]
struct Refused {
    error: Reason,
}

#[derive(Deserialize)]
struct Reason {
    message: String,
}

/// One request; the words of whoever refuses it.
async fn ask<T: DeserializeOwned>(
    broker: &Managed,
    method: &str,
    path: &str,
    body: &Value,
) -> Result<T, String> {
    let id = broker.id;
    let asked = tokio::time::timeout(PATIENCE, send(broker, method, path, body));
    let (good, bytes) = match asked.await {
        Ok(answer) => answer.map_err(|why| format!("broker {id} cannot be managed: {why}"))?,
        Err(_slow) => {
            return Err(format!("broker {id} does not answer within {} s", PATIENCE.as_secs()));
        }
    };
    if !good {
        let refused: Result<Refused, _> = serde_json::from_slice(&bytes);
        return Err(refused.map_or_else(|why| why.to_string(), |refused| refused.error.message));
    }
    serde_json::from_slice(&bytes).map_err(|why| format!("broker {id} answers otherwise: {why}"))
}

/// Whether it went well, and the answer.
async fn send(
    broker: &Managed,
    method: &str,
    path: &str,
    body: &Value,
) -> Result<(bool, Vec<u8>), Box<dyn std::error::Error + Send + Sync>> {
    let Managed { namespace, cluster, id, credentials } = broker;
    // the certificate of node 0 is for this name, and no other node's is
    let host = names::peer(cluster, *id, namespace);
    let mut config = Config::new(format!("https://{host}:{}", names::MANAGEMENT_PORT).parse()?);
    let trusted: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(credentials.authority.as_bytes()).collect();
    config.root_cert = Some(trusted?.iter().map(|one| one.to_vec()).collect());
    config.auth_info = serde_json::from_value(json!({
        "client-certificate-data": STANDARD.encode(&credentials.certificate),
        "client-key-data": STANDARD.encode(&credentials.key),
    }))?;
    let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(body)? };
    let request = Request::builder().method(method).uri(path).body(Body::from(body))?;
    let answer = Client::try_from(config)?.send(request).await?;
    let good = answer.status().is_success();
    let answer = http_body_util::Limited::new(answer.into_body(), LONGEST).collect().await?;
    Ok((good, answer.to_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_behind_is_told_from_who_is_not() {
        let replicas: Replicas = serde_json::from_value(json!({
            "activeController": null, "partitions": 3, "offline": 0, "underReplicated": 2,
            "brokers": [{ "id": 4, "replicas": 3, "inSync": 1, "later": true }],
        }))
        .unwrap();
        assert_eq!((replicas.behind(4), replicas.behind(5)), (2, 0));
        assert_eq!(replicas.active_controller, None);
    }

    #[test]
    fn keys_are_not_shown() {
        let text = "PRIVATE".to_owned();
        let shown =
            Credentials { authority: text.clone(), certificate: text.clone(), key: text.clone() };
        assert!(!format!("{shown:?}").contains(&text));
    }
}
