//! Reading PEM: a private key, the certificate that goes with it, and authorities.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use kastellan_core::security::Secret;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{CertificateError, CertificateFiles};

/// Where PEM text is.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// In a file.
    File(PathBuf),
    /// In the setting that is named.
    Setting(&'static str, Secret<String>),
}

/// Where everything is that one side of a connection shows and trusts.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    /// Together: the private key and the certificate with its chain.
    pub(crate) keystore: Vec<Source>,
    /// The authorities that are trusted; `None`: nobody is asked for a certificate.
    pub(crate) truststore: Option<Source>,
}

impl From<CertificateFiles> for Sources {
    fn from(files: CertificateFiles) -> Self {
        Self {
            keystore: files.keystore.into_iter().map(Source::File).collect(),
            truststore: Some(Source::File(files.truststore)),
        }
    }
}

/// What sources hold.
#[derive(Debug)]
pub(crate) struct Keys {
    /// The certificate, and what leads from it to an authority.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// The private key.
    pub(crate) key: PrivateKeyDer<'static>,
    /// Who is trusted; empty without a trust store.
    pub(crate) roots: RootCertStore,
    /// SHA-256 of the certificate, in hexadecimal digits.
    pub(crate) fingerprint: String,
    /// The same of each authority.
    pub(crate) ca_fingerprints: Vec<String>,
    /// The last second that the certificate is valid, in Unix time.
    pub(crate) not_after: i64,
    /// The source to be named in messages about key and certificate.
    pub(crate) path: PathBuf,
}

impl Source {
    fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Setting(name, _) => Path::new(name),
        }
    }

    fn read(&self) -> Result<Vec<u8>, CertificateError> {
        match self {
            Self::File(path) => fs::read(path)
                .map_err(|source| CertificateError::Read { path: path.clone(), source }),
            Self::Setting(_, text) => Ok(text.0.clone().into_bytes()),
        }
    }
}

impl Sources {
    /// What each of them holds, the trust store last.
    pub(super) fn read(&self) -> Result<Vec<Vec<u8>>, CertificateError> {
        self.keystore.iter().chain(&self.truststore).map(Source::read).collect()
    }

    /// What they hold now.
    pub(crate) fn keys(&self) -> Result<Keys, CertificateError> {
        self.parse(&self.read()?)
    }

    /// Makes keys of what [`Self::read`] has read.
    pub(super) fn parse(&self, read: &[Vec<u8>]) -> Result<Keys, CertificateError> {
        let named = self.keystore.first().or(self.truststore.as_ref());
        let path = named.map(|source| source.path().to_path_buf()).unwrap_or_default();
        let (mut chain, mut key) = (Vec::new(), None);
        for (source, pem) in self.keystore.iter().zip(read) {
            chain.extend(certificates(source.path(), pem)?);
            key = key.or_else(|| PrivateKeyDer::from_pem_slice(pem).ok());
        }
        let key = key.ok_or_else(|| missing(&path, "private key"))?;
        let leaf = chain.first().ok_or_else(|| missing(&path, "certificate"))?;
        let (_, parsed) = X509Certificate::from_der(leaf).map_err(|why| {
            CertificateError::Damaged { path: path.clone(), why: why.to_string() }
        })?;
        let not_after = parsed.validity().not_after.timestamp();
        let fingerprint = fingerprint(leaf);
        let (roots, ca_fingerprints) = match (&self.truststore, read.last()) {
            (Some(source), Some(pem)) => authorities(source.path(), pem)?,
            _ => (RootCertStore::empty(), Vec::new()),
        };
        Ok(Keys { chain, key, roots, fingerprint, ca_fingerprints, not_after, path })
    }
}

fn missing(path: &Path, what: &'static str) -> CertificateError {
    CertificateError::Missing { path: path.to_path_buf(), what }
}

/// The authorities in what was read from `path`, one at least, with their fingerprints.
pub(crate) fn authorities(
    path: &Path,
    pem: &[u8],
) -> Result<(RootCertStore, Vec<String>), CertificateError> {
    let (mut roots, mut fingerprints) = (RootCertStore::empty(), Vec::new());
    for authority in certificates(path, pem)? {
        fingerprints.push(fingerprint(&authority));
        roots.add(authority).map_err(|why| CertificateError::Damaged {
            path: path.to_path_buf(),
            why: why.to_string(),
        })?;
    }
    if roots.is_empty() { Err(missing(path, "certificate")) } else { Ok((roots, fingerprints)) }
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    all.map_err(|why| CertificateError::Damaged { path: path.to_path_buf(), why: why.to_string() })
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
    digest.as_ref().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}
