//! Which certificates a cluster needs, and which have to be made anew.

use k8s_openapi::jiff::{Timestamp, ToSpan as _};
use kastellan_crds::condition::Reason;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::Value;

use super::plan::Draft;
use super::waits::Wait;
use super::{Certificate, Seen, Step};
use crate::kubernetes::names;
use crate::kubernetes::object::{Kind, text};
use crate::kubernetes::render::{Cluster, secret};
use crate::pki::{RENEWAL_DAYS, Subject};

/// The hash under which an authority stands on what it signed: of its certificate in base64.
pub(super) fn fingerprint(certificate: &str) -> String {
    names::hash(certificate, 16)
}

/// Plans the Secrets; the earliest end of a certificate, once the authority is there. Nothing that
/// mounts a Secret is made before.
pub(super) fn plan(draft: &mut Draft<'_>, cluster: &Cluster, ids: &[i32]) -> Option<Timestamp> {
    let name = names::authority(&cluster.name);
    let Some(authority) = draft.world.get(Kind::Secret, &name) else {
        let id = cluster.identity.cluster_id.clone();
        draft.steps.push(Step::Authority(secret::authority_frame(cluster), id));
        return None;
    };
    let files = (text(authority, "/data/ca.crt"), text(authority, "/data/ca.key"));
    let (Some(certificate), Some(_)) = files else {
        let message =
            format!("Secret {name} has no ca.crt or no ca.key: write it back, or delete it");
        draft.waits.push(Wait::new(Reason::CertificateMissing, message));
        return None;
    };
    let fingerprint = fingerprint(certificate);
    let mut wanted: Vec<(String, Value, Subject)> = ids
        .iter()
        .map(|id| {
            let name = names::broker_certificate(&cluster.name, *id);
            (name, secret::broker_frame(cluster, *id), secret::broker_subject(cluster, *id))
        })
        .collect();
    wanted.push((
        names::operator_certificate(&cluster.name),
        secret::operator_frame(cluster),
        secret::operator_subject(cluster),
    ));
    let mut ends = vec![end(authority)];
    for (secret, frame, subject) in wanted {
        let there = draft.world.get(Kind::Secret, &secret);
        if there.is_some_and(|there| good(there, &fingerprint, draft.world.now)) {
            ends.push(there.map_or(Timestamp::MAX, end));
            continue;
        }
        let seen = if there.is_some() { Seen::Ours } else { Seen::Nowhere };
        let certificate = Certificate { frame, subject, authority: name.clone() };
        draft.steps.push(Step::Certificate(Box::new(certificate), seen));
    }
    ends.into_iter().min()
}

/// When the certificate of a Secret ends; nobody knows: at once.
fn end(secret: &DynamicObject) -> Timestamp {
    let end = secret.annotations().get(names::NOT_AFTER);
    end.and_then(|end| end.parse().ok()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Whether a Secret has everything, is signed by the authority, and is good for a while.
fn good(secret: &DynamicObject, fingerprint: &str, now: Timestamp) -> bool {
    let whole = ["ca.crt", "tls.crt", "tls.key"]
        .iter()
        .all(|file| text(secret, &format!("/data/{file}")).is_some_and(|text| !text.is_empty()));
    let signed = secret.annotations().get(names::AUTHORITY).is_some_and(|by| by == fingerprint);
    whole && signed && end(secret) > now + (RENEWAL_DAYS * 24).hours()
}
