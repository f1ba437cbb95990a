//! The active controller: it decides, and its answers wait for what they rest on.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use kastellan_core::{
    id::Offset,
    log::LogError,
    machine::{Machine as _, Millis, Replicated as _, Ticket},
    metadata::{Controller, Effect, Failure, Image, Input, Reply},
    quorum::Event,
};
use kastellan_log::Disk;
use kastellan_protocol::ErrorCode;

use super::{Driver, Question, storage};
use crate::controller::{Answer, first_users::first_users, follow::Touched};

/// How long a controller that is to resign waits for the others to have what it has decided.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// The machine, and what it has decided and nobody knows yet.
pub(super) struct Active {
    machine: Controller,
    rounds: VecDeque<Round>,
}

/// What requests that were decided together led to.
struct Round {
    /// Its answers hold once everything before this is committed.
    end: Offset,
    image: Image,
    touched: Touched,
    appended: bool,
    replies: Vec<(Ticket, Reply)>,
}

impl<D: Disk> Driver<D> {
    /// Begins to decide, with all that was decided before: this is called when all of it is
    /// committed.
    pub(super) fn activate(&mut self) {
        let image = Image::clone(&self.published.load());
        let mut machine = Controller::new(image, self.me, self.fixed.clone());
        // records of the quorum itself lie in between
        machine.advance(self.log.end() - 1);
        self.active = Some(Active { machine, rounds: VecDeque::new() });
        self.decides.store(true, Ordering::Release);
        let nobody: Answer = Box::new(|reply| tracing::debug!(?reply, "a controller begins"));
        let mut asks: Vec<(Question, Answer)> =
            vec![(Box::new(|ticket| Input::Bootstrap { ticket }), nobody)];
        // passwords are not hashed in an election of a cluster that knows its users
        let users = match self.published.load().scram_credentials().next() {
            None => first_users(&self.fixed),
            Some(_) => Vec::new(),
        };
        if !users.is_empty() {
            let nobody: Answer = Box::new(|reply| tracing::debug!(?reply, "first users are known"));
            asks.push((Box::new(|ticket| Input::FirstUsers { ticket, users }), nobody));
        }
        self.round(asks);
    }

    /// Decides no longer: what is not known to be committed is not answered with.
    pub(super) fn step_down(&mut self, failure: &Failure) {
        self.active = None;
        self.decides.store(false, Ordering::Release);
        for (_, answer) in std::mem::take(&mut self.waiting) {
            answer(Reply::Failed(failure.clone()));
        }
    }

    /// Decides inputs one after the other and commits them together.
    pub(in crate::controller) fn round(&mut self, asks: Vec<(Question, Answer)>) {
        if asks.is_empty() {
            return;
        }
        let (touched, replies) = (Touched::default(), Vec::new());
        let mut round =
            Round { end: 0, image: Image::default(), touched, appended: false, replies };
        for (input, answer) in asks {
            let ticket = self.ticket();
            if let Some(failure) = self.refusal() {
                answer(Reply::Failed(failure));
                continue;
            }
            let input = input(ticket);
            // the answer is a lease, which is not for those to give who may be replaced by now
            if matches!(input, Input::Heartbeat { .. })
                && !self.quorum.is_backed(self.clock.now().monotonic)
            {
                answer(Reply::Failed(not_controller()));
                continue;
            }
            self.waiting.insert(ticket, answer);
            self.decide(ticket, input, &mut round);
        }
        self.settle(round);
    }

    /// When the controller has something to do without being asked.
    pub(super) fn deadline(&self) -> Option<Millis> {
        if self.leaves.is_some() {
            return None;
        }
        self.active.as_ref()?.machine.deadline()
    }

    /// Lets the controller do what is due.
    pub(super) fn tick(&mut self) {
        if self.deadline().is_some_and(|deadline| deadline <= self.clock.now().monotonic) {
            self.tell(Input::Tick);
        }
    }

    /// Decides what follows from news that nobody waits for.
    pub(super) fn tell(&mut self, input: Input) {
        if self.refusal().is_some() {
            return;
        }
        let (touched, replies) = (Touched::default(), Vec::new());
        let mut round =
            Round { end: 0, image: Image::default(), touched, appended: false, replies };
        let nobody = self.ticket();
        self.decide(nobody, input, &mut round);
        self.settle(round);
    }

    /// Waits until what was decided is committed.
    fn settle(&mut self, round: Round) {
        let Some(active) = &mut self.active else { return };
        let appended = round.appended;
        let end = self.log.end();
        active.rounds.push_back(Round { end, image: active.machine.image().clone(), ..round });
        if appended {
            self.attempt(Event::Appended { end });
        }
        self.answer_committed();
        if let Some(taken) = self.snapshot_if_due() {
            self.attempt(taken);
        }
    }

