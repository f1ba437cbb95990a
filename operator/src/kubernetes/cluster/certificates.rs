//! Which certificates a cluster needs, and which have to be made anew.
//!
//! Brokers and the operator know each other by the cluster's own authority, whatever the spec says.
//! What clients are shown is signed by that one too, or by one that is given; what they show, by
//! another.

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
use crate::pki::{OF_BROKERS, OF_CLIENTS, RENEWAL_DAYS, Subject};

/// The hash under which an authority stands on what it signed: of its certificate in base64.
pub(in crate::kubernetes) fn fingerprint(certificate: &str) -> String {
    names::hash(certificate, 16)
}

/// What is needed is not there; what for is said.
struct Missing;

/// A certificate that has to be there.
struct Wanted {
    /// Its Secret's name.
    secret: String,
    /// Its Secret, without its content.
    frame: Value,
    subject: Subject,
    /// So many days before its end it is made anew.
    renewal_days: i64,
}

/// Plans the Secrets; the earliest end of a certificate, once what signs them is there. Nothing
/// that mounts a Secret is made before. `nodes` are the addresses of the brokers' nodes.
pub(super) fn plan(
    draft: &mut Draft<'_>,
    cluster: &Cluster,
    ids: &[i32],
    nodes: &[String],
) -> Option<Timestamp> {
    let name = names::authority(&cluster.name);
    let made = own(draft, cluster, &name, OF_BROKERS);
    let clients = clients(draft, cluster);
    let given = given(draft, cluster);
    let (authority, end) = made.ok()?;
    let mut ends = vec![end];
    let nodes_of_cluster = ids.iter().map(|id| Wanted {
        secret: names::broker_certificate(&cluster.name, *id),
        frame: secret::broker_frame(cluster, *id),
        subject: secret::broker_subject(cluster, *id),
        renewal_days: RENEWAL_DAYS,
    });
    let mut wanted: Vec<Wanted> = nodes_of_cluster.collect();
    wanted.push(Wanted {
        secret: names::operator_certificate(&cluster.name),
        frame: secret::operator_frame(cluster),
        subject: secret::operator_subject(cluster),
        renewal_days: RENEWAL_DAYS,
    });
    sign(draft, (&name, &authority), wanted, &mut ends);
    let given = given.ok()?;
    ends.extend(clients.ok()?);
    if cluster.signs_for_listeners() {
        let by = given.unwrap_or((name, authority));
        for_listeners(draft, cluster, (ids, nodes), (&by.0, &by.1), &mut ends);
    }
    ends.into_iter().min()
}

/// The cluster's own authority of one kind: its certificate in base64, and its end.
fn own(
    draft: &mut Draft<'_>,
    cluster: &Cluster,
    name: &str,
    kind: &'static str,
) -> Result<(String, Timestamp), Missing> {
    let Some(there) = draft.world.get(Kind::Secret, name) else {
        let id = cluster.identity.cluster_id.clone();
        let frame = match kind {
            OF_CLIENTS => secret::clients_authority_frame(cluster),
            _ => secret::authority_frame(cluster),
        };
        draft.steps.push(Step::Authority(frame, kind, id));
        return Err(Missing);
    };
    let certificate = whole(draft, name, Some(there), &["ca.crt", "ca.key"])?;
    Ok((certificate, end(there)))
}

/// The first of the files of a Secret in base64, if it has all of them; who has to write them is
/// told otherwise.
fn whole(
    draft: &mut Draft<'_>,
    name: &str,
    secret: Option<&DynamicObject>,
    files: &[&str],
) -> Result<String, Missing> {
    let file =
        |file: &&str| text(secret?, &format!("/data/{file}")).filter(|text| !text.is_empty());
    let missing: Vec<&str> = files.iter().filter(|one| file(one).is_none()).copied().collect();
    if missing.is_empty()
        && let Some(first) = files.first().and_then(file)
    {
        return Ok(first.to_owned());
    }
    let own = draft.world.get(Kind::Secret, name).is_some();
    let remedy = if own { "write it back, or delete it" } else { "the spec names it: write it" };
    let message = format!("Secret {name} has no {}: {remedy}", missing.join(" and no "));
    draft.waits.push(Wait::new(Reason::CertificateMissing, message).again(super::plan::AGAIN));
    Err(Missing)
}

