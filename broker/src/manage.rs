//! The ports that are not for clients: probes and metrics in plain HTTP, the management API for the
//! operator. One thread serves them, so that a broker whose workers are busy still says how it is.

mod api;
mod blockers;
mod changes;
mod health;
mod http;
mod metrics;
mod operator;
mod permits;
mod port;
mod probes;

use std::{
    net::{SocketAddr, TcpListener},
    sync::{Arc, atomic::Ordering},
    thread,
};

use kastellan_core::id::BrokerId;
use tokio::{net::TcpStream, sync::oneshot};

#[cfg(test)]
pub(crate) use self::api::ROUTES;
pub(crate) use self::health::Health;
use self::{
    api::Api,
    port::{Known, accept},
};
use crate::{StartError, broker::Broker, config::Config, peers::Identity, quiet::Quiet};

/// The thread of the management ports, from the first moment of the process to its last.
#[derive(Debug)]
pub(crate) struct Manage {
    health: Arc<Health>,
    api: Option<Arc<Api>>,
    addresses: Addresses,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

/// Where the ports are really bound.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Addresses {
    /// Of probes and metrics.
    pub(crate) probes: Option<SocketAddr>,
    /// Of the management API.
    pub(crate) management: Option<SocketAddr>,
}

impl Manage {
    /// Binds the ports and serves them; no thread where there is none.
    pub(crate) fn start(config: &Config) -> Result<Self, StartError> {
        let health = Arc::new(Health::default());
        let wanted = &config.management;
        let identity = wanted.listener.map(|_| identity(config)).transpose()?;
        let probes = wanted.probes.map(|address| bind("probes", address)).transpose()?;
        let listener = wanted.listener.map(|address| bind("management", address)).transpose()?;
        let address =
            |bound: &Option<TcpListener>| bound.as_ref().map(TcpListener::local_addr).transpose();
        let addresses = Addresses { probes: address(&probes)?, management: address(&listener)? };
        let api = identity
            .map(|identity| Arc::new(Api::new(Arc::clone(&health), identity, config.node_id)));
        let (mut stop, mut thread) = (None, None);
        if probes.is_some() || listener.is_some() {
            let (sender, stopped) = oneshot::channel();
            let ports = Ports { probes, listener, health: Arc::clone(&health), api: api.clone() };
            (stop, thread) = (Some(sender), Some(ports.serve(stopped)?));
            tracing::info!(?addresses, "probes, metrics and management are served");
        }
        Ok(Self { health, api, addresses, stop, thread })
    }

    /// What the process is to say how it is.
    pub(crate) fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// The metadata is there, and no client has been let in yet.
    pub(crate) fn follow(&self, broker: &Arc<Broker>) {
        if let Some(api) = &self.api {
            api.follow(broker);
        }
    }

    /// Where the ports are really bound.
    pub(crate) fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The certificates that it serves with, read again when their files change.
    pub(crate) fn identity(&self) -> Option<&Arc<Identity>> {
        self.api.as_ref().map(|api| &api.identity)
    }
}

impl Drop for Manage {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the management thread panicked: a bug of ours");
        }
    }
}

fn identity(config: &Config) -> Result<Arc<Identity>, StartError> {
    let files = config.certificates.clone().ok_or(StartError::NoCertificates)?;
    let (me, cluster) = (BrokerId(config.node_id), config.cluster_id.as_deref());
    Ok(Arc::new(Identity::load(files, me, cluster)?))
}

fn bind(name: &str, address: SocketAddr) -> Result<TcpListener, StartError> {
    let bound = TcpListener::bind(address).and_then(|bound| {
        bound.set_nonblocking(true)?;
        Ok(bound)
    });
    bound.map_err(|source| StartError::Bind { name: name.to_owned(), address, source })
}

/// What the thread serves.
struct Ports {
    probes: Option<TcpListener>,
    listener: Option<TcpListener>,
    health: Arc<Health>,
    api: Option<Arc<Api>>,
}

impl Ports {
    fn serve(self, stopped: oneshot::Receiver<()>) -> Result<thread::JoinHandle<()>, StartError> {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_io().enable_time().build()?;
        let Self { probes, listener, health, api } = self;
        let serve = async move {
            if let Some(probes) = probes {
                tokio::spawn(serve_probes(probes, health));
            }
            if let Some((listener, api)) = listener.zip(api) {
                tokio::spawn(Arc::clone(api.identity.watched()).watch());
                tokio::spawn(serve_management(listener, api));
            }
            // a dropped sender means the same; every task ends with the runtime
            drop(stopped.await);
        };
        let thread = thread::Builder::new().name("management".to_owned());
        Ok(thread.spawn(move || runtime.block_on(serve))?)
    }
}

async fn serve_probes(listener: TcpListener, health: Arc<Health>) {
    accept(listener, http::PLAIN.connections, |stream, _nobody| {
        let health = Arc::clone(&health);
        async move {
            let answer = move |asked| {
                let health = Arc::clone(&health);
                async move { probes::answer(&health, &asked) }
            };
            http::serve(stream, &http::PLAIN, answer).await;
        }
    })
    .await;
}

async fn serve_management(listener: TcpListener, api: Arc<Api>) {
    let quiet = Arc::new(Quiet::default());
    accept(listener, http::OPERATOR.connections, |stream, known| {
        manage_one(stream, known, Arc::clone(&api), Arc::clone(&quiet))
    })
    .await;
}

async fn manage_one(stream: TcpStream, known: Known, api: Arc<Api>, quiet: Arc<Quiet>) {
    match operator::admit(&api.identity, stream).await {
        Ok(stream) => {
            known.store(true, Ordering::Relaxed);
            let answer = |asked| {
                let api = Arc::clone(&api);
                async move { api.answer(asked).await }
            };
            http::serve(stream, &http::OPERATOR, answer).await;
        }
        Err(turned) => {
            if let Some(missed) = quiet.speak() {
                tracing::warn!(missed, "turned away from the management port: {turned}");
            }
        }
    }
}
