//! The controller: the real machine, on a log that is committed a little later, in an office that
//! is handed over. What the one before had decided and not committed may be lost with it; what it
//! knew of who lives certainly is.
//!
//! That there is one at a time, and that it has everything that is committed, is the quorum's part:
//! [`crate::fleet`] is about that.

mod asks;
mod clock;
mod decided;

pub(super) use self::decided::first_epoch;

use std::{collections::VecDeque, rc::Rc, time::Duration};

use kastellan_core::{
    config::BrokerConfig,
    id::BrokerId,
    machine::{Machine as _, Millis, Replicated as _, Ticket},
    metadata::{self, Effect, Image, Input, Record, Reply},
};

use self::clock::Clock;
use super::{
    cluster::Cluster,
    counter::Rare,
    message::{CONTROLLER, Message},
    node::Env,
    parameters::Parameters,
};
use crate::random::Random;

/// Milliseconds within which a successor is elected.
const VACANCY: usize = 900;
/// Milliseconds within which a broker that is dialled takes the connection, or refuses it.
const DIAL: usize = 20;

/// The controller.
#[derive(Debug)]
pub(super) struct Controller {
    /// Nobody decides while there is none.
    machine: Option<metadata::Controller>,
    config: BrokerConfig,
    clock: Clock,
    random: Random,
    /// Milliseconds that a commit takes at most.
    commit: usize,
    committed: Image,
    /// The same, as everybody sees it.
    now: Rc<Cluster>,
    /// What is decided and not committed.
    rounds: VecDeque<Round>,
    begins: Option<Millis>,
    paused_until: Millis,
    dials: Vec<(Millis, BrokerId, i64)>,
}

/// What one input has led to.
#[derive(Debug)]
struct Round {
    /// When it is committed.
    at: Millis,
    image: Image,
    /// Partitions whose leader was elected without care.
    unclean: Vec<i32>,
    answer: Option<(BrokerId, Message)>,
}

impl Controller {
    /// One that begins with these partitions, on brokers that are not there yet.
    pub(super) fn new(
        partitions: Vec<metadata::Partition>,
        mut random: Random,
        parameters: &Parameters,
    ) -> Self {
        let config = settings(parameters);
        let clock = Clock::new(&mut random);
        let mut machine = metadata::Controller::new(Image::default(), CONTROLLER, config.clone());
        let mut effects = Vec::new();
        let now = clock.at(Millis::ZERO);
        machine.step(now, Input::Bootstrap { ticket: Ticket(0) }, &mut effects);
        let features = effects.into_iter().filter_map(|effect| match effect {
            Effect::Append(records) => Some(records),
            Effect::Reply(..) | Effect::Dial { .. } => None,
        });
        let mut records: Vec<_> = features.flatten().collect();
        records.extend(decided::first(partitions, parameters.brokers, parameters.min_in_sync));
        apply(&mut machine, &records);
        let committed = machine.image().clone();
        Self {
            machine: Some(machine),
            config,
            clock,
            random,
            commit: parameters.commit_millis,
            now: Rc::new(Cluster::of(&committed)),
            committed,
            rounds: VecDeque::new(),
            begins: None,
            paused_until: Millis::ZERO,
            dials: Vec::new(),
        }
    }

    /// What is decided and committed.
    pub(super) fn cluster(&self) -> &Rc<Cluster> {
        &self.now
    }

    /// Hands the machine an input; what it answers goes out as `reply` puts it, once it is
    /// committed.
    fn step(
        &mut self,
        env: &Env,
        input: Input,
        reply: impl Fn(Reply) -> Option<(BrokerId, Message)>,
    ) {
        let asked = matches!(input, Input::ElectLeaders { .. });
        let Some(machine) = &mut self.machine else { return };
        let (mut effects, now) = (Vec::new(), env.now.monotonic);
        machine.step(self.clock.at(now), input, &mut effects);
        let (mut answer, mut unclean) = (None, Vec::new());
        for effect in effects {
            match effect {
                Effect::Append(records) => {
                    let before = machine.image().clone();
                    unclean.extend(decided::unclean(&before, &records, asked));
                    apply(machine, &records);
                }
                Effect::Reply(_, said) => answer = reply(said),
                Effect::Dial { broker, epoch } => {
                    let at = Millis(now.0 + 1 + self.random.below(DIAL) as u64);
                    self.dials.push((at, broker, epoch));
                }
            }
        }
        let earliest = self.rounds.back().map_or(now, |round| round.at);
        let at = Millis(now.0 + self.random.below(self.commit) as u64).max(earliest);
        self.rounds.push_back(Round { at, image: machine.image().clone(), unclean, answer });
    }

