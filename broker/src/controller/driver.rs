//! The thread: a replica of the quorum over the metadata log, and, while it leads, the controller.
//!
//! Whoever leads with everything of earlier epochs committed is the active controller: it takes
//! requests in, appends what the machine decides, and answers once that is committed. Everybody
//! folds what is committed into the image that the rest of the broker reads.

mod active;
mod effects;
mod events;

use std::{
    collections::{BTreeMap, VecDeque},
    fmt, panic, process,
    sync::{Arc, atomic::AtomicBool, mpsc},
    time::Duration,
};

use arc_swap::ArcSwap;
use kastellan_core::{
    config::BrokerConfig,
    id::{BrokerId, TopicPartition},
    log::LogError,
    machine::{Machine as _, Millis, Ticket},
    metadata::{CLUSTER_METADATA, Failure, Image, Input, RegisterBroker, Reply, SUPPORTED},
    quorum::{Event, Part, Quorum, Request, Response, Setup},
};
use kastellan_log::{Checkpoints, Directory, Disk};
use kastellan_protocol::ErrorCode;
use tokio::sync::Notify;

use self::active::Active;
use super::{Answer, error::ControllerError, follow::Touched, log::MetadataLog, state_file};
use crate::clock::Clock;

/// The most requests that share one sync.
const ROUND: usize = 256;

/// Makes the input for a ticket.
pub(super) type Question = Box<dyn FnOnce(Ticket) -> Input + Send>;

/// Who waits for the quorum's answer; hears of it, too, when there will be none.
pub(super) struct Consulted(Option<Answered>);

/// Called with the quorum's answer, on the controller's thread: be quick.
type Answered = Box<dyn FnOnce(Option<Response>) + Send>;

impl Consulted {
    pub(super) fn new(answer: impl FnOnce(Option<Response>) + Send + 'static) -> Self {
        Self(Some(Box::new(answer)))
    }

    fn answer(mut self, response: Response) {
        if let Some(answer) = self.0.take() {
            answer(Some(response));
        }
    }
}

impl Drop for Consulted {
    fn drop(&mut self) {
        if let Some(answer) = self.0.take() {
            answer(None);
        }
    }
}

/// Sends a request of the quorum to a node, under a number that its answer comes back with.
pub(super) type Outbox = Box<dyn FnMut(BrokerId, u64, Request) + Send>;

/// Dials a broker: has its process ended?
pub(super) type Dial = Box<dyn FnMut(BrokerId) + Send>;

/// What the thread is sent.
pub(super) enum Message {
    /// Decide this and answer.
    Ask(Question, Answer),
    /// A peer has answered, or will not.
    Happened(Event),
    /// The controller should know; nobody waits for what it makes of it.
    Tell(Input),
    /// A request for the quorum, from a peer or from a client.
    Consult(Request, Consulted),
    /// Decide nothing more, and lead no longer once everybody has an answer.
    Resign,
    /// Close the log and end.
    Stop,
}

/// What has to happen once new metadata is committed: before, after, and what was touched.
pub(super) type Follow = Box<dyn FnMut(&Image, &Image, &Touched) + Send>;

/// Writes the checkpoints of the log into its directory.
type Checkpoint = Box<dyn FnMut(Checkpoints) -> Result<(), LogError> + Send>;

/// How a driver is set up.
pub(super) struct Opening<'a> {
    /// This replica's place in the quorum.
    pub(super) quorum: Setup,
    /// What the broker was started with.
    pub(super) fixed: &'a BrokerConfig,
    /// The clocks.
    pub(super) clock: Clock,
    /// How peers are reached; `None`: there are none.
    pub(super) outbox: Option<Outbox>,
    /// How brokers are looked for; `None`: there are no others.
    pub(super) dial: Option<Dial>,
}

