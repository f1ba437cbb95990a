//! A fleet with its controller and its log, one step after the other.

use std::collections::BTreeMap;

use super::{
    super::*, Checked, Seen, ensure, mutant::Mutant, operation::Operation, processes::Process,
};
use crate::metadata::controller::index::Key;

/// What some history has to reach, or the histories are too tame.
pub(super) const RARE: &[&str] = &[
    "elected from the ELR",
    "elected the last leader",
    "elected uncleanly",
    "fenced for silence",
    "fenced as it refused",
    "grew an ISR",
    "left in order",
    "moved",
    "moved the lead away",
    "overslept",
    "refused a duplicate",
    "refused a proposal with 41",
    "refused a proposal with 42",
    "refused a proposal with 74",
    "refused a proposal with 95",
    "refused a proposal with 107",
    "taken back",
    "turned eligible replicas off",
];

/// Of which partitions an unclean election was asked for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unclean {
    #[default]
    None,
    One(Key),
    All,
}

/// What was asked for that explains what would be wrong otherwise.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Unclean elections.
    pub(super) unclean: Unclean,
    /// This broker comes back after a crash.
    pub(super) lossy: Option<BrokerId>,
    /// This partition is to move elsewhere.
    pub(super) moving: Option<Key>,
    /// This replica has caught up with the leader of this partition.
    pub(super) caught_up: Option<(Key, BrokerId)>,
}

pub(super) struct Fleet {
    pub(super) controller: Controller,
    pub(super) mutant: Option<Mutant>,
    /// The fold over what is in the log.
    pub(super) replayed: Image,
    pub(super) now: Millis,
    pub(super) processes: BTreeMap<BrokerId, Process>,
    /// When the controller last heard of whom.
    pub(super) heard: BTreeMap<BrokerId, Millis>,
    /// Of whom it has not heard since it took over.
    pub(super) assumed: BTreeSet<BrokerId>,
    /// Who has every acknowledged record of a partition.
    pub(super) whole: BTreeMap<Key, BTreeSet<BrokerId>>,
    pub(super) asked: Asked,
    pub(super) incarnations: u128,
    pub(super) topics: u128,
    pub(super) next_producer_id: i64,
    pub(super) seen: Seen,
}

pub(super) fn settings() -> BrokerConfig {
    BrokerConfig::parse(Overrides::new()).unwrap()
}

impl Fleet {
    pub(super) fn new(mutant: Option<Mutant>) -> Self {
        Self {
            controller: Controller::new(Image::default(), BrokerId(1), settings()),
            mutant,
            replayed: Image::default(),
            now: Millis::ZERO,
            processes: BTreeMap::new(),
            heard: BTreeMap::new(),
            assumed: BTreeSet::new(),
            whole: BTreeMap::new(),
            asked: Asked::default(),
            incarnations: 0,
            topics: 0,
            next_producer_id: 0,
            seen: Seen::new(),
        }
    }

    pub(super) fn begin(&mut self) -> Checked {
        self.ask(Input::Bootstrap { ticket: TICKET })?;
        for id in 1..=4 {
            self.start(BrokerId(id))?;
        }
        self.pass(600)
    }

    pub(super) fn image(&self) -> &Image {
        self.controller.image()
    }

