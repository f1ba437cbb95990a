//! The driver of cluster metadata: the thread that runs a replica of the quorum over the
//! `__cluster_metadata` log, and `core::metadata::Controller` while it leads; and what the rest of
//! the broker sees of it.
//!
//! Requests come in over a channel and are answered once their records are committed, the new image
//! is published and the partitions they are about are open: a topic whose creation is answered can
//! be produced to. In a quorum of one a record is committed when it is synced.

mod assign;
mod driver;
mod error;
mod first_users;
mod follow;
mod found;
mod log;
mod producer_ids;
mod snapshot;
mod state_file;
#[cfg(test)]
mod tests;
mod topics;
mod wire;

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use arc_swap::{ArcSwap, Guard};
use kastellan_core::{
    config::BrokerConfig,
    id::{BrokerId, Uuid},
    machine::Ticket,
    metadata::{Failure, Image, Input, RegisterBroker, Reply},
    quorum::{self, Endpoint, Event, Part, ReplicaKey, RoleKind, Timeouts, Voter, Voters},
};
use kastellan_log::{Checkpoints, StdDisk};
use kastellan_protocol::ErrorCode;
use tokio::sync::{Notify, futures::Notified};

pub(crate) use self::topics::new_id;
use self::{
    assign::Teller,
    driver::{Consulted, Dial, Driver, Follow, Message, Opening, Outbox},
    follow::{Assign, Follower, Observers},
    wire::{Asking, Unanswered},
};
pub(crate) use self::{error::ControllerError, follow::Changes, producer_ids::ProducerIds};
use crate::{
    call::Call,
    clock::Clock,
    log_dirs::LogDirs,
    partitions::Partitions,
    peers::{LISTENER, Peers},
};

/// How long a fetch of the metadata log may wait for something new.
const MOST_WAIT: Duration = Duration::from_millis(500);
/// How long another voter may take to lead after this one has resigned.
const RESIGNING: Duration = Duration::from_secs(1);

/// The controller, as the rest of the broker sees it.
#[derive(Debug)]
pub(crate) struct Controller {
    inbox: mpsc::Sender<Message>,
    cluster: String,
    image: Arc<ArcSwap<Image>>,
    part: Arc<ArcSwap<Part>>,
    /// Whether this node leads and knows all that was decided before.
    decides: Arc<AtomicBool>,
    /// Told whenever that may have changed.
    moved: Arc<Notify>,
    settings: Arc<ArcSwap<BrokerConfig>>,
    observers: Arc<Observers>,
    thread: Mutex<Option<Running>>,
}

/// The controller's thread.
type Running = thread::JoinHandle<Option<Checkpoints>>;

/// What a controller starts from.
pub(crate) struct Setup {
    /// Where topics become logs.
    pub(crate) partitions: Arc<Partitions>,
    /// What the broker was started with.
    pub(crate) fixed: BrokerConfig,
    /// How this broker registers.
    pub(crate) registration: RegisterBroker,
    /// What it needs to be one of several; `None`: it is alone.
    pub(crate) fleet: Option<Fleet>,
    /// The clocks.
    pub(crate) clock: Clock,
}

/// What a broker needs to be one of several.
pub(crate) struct Fleet {
    /// How it asks the others.
    pub(crate) peers: Peers,
    /// Told once the metadata shows this process and its partitions are open, or why they are not.
    pub(crate) opened: mpsc::Sender<Result<(), ControllerError>>,
}

/// Which node decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Active {
    /// This one.
    Here,
    /// Another one.
    There(BrokerId),
    /// None that is known: an election is under way.
    Nobody,
}

/// Called with the answer, on the controller's thread: be quick.
pub(crate) type Answer = Box<dyn FnOnce(Reply) + Send>;

impl Controller {
    /// Replays the metadata, begins a new cluster if there is none, registers this broker, opens
    /// its partitions, and leaves the rest to a thread of its own.
    pub(crate) fn start(setup: Setup) -> Result<Self, ControllerError> {
        let me = setup.registration.broker;
        let (inbox, messages) = mpsc::channel();
        let observers = Arc::new(Observers::default());
        let dirs = setup.partitions.dirs();
        let cluster = dirs.metadata().properties().cluster_id.clone();
        let (quorum, clock) =
            (replica(me, dirs.metadata().properties().directory_id, &setup.fixed), setup.clock);
        let (outbox, dial) = match &setup.fleet {
            Some(fleet) => {
                let peers = fleet.peers.clone();
                let dial: Dial = Box::new(move |broker| peers.probe(broker));
                let to = Correspondents {
                    peers: fleet.peers.clone(),
                    cluster: cluster.clone(),
                    patience: setup.fixed.fleet.request_timeout,
                    inbox: inbox.clone(),
                };
                (Some(outbox(to)), Some(dial))
            }
            None => (None, None),
        };
        let opening = Opening { quorum, fixed: &setup.fixed, clock, outbox, dial };
        let mut driver = Driver::open(dirs.metadata(), opening)?;
        if driver.is_new() {
            found::check_new(dirs)?;
        }
        driver.start()?;
        let (image, part, decides) = (driver.image(), driver.part(), driver.decides());
        let moved = driver.moved();
        let settings = image.load().settings_of(me, &setup.fixed);
        let settings = Arc::new(ArcSwap::from_pointee(settings));
        let peers = setup.fleet.as_ref().map(|fleet| fleet.peers.clone());
        let teller = Teller::new((me, peers.clone()), inbox.clone(), &driver);
        let follower = Follower {
            me,
            incarnation: setup.registration.incarnation,
            partitions: Arc::clone(&setup.partitions),
            peers,
            fixed: setup.fixed,
            settings: Arc::clone(&settings),
            observers: Arc::clone(&observers),
            assign: Assign::new(move |assignments| teller.tell(assignments)),
        };
        if let Some(fleet) = setup.fleet {
            let incarnation = setup.registration.incarnation;
            driver.follow(joining(follower, incarnation, fleet.opened));
        } else {
            begin_alone(&mut driver, dirs, setup.registration, follower)?;
        }
        let thread = spawn(driver, messages)?;
        Ok(Self { inbox, cluster, image, part, decides, moved, settings, observers, thread })
    }

