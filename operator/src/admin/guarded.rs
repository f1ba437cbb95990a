//! TLS with a certificate on both sides, for brokers that let in nobody else.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::pki::Credentials;

/// A connection, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin + fmt::Debug {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin + fmt::Debug> Stream for T {}

/// How to say who we are, and to find out who the others are.
#[derive(Debug, Clone)]
pub(super) struct Guarded(Arc<ClientConfig>);

impl Guarded {
    /// By these credentials; what is wrong with them, in words.
    pub(super) fn new(credentials: &Credentials) -> Result<Self, String> {
        config(credentials).map(|config| Self(Arc::new(config))).map_err(|why| why.to_string())
    }

    /// Agrees with the other end, which has to be the one named.
    pub(super) async fn greet(
        &self,
        name: io::Result<ServerName<'static>>,
        stream: TcpStream,
    ) -> io::Result<Box<dyn Stream>> {
        let connector = TlsConnector::from(Arc::clone(&self.0));
        Ok(Box::new(connector.connect(name?, stream).await?))
    }
}

fn config(
    credentials: &Credentials,
) -> Result<ClientConfig, Box<dyn std::error::Error + Send + Sync>> {
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(credentials.authority.as_bytes()) {
        roots.add(authority?)?;
    }
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(credentials.certificate.as_bytes()).collect();
    let key = PrivateKeyDer::from_pem_slice(credentials.key.as_bytes())?;
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain?, key)?;
    Ok(config)
}