/// What is given in the spec, of which everything has to be there: the authority that signs for
/// listeners, by the name of its Secret and its certificate, if there is one.
fn given(draft: &mut Draft<'_>, cluster: &Cluster) -> Result<Option<(String, String)>, Missing> {
    let mut complete = true;
    let world = draft.world;
    for (_, secret) in cluster.own_certificates() {
        let there = world.given.get(secret);
        complete &= whole(draft, secret, there, &["tls.crt", "tls.key"]).is_ok();
    }
    let mut authority = None;
    if let Some(name) = cluster.authority().secret_name.filter(|_| cluster.signs_for_listeners()) {
        let certificate = whole(draft, &name, world.given.get(&name), &["ca.crt", "ca.key"]);
        complete &= certificate.is_ok();
        authority = certificate.ok().map(|certificate| (name, certificate));
    }
    if complete { Ok(authority) } else { Err(Missing) }
}

/// The authority of the clients, where one is needed: its end, if it is our own.
fn clients(draft: &mut Draft<'_>, cluster: &Cluster) -> Result<Option<Timestamp>, Missing> {
    if !cluster.wants_certificates() {
        return Ok(None);
    }
    if let Some(name) = cluster.clients().secret_name {
        let there = draft.world.given.get(&name);
        return whole(draft, &name, there, &["ca.crt", "ca.key"]).map(|_| None);
    }
    let name = names::clients_authority(&cluster.name);
    let (certificate, end) = own(draft, cluster, &name, OF_CLIENTS)?;
    let shown = names::clients_certificate(&cluster.name);
    draft.apply(&secret::certificate(cluster, &shown, &certificate));
    Ok(Some(end))
}

/// What brokers show to clients, and what those have to trust.
fn for_listeners(
    draft: &mut Draft<'_>,
    cluster: &Cluster,
    (ids, nodes): (&[i32], &[String]),
    by: (&str, &str),
    ends: &mut Vec<Timestamp>,
) {
    let shown = names::cluster_certificate(&cluster.name);
    draft.apply(&secret::certificate(cluster, &shown, by.1));
    let wanted = ids.iter().map(|id| Wanted {
        secret: names::listener_certificate(&cluster.name, *id),
        frame: secret::listener_frame(cluster, *id),
        subject: secret::listener_subject(cluster, *id, nodes),
        renewal_days: i64::from(cluster.authority().renewal_days),
    });
    sign(draft, by, wanted.collect(), ends);
}

/// Has certificates made that are not there or not good any more, by the authority in a Secret of
/// this name with this certificate.
fn sign(
    draft: &mut Draft<'_>,
    (name, authority): (&str, &str),
    wanted: Vec<Wanted>,
    ends: &mut Vec<Timestamp>,
) {
    let fingerprint = fingerprint(authority);
    for Wanted { secret, frame, subject, renewal_days } in wanted {
        let there = draft.world.get(Kind::Secret, &secret);
        let now = draft.world.now;
        let good = |there| {
            let marks = [(names::AUTHORITY, &*fingerprint), (names::SUBJECT, &*whom(&subject))];
            good(there, &marks, now, renewal_days)
        };
        if there.is_some_and(good) {
            ends.push(there.map_or(Timestamp::MAX, end));
            continue;
        }
        let seen = if there.is_some() { Seen::Ours } else { Seen::Nowhere };
        let certificate = Certificate { frame, subject, authority: name.to_owned() };
        draft.steps.push(Step::Certificate(Box::new(certificate), seen));
    }
}

fn whom(subject: &Subject) -> String {
    secret::subject_hash(subject)
}

/// When the certificate of a Secret ends; nobody knows: at once.
fn end(secret: &DynamicObject) -> Timestamp {
    let end = secret.annotations().get(names::NOT_AFTER);
    end.and_then(|end| end.parse().ok()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Whether a Secret has everything, carries these marks, and is good for a while.
fn good(secret: &DynamicObject, marks: &[(&str, &str)], now: Timestamp, renewal_days: i64) -> bool {
    let whole = ["ca.crt", "tls.crt", "tls.key"]
        .iter()
        .all(|file| text(secret, &format!("/data/{file}")).is_some_and(|text| !text.is_empty()));
    let marked = |(mark, value): &(&str, &str)| {
        secret.annotations().get(*mark).is_some_and(|there| there == value)
    };
    whole && marks.iter().all(marked) && end(secret) > now + (renewal_days * 24).hours()
}
