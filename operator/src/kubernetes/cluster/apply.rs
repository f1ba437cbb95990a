//! Carries a plan out, step by step, without a choice of its own.

use std::collections::BTreeMap;

use super::authority::{self, Files};
use super::certificates::fingerprint;
use super::observe::{credentials, now};
use super::{Authority, Certificate, Permit, Roll, Seen, Step, Turn};
use serde_json::Value;

use crate::admin::{AdminError, Answers, Vote};
use crate::kubernetes::api::{ApiError, Namespace};
use crate::kubernetes::kafka::{Brokers, Contact};
use crate::kubernetes::management::Managed;
use crate::kubernetes::names;
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
        Step::Authority(authority) => format!("Secret {}", named(&authority.frame)),
        Step::Certificate(certificate, _) => format!("Secret {}", named(&certificate.frame)),
        Step::Delete(kind, name, _) => format!("{} {name}", kind.name()),
        Step::Roll(roll) => format!("the restart of broker {}", roll.id),
        Step::Alter(id, _) => format!("the settings of broker {id}"),
        Step::AlterTopics(_) => "what moves may take of brokers".to_owned(),
        Step::Reassign(_) => "moves of partitions".to_owned(),
        Step::Vote(Vote::Give { id, .. } | Vote::Take { id, .. }) => {
            format!("the vote of broker {id}")
        }
        Step::Unregister(id) => format!("the registration of broker {id}"),
        Step::Elect(_) => "the election of preferred leaders".to_owned(),
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
        Step::Authority(authority) => return turned(authority, namespace).await,
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
            return Ok(first_no(brokers.alter_broker(contact, *id, changes).await?));
        }
        Step::AlterTopics(changes) => {
            let Some(contact) = contact else { return Ok(Ok(())) };
            return Ok(first_no(brokers.alter(contact, changes).await?));
        }
        Step::Reassign(moves) => {
            let Some(contact) = contact else { return Ok(Ok(())) };
            return Ok(first_no(brokers.reassign(contact, moves).await?));
        }
        Step::Vote(vote) => {
            let Some(contact) = contact else { return Ok(Ok(())) };
            return match brokers.vote(contact, vote).await {
                Err(AdminError::Refused(no)) => Ok(Err(no.message)),
                other => Ok(Ok(other?)),
            };
        }
        Step::Unregister(id) => {
            let Some(contact) = contact else { return Ok(Ok(())) };
            return match brokers.unregister(contact, *id).await {
                Err(AdminError::Refused(no)) => Ok(Err(no.message)),
                other => Ok(Ok(other?)),
            };
        }
        Step::Elect(partitions) => {
            let Some(contact) = contact else { return Ok(Ok(())) };
            return Ok(first_no(brokers.elect(contact, partitions).await?));
        }
    }
    Ok(Ok(()))
}

/// Makes an authority, or brings it one step further: only from where the plan has seen it.
async fn turned(
    authority: &Authority,
    namespace: &Namespace,
) -> Result<Result<(), String>, Failed> {
    let Authority { frame, name, cluster_id, turn, seen, heeded } = authority;
    let mut files = Files::new();
    if let Some(seen) = seen {
        files = namespace.secret(named(frame)).await.map_err(Failed::Api)?;
        let trusted = authority::trusted(&files);
        if trusted.is_none_or(|trusted| fingerprint(&trusted) != *seen) {
            // another one has been here since
            return Ok(Ok(()));
        }
    }
    let now = now();
    let files = match authority::turned(*turn, &files, (name, cluster_id), now) {
        Ok(files) => files,
        Err(why) => return Ok(Err(format!("Secret {}: {why}", named(frame)))),
    };
    let end = files.get("ca.crt").and_then(|certificate| pki::not_after(certificate));
    let mut marks = vec![
        (names::NOT_AFTER, end.map(|end| end.to_string()).unwrap_or_default()),
        (names::SINCE, now.to_string()),
    ];
    marks.extend(heeded.clone());
    let object = secret::filled(frame, &files, marks);
    match turn {
        Turn::First => namespace.create(&object).await.map_err(Failed::Api)?,
        _ => namespace.apply(&object).await.map_err(Failed::Api)?,
    }
    Ok(Ok(()))
}

/// What was refused first, with its name where that is no number.
fn first_no(answers: Answers) -> Result<(), String> {
    let mut refused = answers.into_iter().filter_map(|(name, answer)| Some((name, answer.err()?)));
    let Some((name, no)) = refused.next() else { return Ok(()) };
    Err(if name.parse::<i32>().is_ok() { no.message } else { format!("{name}: {}", no.message) })
}

/// Signs a certificate with the authority's key, which no plan has seen, and stores it.
async fn signed(
    certificate: &Certificate,
    seen: Seen,
    namespace: &Namespace,
) -> Result<Result<(), String>, Failed> {
    let files = namespace.secret(&certificate.authority).await.map_err(Failed::Api)?;
    let file = |name: &str| files.get(name).map(String::as_str).unwrap_or_default();
    let pair = match pki::sign(file("ca.crt"), file("ca.key"), &certificate.subject, now()) {
        Ok(pair) => pair,
        Err(why) => return Ok(Err(format!("Secret {}: {why}", certificate.authority))),
    };
    let trusted = authority::trusted(&files).unwrap_or_default();
    let marks = [
        (names::NOT_AFTER, pair.not_after.to_string()),
        (names::AUTHORITY, fingerprint(&trusted)),
        (names::SUBJECT, secret::subject_hash(&certificate.subject)),
    ];
    let files = [("ca.crt", trusted), ("tls.crt", pair.certificate), ("tls.key", pair.key)];
    let files = files.map(|(name, text)| (name.to_owned(), text));
    let object = secret::filled(&certificate.frame, &Files::from(files), marks);
    match seen {
        Seen::Ours => namespace.apply(&object).await.map_err(Failed::Api)?,
        Seen::Nowhere => namespace.apply_new(&object).await.map_err(Failed::Api)?,
    }
    Ok(Ok(()))
}

fn named(frame: &Value) -> &str {
    frame.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
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
