//! A user's Secret as it should be, and what of it is there already.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::jiff::{Timestamp, ToSpan as _};
use kastellan_core::security::{ScramMechanism, Secret};
use kastellan_crds::KafkaUser;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::fleet::user::secret::{Client, Proof, unusable};
use crate::kubernetes::names::{self, AUTHORITY, NOT_AFTER, ROTATE, SUBJECT, USERS_OF};
use crate::kubernetes::object::{Kind, Object, file};
use crate::kubernetes::render::secret::subject_hash;
use crate::pki::Subject;

/// A Secret to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Make {
    /// The `KafkaUser` that it is for.
    pub object: String,
    /// The Secret's name.
    pub secret: String,
    /// Whether it is there, and that user's.
    pub seen: bool,
    /// What is in it besides what the client shows.
    pub frame: Frame,
    /// What the client shows.
    pub what: What,
}

/// What a client is to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// What is known already, and the marks of a certificate.
    Known(Proof, Marks),
    /// A password that is still to be made.
    Password(ScramMechanism),
    /// A certificate that is still to be signed, by the authority of this hash.
    Certificate(Subject, String),
}

/// The annotations of a certificate.
pub(super) type Marks = BTreeMap<&'static str, String>;

/// A Secret without what the client shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    metadata: Value,
    rotation: Option<String>,
    name: String,
    bootstrap: String,
    tls: bool,
    trusted: Option<String>,
}

impl Frame {
    /// That of a user's object, for the user of this name in Kafka.
    pub(super) fn new(
        (object, namespace, secret): (&KafkaUser, &str, &str),
        name: &str,
        (bootstrap, tls, trusted): (String, bool, Option<String>),
    ) -> Self {
        let cluster = object.spec.cluster_ref.name.as_str();
        let metadata = json!({
            "name": secret,
            "namespace": namespace,
            "labels": {
                "app.kubernetes.io/name": "kafka",
                "app.kubernetes.io/instance": cluster,
                "app.kubernetes.io/managed-by": names::MANAGER,
                USERS_OF: cluster,
            },
            "ownerReferences": [{
                "apiVersion": kastellan_crds::API_VERSION,
                "kind": "KafkaUser",
                "name": object.name_any(),
                "uid": object.uid().unwrap_or_default(),
                "controller": true,
                "blockOwnerDeletion": true,
            }],
        });
        let rotation = object.annotations().get(ROTATE).cloned();
        Self { metadata, rotation, name: name.to_owned(), bootstrap, tls, trusted }
    }

    /// The whole Secret.
    pub(super) fn filled(&self, proof: Proof, marks: &Marks) -> Secret<Object> {
        let Self { name, bootstrap, tls, trusted, .. } = self.clone();
        let client = Client { name, bootstrap, tls, trusted, proof };
        let files = client.files().into_iter();
        let data: serde_json::Map<String, Value> =
            files.map(|(name, text)| (name.to_owned(), json!(STANDARD.encode(text.0)))).collect();
        let mut metadata = self.metadata.clone();
        let mut annotations: BTreeMap<&str, &str> =
            marks.iter().map(|(mark, value)| (*mark, value.as_str())).collect();
        annotations.extend(self.rotation.as_deref().map(|rotation| (ROTATE, rotation)));
        if let Some(fields) = metadata.as_object_mut() {
            fields.insert("annotations".to_owned(), json!(annotations));
        }
        let rest = json!({ "data": data, "type": "Opaque" });
        Secret(Object::new(Kind::Secret, metadata, rest))
    }

    /// The password that is there, if it may stay.
    pub(super) fn kept_password(&self, there: &DynamicObject) -> Option<Secret<String>> {
        let password = file(there, "password").filter(|password| unusable(password).is_none());
        password.filter(|_| self.is_of_now(there)).map(Secret)
    }

    /// The certificate that is there, if it is this subject's and the authority's, and good for
    /// more than `renewal_hours`; and when it is to be renewed.
    pub(super) fn kept_certificate(
        &self,
        there: &DynamicObject,
        (subject, authority): (&Subject, &str),
        (renewal_hours, now): (i64, Timestamp),
    ) -> Option<(Proof, Marks, Timestamp)> {
        let mark = |name: &str| there.annotations().get(name).cloned();
        let whole = mark(SUBJECT)? == subject_hash(subject) && mark(AUTHORITY)? == authority;
        let not_after = mark(NOT_AFTER)?;
        let renewal = not_after.parse::<Timestamp>().ok()? - renewal_hours.hours();
        let certificate = file(there, "user.crt").filter(|text| !text.is_empty())?;
        let key = file(there, "user.key").filter(|text| !text.is_empty())?;
        let proof = Proof::Certificate(certificate, Secret(key));
        let marks = marks(subject, authority, not_after);
        (whole && renewal > now && self.is_of_now(there)).then_some((proof, marks, renewal))
    }

    /// Whether nobody has asked for a rotation since.
    fn is_of_now(&self, there: &DynamicObject) -> bool {
        there.annotations().get(ROTATE) == self.rotation.as_ref()
    }
}

/// What stands on a certificate's Secret.
pub(super) fn marks(subject: &Subject, authority: &str, not_after: String) -> Marks {
    let authority = authority.to_owned();
    Marks::from([(SUBJECT, subject_hash(subject)), (AUTHORITY, authority), (NOT_AFTER, not_after)])
}