    /// Why nothing can be decided here, if nothing can.
    fn refusal(&self) -> Option<Failure> {
        if let Some(why) = &self.broken {
            return Some(storage(why));
        }
        (self.active.is_none() || self.leaves.is_some()).then(not_controller)
    }

    /// Decides nothing more: whoever asks from now on asks the next controller. Who has asked is
    /// not told so, for what was decided is going to be committed, and would be decided again.
    pub(super) fn leave(&mut self) {
        self.decides.store(false, Ordering::Release);
        self.leaves = Some(self.clock.now().monotonic.after(LAST_ANSWERS));
    }

    /// Resigns if it is about to, and everybody has an answer or has waited for long enough.
    pub(super) fn resign_when_answered(&mut self) {
        let Some(at) = self.leaves else { return };
        let waits = self.active.as_ref().is_some_and(|active| !active.rounds.is_empty());
        if !waits || at <= self.clock.now().monotonic {
            self.attempt(Event::Resign);
            self.leaves = None;
        }
    }

    fn decide(&mut self, ticket: Ticket, input: Input, round: &mut Round) {
        let Some(epoch) = self.quorum.leads() else { return };
        let Some(Active { machine, .. }) = &mut self.active else { return };
        let now = self.clock.now();
        let mut effects = Vec::new();
        machine.step(now, input, &mut effects);
        for effect in effects {
            match effect {
                Effect::Append(records) => {
                    // refused by the log: nothing was decided, and what follows does not hold
                    if let Err(error) = self.log.append(&records, epoch, now.wall) {
                        round.replies.push((ticket, Reply::Failed(log_failed(&error))));
                        return;
                    }
                    for record in &records {
                        machine.apply(record);
                        round.touched.note(record);
                    }
                    assert_eq!(machine.fault(), None, "what was decided follows the image");
                    machine.advance(self.log.end() - 1);
                    round.appended = true;
                }
                Effect::Reply(ticket, reply) => round.replies.push((ticket, reply)),
                Effect::Dial { broker, .. } => {
                    if let Some(dial) = &mut self.dial {
                        dial(broker);
                    }
                }
            }
        }
    }

    /// Publishes and answers what is committed by now.
    pub(super) fn answer_committed(&mut self) {
        let committed = self.quorum.high_watermark();
        loop {
            let Some(active) = &mut self.active else { return };
            let ready = active.rounds.front().is_some_and(|round| round.end <= committed);
            let Some(round) = active.rounds.pop_front_if(|_| ready) else { return };
            if round.appended {
                self.publish(&round.image, &round.touched);
            }
            for (ticket, reply) in round.replies {
                if let Some(answer) = self.waiting.remove(&ticket) {
                    answer(reply);
                }
            }
        }
    }

    /// Takes in what others have decided, as far as it is committed.
    pub(super) fn fold_committed(&mut self) -> Result<(), super::ControllerError> {
        let before = self.published.load_full();
        let mut after = Image::clone(&before);
        let mut touched = Touched::default();
        self.log.fold(&mut after, self.quorum.high_watermark(), |record| touched.note(record))?;
        if after.offset() > before.offset() {
            self.publish(&after, &touched);
            let taken = self.snapshot_if_due();
            self.events.extend(taken);
        }
        Ok(())
    }

    pub(super) fn publish(&mut self, after: &Image, touched: &Touched) {
        let before = self.published.swap(Arc::new(after.clone()));
        if let Some(follow) = &mut self.follow {
            follow(&before, after, touched);
        }
    }

    /// Writes a snapshot where enough was committed since the last one; what the machine is to be
    /// told then.
    fn snapshot_if_due(&mut self) -> Option<Event> {
        let image = self.published.load_full();
        let settings = image.settings_of(self.me, &self.fixed);
        if self.broken.is_some()
            || self.log.bytes_since_snapshot() < settings.metadata_snapshot_bytes
        {
            return None;
        }
        let end = image.offset() + 1;
        let named = self.quorum.log().voters.iter().rfind(|(at, _)| *at < end);
        let voters = named.map(|(_, voters)| voters.clone());
        let now = self.clock.now().wall;
        match self.log.take_snapshot(self.checkpoint.as_mut(), (&image, voters), now) {
            Ok(snapshot) => snapshot.map(Event::SnapshotTaken),
            Err(error) => {
                tracing::error!(%error, "the metadata snapshot failed; the log stays as it is");
                None
            }
        }
    }
}

/// The failure of whoever asks a node that does not decide.
pub(super) fn not_controller() -> Failure {
    Failure::new(ErrorCode::NotController, "this node is not the active controller")
}

fn log_failed(error: &LogError) -> Failure {
    storage(&error.to_string())
}
