//! Takes in connections.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::net::{TcpListener, TcpStream};

use super::{
    Mailbox,
    connection::{Connection, Ending},
};
use crate::{broker::Broker, call::ClientInfo, config::Listener, quiet::Quiet};

/// A listener that is bound and takes in nobody yet.
#[derive(Debug)]
pub(crate) struct Bound {
    /// The listener's name.
    pub(crate) name: Arc<str>,
    /// Where it listens: a free port where the configuration says 0.
    pub(crate) address: SocketAddr,
    socket: std::net::TcpListener,
}

/// How long to wait when the process has no file descriptor left.
const BREATH: Duration = Duration::from_millis(100);

/// Binds `listener`: early, so that a busy port is noticed before anything else is done.
pub(crate) fn bind(listener: &Listener, backlog: i32) -> io::Result<Bound> {
    let socket = std::net::TcpListener::bind(listener.bind)?;
    // Bursts of reconnecting clients are larger than the 128 of the standard library.
    rustix::net::listen(&socket, backlog)?;
    socket.set_nonblocking(true)?;
    Ok(Bound { name: listener.name.as_str().into(), address: socket.local_addr()?, socket })
}

/// Takes in connections until the task is aborted.
pub(crate) async fn accept(broker: Arc<Broker>, bound: Bound) -> io::Result<()> {
    let listener = TcpListener::from_std(bound.socket)?;
    let quiet = Arc::new(Quiet::default());
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // by the limits of now, not of when the wait for it began; to the client it looks
                // like the others in the kernel's queue
                broker.connections.room(&broker.limits, &bound.name, broker.clock).await;
                take_in(&broker, stream, peer.ip(), &bound.name, &quiet);
            }
            Err(error) => {
                if let Some(missed) = quiet.speak() {
                    tracing::warn!(%error, missed, "cannot accept a connection");
                }
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

fn take_in(
    broker: &Arc<Broker>,
    stream: TcpStream,
    host: IpAddr,
    listener: &Arc<str>,
    quiet: &Arc<Quiet>,
) {
    let mailbox = Arc::new(Mailbox::default());
    let place = match broker.connections.enter(&broker.limits.load(), (host, listener), &mailbox) {
        Ok(place) => place,
        Err(full) => {
            if let Some(missed) = quiet.speak() {
                tracing::warn!(%host, missed, "connection refused: {full}");
            }
            return;
        }
    };
    // Keep-alive finds the clients whose machine has gone, before the idle timeout does.
    let keep_alive = rustix::net::sockopt::set_socket_keepalive(&stream, true);
    if let Err(error) = stream.set_nodelay(true).and(keep_alive.map_err(io::Error::from)) {
        tracing::debug!(%host, %error, "a connection ended before it began");
        return;
    }
    let client = ClientInfo { host, listener: Arc::clone(listener) };
    let connection = Connection::new(Arc::clone(broker), client, stream, mailbox);
    let quiet = Arc::clone(quiet);
    tokio::spawn(async move {
        let ended = connection.serve().await;
        drop(place);
        match ended {
            Ok(()) => {}
            Err(Ending::Gone(error)) => tracing::debug!(%host, %error, "connection lost"),
            Err(ending) => {
                if let Some(missed) = quiet.speak() {
                    tracing::info!(%host, missed, "connection closed: {ending}");
                }
            }
        }
    });
}
