//! Births and deaths.

use std::{collections::BTreeMap, path::Path, rc::Rc, time::Duration};

use kastellan_core::{
    id::{BrokerId, Uuid},
    lease::{Lease, Lengths},
    machine::Millis,
};
use kastellan_log::{Budget, Directory, Properties, disk::Faults};

use super::{Env, Node, Stay, Up};
use crate::{
    disk::SimDisk,
    replication::{
        cluster::Cluster,
        controller::first_epoch,
        counter::Rare,
        message::{CONTROLLER, Message},
        mutant::Mutant,
        parameters::Parameters,
    },
};

const ROOT: &str = "/data";

impl Node {
    pub(in super::super) fn new(id: BrokerId, seed: u64, block: usize) -> Self {
        let disk = SimDisk::new(seed, None);
        disk.memory().set_faults(Faults { block: Some(block), ..Faults::default() });
        Self {
            id,
            disk,
            up: None,
            paused_until: Millis::ZERO,
            clean: Some(first_epoch(id)),
            incarnation: 0,
            ignorant: BTreeMap::new(),
            remembered: None,
        }
    }

    /// Starts on what the last life has left.
    pub(in super::super) fn start(&mut self, env: &mut Env) {
        let properties = Properties {
            cluster_id: "simulated".to_owned(),
            node_id: self.id.0,
            directory_id: Uuid::from_u128(self.id.0.unsigned_abs().into()),
        };
        self.disk.memory().set_time(env.now.wall);
        let budget = Budget::default();
        let directory = Directory::open(self.disk.clone(), Path::new(ROOT), properties, budget)
            .expect("the disk works");
        self.incarnation += 1;
        let high_watermarks = directory.high_watermarks().unwrap_or_default();
        let mut up = Up {
            me: self.id,
            replicas: BTreeMap::new(),
            directory,
            epoch: None,
            cluster: Rc::new(Cluster::default()),
            applied: false,
            fetchers: BTreeMap::new(),
            sessions: BTreeMap::new(),
            // real ones are random: none of an earlier life is met again
            next_session: i32::try_from(self.incarnation).unwrap_or(0) * 10_000,
            asked: None,
            lease: Lease::new(env.now.monotonic, lengths(&env.parameters)),
            runs_at: env.now.monotonic,
            beat: None,
            next_heartbeat: env.now.monotonic,
            unknown: false,
            stay: Stay::Stays,
            led: false,
            sync_at: None,
            high_watermarks,
        };
        if env.is(Mutant::LeadByAnOldImage)
            && let Some(remembered) = self.remembered.clone()
        {
            up.epoch = remembered.epoch_of(self.id);
            self.up = Some(up);
            self.apply(env, remembered);
            if let Some(up) = &mut self.up {
                up.epoch = None;
            }
            return;
        }
        self.up = Some(up);
    }

    /// The process is killed; what it wrote stays in the page cache.
    pub(in super::super) fn kill(&mut self) {
        self.disk.memory().kill();
        self.fall();
        self.clean = None;
    }

    /// The power goes, and what was not synced with it, as far as the disk likes.
    pub(in super::super) fn cut_power(&mut self, env: &Env) {
        let epoch = self.up.as_ref().and_then(|up| up.epoch);
        self.fall();
        self.disk.memory().crash();
        self.clean = epoch.filter(|_| env.is(Mutant::HideUncleanShutdowns));
    }

    /// It ends in order.
    pub(in super::super) fn shut_down(&mut self) {
        let Some(mut up) = self.up.take() else { return };
        self.remembered = Some(Rc::clone(&up.cluster));
        let marks = up.replicas.iter();
        let marks = marks.map(|(index, held)| (super::name(*index), held.machine.high_watermark()));
        up.directory.write_high_watermarks(&marks.collect()).expect("the disk works");
        let logs = std::mem::take(&mut up.replicas).into_values();
        let closed = up.directory.close(logs.map(|held| held.machine.into_log()));
        closed.expect("the disk works");
        self.clean = up.epoch;
    }

    fn fall(&mut self) {
        if let Some(up) = self.up.take() {
            self.remembered = Some(up.cluster);
        }
    }

