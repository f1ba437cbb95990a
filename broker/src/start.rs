//! From a configuration to a serving broker, and back.

mod registration;
mod stage;

use std::{io, net::SocketAddr, path::PathBuf, sync::mpsc, thread, time::Duration};

use kastellan_core::config::Invalid;
use tokio::sync::oneshot;

use self::stage::Stage;
use crate::{config::Config, log_dirs::Fatal, manage::Manage};

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
    probes: Option<SocketAddr>,
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
    /// The system refuses threads or the like.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

impl Running {
    /// Where it listens: names and the addresses that were really bound.
    pub fn addresses(&self) -> Vec<(String, SocketAddr)> {
        self.started.addresses.clone()
    }

    /// Where probes and metrics are answered, where they are.
    pub fn probes(&self) -> Option<SocketAddr> {
        self.started.probes
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
