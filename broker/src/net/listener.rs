//! Takes in connections.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use kastellan_core::{machine::Millis, security::Principal};
use tokio::net::{TcpListener, TcpStream};

use super::{
    ClientDoor, Gate, Mailbox, Stream,
    connection::{Connection, Ending},
    door::Turned,
    login::Entry,
    registry::{Place, Visit},
};
use crate::{
    broker::Broker,
    call::{ClientInfo, Peer, Proof},
    peers::Door,
    quiet::Quiet,
};

/// A listener that is bound and takes in nobody yet.
#[derive(Debug)]
pub(crate) struct Bound {
    /// The listener's name.
    pub(crate) name: Arc<str>,
    /// Where it listens: a free port where the configuration says 0.
    pub(crate) address: SocketAddr,
    socket: std::net::TcpListener,
}

/// Who may come in by a listener.
#[derive(Debug, Clone)]
pub(crate) enum Entrance {
    /// Clients, as the listener's settings say.
    Clients(Arc<ClientDoor>),
    /// Brokers of the cluster, who show who they are.
    Peers(Arc<Door>),
}

impl Entrance {
    /// Where a new connection stands if clients log in here; the `visit` ends where they do not.
    fn entry(&self, visit: Option<Visit>, now: Millis) -> Option<Box<Entry>> {
        let Self::Clients(door) = self else { return None };
        let desk = Arc::clone(door.desk()?);
        Some(Box::new(Entry::new(desk, visit, now)))
    }
}

/// How long to wait when the process has no file descriptor left.
const BREATH: Duration = Duration::from_millis(100);

/// Binds a listener: early, so that a busy port is noticed before anything else is done.
pub(crate) fn bind(name: &str, address: SocketAddr, backlog: i32) -> io::Result<Bound> {
    let socket = std::net::TcpListener::bind(address)?;
    // Bursts of reconnecting clients are larger than the 128 of the standard library.
    rustix::net::listen(&socket, backlog)?;
    socket.set_nonblocking(true)?;
    Ok(Bound { name: name.into(), address: socket.local_addr()?, socket })
}

/// Takes in connections until the task is aborted.
pub(crate) async fn accept(
    broker: Arc<Broker>,
    bound: Bound,
    entrance: Entrance,
) -> io::Result<()> {
    let listener = TcpListener::from_std(bound.socket)?;
    let quiet = Arc::new(Quiet::default());
    let gate = match &entrance {
        Entrance::Clients(_) => Arc::clone(&broker.clients),
        Entrance::Peers(_) => Arc::clone(&broker.peer_gate),
    };
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // by the limits of now, not of when the wait for it began; to the client it looks
                // like the others in the kernel's queue
                gate.connections.room(&gate.limits, &bound.name, broker.clock).await;
                let visitor = Visitor { host: peer.ip(), listener: &bound.name };
                take_in(&broker, (&gate, &entrance), stream, visitor, &quiet);
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

/// Who knocks, and where.
#[derive(Clone, Copy)]
struct Visitor<'a> {
    host: IpAddr,
    listener: &'a Arc<str>,
}

fn take_in(
    broker: &Arc<Broker>,
    (gate, entrance): (&Arc<Gate>, &Entrance),
    stream: TcpStream,
    visitor: Visitor<'_>,
    quiet: &Arc<Quiet>,
) {
    let Visitor { host, listener } = visitor;
    let mailbox = Arc::new(Mailbox::default());
    let place = match gate.connections.enter(&gate.limits.load(), (host, listener), &mailbox) {
        Ok(place) => place,
        Err(full) => {
            if let Some(missed) = quiet.speak() {
                tracing::warn!(%host, missed, "connection refused: {full}");
            }
            return;
        }
    };
    if let Entrance::Clients(_) = entrance {
        let wait = broker.quotas.connect(host, broker.clock.monotonic());
        if !wait.is_zero() {
            if let Some(missed) = quiet.speak() {
                tracing::warn!(%host, missed, "connection refused: its connection_creation_rate");
            }
            turn_away_late((stream, place), wait);
            return;
        }
    }
    let visit = match entrance {
        Entrance::Clients(door) if door.asks() => {
            match gate.connections.visit(&gate.limits.load(), host) {
                Ok(visit) => Some(visit),
                Err(crowd) => {
                    if let Some(missed) = quiet.speak() {
                        tracing::warn!(%host, missed, "connection refused: {crowd}");
                    }
                    return;
                }
            }
        }
        Entrance::Clients(_) | Entrance::Peers(_) => None,
    };
    // Keep-alive finds the clients whose machine has gone, before the idle timeout does.
    let keep_alive = rustix::net::sockopt::set_socket_keepalive(&stream, true);
    if let Err(error) = stream.set_nodelay(true).and(keep_alive.map_err(io::Error::from)) {
        tracing::debug!(%host, %error, "a connection ended before it began");
        return;
    }
    let (broker, gate, entrance) = (Arc::clone(broker), Arc::clone(gate), entrance.clone());
    let (listener, quiet) = (Arc::clone(listener), Arc::clone(quiet));
    tokio::spawn(async move {
        // a handshake takes from the time for the login that follows
        let (patience, began) = (gate.limits.load().login, broker.clock.monotonic());
        let ended = match admit(&entrance, stream, patience).await {
            Ok(Admitted { stream, principal, peer }) => {
                let listener = Arc::clone(&listener);
                let proof = Proof::of(&principal);
                let client = ClientInfo { host, listener, principal, proof, peer };
                let entry = entrance.entry(visit, began);
                let connection = Connection::new(broker, gate, client, stream, mailbox);
                connection.logging_in(entry, began).serve().await
            }
            Err(ending) => Err(ending),
        };
        drop(place);
        match ended {
            Ok(()) => {}
            Err(Ending::Gone(error) | Ending::Client(Turned::Gone(error))) => {
                tracing::debug!(%host, %error, "connection lost");
            }
            Err(ending) => {
                if let Some(missed) = quiet.speak() {
                    tracing::info!(%host, %listener, missed, "connection closed: {ending}");
                }
            }
        }
    });
}

/// Closes a connection after a while, so that a client that comes at once again does not get ahead
/// by it. Until then it holds its place: there are no more of these than connections.
fn turn_away_late(visitor: (TcpStream, Place), wait: Duration) {
    tokio::spawn(async move {
        tokio::time::sleep(wait).await;
        drop(visitor);
    });
}

/// Who has been let in.
struct Admitted {
    stream: Stream,
    principal: Principal,
    peer: Option<Peer>,
}

/// Lets a visitor in; who speaks TLS has `patience` to begin it, and a peer shows who it is.
async fn admit(
    entrance: &Entrance,
    stream: TcpStream,
    patience: Duration,
) -> Result<Admitted, Ending> {
    match entrance {
        Entrance::Clients(door) => {
            let (stream, principal) = door.admit(stream, patience).await?;
            Ok(Admitted { stream, principal, peer: None })
        }
        Entrance::Peers(door) => {
            let (stream, peer) = door.admit(stream).await?;
            Ok(Admitted { stream, principal: Principal::anonymous(), peer: Some(peer) })
        }
    }
}
