//! One process of a node: the machine, its log, and what it wants done. What the shell's driver
//! does, this does.

mod effects;
mod mistakes;
mod open;

use std::collections::{BTreeMap, VecDeque};

use kastellan_core::{
    id::{BrokerId, Offset},
    log::{Log as _, LogError},
    machine::{Machine as _, Millis, Ticket},
    quorum::{Event, Input, Part, Quorum, Request, RoleKind, VoteRequest},
};
use kastellan_log::{Directory, Log, Unsynced};

use super::{
    clock::NodeClock,
    counter::Rare,
    env::Env,
    invariant::{Violation, committed, forward, known_voters, one_change},
    model::{Committed, digest},
    node::Node,
};
use crate::disk::SimDisk;

/// Why a process ends by itself.
#[derive(Debug)]
pub(super) enum Stop {
    Violated(Violation),
    Disk(String),
}

impl From<Violation> for Stop {
    fn from(violation: Violation) -> Self {
        Self::Violated(violation)
    }
}

impl From<LogError> for Stop {
    fn from(error: LogError) -> Self {
        Self::Disk(error.to_string())
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Disk(error.to_string())
    }
}

impl From<kastellan_log::Error> for Stop {
    fn from(error: kastellan_log::Error) -> Self {
        Self::Disk(error.to_string())
    }
}

/// A client that waits for its record to be committed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Proposal {
    pub(super) id: u64,
    pub(super) at: Offset,
}

/// A process.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) quorum: Quorum,
    pub(super) log: Log<SimDisk>,
    directory: Directory<SimDisk>,
    /// Whom to answer, by token.
    asked: BTreeMap<Ticket, (BrokerId, u64)>,
    next_token: u64,
    pub(super) proposals: Vec<Proposal>,
    /// The sync under way, and when it is done in real time.
    sync: Option<(Millis, Unsynced<SimDisk>)>,
    sync_again: bool,
    /// What was fetched of a snapshot.
    download: Vec<u8>,
    /// Events that follow from effects.
    follow_up: VecDeque<Event>,
    /// What it was told to do last, and whether it was told to stop.
    part: Option<Part>,
    resigning: bool,
    /// The vote that was asked for last.
    last_vote: Option<VoteRequest>,
    /// How far the committed log was read, and a hash over it.
    pub(super) read: (Offset, u64),
}

impl Life {
    /// Hands an event to the machine, and does what it wants.
    pub(super) fn handle(
        &mut self,
        node: &mut Node,
        env: &mut Env,
        event: Event,
    ) -> Result<(), Stop> {
        self.resigning |= event == Event::Resign;
        self.follow_up.push_back(event);
        while let Some(event) = self.follow_up.pop_front() {
            let random = env.machines.next();
            let now = node.clock.read(env.now);
            let before = (self.quorum.epoch(), self.quorum.high_watermark());
            let refused = matches!(event, Event::Unreachable { gone: true, .. });
            let followed = self.quorum.part().role == RoleKind::Follower;
            let mut effects = Vec::new();
            self.quorum.step(now, Input { random, event }, &mut effects);
            for effect in effects {
                let text = format!("{effect:?}");
                env.trace.bytes(text.as_bytes());
                self.carry_out(node, env, effect)?;
            }
            let stands = self.quorum.part().role == RoleKind::Prospective;
            env.counters.note_if(refused && followed && stands, Rare::LeaderFoundGone);
            let after = (self.quorum.epoch(), self.quorum.high_watermark());
            forward::check(env, node.key.id, before, after)?;
        }
        self.commit_by_counting(node, env)?;
        known_voters::check(env, node.key.id, self)?;
        Ok(())
    }

    /// A request of another node.
    pub(super) fn serve(
        &mut self,
        node: &mut Node,
        env: &mut Env,
        from: (BrokerId, u64),
        mut request: Request,
    ) -> Result<(), Stop> {
        self.count_request(env, &request);
        self.mistake_request(env, &mut request);
        self.forge_acknowledgements(node, env, &request)?;
        let token = self.token();
        self.asked.insert(token, from);
        self.handle(node, env, Event::Request { token, request })
    }

    pub(super) fn token(&mut self) -> Ticket {
        self.next_token += 1;
        Ticket(self.next_token)
    }

    fn count_request(&self, env: &mut Env, request: &Request) {
        if let Request::Fetch(fetch) = request {
            let other = fetch.epoch != self.quorum.epoch();
            env.counters.note_if(other, Rare::FetchFromAnotherEpoch);
            let votes = self.quorum.voters().holds(fetch.replica);
            let observes = self.quorum.leads().is_some() && !votes;
            env.counters.note_if(observes, Rare::ObserverFollowed);
        }
    }

    /// A client's record, where this node leads.
    pub(super) fn propose(
        &mut self,
        node: &mut Node,
        env: &mut Env,
        records: usize,
    ) -> Result<(), Stop> {
        let Some(epoch) = self.quorum.leads() else { return Ok(()) };
        let id = env.model.next_proposal;
        env.model.next_proposal += 1;
        let first = self.log.end();
        let wall = node.clock.read(env.now).wall;
        let mut batch = kastellan_protocol::batch::Builder::new(first, epoch);
        for _ in 0..records {
            batch.record(wall, None, Some(&id.to_le_bytes()), &[]);
        }
        effects::append(&mut self.log, &batch.finish())?;
        let end = self.log.end();
        self.proposals.push(Proposal { id, at: first });
        if env.is(super::mutant::Mutant::AnswerBeforeCommit) {
            env.model.acknowledged.insert(id, first);
        }
        self.handle(node, env, Event::Appended { end })
    }

    pub(super) fn deadline(&self, clock: &NodeClock) -> Option<Millis> {
        self.quorum.deadline().map(|at| clock.real(at))
    }

    pub(super) fn sync_at(&self) -> Option<Millis> {
        self.sync.as_ref().map(|(at, _)| *at)
    }

    pub(super) fn sync_is_due(&self, now: Millis) -> bool {
        self.sync_at().is_some_and(|at| at <= now)
    }

    /// Everything before `upto` is committed, as this node believes.
    fn committed(&mut self, node: &Node, env: &mut Env, upto: Offset) -> Result<(), Stop> {
        let (from, mut sum) = self.read;
        let mut found = Vec::new();
        let mut voters = Vec::new();
        let read = self.log.for_each_batch(from, |header, batch| {
            if header.next_offset() > upto {
                return std::ops::ControlFlow::Break(());
            }
            if header.base_offset >= from {
                found.push((header.base_offset, Committed::of(header)));
                voters.extend(kastellan_core::quorum::voters_records(header, batch));
            }
            std::ops::ControlFlow::Continue(())
        });
        read?;
        let epochs: Vec<_> = found.iter().map(|(_, batch)| batch.epoch).collect();
        let several = epochs.first() != epochs.last() && self.quorum.leads().is_some();
        env.counters.note_if(several, Rare::CommittedOverAnOlderEpoch);
        for (base, batch) in found {
            committed::check(env, node.key.id, base, (batch, self.quorum.epoch()))?;
            sum = digest(sum, base, batch);
            self.read = (batch.next, sum);
        }
        for (at, voters) in voters {
            one_change::check(env, at, &voters)?;
        }
        if self.quorum.leads().is_some() {
            let done = self.proposals.iter().filter(|it| it.at < upto);
            for proposal in done {
                env.counters.acknowledged += 1;
                env.model.acknowledged.insert(proposal.id, proposal.at);
            }
            self.proposals.retain(|it| it.at >= upto);
        }
        Ok(())
    }
}
