//! Processes start, stop, die, and are heard of.

use std::time::Duration;

use super::{
    super::*,
    Checked, ensure,
    history::{Fleet, settings},
    mutant::Mutant,
};

const SESSION: Duration = Duration::from_secs(3);
/// Of a broker that a new controller has not heard of yet.
const ASSUMED: Duration = Duration::from_millis(1_500);
const BEAT: Duration = Duration::from_millis(500);

/// A broker as it sees itself.
#[derive(Debug, Clone)]
pub(super) struct Process {
    /// Its registration.
    pub(super) epoch: i64,
    pub(super) running: bool,
    pub(super) silent: bool,
    stopping: bool,
    /// Under which registration it ended in order.
    clean: Option<i64>,
    /// What it said last of how far it is, to this controller.
    reported: Option<i64>,
    /// Where others have to be before it may end.
    leaves_at: Option<i64>,
    offline: Vec<Uuid>,
}

impl Process {
    /// Whether it does what it should.
    pub(super) fn works(&self) -> bool {
        self.running && !self.silent
    }
}

fn directories(id: BrokerId) -> Vec<Uuid> {
    let id = u128::from(id.0.unsigned_abs());
    vec![Uuid::from_u128(id * 10), Uuid::from_u128(id * 10 + 1)]
}

impl Fleet {
    /// Whether the controller heard of the broker lately.
    fn lives(&self, id: BrokerId) -> bool {
        self.over_at(id).is_some_and(|over_at| over_at > self.now)
    }

    fn length(&self, id: BrokerId) -> Duration {
        if self.assumed.contains(&id) { ASSUMED } else { SESSION }
    }

    /// When the broker's session is over.
    fn over_at(&self, id: BrokerId) -> Option<Millis> {
        self.heard.get(&id).map(|heard| heard.after(self.length(id)))
    }

    fn note_life(&mut self, id: BrokerId) {
        self.heard.insert(id, self.now);
        self.assumed.remove(&id);
    }

    pub(super) fn start(&mut self, id: BrokerId) -> Checked {
        self.incarnations += 1;
        let incarnation = Uuid::from_u128(self.incarnations);
        let earlier = self.processes.get(&id).cloned();
        let previous_epoch =
            earlier.as_ref().filter(|it| !it.running).and_then(|earlier| earlier.clean);
        let known = self.image().broker(id).cloned();
        let duplicate = known.is_some() && self.lives(id);
        let clean = known.as_ref().is_some_and(|known| previous_epoch == Some(known.epoch));
        self.asked.lossy = (!clean).then_some(id);
        let feature = |it: &crate::metadata::Feature| crate::metadata::SupportedFeature {
            name: it.name.to_owned(),
            min: it.min,
            max: it.max,
        };
        let registration = RegisterBroker {
            incarnation,
            fenced: true,
            features: SUPPORTED.iter().map(feature).collect(),
            rack: Some((id.0 % 2).to_string()),
            log_dirs: directories(id),
            ..broker(id.0)
        };
        let wholes = self.whole.clone();
        if !clean && !duplicate {
            self.forget_what_was_lost(id);
        }
        let input = Input::RegisterBroker { ticket: TICKET, registration, previous_epoch };
        match self.ask(input)? {
            Some(Reply::Registered { epoch }) => {
                ensure!(!duplicate, "a second process registered as {id:?}");
                let after = self.image().broker(id).unwrap();
                ensure!(after.fenced && after.epoch == epoch, "{after:?}");
                let gone = Process {
                    epoch,
                    running: true,
                    silent: false,
                    stopping: false,
                    clean: None,
                    reported: None,
                    leaves_at: None,
                    offline: Vec::new(),
                };
                self.processes.insert(id, gone);
                self.note_life(id);
            }
            Some(Reply::Failed(failure)) => {
                ensure!(duplicate && failure.code.code() == 101, "{failure:?}");
                self.whole = wholes;
                self.saw("refused a duplicate");
            }
            other => return Err(format!("{other:?}")),
        }
        Ok(())
    }

