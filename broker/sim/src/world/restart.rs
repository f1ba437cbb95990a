//! The broker's deaths and births.

use std::path::{Path, PathBuf};

use kastellan_core::group::{FetchOffsets, Input, Reply, TopicToFetch};
use kastellan_log::disk::Faults;

use super::World;
use crate::{
    broker::{Broker, Stop, offsets_partition},
    counter::Rare,
    invariant::{Check, Invariant, Violation, committed_offsets, heals},
    model::Ending,
    mutant::Mutant,
    random::Random,
};

/// How often a start is tried that is cut off again and again.
const STARTS: usize = 4;

impl World {
    /// Breaks nothing from here on.
    pub(crate) fn mend_disk(&self) {
        let block = Some(self.env.parameters.block);
        self.env.disk.memory().set_faults(Faults { block, ..Faults::default() });
    }

    /// Whether a power cut that was announced has come.
    pub(crate) fn power_is_cut(&self) -> bool {
        self.env.disk.memory().faults().operations_until_power_cut == Some(0)
    }

    /// Ends the broker's life without a farewell and starts it again.
    pub(crate) fn crash(&mut self, ending: Ending) -> Check {
        self.env.counters.crashes += 1;
        self.env.counters.note_if(ending == Ending::PowerCut, Rare::PowerCut);
        let poisoned = self.broker.as_ref().is_some_and(|it| it.directory.poisoned().is_some());
        self.broker = None;
        self.lose(ending);
        self.start(ending, poisoned)
    }

    /// Formats the directory and starts for the first time.
    pub(crate) fn start_first(&mut self) -> Check {
        self.mend_disk();
        // there is nothing that could be trusted, or not
        self.start(Ending::Killed, false)
    }

    /// Shuts the broker down and starts it again; perhaps the power fails on the way, or after it.
    pub(crate) fn shut_down(&mut self) -> Check {
        let Some(broker) = self.broker.take() else { return Ok(()) };
        let poisoned = broker.directory.poisoned().is_some();
        self.held.clear();
        let closed = broker.close(&mut self.env).is_ok();
        let cut = self.power_is_cut();
        if !closed || cut {
            let ending = if cut { Ending::PowerCut } else { Ending::Killed };
            self.env.counters.note_if(cut, Rare::CrashDuringShutdown);
            self.env.counters.crashes += 1;
            self.lose(ending);
            // the mark is written last: where it made it to the disk, all the rest did
            let marked = self.env.disk.memory().contents(&mark()).is_some();
            return self.start(if marked { Ending::Clean } else { ending }, poisoned);
        }
        if self.env.faults.chance(30) {
            self.env.counters.note(Rare::CrashAfterCleanShutdown);
            self.env.disk.memory().crash();
        }
        self.disconnect();
        self.start(Ending::Clean, poisoned)
    }

    fn lose(&mut self, ending: Ending) {
        if ending == Ending::PowerCut {
            self.env.disk.memory().crash();
        }
        self.disconnect();
        if self.env.is(Mutant::AlwaysClean) {
            self.pretend_clean();
        }
    }

    fn disconnect(&mut self) {
        self.held.clear();
        self.producers.iter_mut().for_each(crate::producer::Producer::disconnect);
        self.env.model.groups.disconnect();
        self.slow_until = 0;
    }

    /// Leaves the mark of a clean shutdown behind.
    fn pretend_clean(&self) {
        use kastellan_log::disk::{Disk as _, Open};
        drop(self.env.disk.open(&mark(), Open::Create));
    }

    fn start(&mut self, mut ending: Ending, poisoned: bool) -> Check {
        self.mend_disk();
        // a start that is cut off may have put something new where a tail was lost
        for partition in self.env.model.partitions.values_mut() {
            partition.recovered = kastellan_core::id::Offset::MAX;
        }
        for attempt in 0..STARTS {
            let cut = attempt + 1 < STARTS && self.cut_recovery();
            self.env.failures_before = self.env.disk.failures().0 + self.env.disk.failures().1;
            self.env.disk.opening(true);
            let opened = Broker::open(&mut self.env, ending);
            self.env.disk.opening(false);
            match opened {
                Ok(broker) if !self.power_is_cut() => {
                    self.mend_disk();
                    self.broker = Some(broker);
                    crate::broker::count_start(&mut self.env, ending, poisoned);
                    return self.after_start(ending);
                }
                Ok(broker) => drop(broker),
                Err(Stop::Violated(violation)) => return Err(violation),
                Err(Stop::Refused(why)) if !cut => return Err(heals::failed("starting", why)),
                Err(Stop::Refused(_)) => {}
            }
            self.env.trace.note(format_args!("  the start was cut off"));
            self.env.counters.note(Rare::CrashDuringRecovery);
            self.lose(Ending::PowerCut);
            // nothing is changed before the removal of the mark is on the disk
            let marked = self.env.disk.memory().contents(&mark()).is_some();
            let still = ending == Ending::Clean && marked;
            ending = if still { Ending::Clean } else { Ending::PowerCut };
            self.mend_disk();
        }
        Err(heals::failed("starting", "cut off too often"))
    }

