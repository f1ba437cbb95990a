//! The thread: takes requests in, appends what the machine decides, commits, publishes, answers.

use std::{
    collections::BTreeMap,
    fmt, mem, panic, process,
    sync::{Arc, mpsc},
};

use arc_swap::ArcSwap;
use kastellan_core::{
    config::BrokerConfig,
    id::BrokerId,
    log::LogError,
    machine::{Machine as _, Replicated as _, Ticket},
    metadata::{Controller, Effect, Failure, Image, Input, RegisterBroker, Reply, SUPPORTED},
};
use kastellan_log::{Checkpoints, Directory, Disk};
use kastellan_protocol::ErrorCode;

use super::{Answer, error::ControllerError, follow::Touched, log::MetadataLog};
use crate::clock::Clock;

/// The most requests that share one sync.
const ROUND: usize = 256;

/// Makes the input for a ticket.
pub(super) type Question = Box<dyn FnOnce(Ticket) -> Input + Send>;

/// What the thread is sent.
pub(super) enum Message {
    /// Decide this and answer.
    Ask(Question, Answer),
    /// Close the log and end.
    Stop,
}

/// What has to happen once new metadata is committed: before, after, and what was touched.
pub(super) type Follow = Box<dyn FnMut(&Image, &Image, &Touched) + Send>;

/// Writes the checkpoints of the log into its directory.
type Checkpoint = Box<dyn FnMut(Checkpoints) -> Result<(), LogError> + Send>;

/// The machine with its log.
pub(super) struct Driver<D: Disk> {
    machine: Controller,
    log: MetadataLog<D>,
    published: Arc<ArcSwap<Image>>,
    me: BrokerId,
    /// What the broker was started with.
    fixed: BrokerConfig,
    follow: Option<Follow>,
    checkpoint: Option<Checkpoint>,
    clock: Clock,
    next_ticket: u64,
    waiting: BTreeMap<Ticket, Answer>,
}

impl<D: Disk> fmt::Debug for Driver<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("log", &self.log).finish_non_exhaustive()
    }
}

/// What one round of requests has led to so far.
#[derive(Default)]
struct Round {
    replies: Vec<(Ticket, Reply)>,
    touched: Touched,
    appended: bool,
}

impl<D: Disk> Driver<D> {
    /// The machine at the end of the log.
    pub(super) fn open(
        log: MetadataLog<D>,
        (me, fixed): (BrokerId, &BrokerConfig),
        clock: Clock,
    ) -> Result<Self, ControllerError> {
        let image = log.image().clone();
        for (feature, level) in image.features() {
            let known = SUPPORTED.iter().find(|known| known.name == feature);
            let (min, max) = known.map_or((0, 0), |known| (known.min, known.max));
            if level != 0 && !(min..=max).contains(&level) {
                let feature = feature.to_owned();
                return Err(ControllerError::Feature { feature, level, min, max });
            }
        }
        let published = Arc::new(ArcSwap::from_pointee(image.clone()));
        Ok(Self {
            machine: Controller::new(image, me, fixed.clone()),
            log,
            published,
            me,
            fixed: fixed.clone(),
            follow: None,
            checkpoint: None,
            clock,
            next_ticket: 0,
            waiting: BTreeMap::new(),
        })
    }

    /// What readers see.
    pub(super) fn image(&self) -> Arc<ArcSwap<Image>> {
        Arc::clone(&self.published)
    }

    /// From now on `follow` is called after every commit.
    pub(super) fn follow(&mut self, follow: Follow) {
        self.follow = Some(follow);
    }

    /// Begins a new cluster where there is none, and registers this broker.
    pub(super) fn begin(
        &mut self,
        directory: &Arc<Directory<D>>,
        registration: RegisterBroker,
    ) -> Result<(), ControllerError> {
        if self.machine.image().is_empty() {
            let lost = |(partition, _): &(kastellan_core::id::TopicPartition, _)| {
                partition.topic != kastellan_core::metadata::CLUSTER_METADATA
            };
            if directory.partitions()?.iter().any(lost) {
                return Err(ControllerError::MetadataLost(directory.root().to_path_buf()));
            }
        }
        let kept = Arc::clone(directory);
        self.checkpoint = Some(Box::new(move |offsets| kept.write_checkpoints(&[offsets])));
        self.ask_now(|ticket| Input::Bootstrap { ticket })?;
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
        while let Ok(first) = messages.recv() {
            let mut stop = false;
            let mut round = Vec::new();
            for message in std::iter::once(first).chain(messages.try_iter().take(ROUND)) {
                match message {
                    Message::Ask(input, answer) => round.push((input, answer)),
                    Message::Stop => {
                        stop = true;
                        break;
                    }
                }
            }
            self.round(round);
            if stop {
                break;
            }
        }
        match self.log.close() {
            Ok(checkpoints) => Some(checkpoints),
            Err(error) => {
                tracing::error!(%error, "the metadata log did not close");
                None
            }
        }
    }

