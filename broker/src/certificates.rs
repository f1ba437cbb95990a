//! Keys, certificates and authorities in PEM form, read again when their files change.
//!
//! Whoever shows a certificate, to clients, to peers or to the operator, has a [`Watched`]: what
//! the files hold is used once it fits together, and until then what was used before.

mod error;
mod name;
mod pem;
mod watched;

use std::path::PathBuf;

pub use self::error::CertificateError;
pub(crate) use self::{
    name::distinguished_name,
    pem::{Keys, Source, Sources, authorities},
    watched::Watched,
};

/// Where a node's certificates are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// Files that together hold the private key and the certificate with its chain.
    pub keystore: Vec<PathBuf>,
    /// The file with the authorities that are trusted.
    pub truststore: PathBuf,
}
