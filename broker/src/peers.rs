//! The brokers of one cluster among each other: the listener that only they may come in by, and
//! how one asks another.
//!
//! They speak Kafka's protocol over TLS 1.3 with certificates on both sides. A node is who its
//! certificate says: `CN=node-<id>`, `O=<cluster id>`, signed by an authority that is trusted.
//! Everything of peers runs on threads of its own, so that clients cannot keep a vote or a
//! heartbeat waiting.

mod backoff;
mod controller;
mod create;
mod dial;
mod dispatch;
mod distrust;
mod door;
mod envelope;
mod error;
mod forward;
mod identity;
mod line;
mod subject;
#[cfg(test)]
pub(crate) mod tests;
mod verify;

use std::{
    collections::{BTreeMap, VecDeque},
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use kastellan_core::id::BrokerId;
use kastellan_protocol::{api_version, messages::ApiKey, protocol::Request};
use tokio::{
    runtime::{self, Handle, Runtime},
    sync::{mpsc, oneshot, watch},
    time::Instant,
};

use self::{
    backoff::Backoff,
    line::{Address, Ask, Line, Then},
};
pub(crate) use self::{
    controller::{ask_controller, ask_controller_blocking},
    create::create_there,
    dial::Manner,
    dispatch::dispatch,
    door::{Door, Turned},
    error::PeerError,
    forward::{decide_here, forward, later as forward_later},
    identity::Identity,
    subject::{NotOurs, subject},
};

use crate::quiet::Quiet;

/// What the listener for peers is called in registrations.
pub(crate) const LISTENER: &str = "peer";

/// Threads for everything between peers: a long poll that is written never keeps a vote waiting.
const THREADS: usize = 2;

/// How long a probe may take.
const PROBE: Duration = Duration::from_secs(3);

/// What a connection is for: those of one purpose wait for each other, others do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// Elections within the quorum.
    Quorum,
    /// The metadata log: long polls, and snapshots.
    QuorumFetch,
    /// What a broker tells or asks the active controller.
    Broker,
    /// Requests of clients for the active controller.
    Forward,
    /// The records of partitions, by the number of the fetcher.
    Replica(u8),
}

/// How a connection to a peer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// Nobody listens there.
    Refused,
    /// The process at the other end has closed it, or has ended.
    Reset,
}

/// Which connection a request takes: to whom and for what.
pub(crate) type Over = (BrokerId, Purpose);

type Watcher = Arc<dyn Fn(BrokerId, Lost) + Send + Sync>;

/// How this node asks the others. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Peers(Arc<Shared>);

/// What all lines share.
struct Shared {
    manner: Manner,
    /// `None`: there are no peers, and nobody is asked.
    handle: Option<Handle>,
    lines: Mutex<BTreeMap<Over, mpsc::Sender<Ask>>>,
    addresses: Mutex<BTreeMap<BrokerId, watch::Sender<Option<Address>>>>,
    watchers: Mutex<Vec<Watcher>>,
    /// For lines about those who are not trusted.
    quiet: Quiet,
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peers").field("manner", &self.0.manner).finish_non_exhaustive()
    }
}

/// The threads of everything between peers; they end when this is dropped.
pub(crate) fn runtime() -> io::Result<Runtime> {
    runtime::Builder::new_multi_thread()
        .enable_io()
        .enable_time()
        .worker_threads(THREADS)
        .max_blocking_threads(4)
        .thread_name("peers")
        .build()
}

#[expect(dead_code, reason = "fetchers and bootstrap servers are to use the rest")]
impl Peers {
    /// Nobody to ask: a cluster of one.
    pub(crate) fn none() -> Self {
        Self::with(Manner::PlainText, None)
    }

    /// Asks on the threads of `handle`.
    pub(crate) fn new(manner: Manner, handle: Handle) -> Self {
        Self::with(manner, Some(handle))
    }

    fn with(manner: Manner, handle: Option<Handle>) -> Self {
        Self(Arc::new(Shared {
            manner,
            handle,
            lines: Mutex::default(),
            addresses: Mutex::default(),
            watchers: Mutex::default(),
            quiet: Quiet::default(),
        }))
    }

    /// The threads of everything between peers; `None`: there are no peers.
    pub(crate) fn handle(&self) -> Option<&Handle> {
        self.0.handle.as_ref()
    }

    /// From now on node `node` is there. Connections to where it was end.
    pub(crate) fn learn(&self, node: BrokerId, host: &str, port: u16) {
        let address = Some((host.to_owned(), port));
        self.0.address(node).send_if_modified(|known| {
            let other = *known != address;
            known.clone_from(&address);
            other
        });
    }

    /// There is no such node any more.
    pub(crate) fn forget(&self, node: BrokerId) {
        if let Some(address) = lock(&self.0.addresses).remove(&node) {
            address.send_replace(None);
        }
        lock(&self.0.lines).retain(|(to, _), _| *to != node);
    }

    /// Makes servers whose ids nobody knows askable: they are nodes -2, -3, ... as in Kafka.
    pub(crate) fn learn_bootstrap(&self, servers: &[(String, u16)]) {
        for (id, (host, port)) in (0..).zip(servers) {
            self.learn(BrokerId(-2 - id), host, *port);
        }
    }

