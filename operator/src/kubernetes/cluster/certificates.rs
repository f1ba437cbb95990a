//! Which certificates a cluster needs, and which have to be made anew.
//!
//! Brokers and the operator know each other by the cluster's own authority, whatever the spec says.
//! What clients are shown is signed by that one too, by one that is given, or by an issuer of
//! cert-manager; what they show, by another.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::jiff::{Timestamp, ToSpan as _};
use kastellan_crds::condition::Reason;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::Value;

use super::authority::{self, Files, Held};
use super::plan::Draft;
use super::pods::Broker;
use super::replacement::{self, Progress};
use super::waits::Wait;
use super::{Certificate, Seen, Step, Turn, World, issued};
use crate::fleet::windows;
use crate::kubernetes::names;
use crate::kubernetes::object::{Kind, file, text};
use crate::kubernetes::render::{Cluster, secret};
use crate::pki::{self, OF_BROKERS, OF_CLIENTS, RENEWAL_DAYS, Subject};

/// The hash under which an authority stands on what it signed: of what is trusted with it, in
/// base64.
pub(in crate::kubernetes) fn fingerprint(trusted: &str) -> String {
    names::hash(&STANDARD.encode(trusted), 16)
}

/// What is needed is not there; what for is said.
pub(super) struct Missing;

/// When certificates end, and when they are renewed.
pub(super) struct Times {
    now: Timestamp,
    /// When each of them ends, as far as that is known.
    pub(super) ends: Vec<Timestamp>,
    /// When the next maintenance window opens, if none is open that has to be waited for.
    closed_until: Option<Timestamp>,
    /// Whether anything waits for it.
    postponed: bool,
}

impl Times {
    fn of(world: &World) -> Self {
        let asked = world.cluster.spec.maintenance.as_ref();
        let closed_until = windows::closed_until(asked, world.now);
        Self { now: world.now, ends: Vec::new(), closed_until, postponed: false }
    }

    /// Whether something that ends then has to be made anew, as it is so many days before. Where a
    /// window can be waited for, half of them have to be over.
    pub(super) fn is_due(&mut self, end: Timestamp, days: i64) -> bool {
        let within = |hours: i64| end <= self.now + hours.hours();
        let due = within(days * 24);
        let waits = due && self.closed_until.is_some() && !within(days * 12);
        self.postponed |= waits;
        due && !waits
    }
}

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

/// An authority that signs: its Secret, and what is trusted with it, as a text.
struct Signer {
    secret: String,
    trusted: String,
}

/// An authority of the cluster's own.
pub(super) struct Own {
    /// Its common name, which tells the two apart.
    pub(super) kind: &'static str,
    /// Its Secret.
    pub(super) secret: String,
    /// What is trusted with it, as a text.
    pub(super) trusted: String,
    /// The certificate that signs.
    pub(super) signer: String,
    /// What its Secret says of it.
    pub(super) held: Held,
}

/// What is known of a cluster's certificates.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// When the first of them ends.
    pub(super) end: Timestamp,
    /// When the maintenance window opens in which some of them are renewed, if they wait for one.
    pub(super) window: Option<Timestamp>,
    /// What is being replaced, if anything is.
    pub(super) replacing: Option<(Reason, String)>,
    /// When to look again.
    pub(super) wake: Option<Duration>,
}

/// Plans the Secrets; what is known of them, once what signs them is there. Nothing that mounts a
/// Secret is made before. `nodes` are the addresses of the brokers' nodes.
pub(super) fn plan(
    draft: &mut Draft<'_>,
    cluster: &Cluster,
    brokers: &[Broker],
    nodes: &[String],
) -> Option<Facts> {
    let before = draft.steps.len();
    let ids: Vec<i32> = brokers.iter().map(|broker| broker.id).collect();
    let made = own(draft, cluster, OF_BROKERS);
    let clients = clients(draft, cluster);
    let given = given(draft, cluster);
    let own = made.ok()?;
    let mut times = Times::of(draft.world);
    times.ends.push(own.held.end.unwrap_or(Timestamp::UNIX_EPOCH));
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
    let by_own = Signer { secret: own.secret.clone(), trusted: own.trusted.clone() };
    sign(draft, &by_own, wanted, &mut times);
    let given = given.ok()?;
    let clients = clients.ok()?;
    times.ends.extend(clients.iter().filter_map(|clients| clients.held.end));
    if let Some(issuer) = cluster.issuer() {
        issued::plan(draft, cluster, (&ids, nodes), issuer, &mut times).ok()?;
    } else if issued::withdraw(draft, &BTreeSet::new()) {
        // the Secrets are cert-manager's until it has heard of that
    } else if cluster.signs_for_listeners() {
        for_listeners(draft, cluster, (&ids, nodes), &given.unwrap_or(by_own), &mut times);
    }
    let written = draft.steps.len() == before;
    let all: Vec<Own> = [own].into_iter().chain(clients).collect();
    let progress = replacement::plan(draft, (cluster, brokers), &all, written, &mut times);
    let Progress { replacing, wake } = progress;
    let end = times.ends.into_iter().min()?;
    let window = times.closed_until.filter(|_| times.postponed);
    Some(Facts { end, window, replacing, wake })
}

/// The cluster's own authority of one kind.
fn own(draft: &mut Draft<'_>, cluster: &Cluster, kind: &'static str) -> Result<Own, Missing> {
    let secret = replacement::secret(cluster, kind);
    let Some(there) = draft.world.get(Kind::Secret, &secret) else {
        draft.steps.push(replacement::step(draft.world, cluster, kind, Turn::First, None));
        return Err(Missing);
    };
    whole(draft, &secret, Some(there), &["ca.crt", "ca.key"])?;
    let files = files(there);
    let signer = files.get("ca.crt").cloned().unwrap_or_default();
    let held = Held {
        phase: authority::phase(&files),
        end: pki::not_after(&signer),
        since: mark(there, names::SINCE).and_then(|since| since.parse().ok()),
        heeded: mark(there, replacement::annotation(kind)).cloned(),
    };
    let trusted = authority::trusted(&files).ok_or(Missing)?;
    Ok(Own { kind, secret, trusted, signer, held })
}

