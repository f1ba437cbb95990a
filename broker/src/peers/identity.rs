//! What this node shows its peers and whom it trusts: PEM files, read again when they change.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use kastellan_core::id::BrokerId;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::Resumption,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{NoServerSessionStorage, WebPkiClientVerifier},
};

use super::{
    subject::{NotOurs, Subject, subject},
    verify::ChainOnly,
};

/// Where a node's certificates are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// Files that together hold the private key and the certificate with its chain.
    pub keystore: Vec<PathBuf>,
    /// The file with the authorities that are trusted.
    pub truststore: PathBuf,
}

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("read {}: {source}", .path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{} has no {what} in PEM form", .path.display())]
    Missing {
        /// Which file.
        path: PathBuf,
        /// What was expected.
        what: &'static str,
    },
    /// A file holds something that is damaged.
    #[error("{}: {why}", .path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The certificate is not this node's.
    #[error("{}: {why}", .path.display())]
    NotOurs {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        why: NotOurs,
    },
    /// Key and certificate cannot be used, or do not belong together.
    #[error("{}: {why}", .path.display())]
    Tls {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        why: rustls::Error,
    },
}

/// What is shown and trusted from some moment on.
#[derive(Debug)]
pub(crate) struct Shown {
    /// 1 at the start, one more with every change of the files.
    pub(crate) generation: u64,
    /// SHA-256 of the node's certificate, in hexadecimal digits.
    pub(crate) fingerprint: String,
    /// The same of each authority.
    pub(crate) ca_fingerprints: Vec<String>,
    /// The last second that the node's certificate is valid, in Unix time.
    pub(crate) not_after: i64,
    /// For those who connect.
    pub(crate) server: Arc<ServerConfig>,
    /// For connecting to others.
    pub(crate) client: Arc<ClientConfig>,
}

/// The certificates of this node, as they are now.
#[derive(Debug)]
pub(crate) struct Identity {
    files: CertificateFiles,
    me: BrokerId,
    cluster: String,
    shown: ArcSwap<Shown>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// What the files held when they were last looked at.
    seen: Vec<Vec<u8>>,
    /// Why what they hold is not in use.
    trouble: Option<String>,
}

impl Identity {
    /// Reads the files of node `me`. `cluster`: the cluster that the certificate has to name;
    /// `None` takes the one that it names.
    pub(crate) fn load(
        files: CertificateFiles,
        me: BrokerId,
        cluster: Option<&str>,
    ) -> Result<Self, CertificateError> {
        let seen = read(&files)?;
        let (shown, named) = parse(&files, &seen, 1)?;
        let cluster = cluster.unwrap_or(&named.organization).to_owned();
        check(&files, &named, me, &cluster)?;
        let state = Mutex::new(State { seen, trouble: None });
        Ok(Self { files, me, cluster, shown: ArcSwap::from_pointee(shown), state })
    }

    /// What is in files, whoever it is for.
    #[cfg(test)]
    pub(crate) fn whose(files: &CertificateFiles) -> Result<Shown, CertificateError> {
        Ok(parse(files, &read(files)?, 1)?.0)
    }

    /// What is in use.
    pub(crate) fn now(&self) -> Arc<Shown> {
        self.shown.load_full()
    }

    /// The cluster that certificates have to name.
    pub(crate) fn cluster(&self) -> &str {
        &self.cluster
    }

    /// Why what the files hold now is not in use; `None` where it is.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).trouble.clone()
    }

    /// Looks at the files again; true: others are in use from now on. Connections that there are
    /// stay; each side begins new ones when it has nothing under way.
    pub(crate) fn reload(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = match read(&self.files) {
            Ok(now) if now == state.seen && state.trouble.is_none() => return false,
            Ok(now) => {
                // what did not fit together may be half of a change: it is tried again
                let generation = self.shown.load().generation + 1;
                let parsed = parse(&self.files, &now, generation).and_then(|(shown, named)| {
                    check(&self.files, &named, self.me, &self.cluster)?;
                    Ok(shown)
                });
                state.seen = now;
                parsed
            }
            Err(error) => Err(error),
        };
        match changed {
            Ok(shown) => {
                tracing::info!(
                    generation = shown.generation,
                    fingerprint = shown.fingerprint,
                    "other certificates are in use now"
                );
                state.trouble = None;
                self.shown.store(Arc::new(shown));
                true
            }
            Err(error) => {
                let why = error.to_string();
                if state.trouble.as_ref() != Some(&why) {
                    tracing::warn!(why, "the certificates of before stay in use");
                }
                state.trouble = Some(why);
                false
            }
        }
    }
}

