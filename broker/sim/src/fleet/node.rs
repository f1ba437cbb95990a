//! One node: its disk and clocks, which outlive its processes.

use kastellan_core::{
    id::{BrokerId, Offset, Uuid},
    machine::Millis,
    quorum::{Endpoint, Event, ReplicaKey, Request, Response, Setup, Voter, Voters},
};

use super::{
    clock::NodeClock,
    counter::Rare,
    env::Env,
    invariant::{Violation, timers},
    life::{Life, Stop},
    parameters::Parameters,
};
use crate::disk::SimDisk;

/// Where the data lies.
pub(super) const ROOT: &str = "/data";

/// What nodes send each other.
#[derive(Debug, Clone)]
pub(super) enum Packet {
    Request {
        correlation: u64,
        request: Request,
    },
    Response {
        correlation: u64,
        response: Response,
    },
    /// Nobody listens there.
    Refused {
        correlation: u64,
    },
}

/// How a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The disk loses what was not synced.
    PowerCut,
    /// The page cache stays.
    Killed,
}

/// A node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) key: ReplicaKey,
    pub(super) setup: Setup,
    pub(super) disk: SimDisk,
    pub(super) clock: NodeClock,
    /// `None` while it is down.
    pub(super) life: Option<Life>,
    /// When it comes back, while it is down.
    pub(super) back_at: Millis,
    births: u64,
    /// Up to where its log is on the disk, whatever it believes.
    pub(super) durable: Offset,
    pub(super) slow_until: Millis,
    pub(super) paused_until: Millis,
}

pub(super) fn key(id: i32) -> ReplicaKey {
    let directory = Uuid::from_u128(0x1000 + u128::from(id.unsigned_abs()));
    ReplicaKey { id: BrokerId(id), directory }
}

fn endpoints(id: i32) -> Vec<Endpoint> {
    vec![Endpoint { name: "PEERS".to_owned(), host: format!("node{id}"), port: 9094 }]
}

pub(super) fn voter(id: i32) -> Voter {
    Voter { key: key(id), endpoints: endpoints(id) }
}

impl Node {
    pub(super) fn new(id: i32, parameters: &Parameters, disk_seed: u64) -> Self {
        // as settings name them: without their directories
        let unknown =
            |id| Voter { key: ReplicaKey { directory: Uuid::nil(), ..key(id) }, ..voter(id) };
        let setup = Setup {
            me: key(id),
            endpoints: endpoints(id),
            voters: Voters::new((1..=parameters.voters).map(unknown)),
            bootstrap: Vec::new(),
            dynamic: parameters.dynamic,
            timeouts: parameters.timeouts,
        };
        Self {
            key: key(id),
            setup,
            disk: SimDisk::new(disk_seed, None),
            clock: NodeClock::new(),
            life: None,
            back_at: Millis::ZERO,
            births: 0,
            durable: 0,
            slow_until: Millis::ZERO,
            paused_until: Millis::ZERO,
        }
    }

    /// Starts its process.
    pub(super) fn start(&mut self, env: &mut Env) -> Result<(), Violation> {
        self.births += 1;
        let life = match Life::open(self, env, self.births) {
            Ok(life) => life,
            Err(stop) => return self.stopped(env, stop),
        };
        let stored = life.quorum.stored();
        env.counters.note_if(stored.voted.is_some(), Rare::RestartedInTheEpochOfItsVote);
        env.note(
            self.key.id,
            format_args!("starts with {stored:?}, log {:?}", {
                let log = life.quorum.log();
                (log.start, log.end, log.last_epoch())
            }),
        );
        self.life = Some(life);
        self.handle(env, Event::Start)
    }

    /// Hands an event to the machine, and does what it wants.
    pub(super) fn handle(&mut self, env: &mut Env, event: Event) -> Result<(), Violation> {
        self.with_life(env, |life, node, env| life.handle(node, env, event))
    }

