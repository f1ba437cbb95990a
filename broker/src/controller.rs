//! The driver of cluster metadata: the thread that runs `core::metadata::Controller` over the
//! `__cluster_metadata` log, and what the rest of the broker sees of it.
//!
//! Requests come in over a channel and are answered once their records are on the disk, the new
//! image is published and the partitions they are about are open: a topic whose creation is
//! answered can be produced to. A quorum of one for now: commit follows append at once, in the one
//! place where a quorum's commit will come in between.

mod driver;
mod error;
mod follow;
mod found;
mod log;
mod producer_ids;
mod snapshot;
#[cfg(test)]
mod tests;
mod topics;

use std::{
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};

use arc_swap::{ArcSwap, Guard};
use kastellan_core::{
    config::BrokerConfig,
    id::BrokerId,
    machine::Ticket,
    metadata::{Failure, Image, Input, RegisterBroker, Reply},
};
use kastellan_log::Checkpoints;
use kastellan_protocol::ErrorCode;

pub(crate) use self::topics::{new_topic_id, unexpected};
use self::{
    driver::{Driver, Message},
    follow::{Assign, Follower, Observers},
};
pub(crate) use self::{error::ControllerError, follow::Changes, producer_ids::ProducerIds};
use crate::{call::Call, clock::Clock, partitions::Partitions};

/// The controller, as the rest of the broker sees it.
#[derive(Debug)]
pub(crate) struct Controller {
    inbox: mpsc::Sender<Message>,
    image: Arc<ArcSwap<Image>>,
    settings: Arc<ArcSwap<BrokerConfig>>,
    observers: Arc<Observers>,
    thread: Mutex<Option<thread::JoinHandle<Option<Checkpoints>>>>,
}

/// What a controller starts from.
pub(crate) struct Setup {
    /// Where topics become logs.
    pub(crate) partitions: Arc<Partitions>,
    /// What the broker was started with.
    pub(crate) fixed: BrokerConfig,
    /// How this broker registers.
    pub(crate) registration: RegisterBroker,
    /// The clocks.
    pub(crate) clock: Clock,
}

/// Which node decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(dead_code, reason = "until the quorum is more than one")]
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
        let log = log::MetadataLog::open(dirs.metadata(), me, setup.clock.now().wall)?;
        let mut driver = Driver::open(log, (me, &setup.fixed), setup.clock)?;
        let image = driver.image();
        let settings = image.load().settings_of(me, &setup.fixed);
        let settings = Arc::new(ArcSwap::from_pointee(settings));
        let follower = Follower {
            me,
            partitions: Arc::clone(&setup.partitions),
            fixed: setup.fixed,
            settings: Arc::clone(&settings),
            observers: Arc::clone(&observers),
            assign: assign(me, inbox.clone()),
        };
        if image.load().is_empty() {
            found::check_new(dirs)?;
        }
        let missing = found::is_missing(&image.load(), me, dirs);
        driver.begin(dirs.metadata(), setup.registration)?;
        dirs.found(found::locate(&image.load(), dirs)?, missing);
        let assignments = follower.open_all(&image.load());
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
        let thread = thread::Builder::new()
            .name("controller".to_owned())
            .spawn(move || driver.run(&messages))
            .map_err(ControllerError::Thread)?;
        Ok(Self { inbox, image, settings, observers, thread: Mutex::new(Some(thread)) })
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
    #[expect(clippy::unused_self, reason = "a quorum of one has no elections")]
    pub(crate) fn active(&self) -> Active {
        Active::Here
    }

    /// A request of the quorum: its thread answers.
    #[expect(clippy::unused_self, reason = "a quorum of one has no peers")]
    pub(crate) fn hear(&self, call: Call) {
        call.reply.close("this node is a quorum of its own");
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

    /// From now on `observer` is told of topics that come, grow and go: after their partitions are
    /// open, or closed, and on the controller's thread.
    pub(crate) fn observe(&self, observer: impl Fn(&Changes<'_>) + Send + 'static) {
        self.observers.add(Box::new(observer));
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

/// Passes on where partitions lie. The answer is nobody's: what got lost is said again at the next
/// start.
fn assign(broker: BrokerId, inbox: mpsc::Sender<Message>) -> Assign {
    Assign::new(move |assignments| {
        let input =
            move |ticket| Input::AssignDirectories { ticket, broker, epoch: None, assignments };
        let answer = |reply| tracing::debug!(?reply, "where partitions lie is noted");
        if inbox.send(Message::Ask(Box::new(input), Box::new(answer))).is_err() {
            tracing::debug!("the controller has stopped: where partitions lie is not noted");
        }
    })
}

/// The answer to whoever asks when the controller cannot decide.
fn stopped() -> Failure {
    Failure::new(ErrorCode::KafkaStorageError, "the controller of this broker has stopped")
}
