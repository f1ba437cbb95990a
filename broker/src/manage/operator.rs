//! The management port's door: TLS 1.3, and a certificate of the cluster's authority for
//! `CN=operator`. Nodes have certificates of the same authority and are not let in.

use std::{io, sync::Arc, time::Duration};

use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::peers::{Identity, NotOurs, subject};

/// How long a client may take to show who it is.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// Who is let in.
const OPERATOR: &str = "operator";

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub(super) enum Turned {
    /// The handshake is not TLS 1.3, or the certificate is not of the cluster's authority.
    #[error("the TLS handshake failed: {0}")]
    Handshake(#[from] io::Error),
    /// It did not end in time.
    #[error("the TLS handshake took more than {} s", HANDSHAKE.as_secs())]
    Slow,
    /// The certificate is trusted and cannot be read.
    #[error("{0}")]
    Unreadable(#[from] NotOurs),
    /// The certificate is trusted and is not the operator's of this cluster.
    #[error(
        "CN={common_name}, O={organization} may not manage this broker: CN=operator may, with \
             the id of the cluster as O"
    )]
    NotTheOperator {
        /// Whose certificate it is.
        common_name: String,
        /// Of which cluster.
        organization: String,
    },
}

/// Lets the operator in.
pub(super) async fn admit(
    identity: &Identity,
    socket: TcpStream,
) -> Result<TlsStream<TcpStream>, Turned> {
    let acceptor = TlsAcceptor::from(Arc::clone(&identity.now().tls.server));
    let accepted = timeout(HANDSHAKE, acceptor.accept(socket)).await;
    let stream = accepted.or(Err(Turned::Slow))??;
    let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let named = subject(shown.ok_or(NotOurs::Incomplete)?)?;
    if named.common_name == OPERATOR && named.organization == identity.cluster() {
        return Ok(stream);
    }
    let (common_name, organization) = (named.common_name, named.organization);
    Err(Turned::NotTheOperator { common_name, organization })
}
