//! What brokers show to clients where an issuer of cert-manager signs it.
//!
//! The operator asks by a Certificate for each broker and cert-manager writes the Secret, renews it
//! and says how that goes. A broker that has something to show is left alone while the next one is
//! on its way.

use std::collections::BTreeSet;

use k8s_openapi::jiff::Timestamp;
use kastellan_crds::cluster::IssuerRef;
use kastellan_crds::condition::Reason;
use kube::ResourceExt as _;
use kube::api::DynamicObject;

use super::Step;
use super::certificates::{Missing, Times};
use super::plan::{AGAIN, Draft};
use super::waits::Wait;
use crate::kubernetes::names;
use crate::kubernetes::object::{Kind, condition, file, is_ready, text};
use crate::kubernetes::render::{Cluster, issued, secret};

/// How cert-manager marks a Secret that it has written: for which Certificate, and who signed.
const OF: &str = "cert-manager.io/certificate-name";
const SIGNED_BY: [&str; 3] =
    ["cert-manager.io/issuer-name", "cert-manager.io/issuer-kind", "cert-manager.io/issuer-group"];

/// Asks for what is not there; nothing goes on before every broker has something to show.
pub(super) fn plan(
    draft: &mut Draft<'_>,
    cluster: &Cluster,
    (ids, nodes): (&[i32], &[String]),
    issuer: &IssuerRef,
    times: &mut Times,
) -> Result<(), Missing> {
    let can_ask = draft.world.has_issuers;
    if !can_ask {
        let message = "spec.certificates.issuerRef: this API server has no cert-manager, or does \
                       not let the operator see its Certificates: install it, or name a Secret by \
                       spec.certificates.cluster.secretName";
        draft.waits.push(Wait::new(Reason::CertificateMissing, message).again(AGAIN));
    }
    let wanted: BTreeSet<String> =
        ids.iter().map(|id| names::listener_certificate(&cluster.name, *id)).collect();
    withdraw(draft, &wanted);
    let mut complete = true;
    let mut trusted = BTreeSet::new();
    for id in ids {
        let wanted = issued::certificate(cluster, *id, nodes, issuer);
        if can_ask {
            draft.apply(&wanted);
        }
        let asked = draft.world.get(Kind::Certificate, &wanted.name);
        let there = draft.world.get(Kind::Secret, &wanted.name);
        let signed = there.is_some_and(|there| is_signed(there, &wanted.name, issuer));
        if can_ask && !(signed && asked.is_some_and(is_ready)) {
            draft.waits.push(waits(&wanted.name, issuer, asked));
        }
        let Some(there) = there.filter(|there| is_whole(there)) else {
            complete = false;
            continue;
        };
        if signed {
            // it goes with the cluster
            draft.apply(&secret::bare(&secret::listener_frame(cluster, *id)));
        }
        trusted.extend(file(there, "ca.crt").filter(|it| !it.is_empty()));
        times.ends.extend(asked.and_then(end));
    }
    if !complete {
        return Err(Missing);
    }
    // an issuer that everybody trusts anyway writes none
    let bundle: String = trusted.into_iter().collect();
    let shown = names::cluster_certificate(&cluster.name);
    draft.apply(&secret::certificate(cluster, &shown, &bundle));
    Ok(())
}

/// Takes back what nobody needs any more, all but those of these names; whether there was any.
pub(super) fn withdraw(draft: &mut Draft<'_>, keep: &BTreeSet<String>) -> bool {
    let all = draft.world.all(Kind::Certificate);
    let others = all.filter(|one| !keep.contains(&one.name_any()));
    let gone: Vec<Step> = others
        .filter_map(|one| Some(Step::Delete(Kind::Certificate, one.name_any(), one.uid()?)))
        .collect();
    let any = !gone.is_empty();
    draft.steps.extend(gone);
    any
}

/// Whether there is something to show, whoever signed it.
fn is_whole(secret: &DynamicObject) -> bool {
    ["tls.crt", "tls.key"].iter().all(|name| file(secret, name).is_some_and(|it| !it.is_empty()))
}

/// Whether this issuer has signed what is there.
fn is_signed(secret: &DynamicObject, name: &str, issuer: &IssuerRef) -> bool {
    let mark = |key: &str| secret.annotations().get(key).map(String::as_str);
    let wanted = [&issuer.name, &issuer.kind, &issuer.group].map(|it| Some(it.as_str()));
    mark(OF) == Some(name) && SIGNED_BY.map(mark) == wanted
}

fn waits(name: &str, issuer: &IssuerRef, certificate: Option<&DynamicObject>) -> Wait {
    // why an attempt has failed says more than that there is no certificate yet
    let said = |kind| condition(certificate?, kind, "message");
    let said = said("Issuing").or_else(|| said("Ready")).map(|words| format!(": {words}"));
    let message = format!(
        "waiting for {} {} to sign Certificate {name}{}",
        issuer.kind,
        issuer.name,
        said.unwrap_or_default()
    );
    Wait::new(Reason::CertificateMissing, message).again(AGAIN)
}

/// When what cert-manager has signed ends.
fn end(certificate: &DynamicObject) -> Option<Timestamp> {
    text(certificate, "/status/notAfter")?.parse().ok()
}
