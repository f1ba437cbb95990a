//! From a configuration to a serving broker, and back.

use std::{io, net::SocketAddr, sync::Arc, thread, time::Duration};

use tokio::{runtime, sync::oneshot};

use crate::{
    broker::Broker,
    clock::Clock,
    config::{BadSetting, Config},
    net::{self, Bound, Limits, Pool, Registry},
};

/// How long a stopping broker waits for its clients to take their last answers.
const PATIENCE: Duration = Duration::from_secs(3);

/// A broker that serves. Dropping it stops the broker as [`Running::shutdown`] does.
#[derive(Debug)]
pub struct Running {
    addresses: Vec<(String, SocketAddr)>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

/// Why a broker did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No listener is configured.
    #[error("no listener: a broker needs one at least, like plain=127.0.0.1:9092")]
    NoListener,
    /// A setting does not parse.
    #[error(transparent)]
    Setting(#[from] BadSetting),
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
    /// The system refuses threads or the like.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

impl Running {
    /// Where it listens: names and the addresses that were really bound.
    pub fn addresses(&self) -> Vec<(String, SocketAddr)> {
        self.addresses.clone()
    }

    /// Stops: takes in nobody more, answers what is asked already, flushes, and marks the logs as
    /// cleanly shut down. Returns when all of it is done.
    pub fn shutdown(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        if let Some(stop) = self.stop.take()
            && stop.send(()).is_err()
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
        self.stop();
    }
}

/// Starts a broker and returns when it serves. Its threads are its own: the caller may be in another
/// runtime or in none.
pub fn start(config: Config) -> Result<Running, StartError> {
    let (ready, started) = std::sync::mpsc::channel();
    let (stop, stopped) = oneshot::channel();
    let main = move || {
        let result = Stage::new(config).and_then(|stage| {
            let runtime = stage.runtime()?;
            Ok((stage, runtime))
        });
        match result {
            Err(error) => drop(ready.send(Err(error))),
            Ok((stage, runtime)) => {
                let addresses = stage.broker.addresses.clone();
                runtime.block_on(stage.serve(stopped, move || drop(ready.send(Ok(addresses)))));
                runtime.shutdown_timeout(Duration::from_secs(1));
            }
        }
    };
    let thread = thread::Builder::new().name("broker".to_owned()).spawn(main)?;
    match started.recv() {
        Ok(Ok(addresses)) => Ok(Running { addresses, stop: Some(stop), thread: Some(thread) }),
        Ok(Err(error)) => Err(error),
        Err(gone) => Err(io::Error::other(gone).into()),
    }
}

/// Everything that is ready before the first client is let in.
struct Stage {
    broker: Arc<Broker>,
    bound: Vec<Bound>,
}

impl Stage {
    fn new(config: Config) -> Result<Self, StartError> {
        if config.listeners.is_empty() {
            return Err(StartError::NoListener);
        }
        let limits = Limits::new(&config)?;
        let mut bound = Vec::new();
        for listener in &config.listeners {
            let (name, address) = (listener.name.clone(), listener.bind);
            let failed = |source| StartError::Bind { name, address, source };
            bound.push(net::bind(listener).map_err(failed)?);
        }
        let addresses = bound.iter().map(|bound| (bound.name.to_string(), bound.address)).collect();
        let broker = Broker {
            clock: Clock::new(),
            pool: Arc::new(Pool::new(limits.request_bytes)),
            connections: Arc::new(Registry::default()),
            limits,
            addresses,
            config,
        };
        Ok(Self { broker: Arc::new(broker), bound })
    }

    /// Workers as many as cores; blocking threads are for cold reads and go when they are idle.
    fn runtime(&self) -> io::Result<runtime::Runtime> {
        runtime::Builder::new_multi_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(16)
            .thread_name("worker")
            .build()
    }

    async fn serve(self, stopped: oneshot::Receiver<()>, ready: impl FnOnce()) {
        let broker = self.broker;
        let limits = broker.limits.clone();
        let mut tasks =
            vec![tokio::spawn(net::sweep(Arc::clone(&broker.connections), limits, broker.clock))];
        for bound in self.bound {
            let broker = Arc::clone(&broker);
            tasks.push(tokio::spawn(async move {
                if let Err(error) = net::accept(broker, bound).await {
                    tracing::error!(%error, "a listener failed");
                }
            }));
        }
        ready();
        if stopped.await.is_err() {
            tracing::debug!("the broker's handle is gone: stopping");
        }
        tasks.iter().for_each(tokio::task::JoinHandle::abort);
        broker.connections.drain(PATIENCE).await;
    }
}