    /// Decides one input on the caller's thread.
    pub(super) fn ask_now(
        &mut self,
        input: impl FnOnce(Ticket) -> Input + Send + 'static,
    ) -> Result<(), ControllerError> {
        let (sender, receiver) = mpsc::channel();
        let answer: Answer = Box::new(move |reply| drop(sender.send(reply)));
        self.round(vec![(Box::new(input), answer)]);
        match receiver.recv() {
            Ok(Reply::Failed(failure)) => Err(ControllerError::Refused(failure.message)),
            Ok(_) => Ok(()),
            Err(gone) => Err(ControllerError::Refused(gone.to_string())),
        }
    }

    /// Decides inputs one after the other and commits them together.
    pub(super) fn round(&mut self, asks: Vec<(Question, Answer)>) {
        let mut round = Round::default();
        for (input, answer) in asks {
            let ticket = Ticket(self.next_ticket);
            self.next_ticket += 1;
            self.waiting.insert(ticket, answer);
            self.decide(ticket, input(ticket), &mut round);
        }
        if round.appended {
            match self.log.commit() {
                Ok(()) => self.publish(&round.touched),
                Err(error) => self.give_up(&error, &mut round),
            }
        }
        for (ticket, reply) in mem::take(&mut round.replies) {
            if let Some(answer) = self.waiting.remove(&ticket) {
                answer(reply);
            }
        }
        self.snapshot_if_due();
    }

    fn decide(&mut self, ticket: Ticket, input: Input, round: &mut Round) {
        let now = self.clock.now();
        let mut effects = Vec::new();
        self.machine.step(now, input, &mut effects);
        for effect in effects {
            match effect {
                Effect::Append(records) => {
                    // refused by the log: nothing was decided, and what follows does not hold
                    if let Err(error) = self.log.append(&records, now.wall) {
                        round.replies.push((ticket, Reply::Failed(storage(&error))));
                        return;
                    }
                    for record in &records {
                        self.machine.apply(record);
                        round.touched.note(record);
                    }
                    assert_eq!(self.machine.fault(), None, "what was decided follows the image");
                    self.machine.advance(self.log.last());
                    round.appended = true;
                }
                Effect::Reply(ticket, reply) => round.replies.push((ticket, reply)),
                // there is nobody else yet
                Effect::Dial { .. } => (),
            }
        }
    }

    fn publish(&mut self, touched: &Touched) {
        let after = self.machine.image().clone();
        let before = self.published.swap(Arc::new(after.clone()));
        if let Some(follow) = &mut self.follow {
            follow(&before, &after, touched);
        }
    }

    /// The log has failed: nothing of this round is committed, and nothing will be.
    fn give_up(&mut self, error: &LogError, round: &mut Round) {
        tracing::error!(%error, "the metadata log failed: nothing can be decided any more");
        for (_, reply) in &mut round.replies {
            *reply = Reply::Failed(storage(error));
        }
        let committed = Image::clone(&self.published.load());
        self.machine = Controller::new(committed, self.me, self.fixed.clone());
    }

    fn snapshot_if_due(&mut self) {
        if self.log.bytes_since_snapshot() < self.machine.settings().metadata_snapshot_bytes {
            return;
        }
        let Some(checkpoint) = &mut self.checkpoint else { return };
        let now = self.clock.now().wall;
        let image = self.published.load();
        if let Err(error) = self.log.snapshot(checkpoint.as_mut(), &image, now) {
            tracing::error!(%error, "the metadata snapshot failed; the log stays as it is");
        }
    }

    #[cfg(test)]
    pub(super) fn log(&self) -> &MetadataLog<D> {
        &self.log
    }
}

fn storage(error: &LogError) -> Failure {
    Failure::new(ErrorCode::KafkaStorageError, format!("the metadata log: {error}"))
}