/// The replica, its log, and the controller while it leads.
pub(super) struct Driver<D: Disk> {
    directory: Arc<Directory<D>>,
    quorum: Quorum,
    log: MetadataLog<D>,
    active: Option<Active>,
    published: Arc<ArcSwap<Image>>,
    part: Arc<ArcSwap<Part>>,
    decides: Arc<AtomicBool>,
    moved: Arc<Notify>,
    me: BrokerId,
    /// What the broker was started with.
    fixed: BrokerConfig,
    follow: Option<Follow>,
    checkpoint: Checkpoint,
    clock: Clock,
    outbox: Option<Outbox>,
    dial: Option<Dial>,
    next_ticket: u64,
    waiting: BTreeMap<Ticket, Answer>,
    consulted: BTreeMap<Ticket, Consulted>,
    /// Events that follow from effects.
    events: VecDeque<Event>,
    /// While it is about to resign: when it does so, whoever still waits for an answer.
    leaves: Option<Millis>,
    /// Why nothing can be decided any more.
    broken: Option<String>,
}

impl<D: Disk> fmt::Debug for Driver<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("log", &self.log).finish_non_exhaustive()
    }
}

impl<D: Disk> Driver<D> {
    /// A replica with what its last life has left. It takes no part before it is started.
    pub(super) fn open(
        directory: &Arc<Directory<D>>,
        opening: Opening<'_>,
    ) -> Result<Self, ControllerError> {
        let log = MetadataLog::open(directory)?;
        let stored = state_file::read(directory.disk(), &log.dir())?;
        let me = opening.quorum.me.id;
        let quorum = Quorum::new(opening.quorum, stored, log.view(), 0);
        let kept = Arc::clone(directory);
        Ok(Self {
            directory: Arc::clone(directory),
            active: None,
            published: Arc::new(ArcSwap::from_pointee(log.image().clone())),
            part: Arc::new(ArcSwap::from_pointee(quorum.part())),
            decides: Arc::default(),
            moved: Arc::default(),
            quorum,
            log,
            me,
            fixed: opening.fixed.clone(),
            follow: None,
            checkpoint: Box::new(move |offsets| kept.write_checkpoints(&[offsets])),
            clock: opening.clock,
            outbox: opening.outbox,
            dial: opening.dial,
            next_ticket: 0,
            waiting: BTreeMap::new(),
            consulted: BTreeMap::new(),
            events: VecDeque::new(),
            leaves: None,
            broken: None,
        })
    }

    /// What readers see.
    pub(super) fn image(&self) -> Arc<ArcSwap<Image>> {
        Arc::clone(&self.published)
    }

    /// Whether nothing was ever decided in this log.
    pub(super) fn is_new(&self) -> bool {
        !self.log.begun()
    }

    /// From now on `follow` is called after every commit.
    pub(super) fn follow(&mut self, follow: Follow) {
        self.follow = Some(follow);
    }

    /// Takes its place in the quorum. A voter alone leads when this returns, and has begun a new
    /// cluster where there was none.
    pub(super) fn start(&mut self) -> Result<(), ControllerError> {
        if self.is_new() && self.quorum.voters().len() == 1 {
            let lost = |(partition, _): &(TopicPartition, _)| partition.topic != CLUSTER_METADATA;
            if self.directory.partitions()?.iter().any(lost) {
                return Err(ControllerError::MetadataLost(self.directory.root().to_path_buf()));
            }
        }
        self.step(Event::Start)?;
        for (feature, level) in self.published.load().features() {
            let known = SUPPORTED.iter().find(|known| known.name == feature);
            let (min, max) = known.map_or((0, 0), |known| (known.min, known.max));
            if level != 0 && !(min..=max).contains(&level) {
                let feature = feature.to_owned();
                return Err(ControllerError::Feature { feature, level, min, max });
            }
        }
        Ok(())
    }

    /// Registers this broker with the controller, which it is itself.
    pub(super) fn register(&mut self, registration: RegisterBroker) -> Result<(), ControllerError> {
        self.ask_now(|ticket| Input::RegisterBroker { ticket, registration, previous_epoch: None })
    }