    pub(super) fn saw(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    pub(super) fn carry_out(&mut self, operation: &Operation) -> Checked {
        self.asked = Asked::default();
        match *operation {
            Operation::Start(id) => self.start(BrokerId(id)),
            Operation::Stop(id) => self.stop(BrokerId(id)),
            Operation::Kill(id) => self.kill(BrokerId(id)),
            Operation::KillAndNotice(id) => self.kill_and_notice(BrokerId(id)),
            Operation::Silence(id) => self.silence(BrokerId(id)),
            Operation::FailDirectory(id) => self.fail_directory(BrokerId(id)),
            Operation::Unregister(id) => self.unregister(BrokerId(id)),
            Operation::Beat(id, all) => self.beat(BrokerId(id), all),
            Operation::Pass(ms) => self.pass(u64::from(ms)),
            Operation::Oversleep(ms) => self.oversleep(u64::from(ms)),
            Operation::NewController => self.new_controller(),
            Operation::Create(count, factor) => self.create(count, factor),
            Operation::Grow(at) => self.grow(at),
            Operation::Delete(at) => self.delete(at),
            Operation::Produce(at) => self.produce(at),
            Operation::Propose(at, id, caught_up) => self.propose(at, BrokerId(id), caught_up),
            Operation::ProposeWrongly(at, id, wrong) => {
                self.propose_wrongly(at, BrokerId(id), wrong)
            }
            Operation::Elect(at, unclean) => self.elect(at, unclean),
            Operation::Move(at, to, count) => self.move_to(at, to, count),
            Operation::Cancel(at) => self.cancel(at),
            Operation::MinInSync(at, count) => {
                self.configure(at, "min.insync.replicas", &count.to_string())
            }
            Operation::Unclean(at, on) => {
                self.asked.unclean = if on { Unclean::All } else { Unclean::None };
                self.configure(at, "unclean.leader.election.enable", &on.to_string())
            }
            Operation::Eligible(on) => self.eligible(on),
            Operation::ProducerIds(id) => self.producer_ids(BrokerId(id)),
        }
    }

    /// Hands an input to the machine, does what it wants, and looks at everything.
    #[expect(clippy::needless_pass_by_value, reason = "callers have no use for it")]
    pub(super) fn ask(&mut self, input: Input) -> Checked<Option<Reply>> {
        let mutant = self.mutant;
        if mutant == Some(Mutant::NeverTick) && input == Input::Tick {
            return Ok(None);
        }
        let given = match mutant {
            Some(mutant) => mutant.input(self.image(), input.clone()),
            None => input.clone(),
        };
        let before = self.image().clone();
        let now = Now { monotonic: self.now, wall: 0 };
        let mut effects = Vec::new();
        self.controller.step(now, given.clone(), &mut effects);
        ensure!(*self.image() == before, "a step changed hard state");
        let mut reply = None;
        let mut dialled = Vec::new();
        for effect in effects {
            match effect {
                Effect::Append(records) => {
                    ensure!(!records.is_empty(), "nothing is appended");
                    for record in records {
                        self.take_in(&given, &record)?;
                    }
                }
                Effect::Reply(_, said) => {
                    ensure!(reply.is_none(), "two answers");
                    reply = Some(mutant.map_or(said.clone(), |mutant| mutant.reply(said)));
                }
                Effect::Dial { broker, epoch } => dialled.push((broker, epoch)),
            }
        }
        self.check(&before)?;
        for (broker, epoch) in dialled {
            if !self.processes.get(&broker).is_some_and(|process| process.running) {
                self.refuse(broker, epoch)?;
            }
        }
        Ok(reply)
    }

    /// The log takes a record.
    fn take_in(&mut self, input: &Input, record: &Record) -> Checked {
        let mutant = self.mutant;
        let record = match mutant {
            Some(mutant) => match mutant.record(self.image(), input, record) {
                Some(record) => record,
                None => return Ok(()),
            },
            None => record.clone(),
        };
        let offset = self.image().offset() + 1;
        match &record {
            Record::RegisterBroker(it) => {
                let again = self.image().broker(it.broker).is_some_and(|known| {
                    known.incarnation == it.incarnation && known.epoch == it.epoch
                });
                ensure!(again || it.epoch == offset, "epoch {} at offset {offset}", it.epoch);
            }
            Record::UnregisterBroker { broker, .. } => drop(self.heard.remove(broker)),
            Record::BrokerRegistrationChange(change) if change.fenced == Some(true) => {
                self.heard.remove(&change.broker);
            }
            Record::Partition(it) => {
                self.whole.insert((it.topic, it.partition), it.replicas.iter().copied().collect());
            }
            Record::PartitionChange(change) => self.observe(change)?,
            Record::RemoveTopic { id } => self.whole.retain(|(topic, _), _| topic != id),
            _ => (),
        }
        self.controller.apply(&record);
        self.controller.advance(offset);
        let forgotten = mutant == Some(Mutant::ForgetRecord)
            && matches!(record, Record::BrokerRegistrationChange(_));
        if !forgotten {
            let read = Record::decode(&record.encode()).map_err(|error| error.to_string())?;
            self.replayed.apply(&read).map_err(|error| error.to_string())?;
        }
        self.replayed.advance(offset);
        Ok(())
    }
}