    /// The nodes of [`Self::learn_bootstrap`].
    pub(crate) fn bootstrap(&self) -> Vec<BrokerId> {
        let addresses = lock(&self.0.addresses);
        addresses.range(..BrokerId(-1)).rev().map(|(node, _)| *node).collect()
    }

    /// From now on `tell` is called at once when a connection to a node is refused or reset, on a
    /// thread of the peers: be quick.
    pub(crate) fn on_lost(&self, tell: impl Fn(BrokerId, Lost) + Send + Sync + 'static) {
        lock(&self.0.watchers).push(Arc::new(tell));
    }

    /// Sends `request` in the version that peers ask in. `then` is called once, with the answer or
    /// with why there is none, on a thread of the peers: be quick.
    pub(crate) fn send<R: Request>(
        &self,
        over: Over,
        request: &R,
        patience: Duration,
        then: impl FnOnce(Result<R::Response, PeerError>) + Send + 'static,
    ) where
        R::Response: 'static,
    {
        let version = ApiKey::try_from(R::KEY).ok().and_then(api_version::peer);
        let version = version.expect("only what peers serve is asked of them");
        let answered = move |frame: Result<Bytes, PeerError>| {
            let decode = |frame| kastellan_protocol::decode_response::<R::Response>(version, frame);
            then(frame.and_then(|frame| Ok(decode(frame)?.1)));
        };
        match kastellan_protocol::encode_request(version, 0, None, request) {
            // nobody else holds the bytes: nothing is copied
            Ok(frame) => self.post(over, frame.into(), patience, Box::new(answered)),
            Err(why) => answered(Err(why.into())),
        }
    }

    /// [`Self::send`] as a future, for any runtime.
    pub(crate) async fn ask<R: Request>(
        &self,
        over: Over,
        request: &R,
        patience: Duration,
    ) -> Result<R::Response, PeerError>
    where
        R::Response: Send + 'static,
    {
        let (sender, answer) = oneshot::channel();
        self.send(over, request, patience, |result| drop(sender.send(result)));
        answer.await.unwrap_or(Err(PeerError::Stopped))
    }

    /// [`Self::send`] for a plain thread, which sleeps meanwhile. Never on a thread of the peers.
    pub(crate) fn ask_blocking<R: Request>(
        &self,
        over: Over,
        request: &R,
        patience: Duration,
    ) -> Result<R::Response, PeerError>
    where
        R::Response: Send + 'static,
    {
        let (sender, answer) = std::sync::mpsc::channel();
        self.send(over, request, patience, move |result| drop(sender.send(result)));
        answer.recv().unwrap_or(Err(PeerError::Stopped))
    }

    /// Finds out whether a connection to `node` stands or can be made: refused or reset is told to
    /// those of [`Self::on_lost`].
    pub(crate) fn probe(&self, node: BrokerId) {
        let then: Then = Box::new(move |reached| {
            if let Err(why) = reached {
                tracing::debug!(node = node.0, %why, "a node was looked for and not reached");
            }
        });
        self.post((node, Purpose::Broker), BytesMut::new(), PROBE, then);
    }

    fn post(&self, over: Over, frame: BytesMut, patience: Duration, then: Then) {
        let Some(handle) = &self.0.handle else { return then(Err(PeerError::Unknown)) };
        let (to, _) = over;
        let deadline = Instant::now() + patience;
        let mut ask = Ask { frame, deadline, then };
        let mut lines = lock(&self.0.lines);
        if let Some(line) = lines.get(&over) {
            match line.try_send(ask) {
                Ok(()) => return,
                Err(mpsc::error::TrySendError::Full(ask)) => {
                    drop(lines);
                    return (ask.then)(Err(PeerError::Busy));
                }
                // it has ended with its address
                Err(mpsc::error::TrySendError::Closed(unsent)) => ask = unsent,
            }
        }
        let address = lock(&self.0.addresses).get(&to).map(watch::Sender::subscribe);
        let Some(address) = address else {
            drop(lines);
            return (ask.then)(Err(PeerError::Unknown));
        };
        let (sender, asks) = mpsc::channel(line::MOST);
        lines.insert(over, sender);
        drop(lines);
        let line = Line {
            to,
            shared: Arc::clone(&self.0),
            asks,
            address,
            waiting: VecDeque::from([ask]),
            backoff: Backoff::default(),
            answered: false,
            in_vain: false,
        };
        handle.spawn(line.run());
    }
}

impl Shared {
    fn address(&self, node: BrokerId) -> watch::Sender<Option<Address>> {
        let mut addresses = lock(&self.addresses);
        addresses.entry(node).or_insert_with(|| watch::Sender::new(None)).clone()
    }

    /// Tells everybody who wants to know.
    fn lost(&self, node: BrokerId, how: Lost) {
        let watchers = lock(&self.watchers).clone();
        for tell in watchers {
            tell(node, how);
        }
    }
}

/// A panic between lock and unlock leaves what is behind it whole: every change is one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
