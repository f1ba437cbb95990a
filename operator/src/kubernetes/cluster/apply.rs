//! Carries a plan out, step by step, without a choice of its own.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;

use super::certificates::fingerprint;
use super::observe::credentials;
use super::{Certificate, Permit, Roll, Seen, Step};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::admin::AdminError;
use crate::kubernetes::api::{ApiError, Namespace};
use crate::kubernetes::kafka::{Brokers, Contact};
use crate::kubernetes::management::Managed;
use crate::kubernetes::object::Kind;
use crate::kubernetes::render::secret;
use crate::pki;

/// Why a plan was not carried out to its end.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The API server does not answer, or something else was faster.
    #[error(transparent)]
    Api(ApiError),
    /// The brokers do not answer.
    #[error("the brokers: {0}")]
    Brokers(#[from] AdminError),
}

/// Carries out all steps. One that is refused does not keep the others back; what was refused comes
/// back in words, by what it is about.
pub async fn apply(
    steps: &[Step],
    namespace: &Namespace,
    brokers: &dyn Brokers,
    contact: Option<&Contact>,
) -> Result<BTreeMap<String, String>, Failed> {
    let mut refused = BTreeMap::new();
    for step in steps {
        match one(step, namespace, brokers, contact).await {
            Ok(Ok(())) => {}
            Ok(Err(words)) | Err(Failed::Api(ApiError::Refused(words))) => {
                tracing::warn!(what = about(step), words, "refused");
                refused.insert(about(step), words);
            }
            Err(failed) => return Err(failed),
        }
    }
    Ok(refused)
}

/// What a step is about, in a message.
fn about(step: &Step) -> String {
    match step {
        Step::Create(object) | Step::Apply(object, _) => {
            format!("{} {}", object.kind.name(), object.name)
        }
        Step::Authority(frame, ..) => format!("Secret {}", named(frame)),
        Step::Certificate(certificate, _) => format!("Secret {}", named(&certificate.frame)),
        Step::Delete(kind, name, _) => format!("{} {name}", kind.name()),
        Step::Roll(roll) => format!("the restart of broker {}", roll.id),
        Step::Alter(id, _) => format!("the settings of broker {id}"),
    }
}

async fn one(
    step: &Step,
    namespace: &Namespace,
    brokers: &dyn Brokers,
    contact: Option<&Contact>,
) -> Result<Result<(), String>, Failed> {
    match step {
        Step::Create(object) => namespace.create(object).await.map_err(Failed::Api)?,
        Step::Authority(frame, name, cluster_id) => {
            let pair =
                pki::authority(name, cluster_id, now()).map_err(|why| no_certificate(&why))?;
            let files = [("ca.crt", pair.certificate.as_str()), ("ca.key", pair.key.as_str())];
            let object = secret::filled(frame, &files, &pair, ("", ""));
            namespace.create(&object).await.map_err(Failed::Api)?;
        }
        Step::Certificate(certificate, seen) => {
            return signed(certificate, *seen, namespace).await;
        }
        Step::Apply(object, Seen::Ours) => namespace.apply(object).await.map_err(Failed::Api)?,
        Step::Apply(object, Seen::Nowhere) => {
            namespace.apply_new(object).await.map_err(Failed::Api)?;
        }
        Step::Delete(kind, name, uid) => {
            namespace.delete(*kind, name, uid).await.map_err(Failed::Api)?;
        }
        Step::Roll(roll) => return restart(roll, namespace, brokers, contact).await,
        Step::Alter(id, changes) => {
            let Some(contact) = contact else { return Ok(Ok(())) };
            let answers = brokers.alter_broker(contact, *id, changes).await?;
            let words = answers.into_values().find_map(Result::err).map(|no| no.message);
            return Ok(words.map_or(Ok(()), Err));
        }
    }
    Ok(Ok(()))
}

/// Signs a certificate with the authority's key, which no plan has seen, and stores it.
async fn signed(
    certificate: &Certificate,
    seen: Seen,
    namespace: &Namespace,
) -> Result<Result<(), String>, Failed> {
    let authority = namespace.secret(&certificate.authority).await.map_err(Failed::Api)?;
    let file = |name: &str| authority.get(name).cloned().unwrap_or_default();
    let (ca, key) = (file("ca.crt"), file("ca.key"));
    let pair = match pki::sign(&ca, &key, &certificate.subject, now()) {
        Ok(pair) => pair,
        Err(why) => return Ok(Err(format!("Secret {}: {why}", certificate.authority))),
    };
    let files = [("ca.crt", ca.as_str()), ("tls.crt", &*pair.certificate), ("tls.key", &*pair.key)];
    let by = fingerprint(&STANDARD.encode(&ca));
    let whom = secret::subject_hash(&certificate.subject);
    let object = secret::filled(&certificate.frame, &files, &pair, (&whom, &by));
    match seen {
        Seen::Ours => namespace.apply(&object).await.map_err(Failed::Api)?,
        Seen::Nowhere => namespace.apply_new(&object).await.map_err(Failed::Api)?,
    }
    Ok(Ok(()))
}

fn now() -> Timestamp {
    Timestamp::now()
}

fn named(frame: &Value) -> &str {
    frame.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
}

fn no_certificate(why: &rcgen::Error) -> Failed {
    Failed::Api(ApiError::Refused(format!("no certificate can be made: {why}")))
}

/// The permit, the new template, the old pod: in this order, and each once more if the operator
/// ends in between.
async fn restart(
    roll: &Roll,
    namespace: &Namespace,
    brokers: &dyn Brokers,
    contact: Option<&Contact>,
) -> Result<Result<(), String>, Failed> {
    if let (Some(permit), Some(contact)) = (&roll.permit, contact) {
        let Permit { controller, secret, over } = permit;
        let files = namespace.secret(secret).await.map_err(Failed::Api)?;
        let Some(credentials) = credentials(|name| files.get(name).cloned()) else {
            return Ok(Err(format!("Secret {secret} is not whole")));
        };
        let (namespace, cluster) = (contact.namespace.clone(), contact.cluster.clone());
        let controller = Managed { namespace, cluster, id: *controller, credentials };
        if let Err(words) = brokers.permit(&controller, roll.id, over).await {
            return Ok(Err(words));
        }
    }
    if let Some(stateful_set) = &roll.stateful_set {
        namespace.apply(stateful_set).await.map_err(Failed::Api)?;
    }
    if let Some((name, uid)) = &roll.pod {
        namespace.delete(Kind::Pod, name, uid).await.map_err(Failed::Api)?;
    }
    Ok(Ok(()))
}