    /// A broker that did not end in order has lost what it had, as far as anybody knows.
    fn forget_what_was_lost(&mut self, id: BrokerId) {
        if super::model::is_eligible_on(self.image()) {
            for whole in self.whole.values_mut() {
                whole.remove(&id);
            }
        }
    }

    pub(super) fn stop(&mut self, id: BrokerId) -> Checked {
        if let Some(process) = self.processes.get_mut(&id).filter(|process| process.running) {
            process.stopping = true;
            process.silent = false;
        }
        Ok(())
    }

    pub(super) fn kill(&mut self, id: BrokerId) -> Checked {
        if let Some(process) = self.processes.get_mut(&id).filter(|process| process.running) {
            process.running = false;
            process.clean = None;
        }
        Ok(())
    }

    pub(super) fn kill_and_notice(&mut self, id: BrokerId) -> Checked {
        self.kill(id)?;
        let Some(epoch) = self.processes.get(&id).map(|it| it.epoch) else { return Ok(()) };
        self.refuse(id, epoch)?;
        // one that is a registration late changes nothing
        self.refuse(id, epoch - 1)
    }

    pub(super) fn refuse(&mut self, broker: BrokerId, epoch: i64) -> Checked {
        let known = self.image().broker(broker).cloned();
        let meant = known.filter(|known| known.epoch == epoch);
        if meant.is_some() {
            self.heard.remove(&broker);
        }
        let before = self.image().clone();
        self.ask(Input::Refused { broker, epoch })?;
        match meant {
            Some(known) => {
                ensure!(self.image().broker(broker).unwrap().fenced, "it refused and leads on");
                if !known.fenced {
                    self.saw("fenced as it refused");
                }
            }
            None => ensure!(*self.image() == before, "another process was meant"),
        }
        Ok(())
    }

    pub(super) fn silence(&mut self, id: BrokerId) -> Checked {
        if let Some(process) = self.processes.get_mut(&id).filter(|process| process.running) {
            process.silent = !process.silent;
        }
        Ok(())
    }

    pub(super) fn fail_directory(&mut self, id: BrokerId) -> Checked {
        let Some(process) = self.processes.get(&id).filter(|it| it.works()).cloned() else {
            return Ok(());
        };
        let directory = directories(id)[0];
        let holds = |topic: &Arc<crate::metadata::Topic>| {
            let even = topic
                .partitions
                .iter()
                .filter(|(index, state)| **index % 2 == 0 && state.replicas.contains(&id));
            even.map(|(index, _)| DirectoryAssignment {
                topic: topic.id,
                partition: *index,
                directory,
            })
            .collect::<Vec<_>>()
        };
        let assignments: Vec<_> = self.image().topics().flat_map(holds).collect();
        let (broker, epoch) = (id, Some(process.epoch));
        let ticket = TICKET;
        let told = self.ask(Input::AssignDirectories { ticket, broker, epoch, assignments })?;
        let stale = self.image().broker(id).is_none_or(|known| known.epoch != process.epoch);
        let failed = matches!(told, Some(Reply::Failed(_)));
        ensure!(stale == failed, "{told:?}");
        self.processes.get_mut(&id).unwrap().offline = vec![directory];
        self.beat(id, true)
    }

    pub(super) fn unregister(&mut self, broker: BrokerId) -> Checked {
        let known = self.image().broker(broker).is_some();
        let told = self.ask(Input::UnregisterBroker { ticket: TICKET, broker })?;
        ensure!(matches!(told, Some(Reply::Done)) == known, "{told:?}");
        ensure!(self.image().broker(broker).is_none(), "it is still there");
        Ok(())
    }

