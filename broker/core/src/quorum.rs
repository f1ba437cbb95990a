//! The quorum over the metadata log: Raft in which followers pull, with KRaft's rules (KIP-595,
//! KIP-630, KIP-853, KIP-996).
//!
//! A replica is a voter or an observer. Voters elect a leader for an epoch; it appends, everybody
//! else fetches. A fetch from `offset` says that everything before it is on the fetching replica's
//! disk, so the leader knows what a majority holds; that is the high watermark, and it moves only
//! over records of the leader's own epoch. What the machine promises, it promises for what is
//! durable: effects are carried out in order, [`Effect::Persist`] and [`Effect::Truncate`] durably,
//! and appended records count from [`Event::Synced`] on.
//!
//! ```text
//!                 timeout              majority would         majority did
//!   Unattached ------------> Prospective ---------> Candidate ----------> Leader
//!       ^                     ^                        |                    |
//!       |       timeout       |  timeout, or refused   |   resigned, or     |
//!       +---- Follower -------+<-----------------------+   a newer epoch    |
//!       +<------------------------------------------------------------------+
//! ```

mod answer;
mod campaign;
mod control;
mod describe;
mod fetch;
mod follow;
mod input;
mod lead;
mod membership;
mod message;
mod role;
mod send;
mod snapshot;
#[cfg(test)]
mod tests;
mod timing;
mod turn;
mod view;
mod voters;

use std::collections::BTreeMap;

pub use self::{
    control::{ControlRecord, control_records, voters_records},
    describe::{Description, ReplicaState},
    input::{Effect, Event, Input, Part, RoleKind, Stored},
    message::{
        BeginQuorumEpochRequest, EndQuorumEpochRequest, FetchRequest, FetchResponse,
        FetchSnapshotRequest, FetchSnapshotResponse, Request, Response, Standing,
        UpdateRaftVoterRequest, VoteRequest,
    },
    timing::Timeouts,
    view::{LogView, SnapshotId},
    voters::{Endpoint, ReplicaKey, Voter, Voters},
};
use self::{role::Role, send::Outstanding, timing::Draw};
use crate::{
    id::{BrokerId, LeaderEpoch, Offset},
    machine::{Machine, Millis, Now},
};

/// What a replica is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// Which replica this is.
    pub me: ReplicaKey,
    /// Where it listens for its peers.
    pub endpoints: Vec<Endpoint>,
    /// The voters of `controller.quorum.voters`: they vote until the log names others.
    pub voters: Voters,
    /// Nodes to ask who leads where no voter is known or answers: those of
    /// `controller.quorum.bootstrap.servers`, under ids that the shell gives them.
    pub bootstrap: Vec<BrokerId>,
    /// Whether the voters may change: the first leader writes them into the log (kraft.version 1).
    pub dynamic: bool,
    /// How long it waits for what.
    pub timeouts: Timeouts,
}

/// One replica of the quorum.
#[derive(Debug)]
pub struct Quorum {
    setup: Setup,
    stored: Stored,
    log: LogView,
    role: Role,
    high_watermark: Offset,
    /// Requests without an answer.
    outstanding: BTreeMap<u64, Outstanding>,
    correlation: u64,
    /// It must not lead any more.
    resigning: bool,
    /// The time of the present step.
    now: Now,
    draw: Draw,
    told: Option<Part>,
    out: Vec<Effect>,
}

impl Quorum {
    /// A replica that was just started: with what it wrote down before, if it ever did, and its
    /// log. `correlation` is below every number that it will send requests with.
    pub fn new(setup: Setup, stored: Option<Stored>, log: LogView, correlation: u64) -> Self {
        let last = log.last_epoch();
        // a log without its quorum-state: as much as the log knows is known
        let stored = stored.filter(|stored| stored.epoch >= last);
        let stored = stored.unwrap_or(Stored { epoch: last, leader: None, voted: None });
        let high_watermark = log.start;
        Self {
            setup,
            stored,
            log,
            role: Role::unattached(),
            high_watermark,
            outstanding: BTreeMap::new(),
            correlation,
            resigning: false,
            now: Now { monotonic: Millis::ZERO, wall: 0 },
            draw: Draw::default(),
            told: None,
            out: Vec::new(),
        }
    }

    /// Which replica this is.
    pub fn me(&self) -> ReplicaKey {
        self.setup.me
    }

