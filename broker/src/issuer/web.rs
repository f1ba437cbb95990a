//! A web server that is asked for an issuer's keys.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{
    Request, StatusCode, Uri,
    client::conn::http1,
    header::{ACCEPT, HOST, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use kastellan_core::security::oauth::MOST_BYTES;
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use super::Trouble;
use crate::certificates::authorities;

/// How long an answer may take in all.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Where it is, and whom it is trusted by.
#[derive(Debug)]
pub(super) struct Web {
    host: String,
    port: u16,
    authority: String,
    path: String,
    /// `None`: by the authorities of the system.
    truststore: Option<PathBuf>,
}

impl Web {
    pub(super) fn new(url: &str, truststore: Option<PathBuf>) -> Result<Self, Trouble> {
        let uri: Uri = url.parse().map_err(|_not_one| Trouble::Url)?;
        let authority = uri.authority().ok_or(Trouble::Url)?;
        let host = authority.host();
        // behind a host there is a port or nothing; a password in front of it would be shown to
        // whoever may read settings
        let port = match authority.as_str().strip_prefix(host).filter(|_| !host.is_empty()) {
            Some("") => 443,
            Some(port) => port.get(1..).and_then(|port| port.parse().ok()).ok_or(Trouble::Url)?,
            None => return Err(Trouble::Url),
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            authority: authority.as_str().to_owned(),
            path,
            truststore,
        })
    }

    /// What it answers, if that is short enough to be keys.
    pub(super) async fn ask(&self) -> Result<Vec<u8>, Trouble> {
        timeout(PATIENCE, self.exchange()).await.unwrap_or(Err(Trouble::Slow))
    }

    async fn exchange(&self) -> Result<Vec<u8>, Trouble> {
        let truststore = self.truststore.clone();
        let roots = tokio::task::spawn_blocking(move || roots(truststore));
        let roots = roots.await.map_err(io::Error::other)??;
        let socket = TcpStream::connect((self.host.as_str(), self.port)).await?;
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(Arc::new(trusting(roots))).connect(name, socket).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let request = Request::get(&self.path)
            .header(HOST, &self.authority)
            .header(USER_AGENT, "kastellan")
            .header(ACCEPT, "application/json, application/jwk-set+json")
            .body(Empty::<Bytes>::new())
            .map_err(|_not_one| Trouble::Url)?;
        // the connection ends with the sender
        let answer = async move {
            let answer = sender.send_request(request).await?;
            if answer.status() != StatusCode::OK {
                return Err(Trouble::Status(answer.status()));
            }
            let body = Limited::new(answer.into_body(), MOST_BYTES).collect().await;
            let body = body.map_err(|why| Trouble::Body(why.to_string()))?;
            Ok(body.to_bytes().to_vec())
        };
        // what is wrong with the connection is wrong with the answer
        tokio::join!(answer, connection).0
    }
}

/// Whom a web server is to be trusted by, as it is now.
fn roots(truststore: Option<PathBuf>) -> Result<RootCertStore, Trouble> {
    if let Some(path) = truststore {
        let pem =
            std::fs::read(&path).map_err(|source| Trouble::Read { path: path.clone(), source })?;
        return Ok(authorities(&path, &pem)?.0);
    }
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why =
            found.errors.first().map_or_else(|| "there are none".to_owned(), ToString::to_string);
        return Err(Trouble::NoAuthorities(format!(
            "{why}; name a file with ssl.truststore.location in sasl.jaas.config"
        )));
    }
    Ok(roots)
}

fn trusting(roots: RootCertStore) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider speaks both versions");
    builder.with_root_certificates(roots).with_no_client_auth()
}