    /// Tells the controller that it lives, if it is time.
    pub(in super::super) fn beat(&mut self, env: &mut Env) {
        let (id, incarnation, clean) = (self.id, self.incarnation(), self.clean);
        let (now, interval) = (env.now.monotonic, env.parameters.heartbeat);
        let Some(up) = &mut self.up else { return };
        if up.runs_at <= now {
            up.lease.run(now);
            up.runs_at = now.after(interval);
        }
        if up.beat.take_if(|(_, until)| *until <= now).is_some() {
            up.next_heartbeat = now.after(interval / 10);
        }
        if up.beat.is_some() || now < up.next_heartbeat {
            return;
        }
        let message = match up.epoch.filter(|_| !std::mem::take(&mut up.unknown)) {
            None => {
                up.next_heartbeat = now.after(interval);
                Message::Register { incarnation, clean }
            }
            Some(epoch) => {
                up.lease.run(now);
                up.beat = Some((now, now.after(env.parameters.session / 2)));
                let (version, leaves) = (up.cluster.version, up.stay != Stay::Stays);
                Message::Heartbeat { epoch, version, sent: now, leaves }
            }
        };
        env.send(id, CONTROLLER, message);
    }

    /// The controller has answered the heartbeat that was sent then.
    pub(in super::super) fn beaten(
        &mut self,
        env: &Env,
        sent: Millis,
        (is_fenced, should_shut_down): (bool, bool),
    ) {
        let Some(up) = &mut self.up else { return };
        if up.beat.take_if(|(waits, _)| *waits == sent).is_none() {
            return;
        }
        let now = env.now.monotonic;
        up.next_heartbeat = now.after(env.parameters.heartbeat);
        if !is_fenced {
            let from_then = env.is(Mutant::ExtendTheLeaseFromTheAnswer);
            up.lease.hear(if from_then { now } else { sent });
        }
        if should_shut_down {
            up.stay = Stay::MayEnd;
        }
    }

    /// The controller does not know the registration under which this heartbeat was sent.
    pub(in super::super) fn unknown(&mut self, env: &mut Env, sent: Millis) {
        let Some(up) = &mut self.up else { return };
        if up.beat.take_if(|(waits, _)| *waits == sent).is_some() {
            env.counters.note(Rare::RegisteredOnceMore);
            (up.unknown, up.next_heartbeat) = (true, env.now.monotonic);
        }
    }

    /// It is asked to end, and asks the controller first.
    pub(in super::super) fn leave(&mut self, env: &Env) {
        if let Some(up) = self.up.as_mut().filter(|up| up.epoch.is_some()) {
            (up.stay, up.next_heartbeat) = (Stay::Asks, env.now.monotonic);
        }
    }

    /// The id of this process.
    pub(super) fn incarnation(&self) -> Uuid {
        let process = u128::from(self.id.0.unsigned_abs()) << 64 | u128::from(self.incarnation);
        Uuid::from_u128(process)
    }

    /// When it next has something to do by itself.
    pub(in super::super) fn deadline(&self) -> Option<Millis> {
        let up = self.up.as_ref()?;
        let fetchers = up.fetchers.values().flat_map(|feed| {
            let outstanding = feed.outstanding.front().map(|(_, until)| *until);
            feed.fetcher.deadline().into_iter().chain(outstanding)
        });
        let parked = up.sessions.values().filter_map(|it| it.parked).map(|parked| parked.until);
        let reviews = up.replicas.values().filter_map(|held| held.machine.review_deadline());
        let asked = up.asked.iter().map(|asked| asked.until);
        let all = fetchers.chain(parked).chain(reviews).chain(asked).chain(up.sync_at);
        let beat = up.beat.map_or(up.next_heartbeat, |(_, until)| until);
        let first = all.chain([beat, up.runs_at]).min()?;
        Some(first.max(self.paused_until))
    }

    /// Does what time has brought.
    pub(in super::super) fn tick(&mut self, env: &mut Env) {
        self.beat(env);
        self.sync_if_due(env);
        self.expire_fetches(env);
        self.expire_proposals(env);
        self.review(env, false);
        self.fetch_all(env);
    }
}

fn lengths(parameters: &Parameters) -> Lengths {
    let wait = Duration::from_millis(super::lead::WAIT);
    Lengths::new(parameters.session, parameters.heartbeat, wait)
}
