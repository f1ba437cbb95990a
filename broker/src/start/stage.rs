//! What stands between a configuration and the first client: directory, logs, metadata, sockets.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Duration,
};

use kastellan_core::{config::BrokerConfig, id::BrokerId, metadata::RegisterBroker};
use kastellan_protocol::api_version::Audience;
use tokio::{runtime, sync::oneshot};

use super::{Ready, StartError, Started, Stop, peer_side::PeerSide, registration::registration};
use crate::{
    access::Access,
    broker::Broker,
    clock::Clock,
    config::{Config, Listener},
    controller::{Controller, ControllerError, Fleet, ProducerIds, Setup},
    fetcher::Replication,
    groups::Groups,
    lifecycle::{self, Member},
    log_dirs::{self, Fatal, Opened},
    maintenance::Maintenance,
    manage::{self, Health, Manage},
    metrics::Metrics,
    net::{self, Bound, ClientDoor, Doors, Entrance, Gate, Limits},
    partitions::{Defaults, Partitions},
    peers::Peers,
    quotas::Quotas,
    reconfigure,
    sessions::Sessions,
    standing::Standing,
    throttles::Throttles,
};

/// How long a stopping broker waits for its clients to take their last answers.
const PATIENCE: Duration = Duration::from_secs(3);

/// How many producers a partition remembers.
const PRODUCERS: usize = 100_000;

/// Everything that is ready before the first client is let in.
pub(super) struct Stage {
    broker: Arc<Broker>,
    health: Arc<Health>,
    manage: manage::Addresses,
    /// Ends with the stage, before the logs are closed.
    _maintenance: Maintenance,
    /// Follows and proposes; none in a cluster of one.
    replication: Option<Replication>,
    /// Where other brokers come in; none in a cluster of one.
    peer_side: Option<PeerSide>,
    peer_address: Option<SocketAddr>,
    /// In a fleet: its place there.
    member: Option<Arc<Member>>,
    /// Taken when they begin to take in clients.
    bound: Mutex<Vec<Bound>>,
}

/// No partitions yet, and what holds for every one that is to come.
fn partitions(
    opened: Opened,
    (config, settings): (&Config, &BrokerConfig),
    clock: Clock,
) -> io::Result<Partitions> {
    let (me, lag) = (BrokerId(config.node_id), settings.fleet.replica_lag_time_max);
    let defaults = Defaults { me, clock, producers: PRODUCERS, lag };
    Partitions::new(opened, defaults, Arc::new(Standing::new(clock, settings)))
}

fn addresses(bound: &[Bound]) -> Vec<(String, SocketAddr)> {
    bound.iter().map(|bound| (bound.name.to_string(), bound.address)).collect()
}

