//! The cluster's own authorities, and what they sign: one for brokers, and for the operator that
//! manages them; one for clients that show a certificate.
//!
//! A node is who its certificate says: `CN=node-<id>`, `O=<cluster id>`. Both ends of a connection
//! between brokers show one. Keys are made where they are stored, and are nowhere else: not in a
//! plan, a status, an event or a log line.

use std::fmt::Write as _;
use std::time::Duration;

use k8s_openapi::jiff::tz::TimeZone;
use k8s_openapi::jiff::{Timestamp, ToSpan as _};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use ring::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// How long the authority is good for.
pub const AUTHORITY_DAYS: i64 = 3650;
/// How long what it signs is good for, where nobody says otherwise.
pub const DAYS: i64 = 365;
/// So many days before its end a certificate is made anew.
pub const RENEWAL_DAYS: i64 = 90;

/// A certificate with its key, in PEM form, and when it ends.
#[derive(Clone)]
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
    /// Its end.
    pub not_after: Timestamp,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pair").field("not_after", &self.not_after).finish_non_exhaustive()
    }
}

/// What is shown, and whom it is shown to: three texts in PEM form.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Credentials {
    /// The authority's certificate.
    pub authority: String,
    /// The own certificate.
    pub certificate: String,
    /// Its key, which is shown to nobody.
    pub key: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// Who a certificate is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its common name: `node-<id>`, `operator`, or a user's name.
    pub common_name: String,
    /// The cluster's id, which keeps clusters with mixed-up Secrets apart; empty for users.
    pub organization: String,
    /// Names and addresses under which it is dialled.
    pub names: Vec<String>,
    /// For how many days.
    pub days: i64,
}

impl Subject {
    /// A node, which is dialled under `names`.
    pub fn node(id: i32, cluster_id: &str, names: Vec<String>) -> Self {
        let organization = cluster_id.to_owned();
        Self { common_name: format!("node-{id}"), organization, names, days: DAYS }
    }

    /// A user, for so many days.
    pub fn user(name: &str, days: i64) -> Self {
        let (common_name, organization) = (name.to_owned(), String::new());
        Self { common_name, organization, names: Vec::new(), days }
    }

    /// The operator of a cluster, or of all clusters of a name.
    pub fn operator(organization: &str) -> Self {
        let (common_name, organization) = ("operator".to_owned(), organization.to_owned());
        Self { common_name, organization, names: Vec::new(), days: DAYS }
    }
}

/// The common name of the authority of a cluster's brokers.
pub const OF_BROKERS: &str = "kastellan";
/// The common name of the authority of a cluster's clients.
pub const OF_CLIENTS: &str = "kastellan clients";

/// A new authority of a cluster.
pub fn authority(name: &str, cluster_id: &str, now: Timestamp) -> Result<Pair, rcgen::Error> {
    self_signed(name, cluster_id, &KeyPair::generate()?, now)
}

/// A certificate for the key of an authority that there is: what it has signed stays as good as the
/// one before made it.
pub fn renewed(
    name: &str,
    cluster_id: &str,
    key: &str,
    now: Timestamp,
) -> Result<Pair, rcgen::Error> {
    self_signed(name, cluster_id, &KeyPair::from_pem(key)?, now)
}

fn self_signed(
    name: &str,
    cluster_id: &str,
    key: &KeyPair,
    now: Timestamp,
) -> Result<Pair, rcgen::Error> {
    let mut params = params(name, cluster_id, now, AUTHORITY_DAYS);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = params.self_signed(key)?;
    let (certificate, key) = (certificate.pem(), key.serialize_pem());
    Ok(Pair { certificate, key, not_after: end(now, AUTHORITY_DAYS) })
}