    /// The broker says that it lives; it has applied everything, or not yet its registration.
    pub(super) fn beat(&mut self, id: BrokerId, all: bool) -> Checked {
        let Some(process) = self.processes.get(&id).filter(|it| it.works()).cloned() else {
            return Ok(());
        };
        let offset = if all { self.image().offset() } else { process.epoch - 1 };
        let heartbeat = Heartbeat {
            broker: id,
            epoch: process.epoch,
            metadata_offset: offset,
            want_fence: false,
            want_shut_down: process.stopping,
            offline_dirs: process.offline.clone(),
        };
        let before = self.image().broker(id).cloned();
        let led = self.leads(id);
        let told = self.ask(Input::Heartbeat { ticket: TICKET, heartbeat })?;
        let Some(before) = before.filter(|before| before.epoch == process.epoch) else {
            let code = if self.image().broker(id).is_some() { 77 } else { 102 };
            ensure!(
                matches!(&told, Some(Reply::Failed(why)) if why.code.code() == code),
                "{told:?} for a process that is not registered"
            );
            // it has been replaced, or is not wanted
            return self.kill(id);
        };
        let Some(Reply::Heartbeat { is_caught_up, is_fenced, should_shut_down }) = told else {
            return Err(format!("{told:?}"));
        };
        self.note_life(id);
        self.processes.get_mut(&id).unwrap().reported = Some(offset);
        let after = Arc::clone(self.image().broker(id).unwrap());
        ensure!(is_caught_up == all, "{is_caught_up} of what it said");
        ensure!(is_fenced == after.fenced, "{is_fenced}, and {after:?}");
        if should_shut_down {
            ensure!(process.stopping, "it is ended and did not ask");
            ensure!(before.fenced || !led, "it is ended while it leads");
            ensure!(after.fenced && !self.leads(id), "it ends and leads on");
            self.check_that_others_know(&process, &before)?;
            let process = self.processes.get_mut(&id).unwrap();
            process.running = false;
            process.clean = Some(process.epoch);
            self.heard.remove(&id);
            if before.in_controlled_shutdown {
                self.saw("left in order");
            }
        } else if process.stopping && !before.in_controlled_shutdown {
            let lost_one = after.log_dirs != before.log_dirs;
            ensure!(lost_one || after.in_controlled_shutdown, "it wants to stop: {after:?}");
            let offset = self.image().offset();
            self.processes.get_mut(&id).unwrap().leaves_at = Some(offset);
        } else if !process.stopping {
            let lost_one = after.log_dirs != before.log_dirs;
            let lost_all = process.offline.len() == directories(id).len();
            let may_lead = all && !lost_all && !lost_one && !before.in_controlled_shutdown;
            ensure!(!may_lead || !after.fenced, "it stays fenced: {after:?}");
            ensure!(all || !before.fenced || after.fenced, "it has yet to catch up: {after:?}");
        }
        Ok(())
    }

    fn leads(&self, id: BrokerId) -> bool {
        let mut partitions = self.image().topics().flat_map(|topic| topic.partitions.values());
        partitions.any(|state| state.leader == Some(id))
    }

    fn check_that_others_know(
        &self,
        process: &Process,
        before: &crate::metadata::Broker,
    ) -> Checked {
        let Some(leaves_at) = process.leaves_at.filter(|_| before.in_controlled_shutdown) else {
            return Ok(());
        };
        let active = |id: &BrokerId| self.image().broker(*id).is_some_and(|it| it.is_active());
        for (id, other) in self.processes.iter().filter(|(id, _)| active(id)) {
            let knows = other.reported.is_some_and(|offset| offset >= leaves_at);
            ensure!(knows, "{id:?} does not know yet who leads instead");
        }
        Ok(())
    }