    /// When something is to be done.
    pub(super) fn deadline(&self) -> Option<Millis> {
        let machine = self.machine.as_ref().and_then(metadata::Controller::deadline);
        let dials = self.dials.iter().map(|(at, ..)| *at).min();
        let own = [machine.map(|at| self.clock.back(at)), dials, self.begins];
        let committed = self.rounds.front().map(|round| round.at);
        own.into_iter().chain([committed]).flatten().min().map(|at| at.max(self.paused_until))
    }

    /// Does what is due; `gone` says of whose process nothing is left.
    pub(super) fn tick(&mut self, env: &mut Env, gone: impl Fn(BrokerId) -> bool) {
        let now = env.now.monotonic;
        if self.paused_until > now {
            return;
        }
        if self.begins.is_some_and(|at| at <= now) {
            self.begin(env);
        }
        let due = |(at, ..): &mut (Millis, BrokerId, i64)| *at <= now;
        for (_, broker, epoch) in self.dials.extract_if(.., due).collect::<Vec<_>>() {
            if gone(broker) {
                env.counters.note(Rare::GoneWhenDialled);
                self.step(env, Input::Refused { broker, epoch }, |_| None);
            }
        }
        let deadline = self.machine.as_ref().and_then(metadata::Controller::deadline);
        if deadline.is_some_and(|at| at <= self.clock.at(now).monotonic) {
            self.step(env, Input::Tick, |_| None);
        }
        while let Some(round) = self.rounds.pop_front_if(|round| round.at <= now) {
            self.take_up(env, &round.image, round.unclean);
            if let Some((to, message)) = round.answer {
                env.send(CONTROLLER, to, message);
            }
        }
    }

    /// It is stopped for a while.
    pub(super) fn pause(&mut self, env: &mut Env, until: Millis) {
        env.counters.note(Rare::ControllerPaused);
        self.paused_until = until;
    }

    /// It is stopped no longer.
    pub(super) fn go_on(&mut self) {
        self.paused_until = Millis::ZERO;
    }

    /// When it takes in again what is sent to it, if it does not now.
    pub(super) fn is_paused(&self, now: Millis) -> Option<Millis> {
        Some(self.paused_until).filter(|until| *until > now)
    }

    /// It is gone, and what it had decided with it, as far as the quorum has not got it.
    pub(super) fn fail(&mut self, env: &mut Env) {
        if self.machine.take().is_none() {
            return;
        }
        let kept = self.random.below(self.rounds.len() + 1);
        for (nth, round) in std::mem::take(&mut self.rounds).into_iter().enumerate() {
            if nth < kept {
                self.take_up(env, &round.image, round.unclean);
            } else {
                let lost = round.image.offset() > self.committed.offset();
                env.counters.note_if(lost, Rare::DecisionLost);
            }
        }
        self.dials.clear();
        self.paused_until = Millis::ZERO;
        // at once where the process was seen to end, after a timeout otherwise
        let width = self.random.pick(&[40, VACANCY], VACANCY);
        self.begins = Some(env.now.monotonic.after(millis(1 + self.random.below(width))));
    }

    fn begin(&mut self, env: &mut Env) {
        env.counters.note(Rare::ControllerReplaced);
        self.begins = None;
        self.clock = Clock::new(&mut self.random);
        let mut machine =
            metadata::Controller::new(self.committed.clone(), CONTROLLER, self.config.clone());
        // every leader of the quorum begins with a record of its own
        machine.advance(self.committed.offset() + 1);
        self.machine = Some(machine);
        self.step(env, Input::Bootstrap { ticket: Ticket(0) }, |_| None);
    }

    /// This is committed.
    fn take_up(&mut self, env: &mut Env, image: &Image, unclean: Vec<i32>) {
        for index in unclean {
            let lost = env.history.get(&index).is_some_and(|it| it.end() > 0);
            env.counters.note_if(lost, Rare::CommittedGivenUpByUncleanElection);
            env.excused.insert(index);
        }
        if image.offset() == self.committed.offset() {
            return;
        }
        self.committed = image.clone();
        let cluster = Cluster::of(image);
        decided::note(env, &self.now, &cluster);
        self.now = Rc::new(cluster);
    }
}

fn apply(machine: &mut metadata::Controller, records: &[Record]) {
    for record in records {
        machine.apply(record);
    }
    assert_eq!(machine.fault(), None, "what was decided follows the image");
    let count = i64::try_from(records.len()).unwrap_or(0);
    machine.advance(machine.image().offset() + count);
}

fn settings(parameters: &Parameters) -> BrokerConfig {
    let set = [
        ("broker.session.timeout.ms", parameters.session.as_millis()),
        ("broker.heartbeat.interval.ms", parameters.heartbeat.as_millis()),
    ];
    let set = set.map(|(name, value)| (name.to_owned(), value.to_string()));
    BrokerConfig::parse(set.into_iter().collect()).expect("settings of the parameters are valid")
}

fn millis(count: usize) -> Duration {
    Duration::from_millis(count as u64)
}
