//! The listener's side of a new connection: who is there, and is it one of us.

use std::{io, sync::Arc, time::Duration};

use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsAcceptor, TlsStream};

use super::{
    distrust::words,
    identity::Identity,
    subject::{NotOurs, subject},
};
use crate::{call::Peer, net::Stream};

/// How long a peer may take to show who it is.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// How peers are let in.
#[derive(Debug)]
pub(crate) enum Door {
    /// With a certificate of the cluster.
    Tls(Arc<Identity>),
    /// As whoever they say: for tests, and laptops.
    PlainText,
}

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Turned {
    /// The handshake is not TLS 1.3, or the certificate is not of the cluster's authority.
    #[error("the TLS handshake failed: {}", words(.0))]
    Handshake(#[from] io::Error),
    /// It did not end in time.
    #[error("the TLS handshake took more than {} s", HANDSHAKE.as_secs())]
    Slow,
    /// The certificate is trusted and names nobody who may come in.
    #[error("{0}")]
    NotOurs(#[from] NotOurs),
}

impl Door {
    /// Lets in who may come in.
    pub(crate) async fn admit(&self, socket: TcpStream) -> Result<(Stream, Peer), Turned> {
        let identity = match self {
            Self::PlainText => return Ok((Stream::Plain(socket), Peer::Unproven)),
            Self::Tls(identity) => identity,
        };
        let acceptor = TlsAcceptor::from(Arc::clone(&identity.now().tls.server));
        let accepted = timeout(HANDSHAKE, acceptor.accept(socket)).await;
        let stream = accepted.or(Err(Turned::Slow))??;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let shown = shown.ok_or(NotOurs::Incomplete)?;
        let node = subject(shown)?.node(identity.cluster())?;
        Ok((Stream::Tls(Box::new(TlsStream::Server(stream))), Peer::Node(node)))
    }
}