    /// The metadata as it is committed. Hold it for one request, not longer.
    pub(crate) fn image(&self) -> Guard<Arc<Image>> {
        self.image.load()
    }

    /// The broker's settings as they are now: as it was started, and what the metadata says since.
    pub(crate) fn settings(&self) -> &Arc<ArcSwap<BrokerConfig>> {
        &self.settings
    }

    /// Which node decides now, as far as this one knows.
    pub(crate) fn active(&self) -> Active {
        of_part(&self.part.load(), &self.decides)
    }

    /// Returns when another node may decide than at the time of the call.
    pub(crate) fn moved(&self) -> Notified<'_> {
        self.moved.notified()
    }

    /// A request of the quorum: its thread answers.
    pub(crate) fn hear(&self, call: Call) {
        if let Some((request, answer)) = wire::hear(call, &self.cluster) {
            self.consult(request, move |response| answer.send(response));
        }
    }

    /// Hands `input` to the machine; `answer` is called with what it replies, or with a failure
    /// when the controller cannot decide any more.
    pub(crate) fn ask(
        &self,
        input: impl FnOnce(Ticket) -> Input + Send + 'static,
        answer: impl FnOnce(Reply) + Send + 'static,
    ) {
        let ask = Message::Ask(Box::new(input), Box::new(answer));
        if let Err(mpsc::SendError(Message::Ask(_, answer))) = self.inbox.send(ask) {
            answer(Reply::Failed(stopped()));
        }
    }

    /// Asks the quorum; `answer` is called with what it says, or with nothing when its log has
    /// failed.
    pub(crate) fn consult(
        &self,
        request: quorum::Request,
        answer: impl FnOnce(Option<quorum::Response>) + Send + 'static,
    ) {
        let consult = Message::Consult(request, Consulted::new(answer));
        if self.inbox.send(consult).is_err() {
            tracing::debug!("the controller has stopped: the quorum is not asked");
        }
    }

    /// Nobody listens where `node` is registered: if this node decides, it is fenced.
    pub(crate) fn refused(&self, node: BrokerId) {
        let image = self.image();
        let Some(epoch) = image.broker(node).map(|broker| broker.epoch) else { return };
        drop(image);
        if self.inbox.send(Message::Tell(Input::Refused { broker: node, epoch })).is_err() {
            tracing::debug!("the controller has stopped: nobody is fenced");
        }
    }

    /// From now on `observer` is told of topics that come, grow and go: after their partitions are
    /// open, or closed, and on the controller's thread.
    pub(crate) fn observe(&self, observer: impl Fn(&Changes<'_>) + Send + 'static) {
        self.observers.add(Box::new(observer));
    }

    /// Leads the quorum no longer, if it does, once what was decided is committed, so that another
    /// voter need not wait until it misses this one. Returns once another one leads, or after a
    /// moment.
    pub(crate) async fn resign(&self) {
        let decided = self.active() == Active::Here;
        if self.inbox.send(Message::Resign).is_err() || !decided {
            return;
        }
        let begun = Instant::now();
        while !matches!(self.active(), Active::There(_)) && begun.elapsed() < RESIGNING {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends the thread and closes the log; what the mark of a clean shutdown needs to know of it.
    pub(crate) fn stop(&self) -> Option<Checkpoints> {
        if self.inbox.send(Message::Stop).is_err() {
            tracing::debug!("the controller had stopped already");
        }
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        thread.and_then(|thread| thread.join().ok()).flatten()
    }
}

/// Registers a broker that is alone with itself, and opens what lies here.
fn begin_alone(
    driver: &mut Driver<StdDisk>,
    dirs: &LogDirs,
    registration: RegisterBroker,
    follower: Follower,
) -> Result<(), ControllerError> {
    let (me, image) = (registration.broker, driver.image());
    let missing = found::is_missing(&image.load(), me, dirs);
    driver.register(registration)?;
    // whoever is alone deletes what it decides to, and misses nothing
    let (image, deleted) = (image.load_full(), BTreeSet::new());
    let known = found::Known { me, image: &image, deleted: &deleted };
    dirs.found(found::locate(&known, dirs)?, missing);
    let assignments = follower.open_all(&image);
    if !assignments.is_empty() {
        driver.ask_now(move |ticket| Input::AssignDirectories {
            ticket,
            broker: me,
            epoch: None,
            assignments,
        })?;
    }
    driver.follow(Box::new(move |before, after, touched| {
        follower.follow(before, after, touched);
    }));
    Ok(())
}

/// The other replicas of the metadata log, and where their answers go.
struct Correspondents {
    peers: Peers,
    cluster: String,
    patience: Duration,
    inbox: mpsc::Sender<Message>,
}

/// Sends the quorum's requests to peers.
fn outbox(to: Correspondents) -> Outbox {
    Box::new(move |node, correlation, request| {
        let Correspondents { peers, cluster, patience, inbox } = &to;
        let asking = Asking { peers, cluster, to: node, patience: *patience };
        let inbox = inbox.clone();
        wire::ask(&asking, request, move |response| {
            let event = match response {
                Ok(response) => Event::Response { correlation, response },
                Err(Unanswered { gone }) => Event::Unreachable { correlation, gone },
            };
            if inbox.send(Message::Happened(event)).is_err() {
                tracing::debug!("the controller has stopped: an answer of a peer is too late");
            }
        });
    })
}

/// Leaves the driver to a thread of its own.
fn spawn(
    driver: Driver<StdDisk>,
    messages: mpsc::Receiver<Message>,
) -> Result<Mutex<Option<Running>>, ControllerError> {
    let thread = thread::Builder::new()
        .name("controller".to_owned())
        .spawn(move || driver.run(&messages))
        .map_err(ControllerError::Thread)?;
    Ok(Mutex::new(Some(thread)))
}

/// Follows the metadata of a fleet. What lies in the log directories is only judged once the
/// metadata shows this very process: all that was decided before it is known then, and nothing is
/// taken for a stray that is only not known yet.
fn joining(
    follower: Follower,
    incarnation: Uuid,
    opened: mpsc::Sender<Result<(), ControllerError>>,
) -> Follow {
    let (mut joined, mut deleted) = (false, BTreeSet::new());
    Box::new(move |before, after, touched| {
        if joined {
            return follower.follow(before, after, touched);
        }
        follower.learn(after);
        // also of what came and went within one commit this broker may hold something
        let gone = touched.topics.iter().filter(|id| after.topic_by_id(id).is_none());
        deleted.extend(gone);
        let own = after.broker(follower.me);
        if own.is_some_and(|broker| broker.incarnation == incarnation) {
            joined = true;
            let deleted = std::mem::take(&mut deleted);
            if opened.send(follower.begin(before, after, &deleted)).is_err() {
                tracing::debug!("nobody waits for the partitions any more");
            }
        }
    })
}

/// This node's place in the quorum: one among the voters that the settings name, or the only one.
fn replica(me: BrokerId, directory: Uuid, fixed: &BrokerConfig) -> quorum::Setup {
    let fleet = &fixed.fleet;
    let named = fleet.voters.iter().map(|voter| {
        let (name, host) = (LISTENER.to_owned(), voter.host.clone());
        let endpoints = vec![Endpoint { name, host, port: voter.port }];
        Voter { key: ReplicaKey { id: voter.id, directory: voter.directory }, endpoints }
    });
    let alone =
        || Voter { key: ReplicaKey { id: me, directory: Uuid::nil() }, endpoints: Vec::new() };
    let is_alone = fleet.voters.is_empty() && fleet.bootstrap_servers.is_empty();
    let voters = Voters::new(named.chain(is_alone.then(alone)));
    quorum::Setup {
        me: ReplicaKey { id: me, directory },
        endpoints: voters.get(me).map_or_else(Vec::new, |voter| voter.endpoints.clone()),
        dynamic: !is_alone,
        voters,
        bootstrap: Vec::new(),
        timeouts: Timeouts {
            election: fleet.election_timeout,
            fetch: fleet.fetch_timeout,
            request: fleet.request_timeout,
            retry: fleet.retry_backoff,
            wait: (fleet.fetch_timeout / 4).min(MOST_WAIT),
        },
    }
}

/// Which node decides, as its part in the quorum says.
fn of_part(part: &Part, decides: &AtomicBool) -> Active {
    match (part.role, part.leader) {
        (RoleKind::Leader, _) if decides.load(Ordering::Acquire) => Active::Here,
        // a leader has yet to learn what was decided before
        (RoleKind::Leader, _) | (_, None) => Active::Nobody,
        (_, Some(leader)) => Active::There(leader),
    }
}

/// The answer to whoever asks when the controller cannot decide.
fn stopped() -> Failure {
    Failure::new(ErrorCode::KafkaStorageError, "the controller of this broker has stopped")
}
