//! What stands between a configuration and the first client: directory, logs, metadata, sockets.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kastellan_core::{config::BrokerConfig, partition::Durability};
use kastellan_log::{Budget, Directory, Properties, disk::StdDisk, uuid_to_text};
use tokio::{runtime, sync::oneshot};
use uuid::Uuid;

use super::{Ready, StartError, Stop, registration::registration};
use crate::{
    broker::Broker,
    clock::Clock,
    config::Config,
    controller::{Controller, ProducerIds, Setup},
    groups::Groups,
    maintenance::Maintenance,
    net::{self, Bound, Limits, Pool, Registry},
    partitions::{Defaults, Partitions},
    sessions::Sessions,
};

/// How long a stopping broker waits for its clients to take their last answers.
const PATIENCE: Duration = Duration::from_secs(3);

/// How many producers a partition remembers.
const PRODUCERS: usize = 100_000;

/// Everything that is ready before the first client is let in.
pub(super) struct Stage {
    broker: Arc<Broker>,
    /// Ends with the stage, before the logs are closed.
    _maintenance: Maintenance,
    /// Taken when they begin to take in clients.
    bound: Mutex<Vec<Bound>>,
}

impl Stage {
    pub(super) fn new(config: Config) -> Result<Self, StartError> {
        if config.listeners.is_empty() {
            return Err(StartError::NoListener);
        }
        let settings = BrokerConfig::parse(config.settings.clone());
        let settings = settings.map_err(StartError::Settings)?;
        let mut bound = Vec::new();
        for listener in &config.listeners {
            let (name, address) = (listener.name.clone(), listener.bind);
            let failed = |source| StartError::Bind { name, address, source };
            bound.push(net::bind(listener).map_err(failed)?);
        }
        let addresses: Vec<_> =
            bound.iter().map(|bound| (bound.name.to_string(), bound.address)).collect();
        let directory = Arc::new(open_directory(&config)?);
        let defaults = Defaults {
            durability: if settings.fsync { Durability::Fsync } else { Durability::Replicated },
            producers: PRODUCERS,
        };
        let partitions = Arc::new(Partitions::new(directory, defaults)?);
        let clock = Clock::new();
        let directory_id = partitions.directory().properties().directory_id;
        let controller = Controller::start(Setup {
            directory: Arc::clone(partitions.directory()),
            partitions: Arc::clone(&partitions),
            settings: Arc::new(settings.clone()),
            registration: registration(&config, &settings, &addresses, directory_id)?,
            clock,
        })?;
        let limits = Limits::new(&settings);
        let broker = Broker {
            clock,
            controller: Arc::new(controller),
            producer_ids: Arc::new(ProducerIds::default()),
            pool: Arc::new(Pool::new(limits.request_bytes)),
            connections: Arc::new(Registry::default()),
            partitions,
            sessions: Sessions::new(settings.fetch_session_slots),
            groups: Groups::new(&settings),
            limits,
            addresses,
            config,
            settings,
        };
        let broker = Arc::new(broker);
        Groups::watch(&broker);
        let partitions = Arc::clone(&broker.partitions);
        let maintenance = Maintenance::start(partitions, &broker.settings, clock)?;
        Ok(Self { broker, _maintenance: maintenance, bound: Mutex::new(bound) })
    }

    /// Workers as many as cores; blocking threads are for cold reads and go when they are idle.
    pub(super) fn runtime() -> io::Result<runtime::Runtime> {
        runtime::Builder::new_multi_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(16)
            .thread_name("worker")
            .build()
    }

    /// Lets clients in until it is told to stop.
    pub(super) async fn serve(&self, stopped: oneshot::Receiver<Stop>, ready: &Ready) -> Stop {
        let broker = &self.broker;
        let registry = Arc::clone(&broker.connections);
        let mut tasks =
            vec![tokio::spawn(net::sweep(registry, broker.limits.clone(), broker.clock))];
        tasks.push(tokio::spawn(Groups::keep_time(Arc::clone(broker))));
        let loader = Arc::clone(broker);
        tasks.push(tokio::task::spawn_blocking(move || Groups::load_all(&loader)));
        let bound = std::mem::take(&mut *self.bound.lock().unwrap_or_else(PoisonError::into_inner));
        for bound in bound {
            let broker = Arc::clone(broker);
            tasks.push(tokio::spawn(async move {
                if let Err(error) = net::accept(broker, bound).await {
                    tracing::error!(%error, "a listener failed");
                }
            }));
        }
        if ready.send(Ok(broker.addresses.clone())).is_err() {
            return Stop::Clean;
        }
        let how = stopped.await.unwrap_or(Stop::Clean);
        tasks.iter().for_each(tokio::task::JoinHandle::abort);
        if how == Stop::Clean {
            broker.groups.stop();
            broker.connections.drain(PATIENCE).await;
        }
        how
    }

    /// Ends the threads; closes the logs and marks the directory if it is to end cleanly. Called
    /// once no task runs any more.
    pub(super) fn end(self, how: Stop) {
        let partitions = Arc::clone(&self.broker.partitions);
        // First, so that no topic is created any more.
        let metadata = self.broker.controller.stop();
        drop(self);
        if how == Stop::Abrupt {
            return;
        }
        let (Some(mut closed), Some(metadata)) = (partitions.close(), metadata) else { return };
        closed.push(metadata);
        let directory = Arc::clone(partitions.directory());
        drop(partitions);
        // Whoever still held it would still write to it: then the mark would be a lie.
        let Some(directory) = Arc::into_inner(directory) else {
            tracing::error!("the data directory is still in use: the next start has to recover");
            return;
        };
        if let Err(error) = directory.close_after(&closed) {
            tracing::error!(%error, "no mark of a clean shutdown: the next start has to recover");
        }
    }
}

/// Takes the data directory into use; a new one is formatted for this cluster and node.
fn open_directory(config: &Config) -> Result<Directory<StdDisk>, StartError> {
    // A relative one has no parent to sync once it is a single name.
    let root = &std::path::absolute(&config.data_dir)?;
    let found = Properties::read(&StdDisk, root)?;
    let cluster_id = match (&config.cluster_id, &found) {
        (Some(id), _) => id.clone(),
        (None, Some(found)) => found.cluster_id.clone(),
        (None, None) => uuid_to_text(Uuid::new_v4()),
    };
    let directory_id = found.map_or_else(Uuid::new_v4, |found| found.directory_id);
    let properties = Properties { cluster_id, node_id: config.node_id, directory_id };
    Ok(Directory::open(StdDisk, root, properties, Budget::default())?)
}
