//! The machine, input by input; what many of them do together is the simulation's
//! (`broker/sim/src/fleet.rs`).
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one among many")]

mod electing;
mod following;
mod leading;

use super::*;
use crate::{id::Uuid, machine::Ticket};

/// A replica, and what it wanted since somebody last looked.
struct Bench {
    quorum: Quorum,
    now: u64,
    effects: Vec<Effect>,
    tokens: u64,
}

fn key(id: i32) -> ReplicaKey {
    ReplicaKey { id: BrokerId(id), directory: Uuid::from_u128(u128::from(id.unsigned_abs())) }
}

fn voter(id: i32) -> Voter {
    let endpoint = Endpoint { name: "PEERS".into(), host: format!("node{id}"), port: 9094 };
    Voter { key: key(id), endpoints: vec![endpoint] }
}

fn setup(me: i32, voters: &[i32]) -> Setup {
    Setup {
        me: key(me),
        endpoints: voter(me).endpoints,
        voters: Voters::new(voters.iter().map(|id| voter(*id))),
        bootstrap: Vec::new(),
        dynamic: false,
        timeouts: Timeouts::default(),
    }
}

impl Bench {
    /// Replica 1 among `voters`, with an empty log, started.
    fn new(voters: &[i32]) -> Self {
        Self::with(setup(1, voters), None, LogView::default())
    }

    fn with(setup: Setup, stored: Option<Stored>, log: LogView) -> Self {
        let quorum = Quorum::new(setup, stored, log, 0);
        let mut bench = Self { quorum, now: 0, effects: Vec::new(), tokens: 0 };
        bench.step(Event::Start);
        bench
    }

    /// Leads an epoch among three, all of its log synced.
    fn leading() -> Self {
        let mut bench = Self::new(&[1, 2, 3]);
        bench.pass(2_000);
        bench.grant_all();
        bench.grant_all();
        assert_eq!(bench.quorum.leads(), Some(1));
        bench.step(Event::Synced { upto: 1 });
        bench.effects.clear();
        bench
    }

    /// Follows node 2 in epoch 3.
    fn following() -> Self {
        let mut bench = Self::new(&[1, 2, 3]);
        bench.effects.clear();
        bench.ask(begin(2, 3));
        bench
    }

    /// Replica `me` follows node 2 in epoch 3, and has just heard it.
    fn heard_its_leader(me: i32) -> Self {
        let mut bench = Self::with(setup(me, &[1, 2, 3]), None, LogView::default());
        bench.effects.clear();
        let begin = BeginQuorumEpochRequest {
            voter: key(me),
            leader: BrokerId(2),
            epoch: 3,
            endpoints: voter(2).endpoints,
        };
        bench.ask(Request::BeginQuorumEpoch(begin));
        let correlation = bench.fetching();
        bench.step(Event::Response { correlation, response: following::records(3, &[]) });
        bench
    }

    /// The fetch that is under way.
    fn fetching(&mut self) -> u64 {
        self.pass(0);
        let fetches = |(_, _, request): &(_, _, Request)| matches!(request, Request::Fetch(_));
        self.sent().into_iter().rfind(fetches).unwrap().1
    }

    fn step(&mut self, event: Event) {
        let now = Now { monotonic: Millis(self.now), wall: 1_000_000 + self.now.cast_signed() };
        let random = self.now.wrapping_mul(0x9e37) + 5;
        self.quorum.step(now, Input { random, event }, &mut self.effects);
    }

    /// Lets time pass, and wakes the machine.
    fn pass(&mut self, millis: u64) {
        self.now += millis;
        self.step(Event::Tick);
    }

    /// Asks, and returns what is answered at once.
    fn ask(&mut self, request: Request) -> Option<Response> {
        self.tokens += 1;
        let asked = Ticket(self.tokens);
        self.step(Event::Request { token: asked, request });
        self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Reply { token, response } if *token == asked => Some(response.clone()),
            Effect::ReplyRecords { token, response, .. } if *token == asked => {
                Some(Response::Fetch(response.clone()))
            }
            _ => None,
        })
    }

    /// What was sent since it was last looked at.
    fn sent(&mut self) -> Vec<(BrokerId, u64, Request)> {
        let sent = self.effects.extract_if(.., |effect| matches!(effect, Effect::Send { .. }));
        let sent = sent.filter_map(|effect| match effect {
            Effect::Send { to, correlation, request } => Some((to, correlation, request)),
            _ => None,
        });
        sent.collect()
    }

    /// Grants every vote that is asked for.
    fn grant_all(&mut self) {
        for (_, correlation, request) in self.sent() {
            let Request::Vote(vote) = request else { continue };
            let standing = standing(vote.epoch, None);
            let response = Response::Vote { standing, granted: true };
            self.step(Event::Response { correlation, response });
        }
    }

    fn role(&self) -> RoleKind {
        self.quorum.part().role
    }
}

fn standing(epoch: LeaderEpoch, leader: Option<i32>) -> Standing {
    Standing { error: None, epoch, leader: leader.map(BrokerId), endpoints: Vec::new() }
}

fn begin(leader: i32, epoch: LeaderEpoch) -> Request {
    Request::BeginQuorumEpoch(BeginQuorumEpochRequest {
        voter: key(1),
        leader: BrokerId(leader),
        epoch,
        endpoints: voter(leader).endpoints,
    })
}

fn vote(
    candidate: i32,
    epoch: LeaderEpoch,
    last: (LeaderEpoch, Offset),
    pre_vote: bool,
) -> Request {
    vote_of(1, candidate, epoch, last, pre_vote)
}

fn vote_of(
    voter: i32,
    candidate: i32,
    epoch: LeaderEpoch,
    last: (LeaderEpoch, Offset),
    pre_vote: bool,
) -> Request {
    Request::Vote(VoteRequest {
        voter: key(voter),
        candidate: key(candidate),
        epoch,
        last_epoch: last.0,
        last_offset: last.1,
        pre_vote,
    })
}

fn fetch(replica: i32, epoch: LeaderEpoch, offset: Offset, last_epoch: LeaderEpoch) -> Request {
    Request::Fetch(FetchRequest {
        replica: key(replica),
        epoch,
        offset,
        last_epoch,
        high_watermark: Offset::MAX,
        max_wait_ms: 500,
        max_bytes: 1 << 20,
    })
}