    /// Time passes; processes that work heartbeat, and the controller looks when it has to.
    pub(super) fn pass(&mut self, ms: u64) -> Checked {
        let until = self.now.after(Duration::from_millis(ms));
        let mut next_beat = self.now;
        let mut ticks = 0;
        loop {
            let deadline = self.controller.deadline().filter(|_| ticks < 500);
            let deadline = deadline.unwrap_or(Millis(u64::MAX));
            let at = deadline.min(next_beat).max(self.now);
            if at > until {
                break;
            }
            self.now = at;
            if deadline <= at {
                ticks += 1;
                self.tick()?;
            } else {
                ensure!(ticks < 500 || self.mutant.is_some(), "ticks without end");
                for id in self.processes.keys().copied().collect::<Vec<_>>() {
                    self.beat(id, true)?;
                }
                next_beat = at.after(BEAT);
            }
        }
        self.now = until;
        self.check_sessions()
    }

    fn tick(&mut self) -> Checked {
        let before = self.image().clone();
        self.ask(Input::Tick)?;
        for known in before.brokers().filter(|known| !known.fenced) {
            if self.image().broker(known.id).is_some_and(|it| it.fenced) {
                ensure!(!self.lives(known.id), "{:?} is fenced and lives", known.id);
                self.saw("fenced for silence");
            }
        }
        let over: Vec<_> = self.heard.keys().copied().filter(|id| !self.lives(*id)).collect();
        self.heard.retain(|id, _| !over.contains(id));
        Ok(())
    }

    /// Whoever was not heard of for longer than a session is fenced.
    fn check_sessions(&self) -> Checked {
        for known in self.image().brokers().filter(|known| !known.fenced) {
            let over_at = self.over_at(known.id);
            let silent = over_at.is_none_or(|over_at| over_at < self.now);
            ensure!(!silent, "{:?} was to be heard of until {over_at:?}", known.id);
        }
        Ok(())
    }

    /// The controller is paused.
    pub(super) fn oversleep(&mut self, ms: u64) -> Checked {
        let deadline = self.controller.deadline();
        self.now = self.now.after(Duration::from_millis(ms));
        let fenced = |image: &Image| image.brokers().filter(|it| it.fenced).count();
        let before = fenced(self.image());
        let missed = |id: &BrokerId| {
            self.over_at(*id).is_some_and(|at| self.now.since(at) > self.length(*id) / 2)
        };
        if self.heard.keys().any(missed) {
            self.ask(Input::Tick)?;
            ensure!(fenced(self.image()) == before, "fenced for the controller's own silence");
            let now = self.now;
            self.heard.values_mut().for_each(|heard| *heard = now);
            ensure!(self.controller.deadline() > deadline, "sessions go on");
            self.saw("overslept");
        }
        self.pass(0)
    }

    /// Another controller starts from what is committed.
    pub(super) fn new_controller(&mut self) -> Checked {
        self.controller = Controller::new(self.replayed.clone(), BrokerId(1), settings());
        self.processes.values_mut().for_each(|process| process.reported = None);
        self.heard.clear();
        self.assumed.clear();
        let unfenced = self.image().brokers().filter(|it| !it.fenced).map(|it| it.id);
        for id in unfenced.collect::<Vec<_>>() {
            self.heard.insert(id, self.now);
            self.assumed.insert(id);
        }
        if self.mutant == Some(Mutant::ForgetSessions) {
            return Ok(());
        }
        self.ask(Input::Bootstrap { ticket: TICKET }).map(drop)
    }

    /// Everybody comes back, catches up and is moved where it should be.
    pub(super) fn heal(&mut self) -> Checked {
        self.carry_out(&super::operation::Operation::Eligible(true))?;
        for id in (1..=5).map(BrokerId) {
            self.asked = super::history::Asked::default();
            let known = self.image().broker(id).map(|known| known.epoch);
            let well = |it: &Process| {
                let whole = !it.stopping && it.offline.is_empty();
                it.works() && whole && Some(it.epoch) == known
            };
            if !self.processes.get(&id).is_some_and(well) {
                self.kill(id)?;
                self.pass(3500)?;
                self.start(id)?;
            }
        }
        self.pass(1200)?;
        for id in (1..=5).map(BrokerId) {
            let well = self.image().broker(id).is_some_and(|it| it.is_active());
            ensure!(well, "{id:?} is not back");
        }
        self.catch_up()
    }
}