    /// A packet has arrived.
    pub(super) fn receive(
        &mut self,
        env: &mut Env,
        from: BrokerId,
        packet: Packet,
    ) -> Result<(), Violation> {
        self.with_life(env, |life, node, env| match packet {
            Packet::Request { correlation, request } => {
                life.serve(node, env, (from, correlation), request)
            }
            Packet::Response { correlation, response } => {
                life.handle(node, env, Event::Response { correlation, response })
            }
            Packet::Refused { correlation } => {
                life.handle(node, env, Event::Unreachable { correlation, gone: true })
            }
        })
    }

    /// A client's records.
    pub(super) fn propose(&mut self, env: &mut Env, records: usize) -> Result<(), Violation> {
        self.with_life(env, |life, node, env| life.propose(node, env, records))
    }

    /// Writes a snapshot.
    pub(super) fn take_snapshot(&mut self, env: &mut Env) -> Result<(), Violation> {
        self.with_life(env, Life::take_snapshot)
    }

    /// Does what is due.
    pub(super) fn wake(&mut self, env: &mut Env) -> Result<(), Violation> {
        if self.life.as_ref().is_some_and(|life| life.sync_is_due(env.now)) {
            self.with_life(env, Life::finish_sync)?;
        }
        let due = |node: &Self, env: &Env| {
            node.life
                .as_ref()
                .and_then(|life| life.deadline(&node.clock))
                .filter(|at| *at <= env.now)
        };
        if due(self, env).is_none() {
            return Ok(());
        }
        self.handle(env, Event::Tick)?;
        let next = due(self, env);
        timers::check(env, self.key.id, env.now, next)
    }

    /// When it has something to do next.
    pub(super) fn next_at(&self) -> Millis {
        let Some(life) = &self.life else { return self.back_at };
        let at = [life.deadline(&self.clock), life.sync_at()].into_iter().flatten().min();
        at.unwrap_or(Millis(u64::MAX)).max(self.paused_until)
    }

    fn with_life(
        &mut self,
        env: &mut Env,
        act: impl FnOnce(&mut Life, &mut Self, &mut Env) -> Result<(), Stop>,
    ) -> Result<(), Violation> {
        let Some(mut life) = self.life.take() else { return Ok(()) };
        env.steps += 1;
        let outcome = act(&mut life, self, env);
        self.life = Some(life);
        match outcome {
            Ok(()) => Ok(()),
            Err(stop) => self.stopped(env, stop),
        }
    }

    /// The disk failed, or the power did: the process ends where it is.
    fn stopped(&mut self, env: &mut Env, stop: Stop) -> Result<(), Violation> {
        let why = match stop {
            Stop::Violated(violation) => return Err(violation),
            Stop::Disk(why) => why,
        };
        let cut = self.power_is_cut();
        env.note(self.key.id, format_args!("stops: {why}"));
        env.counters.note(if cut { Rare::CrashBetweenEffects } else { Rare::DiskFailed });
        let end = if cut || env.faults.chance(50) { End::PowerCut } else { End::Killed };
        self.die(env, end);
        Ok(())
    }

    fn power_is_cut(&self) -> bool {
        self.disk.memory().faults().operations_until_power_cut == Some(0)
    }

    /// Ends its process, and mends its disk.
    pub(super) fn die(&mut self, env: &mut Env, end: End) {
        env.note(self.key.id, format_args!("dies: {end:?}"));
        env.counters.crashes += 1;
        if let Some(life) = &self.life {
            let lost = life.quorum.leads().is_some() && life.quorum.log().end > self.durable;
            env.counters.note_if(lost && end == End::PowerCut, Rare::LeaderLostWhatWasNotSynced);
        }
        self.life = None;
        match end {
            End::PowerCut => self.disk.memory().crash(),
            End::Killed => self.disk.memory().kill(),
        }
        self.mend(env);
        let down = 1 + env.time.below(env.parameters.down) as u64;
        self.back_at = Millis(env.now.0 + down);
    }

    /// Makes the disk work.
    pub(super) fn mend(&mut self, env: &Env) {
        let block = Some(env.parameters.block);
        let faults = kastellan_log::disk::Faults { block, ..Default::default() };
        self.disk.memory().set_faults(faults);
    }
}