fn read(files: &CertificateFiles) -> Result<Vec<Vec<u8>>, CertificateError> {
    let all = files.keystore.iter().chain([&files.truststore]);
    all.map(|path| {
        fs::read(path).map_err(|source| CertificateError::Read { path: path.clone(), source })
    })
    .collect()
}

/// The first file, to be named where several are meant.
fn first(files: &CertificateFiles) -> PathBuf {
    files.keystore.first().unwrap_or(&files.truststore).clone()
}

fn check(
    files: &CertificateFiles,
    named: &Subject,
    me: BrokerId,
    cluster: &str,
) -> Result<(), CertificateError> {
    let fits = named.node(cluster).and_then(|found| {
        let (found, expected) = (found.0, me.0);
        if found == expected { Ok(()) } else { Err(NotOurs::Node { found, expected }) }
    });
    fits.map_err(|why| CertificateError::NotOurs { path: first(files), why })
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    all.map_err(|why| CertificateError::Damaged { path: path.to_path_buf(), why: why.to_string() })
}

fn parse(
    files: &CertificateFiles,
    read: &[Vec<u8>],
    generation: u64,
) -> Result<(Shown, Subject), CertificateError> {
    let path = first(files);
    let missing = |path: &Path, what| CertificateError::Missing { path: path.to_path_buf(), what };
    let (trusted, own) = read.split_last().ok_or_else(|| missing(&path, "certificate"))?;
    let (mut chain, mut key) = (Vec::new(), None);
    for (path, pem) in files.keystore.iter().zip(own) {
        chain.extend(certificates(path, pem)?);
        key = key.or_else(|| PrivateKeyDer::from_pem_slice(pem).ok());
    }
    let key = key.ok_or_else(|| missing(&path, "private key"))?;
    let leaf = chain.first().ok_or_else(|| missing(&path, "certificate"))?;
    let not_ours = |why| CertificateError::NotOurs { path: path.clone(), why };
    let named = subject(leaf).map_err(not_ours)?;
    let authorities = certificates(&files.truststore, trusted)?;
    if authorities.is_empty() {
        return Err(missing(&files.truststore, "certificate"));
    }
    let mut roots = RootCertStore::empty();
    for authority in &authorities {
        let damaged = |why: rustls::Error| CertificateError::Damaged {
            path: files.truststore.clone(),
            why: why.to_string(),
        };
        roots.add(authority.clone()).map_err(damaged)?;
    }
    let (fingerprint, not_after) = (fingerprint(leaf), named.not_after);
    let ca_fingerprints = authorities.iter().map(|one| self::fingerprint(one)).collect();
    let tls = |why| CertificateError::Tls { path: path.clone(), why };
    let server = server(&roots, chain.clone(), key.clone_key()).map_err(tls)?;
    let client = client(roots, chain, key).map_err(tls)?;
    let (server, client) = (Arc::new(server), Arc::new(client));
    let shown = Shown { generation, fingerprint, ca_fingerprints, not_after, server, client };
    Ok((shown, named))
}

fn server(
    roots: &RootCertStore,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = Arc::new(roots.clone());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider))
        .build()
        .map_err(|why| rustls::Error::General(why.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    // every connection shows a certificate that is trusted then: nothing is resumed
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn client(
    roots: RootCertStore,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(ChainOnly::new(roots, &provider));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_auth_cert(chain, key)?;
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
    digest.as_ref().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}