/// The text files of a Secret.
fn files(secret: &DynamicObject) -> Files {
    let names = secret.data.get("data").and_then(Value::as_object).into_iter().flatten();
    names.filter_map(|(name, _)| Some((name.clone(), file(secret, name)?))).collect()
}

fn mark<'a>(secret: &'a DynamicObject, annotation: &str) -> Option<&'a String> {
    secret.annotations().get(annotation)
}

/// Whether a Secret has all of these files; who has to write them is told otherwise.
fn whole(
    draft: &mut Draft<'_>,
    name: &str,
    secret: Option<&DynamicObject>,
    files: &[&str],
) -> Result<(), Missing> {
    let has = |file: &&str| {
        secret
            .and_then(|secret| text(secret, &format!("/data/{file}")))
            .is_some_and(|it| !it.is_empty())
    };
    let missing: Vec<&str> = files.iter().filter(|one| !has(one)).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    let own = draft.world.get(Kind::Secret, name).is_some();
    let remedy = if own { "write it back, or delete it" } else { "the spec names it: write it" };
    let message = format!("Secret {name} has no {}: {remedy}", missing.join(" and no "));
    draft.waits.push(Wait::new(Reason::CertificateMissing, message).again(super::plan::AGAIN));
    Err(Missing)
}

/// What is given in the spec, of which everything has to be there: the authority that signs for
/// listeners, if there is one.
fn given(draft: &mut Draft<'_>, cluster: &Cluster) -> Result<Option<Signer>, Missing> {
    let mut complete = true;
    let world = draft.world;
    for (_, secret) in cluster.own_certificates() {
        let there = world.given.get(secret);
        complete &= whole(draft, secret, there, &["tls.crt", "tls.key"]).is_ok();
    }
    let mut authority = None;
    if let Some(secret) = cluster.authority().secret_name.filter(|_| cluster.signs_for_listeners())
    {
        let there = world.given.get(&secret);
        complete &= whole(draft, &secret, there, &["ca.crt", "ca.key"]).is_ok();
        let trusted = there.and_then(|there| authority::trusted(&files(there)));
        authority = trusted.map(|trusted| Signer { secret, trusted });
    }
    if complete { Ok(authority) } else { Err(Missing) }
}

/// The authority of the clients, where one is needed and it is our own.
fn clients(draft: &mut Draft<'_>, cluster: &Cluster) -> Result<Option<Own>, Missing> {
    if !cluster.wants_certificates() {
        return Ok(None);
    }
    if let Some(name) = cluster.clients().secret_name {
        let there = draft.world.given.get(&name);
        return whole(draft, &name, there, &["ca.crt", "ca.key"]).map(|()| None);
    }
    let own = own(draft, cluster, OF_CLIENTS)?;
    let shown = names::clients_certificate(&cluster.name);
    draft.apply(&secret::certificate(cluster, &shown, &own.trusted));
    Ok(Some(own))
}

/// What brokers show to clients, and what those have to trust.
fn for_listeners(
    draft: &mut Draft<'_>,
    cluster: &Cluster,
    (ids, nodes): (&[i32], &[String]),
    by: &Signer,
    times: &mut Times,
) {
    let shown = names::cluster_certificate(&cluster.name);
    draft.apply(&secret::certificate(cluster, &shown, &by.trusted));
    let wanted = ids.iter().map(|id| Wanted {
        secret: names::listener_certificate(&cluster.name, *id),
        frame: secret::listener_frame(cluster, *id),
        subject: secret::listener_subject(cluster, *id, nodes),
        renewal_days: i64::from(cluster.authority().renewal_days),
    });
    sign(draft, by, wanted.collect(), times);
}

/// Has certificates made that are not there or not good any more.
fn sign(draft: &mut Draft<'_>, by: &Signer, wanted: Vec<Wanted>, times: &mut Times) {
    let fingerprint = fingerprint(&by.trusted);
    for Wanted { secret, frame, subject, renewal_days } in wanted {
        let there = draft.world.get(Kind::Secret, &secret);
        let good = |there| {
            let marks = [(names::AUTHORITY, &*fingerprint), (names::SUBJECT, &*whom(&subject))];
            good(there, &marks)
        };
        if let Some(there) = there.filter(|there| good(there))
            && !times.is_due(end(there), renewal_days)
        {
            times.ends.push(end(there));
            continue;
        }
        let seen = if there.is_some() { Seen::Ours } else { Seen::Nowhere };
        let certificate = Certificate { frame, subject, authority: by.secret.clone() };
        draft.steps.push(Step::Certificate(Box::new(certificate), seen));
    }
}

fn whom(subject: &Subject) -> String {
    secret::subject_hash(subject)
}

/// When the certificate of a Secret ends; nobody knows: at once.
fn end(secret: &DynamicObject) -> Timestamp {
    mark(secret, names::NOT_AFTER).and_then(|end| end.parse().ok()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Whether a Secret has everything and carries these marks.
fn good(secret: &DynamicObject, marks: &[(&str, &str)]) -> bool {
    let whole = ["ca.crt", "tls.crt", "tls.key"]
        .iter()
        .all(|file| text(secret, &format!("/data/{file}")).is_some_and(|text| !text.is_empty()));
    let marked = |(name, value): &(&str, &str)| mark(secret, name).is_some_and(|it| it == value);
    whole && marks.iter().all(marked)
}