    /// Announces a power cut during the start.
    fn cut_recovery(&mut self) -> bool {
        let percent = self.env.parameters.cut_recovery;
        let random: &mut Random = &mut self.env.faults;
        if !random.chance(percent) {
            return false;
        }
        let after = random.below(60) as u64;
        let block = Some(self.env.parameters.block);
        self.env.disk.memory().set_faults(Faults {
            operations_until_power_cut: Some(after),
            block,
            ..Faults::default()
        });
        true
    }

    /// What clients find when they come back.
    fn after_start(&mut self, ending: Ending) -> Check {
        let Some(broker) = &mut self.broker else { return Ok(()) };
        let env = &mut self.env;
        let end = env.model.partitions.get(&offsets_partition()).map_or(0, |it| it.recovered);
        let keys: Vec<_> = env.model.groups.offsets.keys().cloned().collect();
        for key in keys {
            let ticket = env.model.groups.ticket();
            let image = broker.metadata.machine.image();
            let topic_id = image.topic(&key.1).map(|topic| topic.id).unwrap_or_default();
            let (group, topic) = (key.0.clone(), key.1.clone());
            let topics = Some(vec![TopicToFetch { topic, topic_id, partitions: vec![key.2] }]);
            broker.coordinate(env, Input::FetchOffsets(FetchOffsets { ticket, group, topics }))?;
            let found = take_offset(broker, ticket)?;
            if topic_id.is_nil() {
                // its deletion was not answered, and went through
                env.model.groups.offsets.remove(&key);
                continue;
            }
            let Some(known) = env.model.groups.offsets.get_mut(&key) else { continue };
            env.counters.compared(Invariant::CommittedOffsetsSurvive);
            if !committed_offsets::check(&key, known, found, end)? {
                env.counters.note(Rare::CommitOfOffsetsLost);
            } else if ending != Ending::Clean && found >= 0 {
                env.counters.note(Rare::CommitOfOffsetsSurvivedACrash);
            }
            // an attempt that came true stays so only as far as the log is kept
            let upto = known.acknowledged.filter(|known| known.0 == found && known.1 <= end);
            known.acknowledged = Some(upto.unwrap_or((found, end)));
            known.attempts.clear();
        }
        env.model.groups.generations.retain(|_, (_, upto)| *upto <= end);
        Ok(())
    }
}

/// The mark of a clean shutdown.
fn mark() -> PathBuf {
    Path::new(crate::broker::ROOT).join(kastellan_log::name::CLEAN_SHUTDOWN)
}

fn take_offset(
    broker: &mut Broker,
    ticket: kastellan_core::machine::Ticket,
) -> Result<i64, Violation> {
    // reads wait for the high watermark as well; right after a start there is nothing to wait for
    // but tombstones for topics that went
    let parked = broker.partitions.get_mut(&offsets_partition()).and_then(|served| {
        let at = served.waiting.iter().position(|(_, waiter)| {
            matches!(waiter, crate::broker::Waiter::Group(waiting, _) if *waiting == ticket)
        })?;
        served.waiting.remove(at)
    });
    let reply = if let Some((_, crate::broker::Waiter::Group(_, reply))) = parked {
        Some(reply)
    } else {
        let answers = &mut broker.groups.answers;
        let at = answers.iter().position(|(answered, _)| *answered == ticket);
        at.map(|at| answers.remove(at).1)
    };
    match reply {
        Some(Reply::FetchOffsets(Ok(topics))) => {
            let first = topics.first().and_then(|topic| topic.partitions.first());
            Ok(first.map_or(-1, |partition| partition.offset))
        }
        other => Err(heals::failed("fetching committed offsets", other)),
    }
}
