//! What this node shows its peers and whom it trusts.

use std::{ops::Deref, sync::Arc};

use kastellan_core::id::BrokerId;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::Resumption,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::{NoServerSessionStorage, WebPkiClientVerifier},
};

use super::{
    subject::{NotOurs, Subject, subject},
    verify::ChainOnly,
};
use crate::certificates::{CertificateError, CertificateFiles, Keys, Sources, Watched};

/// Both sides of a connection between nodes.
#[derive(Debug)]
pub(crate) struct Sides {
    /// For those who connect.
    pub(crate) server: Arc<ServerConfig>,
    /// For connecting to others.
    pub(crate) client: Arc<ClientConfig>,
}

/// The certificates of this node, as they are now.
#[derive(Debug)]
pub(crate) struct Identity {
    cluster: String,
    watched: Arc<Watched<Sides>>,
}

impl Identity {
    /// Reads the files of node `me`. `cluster`: the cluster that the certificate has to name;
    /// `None` takes the one that it names.
    pub(crate) fn load(
        files: CertificateFiles,
        me: BrokerId,
        cluster: Option<&str>,
    ) -> Result<Self, CertificateError> {
        let cluster = match cluster {
            Some(cluster) => cluster.to_owned(),
            None => named(files.clone())?.organization,
        };
        let expected = cluster.clone();
        let watched = Watched::load("peers", files.into(), move |keys| {
            check(&keys, me, &expected)?;
            sides(keys)
        })?;
        Ok(Self { cluster, watched: Arc::new(watched) })
    }

    /// What is in files, whoever it is for.
    #[cfg(test)]
    pub(crate) fn whose(files: &CertificateFiles) -> Result<Arc<ClientConfig>, CertificateError> {
        Ok(sides(Sources::from(files.clone()).keys()?)?.client)
    }

    /// The cluster that certificates have to name.
    pub(crate) fn cluster(&self) -> &str {
        &self.cluster
    }

    /// What looks at the files.
    pub(crate) fn watched(&self) -> &Arc<Watched<Sides>> {
        &self.watched
    }
}

impl Deref for Identity {
    type Target = Watched<Sides>;

    fn deref(&self) -> &Watched<Sides> {
        &self.watched
    }
}

/// Whom the certificate in files is for.
fn named(files: CertificateFiles) -> Result<Subject, CertificateError> {
    subject_of(&Sources::from(files).keys()?)
}

fn subject_of(keys: &Keys) -> Result<Subject, CertificateError> {
    let leaf = keys.chain.first();
    let found = leaf.ok_or(NotOurs::Incomplete).and_then(subject);
    found.map_err(|why| CertificateError::NotOurs { path: keys.path.clone(), why })
}

fn check(keys: &Keys, me: BrokerId, cluster: &str) -> Result<(), CertificateError> {
    let fits = subject_of(keys)?.node(cluster).and_then(|found| {
        let (found, expected) = (found.0, me.0);
        if found == expected { Ok(()) } else { Err(NotOurs::Node { found, expected }) }
    });
    fits.map_err(|why| CertificateError::NotOurs { path: keys.path.clone(), why })
}

fn sides(keys: Keys) -> Result<Sides, CertificateError> {
    let Keys { chain, key, roots, path, .. } = keys;
    let tls = |why| CertificateError::Tls { path: path.clone(), why };
    let server = server(&roots, chain.clone(), key.clone_key()).map_err(tls)?;
    let client = client(roots, chain, key).map_err(tls)?;
    Ok(Sides { server: Arc::new(server), client: Arc::new(client) })
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
