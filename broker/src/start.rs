//! From a configuration to a serving broker, and back.

mod peer_side;
mod registration;
mod stage;

use std::{io, net::SocketAddr, path::PathBuf, sync::mpsc, thread, time::Duration};

use kastellan_core::config::Invalid;
use tokio::sync::oneshot;

use self::stage::Stage;
use crate::{
    certificates::CertificateError,
    config::Config,
    lifecycle::JoinError,
    log_dirs::Fatal,
    manage::{self, Manage},
    peers::LISTENER,
};

/// A broker that serves. Dropping it stops the broker as [`Running::shutdown`] does.
#[derive(Debug)]
pub struct Running {
    started: Started,
    stop: Option<oneshot::Sender<Stop>>,
    thread: Option<thread::JoinHandle<()>>,
    failed: Option<oneshot::Receiver<String>>,
}

/// Where a broker that serves is to be found.
#[derive(Debug, Clone)]
struct Started {
    addresses: Vec<(String, SocketAddr)>,
    manage: manage::Addresses,
    peers: Option<SocketAddr>,
}

/// How a broker ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// In order: clients are answered, logs are closed and marked.
    Clean,
    /// Where it stands, as if it had been killed: for tests of recovery.
    Abrupt,
}

/// Why a broker did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No listener is configured.
    #[error("no listener: a broker needs one at least, like plain=127.0.0.1:9092")]
    NoListener,
    /// No log directory is configured.
    #[error("no log directory: a broker needs one at least")]
    NoLogDir,
    /// A log directory is configured twice.
    #[error("the log directory {} is named twice: name each once", .0.display())]
    SameLogDir(PathBuf),
    /// Two log directories have one id: one is a copy of the other.
    #[error(
        "{} and {} have the same directory.id {id}: one is a copy of the other; remove the copy",
        .first.display(),
        .second.display()
    )]
    SameDirectoryId {
        /// The id.
        id: String,
        /// One directory.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// Settings that are unknown, or whose values are wrong.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Settings(Vec<Invalid>),
    /// A listener's address is taken or is not ours.
    #[error("cannot listen on {address} ({name}): {source}")]
    Bind {
        /// The listener.
        name: String,
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The data directory cannot be used.
    #[error(transparent)]
    Directory(#[from] kastellan_log::Error),
    /// The cluster's metadata cannot be used.
    #[error(transparent)]
    Metadata(#[from] crate::controller::ControllerError),
    /// A listener on all addresses that does not say where clients should dial.
    #[error(
        "listener {0} listens on all addresses: say which one clients should dial, like \
         advertised 127.0.0.1"
    )]
    NotAdvertised(String),
    /// Other nodes are named, and there is no listener for them.
    #[error(
        "controller.quorum.voters or controller.quorum.bootstrap.servers names other nodes, and \
         this one has no listener for them: give it one, like --peer-listener 0.0.0.0:9190"
    )]
    NoPeerListener,
    /// A listener for clients has the name of the one for peers.
    #[error("a listener for clients is called {LISTENER}, as the one for other brokers: rename it")]
    ListenerOfPeers,
    /// Peers ask each other for certificates, and there are none.
    #[error(
        "other brokers and the operator are shown a certificate, and this broker has none: name a \
         directory with tls.crt, tls.key and ca.crt with --certificates"
    )]
    NoCertificates,
    /// Without certificates nobody says which cluster this is.
    #[error(
        "peers connect in plain text, and no cluster id is given: every node would begin a cluster \
         of its own; give all of them the same --cluster-id"
    )]
    NoClusterId,
    /// A controller that the quorum does not know.
    #[error(
        "process.roles has controller, and controller.quorum.voters does not name node {0}: name \
         it there on every node before the cluster is formed, or set process.roles=broker"
    )]
    NotAVoter(i32),
    /// A voter that is told not to be one.
    #[error(
        "controller.quorum.voters names node {0}, and its process.roles has no controller: add it, \
         or take the node out of the voters before the cluster is formed"
    )]
    VoterWithoutRole(i32),
    /// The fleet does not let it in.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// An issuer's keys cannot be read.
    #[error("sasl.oauthbearer.jwks.endpoint.url of the listener {listener}, {url}: {why}")]
    Keys {
        /// The listener.
        listener: String,
        /// Where they should be.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// The certificates cannot be used.
    #[error(transparent)]
    Certificates(#[from] CertificateError),
    /// The system refuses threads or the like.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

impl Running {
    /// Where it listens: names and the addresses that were really bound.
    pub fn addresses(&self) -> Vec<(String, SocketAddr)> {
        self.started.addresses.clone()
    }

    /// Where the brokers of its cluster find it; `None` in a cluster of one.
    pub fn peer_address(&self) -> Option<SocketAddr> {
        self.started.peers
    }

    /// Where probes and metrics are answered, where they are.
    pub fn probes(&self) -> Option<SocketAddr> {
        self.started.manage.probes
    }

    /// Where the operator manages it, where it does.
    pub fn management(&self) -> Option<SocketAddr> {
        self.started.manage.management
    }

    /// Waits until the broker cannot go on, and says why; it answers with errors meanwhile and is
    /// to be stopped. For ever where all is well.
    pub async fn failed(&mut self) -> String {
        if let Some(failed) = &mut self.failed
            && let Ok(why) = failed.await
        {
            self.failed = None;
            return why;
        }
        std::future::pending().await
    }

    /// Stops: takes in nobody more, answers what is asked already, flushes, and marks the logs as
    /// cleanly shut down. Returns when all of it is done.
    pub fn shutdown(mut self) {
        self.stop(Stop::Clean);
    }

    /// Ends without closing anything in order, as a kill would: the next start has to recover. For
    /// tests.
    pub fn abandon(mut self) {
        self.stop(Stop::Abrupt);
    }

    fn stop(&mut self, how: Stop) {
        if let Some(stop) = self.stop.take()
            && stop.send(how).is_err()
        {
            tracing::debug!("the broker had stopped already");
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the broker's main thread panicked");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop(Stop::Clean);
    }
}

/// Starts a broker and returns when it serves. Its threads are its own: the caller may be in
/// another runtime or in none.
pub fn start(config: Config) -> Result<Running, StartError> {
    let (ready, started) = mpsc::channel();
    let (stop, stopped) = oneshot::channel();
    let (fatal, failed) = oneshot::channel();
    let fatal = Fatal::new(fatal);
    let main = move || run(config, &fatal, stopped, &ready);
    let thread = thread::Builder::new().name("broker".to_owned()).spawn(main)?;
    match started.recv() {
        Ok(Ok(started)) => {
            let (stop, thread, failed) = (Some(stop), Some(thread), Some(failed));
            Ok(Running { started, stop, thread, failed })
        }
        Ok(Err(error)) => {
            // Everything that it had begun is undone when this returns: locks, ports.
            drop(thread.join());
            Err(error)
        }
        Err(gone) => Err(io::Error::other(gone).into()),
    }
}

type Ready = mpsc::Sender<Result<Started, StartError>>;

/// The broker's main thread.
fn run(config: Config, fatal: &Fatal, stopped: oneshot::Receiver<Stop>, ready: &Ready) {
    // The first to come and the last to go.
    let manage = match Manage::start(&config) {
        Ok(manage) => manage,
        Err(error) => return drop(ready.send(Err(error))),
    };
    let started = Stage::new(config, fatal, &manage).and_then(|stage| {
        let runtime = Stage::runtime()?;
        Ok((stage, runtime))
    });
    match started {
        Err(error) => drop(ready.send(Err(error))),
        Ok((stage, runtime)) => {
            let how = runtime.block_on(stage.serve(stopped, ready));
            runtime.shutdown_timeout(Duration::from_secs(1));
            manage.health().detach();
            stage.end(how);
        }
    }
}
