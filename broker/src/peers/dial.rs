//! The asking side of a new connection: to whom it leads, and is it the one that was meant.

use std::{io, sync::Arc, time::Duration};

use kastellan_core::id::BrokerId;
use rustls::pki_types::ServerName;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, TlsStream};

use super::{
    error::PeerError,
    identity::Identity,
    subject::{NotOurs, subject},
};
use crate::net::Stream;

/// How long name, connection and handshake may take together.
const DIAL: Duration = Duration::from_secs(3);

/// A name to send where the address is none that TLS can send.
const NAMELESS: &str = "node.invalid";

/// How this node calls others.
#[derive(Debug, Clone)]
pub(crate) enum Manner {
    /// It shows a certificate, and asks for one.
    Tls(Arc<Identity>),
    /// It takes the address's word for it.
    PlainText,
}

/// A connection and the generation of the certificates that it was begun with.
#[derive(Debug)]
pub(super) struct Dialled {
    pub(super) stream: Stream,
    pub(super) generation: u64,
}

impl Manner {
    /// The generation of the certificates in use.
    pub(super) fn generation(&self) -> u64 {
        match self {
            Self::Tls(identity) => identity.now().generation,
            Self::PlainText => 0,
        }
    }

    /// Connects to `node` at its address. A negative id: whichever node of the cluster is there.
    pub(super) async fn dial(
        &self,
        node: BrokerId,
        (host, port): (String, u16),
    ) -> Result<Dialled, PeerError> {
        let dialled = timeout(DIAL, async {
            let socket = TcpStream::connect((host.as_str(), port)).await?;
            socket.set_nodelay(true)?;
            rustix::net::sockopt::set_socket_keepalive(&socket, true).map_err(io::Error::from)?;
            self.greet(node, host, socket).await
        });
        dialled.await.unwrap_or(Err(PeerError::TimedOut { sent: false }))
    }

    async fn greet(
        &self,
        node: BrokerId,
        host: String,
        socket: TcpStream,
    ) -> Result<Dialled, PeerError> {
        let identity = match self {
            Self::PlainText => {
                return Ok(Dialled { stream: Stream::Plain(socket), generation: 0 });
            }
            Self::Tls(identity) => identity,
        };
        let shown = identity.now();
        let name = ServerName::try_from(host).or_else(|_| ServerName::try_from(NAMELESS));
        let name = name.expect("the name for the nameless is a name");
        let stream =
            TlsConnector::from(Arc::clone(&shown.tls.client)).connect(name, socket).await?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let found = certificate
            .ok_or(NotOurs::Incomplete)
            .and_then(subject)
            .and_then(|subject| subject.node(identity.cluster()))
            .map_err(PeerError::NotOurs)?;
        if node.0 >= 0 && found != node {
            let (found, expected) = (found.0, node.0);
            return Err(PeerError::NotOurs(NotOurs::Node { found, expected }));
        }
        let stream = Stream::Tls(Box::new(TlsStream::Client(stream)));
        Ok(Dialled { stream, generation: shown.generation })
    }
}