    /// The thread's life. A panic takes the process along: metadata that may be half decided must
    /// not be served, and the log knows what is committed.
    pub(super) fn run(self, messages: &mpsc::Receiver<Message>) -> Option<Checkpoints> {
        let live = panic::AssertUnwindSafe(|| self.serve(messages));
        panic::catch_unwind(live).unwrap_or_else(|_| {
            tracing::error!("the controller panicked: a bug of ours; the broker ends here");
            process::abort()
        })
    }

    fn serve(mut self, messages: &mpsc::Receiver<Message>) -> Option<Checkpoints> {
        loop {
            self.resign_when_answered();
            let first = match self.patience() {
                None => messages.recv().map_err(mpsc::RecvTimeoutError::from),
                Some(wait) => messages.recv_timeout(wait),
            };
            match first {
                Ok(first) => {
                    let more = messages.try_iter().take(ROUND);
                    if !self.take_in(std::iter::once(first).chain(more)) {
                        break;
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    self.attempt(Event::Tick);
                    self.tick();
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
        }
        if self.quorum.voters().len() > 1 {
            // the others need not wait until they miss it
            self.attempt(Event::Resign);
        }
        match self.log.close() {
            Ok(checkpoints) => Some(checkpoints),
            Err(error) => {
                tracing::error!(%error, "the metadata log did not close");
                None
            }
        }
    }

    /// How long it may wait for a message; `None`: for ever.
    fn patience(&self) -> Option<Duration> {
        let deadlines = [self.quorum.deadline(), self.deadline(), self.leaves];
        let first = deadlines.into_iter().flatten().min().filter(|_| self.broken.is_none())?;
        Some(first.since(self.clock.now().monotonic))
    }

    /// Takes messages in, requests to the controller together; false where it has to stop.
    fn take_in(&mut self, messages: impl Iterator<Item = Message>) -> bool {
        let mut asks = Vec::new();
        let mut go_on = true;
        for message in messages {
            match message {
                Message::Ask(input, answer) => asks.push((input, answer)),
                Message::Happened(event) => {
                    self.round(std::mem::take(&mut asks));
                    self.attempt(event);
                }
                Message::Tell(input) => {
                    self.round(std::mem::take(&mut asks));
                    self.tell(input);
                }
                Message::Consult(request, answer) => {
                    self.round(std::mem::take(&mut asks));
                    self.consult(request, answer);
                }
                Message::Resign => {
                    self.round(std::mem::take(&mut asks));
                    self.leave();
                }
                Message::Stop => {
                    go_on = false;
                    break;
                }
            }
        }
        self.round(asks);
        go_on
    }

    /// Decides one input on the caller's thread.
    pub(super) fn ask_now(
        &mut self,
        input: impl FnOnce(Ticket) -> Input + Send + 'static,
    ) -> Result<(), ControllerError> {
        let (sender, receiver) = mpsc::channel();
        let answer: Answer = Box::new(move |reply| drop(sender.send(reply)));
        self.round(vec![(Box::new(input), answer)]);
        match receiver.try_recv() {
            Ok(Reply::Failed(failure)) => Err(ControllerError::Refused(failure.message)),
            Ok(_) => Ok(()),
            Err(gone) => Err(ControllerError::Refused(gone.to_string())),
        }
    }

    fn ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        Ticket(self.next_ticket)
    }

    /// What this replica does, for everybody to look at.
    pub(super) fn part(&self) -> Arc<ArcSwap<Part>> {
        Arc::clone(&self.part)
    }

    /// Whether it decides: it leads, and knows all that was decided before.
    pub(super) fn decides(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.decides)
    }

    /// Told whenever this replica does something else, or follows somebody else.
    pub(super) fn moved(&self) -> Arc<Notify> {
        Arc::clone(&self.moved)
    }

    #[cfg(test)]
    pub(super) fn log(&self) -> &MetadataLog<D> {
        &self.log
    }

    #[cfg(test)]
    pub(super) fn epoch(&self) -> kastellan_core::id::LeaderEpoch {
        self.quorum.epoch()
    }
}

/// The failure of whoever asks a log that has failed.
fn storage(why: &str) -> Failure {
    Failure::new(ErrorCode::KafkaStorageError, format!("the metadata log: {why}"))
}
