//! The cluster's own authority and the certificates that it signs for brokers.
//!
//! A node is who its certificate says: `CN=node-<id>`, `O=<cluster id>`. Both ends of a connection
//! between brokers show one.

use std::fmt;

use jiff::{Span, Zoned};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// How long an authority is valid.
const AUTHORITY_YEARS: i64 = 10;
/// How long what it signs is valid.
const NODE_YEARS: i64 = 1;

/// A certificate and its private key, in PEM form.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Signed {
    /// The certificate.
    pub(crate) certificate: String,
    /// The key, which nobody else may see.
    pub(crate) key: String,
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// A new authority of a cluster.
pub(crate) fn authority(cluster_id: &str) -> Result<Signed, rcgen::Error> {
    let mut params = named("kastellan-ca", cluster_id, AUTHORITY_YEARS);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok(Signed { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// A certificate of node `id`, signed by `authority`.
pub(crate) fn node(authority: &Signed, id: i32, cluster_id: &str) -> Result<Signed, rcgen::Error> {
    let issuer =
        Issuer::from_ca_cert_pem(&authority.certificate, KeyPair::from_pem(&authority.key)?)?;
    let mut params = named(&format!("node-{id}"), cluster_id, NODE_YEARS);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &issuer)?;
    Ok(Signed { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// Who it is for and until when; from yesterday on, for clocks that are behind.
fn named(common_name: &str, organization: &str, years: i64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.distinguished_name.push(DnType::OrganizationName, organization);
    let today = Zoned::now().date();
    let day = |span: Span| {
        let day = today.checked_add(span).unwrap_or(today);
        let number = |part: i8| u8::try_from(part).unwrap_or(1);
        date_time_ymd(day.year().into(), number(day.month()), number(day.day()))
    };
    params.not_before = day(Span::new().days(-1));
    params.not_after = day(Span::new().years(years));
    params
}
