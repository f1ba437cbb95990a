//! The listener's side of a client's new connection: TLS where it is spoken, and who the client's
//! certificate says it is.

use std::{io, sync::Arc, time::Duration};

use kastellan_core::{
    config::{ClientAuth, Pem, Sasl, Tls, Transport},
    metadata::SecurityProtocol,
    security::{Principal, PrincipalMapping},
};
use rustls::{
    ServerConfig,
    server::{NoServerSessionStorage, WebPkiClientVerifier},
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsAcceptor, TlsStream};

use super::{Stream, login::Desk};
use crate::{
    certificates::{self, CertificateError, Source, Sources, Watched, distinguished_name},
    issuer::Keys,
    start::StartError,
};

/// What the first byte of a handshake is in every version of TLS.
const HANDSHAKE: u8 = 0x16;

/// Listeners for clients by name, in the order of the configuration.
pub(crate) type Doors = Vec<(Arc<str>, Arc<ClientDoor>)>;

/// How clients come in by one listener.
#[derive(Debug)]
pub(crate) struct ClientDoor {
    protocol: SecurityProtocol,
    tls: Option<Encrypted>,
    desk: Option<Arc<Desk>>,
}

#[derive(Debug)]
struct Encrypted {
    watched: Arc<Watched<Arc<ServerConfig>>>,
    mapping: PrincipalMapping,
}

/// Why a client is not let in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Turned {
    /// It went away.
    #[error("the client is gone: {0}")]
    Gone(#[from] io::Error),
    /// It does not know that TLS is spoken here.
    #[error(
        "it spoke plain text where TLS is spoken: set the client's security.protocol to SSL or \
         SASL_SSL, or connect it to another listener"
    )]
    PlainText,
    /// No common version, a certificate that is not trusted, ...
    #[error("the TLS handshake failed: {0}")]
    Handshake(io::Error),
    /// It did not end in time.
    #[error("the TLS handshake took longer than kastellan.login.timeout.ms")]
    Slow,
    /// Its certificate is trusted and names nobody.
    #[error("no rule of ssl.principal.mapping.rules fits the certificate of {0}")]
    Nobody(String),
}

impl ClientDoor {
    /// Reads what the listener called `name` needs.
    /// Keys of issuers may be read from the `allowed` URLs.
    pub(crate) fn open(
        name: &str,
        transport: Transport,
        allowed: &[String],
    ) -> Result<Self, StartError> {
        let Transport { protocol, tls, sasl } = transport;
        let encrypted = |tls: Tls| {
            let mapping = tls.mapping.clone();
            let make = {
                let tls = tls.clone();
                move |keys| server(&tls, keys).map(Arc::new)
            };
            let watched = Watched::load(format!("listener {name}"), sources(tls), make)?;
            Ok::<_, CertificateError>(Encrypted { watched: Arc::new(watched), mapping })
        };
        let desk = |mut sasl: Sasl| {
            let tokens = sasl.tokens.take();
            let issuer = tokens.map(|tokens| Keys::open(name, tokens, allowed)).transpose()?;
            Ok::<_, StartError>(Arc::new(Desk::new(sasl, issuer.map(Arc::new))?))
        };
        let desk = sasl.map(desk).transpose()?;
        Ok(Self { protocol, tls: tls.map(encrypted).transpose()?, desk })
    }

    /// How clients speak here.
    pub(crate) fn protocol(&self) -> SecurityProtocol {
        self.protocol
    }

    /// The certificate that clients are shown; `None`: they speak plain text.
    pub(crate) fn watched(&self) -> Option<&Arc<Watched<Arc<ServerConfig>>>> {
        self.tls.as_ref().map(|tls| &tls.watched)
    }

    /// The keys that clients' tokens are signed with; `None`: they show none.
    pub(crate) fn issuer(&self) -> Option<&Arc<Keys>> {
        self.desk.as_ref()?.issuer()
    }

    /// How clients log in; `None`: they do not.
    pub(super) fn desk(&self) -> Option<&Arc<Desk>> {
        self.desk.as_ref()
    }

    /// Whether clients have to do something before anybody knows them.
    pub(super) fn asks(&self) -> bool {
        self.tls.is_some() || self.desk.is_some()
    }

    /// Lets a client in, whose handshake may take `patience`.
    pub(crate) async fn admit(
        &self,
        socket: TcpStream,
        patience: Duration,
    ) -> Result<(Stream, Principal), Turned> {
        match &self.tls {
            None => Ok((Stream::Plain(socket), Principal::anonymous())),
            Some(tls) => timeout(patience, tls.admit(socket)).await.unwrap_or(Err(Turned::Slow)),
        }
    }
}

impl Encrypted {
    async fn admit(&self, socket: TcpStream) -> Result<(Stream, Principal), Turned> {
        let mut first = [0];
        if socket.peek(&mut first).await? == 1 && first != [HANDSHAKE] {
            return Err(Turned::PlainText);
        }
        let config = Arc::clone(&self.watched.now().tls);
        let stream = TlsAcceptor::from(config).accept(socket).await.map_err(Turned::Handshake)?;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let principal = match shown {
            None => Principal::anonymous(),
            Some(certificate) => {
                let name = distinguished_name(certificate).unwrap_or_default();
                let mapped = self.mapping.apply(&name).filter(|name| !name.is_empty());
                Principal::user(&mapped.ok_or(Turned::Nobody(name))?)
            }
        };
        Ok((Stream::Tls(Box::new(TlsStream::Server(stream))), principal))
    }
}

fn sources(tls: Tls) -> Sources {
    let source = |pem| match pem {
        Pem::File(path) => Source::File(path.into()),
        Pem::Setting(name, text) => Source::Setting(name, text),
    };
    Sources {
        keystore: tls.keystore.into_iter().map(source).collect(),
        truststore: tls.truststore.map(source),
    }
}

fn server(tls: &Tls, keys: certificates::Keys) -> Result<ServerConfig, CertificateError> {
    let certificates::Keys { chain, key, roots, path, .. } = keys;
    let failed = |why| CertificateError::Tls { path: path.clone(), why };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let spoken =
        [(tls.version_12, &rustls::version::TLS12), (tls.version_13, &rustls::version::TLS13)];
    let versions: Vec<_> = spoken.iter().filter(|(spoken, _)| *spoken).map(|(_, it)| *it).collect();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .map_err(failed)?;
    let builder = match tls.client_auth {
        ClientAuth::None => builder.with_no_client_auth(),
        asked => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = match asked {
                ClientAuth::Requested => verifier.allow_unauthenticated(),
                _ => verifier,
            };
            let verifier =
                verifier.build().map_err(|why| failed(rustls::Error::General(why.to_string())))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(failed)?;
    if tls.client_auth != ClientAuth::None {
        // a certificate counts as long as it is valid and not longer: nothing is resumed
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(config)
}