/// A new certificate, signed by an authority.
pub fn sign(
    authority_certificate: &str,
    authority_key: &str,
    subject: &Subject,
    now: Timestamp,
) -> Result<Pair, rcgen::Error> {
    let issuer =
        Issuer::from_ca_cert_pem(authority_certificate, KeyPair::from_pem(authority_key)?)?;
    let mut params = params(&subject.common_name, &subject.organization, now, subject.days);
    for name in &subject.names {
        params.subject_alt_names.push(match name.parse() {
            Ok(address) => rcgen::SanType::IpAddress(address),
            Err(_) => rcgen::SanType::DnsName(name.as_str().try_into()?),
        });
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &issuer)?;
    let (certificate, key) = (certificate.pem(), key.serialize_pem());
    Ok(Pair { certificate, key, not_after: end(now, subject.days) })
}

/// The certificates of several texts in PEM form, one after the other.
pub fn bundle<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().fold(String::new(), |mut all, text| {
        if !all.is_empty() && !all.ends_with('\n') {
            all.push('\n');
        }
        all + text
    })
}

/// SHA-256 of every certificate of a text in PEM form, in hexadecimal digits: how brokers say what
/// they have loaded (`broker/MANAGEMENT.md`). Empty where one of them is damaged.
pub fn fingerprints(text: &str) -> Vec<String> {
    let hash = |certificate: &CertificateDer<'_>| {
        let digest = digest(&SHA256, certificate);
        digest.as_ref().iter().fold(String::new(), |mut hash, byte| {
            write!(hash, "{byte:02x}").expect("a String takes everything");
            hash
        })
    };
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    all.unwrap_or_default().iter().map(hash).collect()
}

/// The end of the first certificate of a text in PEM form, if it can be read.
pub fn not_after(text: &str) -> Option<Timestamp> {
    let certificate = CertificateDer::from_pem_slice(text.as_bytes()).ok()?;
    let (_, parsed) = X509Certificate::from_der(&certificate).ok()?;
    Timestamp::from_second(parsed.validity().not_after.timestamp()).ok()
}

fn end(now: Timestamp, days: i64) -> Timestamp {
    now + (days * 24).hours()
}

fn params(common_name: &str, organization: &str, now: Timestamp, days: i64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, common_name);
    if !organization.is_empty() {
        params.distinguished_name.push(DnType::OrganizationName, organization);
    }
    let date = |moment: Timestamp| {
        let zoned = moment.to_zoned(TimeZone::UTC);
        let (date, time) = (zoned.date(), zoned.time());
        let part = |number: i8| u8::try_from(number).unwrap_or(1);
        let midnight =
            rcgen::date_time_ymd(i32::from(date.year()), part(date.month()), part(date.day()));
        let hours = u64::from(time.hour().unsigned_abs());
        let minutes = hours * 60 + u64::from(time.minute().unsigned_abs());
        midnight + Duration::from_secs(minutes * 60 + u64::from(time.second().unsigned_abs()))
    };
    // a day earlier: clocks differ, and the day has begun somewhere
    (params.not_before, params.not_after) = (date(now - 24.hours()), date(end(now, days)));
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_authority_signs_has_its_names_and_its_end() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let authority = authority(OF_BROKERS, "id", now).unwrap();
        let subject = Subject::node(0, "id", vec!["demo-0.kafka.svc".to_owned()]);
        let pair = sign(&authority.certificate, &authority.key, &subject, now).unwrap();
        assert!(pair.certificate.starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(pair.key.contains("PRIVATE KEY"));
        assert_eq!(pair.not_after, now + 8760.hours());
        assert!(sign("no certificate", &authority.key, &subject, now).is_err());
        assert_eq!(not_after(&pair.certificate), Some(pair.not_after));
        assert_eq!(not_after("no certificate"), None);
    }

    #[test]
    fn a_bundle_is_known_by_the_fingerprints_of_its_parts() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let one = authority(OF_BROKERS, "id", now).unwrap();
        let other = renewed(OF_BROKERS, "id", &one.key, now + 24.hours()).unwrap();
        let of = |pair: &Pair| fingerprints(&pair.certificate).concat();
        assert_ne!(of(&one), of(&other));
        assert_eq!(other.key, one.key);
        let both = bundle([one.certificate.trim(), &*other.certificate]);
        assert_eq!(fingerprints(&both), [of(&one), of(&other)]);
        assert_eq!(bundle([&*one.certificate]), one.certificate);
        assert!(fingerprints("no certificate").is_empty());
    }
}