impl Stage {
    pub(super) fn new(
        mut config: Config,
        fatal: &Fatal,
        manage: &Manage,
    ) -> Result<Self, StartError> {
        if config.listeners.is_empty() {
            return Err(StartError::NoListener);
        }
        let settings = BrokerConfig::parse(config.settings.clone());
        let settings = settings.map_err(StartError::Settings)?;
        let bound = bind_all(&config, &settings)?;
        let addresses = addresses(&bound);
        let doors = open_doors(&config, &settings)?;
        let mut peer_side = PeerSide::open(&mut config, &settings, manage.identity())?;
        let opened = Opened::new(&config)?;
        let clock = Clock::new();
        let partitions = Arc::new(partitions(opened, (&config, &settings), clock)?);
        manage.health().recovering(partitions.recovery());
        let ids = partitions.dirs().ids();
        let (opened, joined) = mpsc::channel();
        let fleet = match &peer_side {
            Some(side) if !settings.fleet.is_alone() => Some(Fleet { peers: side.peers(), opened }),
            _ => None,
        };
        let at = peer_side.as_ref().and_then(PeerSide::bound);
        let registration = registration(&config, &settings, (&addresses, &doors), at, ids)?;
        let joining = fleet.is_some().then(|| (registration.clone(), joined));
        let controller = Controller::start(Setup {
            partitions: Arc::clone(&partitions),
            fixed: settings.clone(),
            registration,
            fleet,
            clock,
        })?;
        let settings = Arc::clone(controller.settings());
        let broker = Arc::new(Broker {
            clock,
            controller: Arc::new(controller),
            metrics: Metrics::default(),
            producer_ids: Arc::new(ProducerIds::default()),
            clients: Arc::new(Gate::new(Audience::Client, Limits::new(&settings.load()))),
            peer_gate: Arc::new(Gate::new(Audience::Peer, Limits::of_peers(&settings.load()))),
            peers: peer_side.as_ref().map_or_else(Peers::none, PeerSide::peers),
            partitions,
            sessions: Sessions::new(settings.load().fetch_session_slots),
            groups: Groups::new(&settings.load()),
            doors,
            quotas: Quotas::new(settings.load().quota_windows),
            throttles: Throttles::new(&settings.load().fleet),
            access: Access::new(settings.load().authorizer.clone()),
            addresses,
            config,
            settings,
        });
        Groups::watch(&broker);
        reconfigure::watch(&broker);
        log_dirs::watch(&broker, fatal);
        manage.follow(&broker);
        let maintenance = Maintenance::start(&broker)?;
        let replication = peer_side.as_ref().map(|_| Replication::start(&broker)).transpose()?;
        let member = match &mut peer_side {
            Some(side) => enter(side, &broker, joining)?,
            None => None,
        };
        Ok(Self {
            broker,
            health: Arc::clone(manage.health()),
            manage: manage.addresses(),
            _maintenance: maintenance,
            replication,
            peer_side,
            peer_address: at.map(|at| at.bound),
            member,
            bound: Mutex::new(bound),
        })
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
        let mut tasks = vec![tokio::spawn(net::sweep(Arc::clone(&broker.clients), broker.clock))];
        tasks.push(tokio::spawn(Groups::keep_time(Arc::clone(broker))));
        let loader = Arc::clone(broker);
        tasks.push(tokio::task::spawn_blocking(move || Groups::load_all(&loader)));
        let bound = std::mem::take(&mut *self.bound.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.extend(broker.doors.iter().filter_map(|(_, door)| {
            let watched = door.watched()?;
            Some(tokio::spawn(Arc::clone(watched).watch()))
        }));
        tasks.extend(broker.doors.iter().filter_map(|(_, door)| {
            Some(tokio::spawn(Arc::clone(door.issuer()?).watch(broker.clock)))
        }));
        for (bound, (_, door)) in bound.into_iter().zip(&broker.doors) {
            let entrance = Entrance::Clients(Arc::clone(door));
            let (broker, health) = (Arc::clone(broker), Arc::clone(&self.health));
            tasks.push(tokio::spawn(async move {
                let name = Arc::clone(&bound.name);
                if let Err(error) = net::accept(broker, bound, entrance).await {
                    tracing::error!(%error, "a listener failed");
                    health.fail(format!("the listener {name} failed: {error}"));
                }
            }));
        }
        self.health.running(broker);
        let (addresses, manage) = (broker.addresses.clone(), self.manage);
        if ready.send(Ok(Started { addresses, manage, peers: self.peer_address })).is_err() {
            return Stop::Clean;
        }
        let how = stopped.await.unwrap_or(Stop::Clean);
        if let (Stop::Clean, Some(member)) = (how, &self.member) {
            // clients are served until others have taken over
            member.leave().await;
            if broker.settings.load().fleet.voters.len() > 1 {
                broker.controller.resign().await;
            }
        }
        self.health.stopping();
        tasks.iter().for_each(tokio::task::JoinHandle::abort);
        if how == Stop::Clean {
            broker.groups.stop();
            broker.clients.connections.drain(PATIENCE).await;
        }
        how
    }

    /// Ends the threads; closes the logs and marks the directories if it is to end cleanly. Called
    /// once no task runs any more.
    pub(super) fn end(mut self, how: Stop) {
        drop(self.replication.take());
        if let Some(side) = self.peer_side.take() {
            side.end();
        }
        let partitions = Arc::clone(&self.broker.partitions);
        let me = BrokerId(self.broker.config.node_id);
        let epoch = self.broker.controller.image().broker(me).map(|known| known.epoch);
        // First, so that no topic is created any more.
        let metadata = self.broker.controller.stop();
        partitions.stop_moves();
        drop(self);
        if how == Stop::Abrupt {
            return;
        }
        let closed = partitions.close();
        // Whoever still held it would still write: then a mark would be a lie.
        if let Some(partitions) = Arc::into_inner(partitions) {
            partitions.into_dirs().close(closed, metadata, epoch);
        } else {
            tracing::error!("partitions are still in use: the next start has to recover");
        }
    }
}

/// Binds the listeners for clients.
fn bind_all(config: &Config, settings: &BrokerConfig) -> Result<Vec<Bound>, StartError> {
    let one = |listener: &Listener| {
        let (name, address) = (listener.name.clone(), listener.bind);
        let bound = net::bind(&name, address, settings.socket_listen_backlog);
        bound.map_err(|source| StartError::Bind { name, address, source })
    };
    config.listeners.iter().map(one).collect()
}

/// Reads the certificates and keys that the listeners for clients need.
fn open_doors(config: &Config, settings: &BrokerConfig) -> Result<Doors, StartError> {
    let one = |listener: &Listener| {
        let name = &listener.name;
        let transport = settings.transport(name).map_err(StartError::Settings)?;
        let door = ClientDoor::open(name, transport, &config.allowed_urls)?;
        Ok((name.as_str().into(), Arc::new(door)))
    };
    config.listeners.iter().map(one).collect()
}

/// What a broker needs to join: how it registers, and who tells that its partitions are open.
type Joining = (RegisterBroker, mpsc::Receiver<Result<(), ControllerError>>);

/// Lets peers in, and takes this broker's place among them.
fn enter(
    side: &mut PeerSide,
    broker: &Arc<Broker>,
    joining: Option<Joining>,
) -> Result<Option<Arc<Member>>, StartError> {
    side.serve(broker);
    let Some((registration, opened)) = joining else { return Ok(None) };
    Ok(Some(lifecycle::join(broker, registration, &opened, &side.handle())?))
}