    /// The newest epoch that it knows.
    pub fn epoch(&self) -> LeaderEpoch {
        self.stored.epoch
    }

    /// Who leads in that epoch, where that is known.
    pub fn leader(&self) -> Option<BrokerId> {
        self.stored.leader
    }

    /// The epoch that this replica leads in, if it leads.
    pub fn leads(&self) -> Option<LeaderEpoch> {
        matches!(self.role, Role::Leader(_)).then_some(self.stored.epoch)
    }

    /// The epoch that it leads in with every record of earlier ones committed: only then does its
    /// controller know all that was decided.
    pub fn settled(&self) -> Option<LeaderEpoch> {
        let Role::Leader(leader) = &self.role else { return None };
        (self.high_watermark > leader.begins).then_some(self.stored.epoch)
    }

    /// One past the last offset that is known to be committed; 0 where none is.
    pub fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// What it knows of its log.
    pub fn log(&self) -> &LogView {
        &self.log
    }

    /// What it wrote down last.
    pub fn stored(&self) -> Stored {
        self.stored
    }

    /// The voters: those of the last record that names some, committed or not, or else those that
    /// it was set up with.
    pub fn voters(&self) -> &Voters {
        self.log.voters.last().map_or(&self.setup.voters, |(_, voters)| voters)
    }

    /// Whether this replica votes.
    pub fn is_voter(&self) -> bool {
        self.voters().holds(self.setup.me)
    }

    /// Where a node listens for its peers; empty where that is not known.
    pub fn endpoints_of(&self, node: BrokerId) -> &[Endpoint] {
        if let Role::Follower(follower) = &self.role
            && self.stored.leader == Some(node)
            && !follower.endpoints.is_empty()
        {
            return &follower.endpoints;
        }
        if node == self.setup.me.id {
            return &self.setup.endpoints;
        }
        let known = self.voters().get(node).or_else(|| self.setup.voters.get(node));
        known.map_or(&[], |voter| &voter.endpoints)
    }

    /// What it is now.
    pub fn part(&self) -> Part {
        let role = match &self.role {
            Role::Unattached(_) => RoleKind::Unattached,
            Role::Prospective(_) => RoleKind::Prospective,
            Role::Candidate(_) => RoleKind::Candidate,
            Role::Leader(_) => RoleKind::Leader,
            Role::Follower(_) if self.is_voter() => RoleKind::Follower,
            Role::Follower(_) => RoleKind::Observer,
        };
        Part { role, epoch: self.stored.epoch, leader: self.stored.leader }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Start => self.start(),
            Event::Tick => {}
            Event::Request { token, request } => self.answer(token, request),
            Event::Response { correlation, response } => self.answered(correlation, response),
            Event::Unreachable { correlation, gone } => self.unreachable(correlation, gone),
            Event::Appended { end } => self.appended(end),
            Event::Synced { upto } => self.synced(upto),
            Event::SnapshotTaken(snapshot) => self.log.advance_start(snapshot),
            Event::SnapshotInstalled { snapshot, voters } => self.installed(snapshot, voters),
            Event::SnapshotDamaged => self.damaged(),
            Event::Resign => {
                self.resigning = true;
                self.resign();
            }
        }
    }

    /// Everything before `upto` is on the disk.
    fn synced(&mut self, upto: Offset) {
        self.log.synced = self.log.synced.max(upto.min(self.log.end));
        self.commit();
    }

    /// Notes that records before `upto` are committed.
    fn advance(&mut self, upto: Offset) {
        if upto > self.high_watermark {
            self.high_watermark = upto;
            self.out.push(Effect::HighWatermark(upto));
        }
    }

    /// Writes a new state down, if it is new.
    fn store(&mut self, stored: Stored) {
        assert!(stored.epoch >= self.stored.epoch, "epochs never go back");
        if stored != self.stored {
            self.stored = stored;
            self.out.push(Effect::Persist(stored));
        }
    }
}

impl Machine for Quorum {
    type Input = Input;
    type Effect = Effect;

    fn step(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        self.now = now;
        self.draw = Draw::new(input.random);
        self.event(input.event);
        self.keep_time();
        let part = self.part();
        if self.told != Some(part) {
            self.told = Some(part);
            self.out.push(Effect::Role(part));
        }
        effects.append(&mut self.out);
    }

    fn deadline(&self) -> Option<Millis> {
        self.next_deadline()
    }
}
