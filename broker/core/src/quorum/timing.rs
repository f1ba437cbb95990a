//! How long a replica waits, and what it does when the time is up.

use std::time::Duration;

use super::{Quorum, role::Role};
use crate::machine::Millis;

/// A leader that no majority fetches from for this many halves of the fetch timeout resigns.
const CHECK_QUORUM_HALVES: u32 = 3;

/// A replica changes its part at most so often at one moment.
const TURNS: usize = 4;

/// How long to wait for what. The names are those of Kafka's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// `controller.quorum.election.timeout.ms`: how long a voter waits for a leader, or for votes;
    /// it waits up to twice as long, by chance.
    pub election: Duration,
    /// `controller.quorum.fetch.timeout.ms`: how long a follower waits for its leader, and the
    /// leader, half as long again, for a majority.
    pub fetch: Duration,
    /// `controller.quorum.request.timeout.ms`: how long a request may go without an answer.
    pub request: Duration,
    /// `controller.quorum.retry.backoff.ms`: how long to wait after a failure.
    pub retry: Duration,
    /// How long the leader holds a fetch for which there is nothing new; below half of `fetch`.
    pub wait: Duration,
}

impl Default for Timeouts {
    /// Kafka's defaults.
    fn default() -> Self {
        Self {
            election: Duration::from_secs(1),
            fetch: Duration::from_secs(2),
            request: Duration::from_secs(2),
            retry: Duration::from_millis(20),
            wait: Duration::from_millis(500),
        }
    }
}

/// How many pauses after a failure two voters that miss one leader leave between them.
const STEP: u32 = 5;

/// Numbers from the randomness of one input (splitmix64).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Draw(u64);

impl Draw {
    pub(super) fn new(random: u64) -> Self {
        Self(random)
    }

    /// A number below `bound`; 0 where there is none.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound.max(1)
    }
}

impl Quorum {
    pub(super) fn after(&self, wait: Duration) -> Millis {
        self.now.monotonic.after(wait)
    }

    pub(super) fn is_over(&self, until: Millis) -> bool {
        until <= self.now.monotonic
    }

    /// How long it lets `place` others stand for election first, so that not all do at once and
    /// split the votes.
    pub(super) fn after_others(&self, place: usize) -> Duration {
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        let step = self.setup.timeouts.retry * STEP;
        step.saturating_mul(place).min(self.setup.timeouts.election)
    }

    /// How long it lets others stand for election where nobody has said who is the best: those with
    /// a smaller id. A leader answers all who have what it has at the same time, so they miss it at
    /// the same time, too.
    pub(super) fn turn(&self) -> Duration {
        let (me, leader) = (self.setup.me.id, self.stored.leader);
        let before = |id: crate::id::BrokerId| id < me && Some(id) != leader;
        self.after_others(self.voters().iter().filter(|voter| before(voter.key.id)).count())
    }

    /// When a follower gives up a leader that it hears no more of.
    pub(super) fn patience(&self) -> Millis {
        self.after(self.setup.timeouts.fetch + self.turn())
    }

    /// When this election is over: some time between one timeout from now and two.
    pub(super) fn election_ends(&mut self) -> Millis {
        let least = self.setup.timeouts.election;
        let more = u64::try_from(least.as_millis()).unwrap_or(u64::MAX);
        let more = Duration::from_millis(self.draw.below(more));
        self.after(least + more)
    }

    /// Does what is due, and what is due because of that.
    pub(super) fn keep_time(&mut self) {
        self.expire_requests();
        for _ in 0..TURNS {
            self.keep_role();
            if self.next_deadline().is_none_or(|next| !self.is_over(next)) {
                break;
            }
        }
    }

    fn keep_role(&mut self) {
        match &self.role {
            Role::Unattached(unattached) => {
                let (until, ask_at) = (unattached.until, unattached.ask_at);
                if self.may_lead() && self.is_over(until) {
                    self.ask_around();
                } else if self.is_over(ask_at) {
                    self.look_for_leader();
                }
            }
            Role::Prospective(campaign) | Role::Candidate(campaign) => {
                let until = campaign.until;
                if !self.may_lead() {
                    self.unattach(self.stored.epoch);
                } else if self.is_over(until) {
                    self.ask_around();
                }
            }
            Role::Leader(_) => self.keep_leading(),
            Role::Follower(follower) => {
                let until = follower.until;
                if !self.is_over(until) {
                    self.keep_following();
                } else if self.may_lead() {
                    self.ask_around();
                } else {
                    self.unattach(self.stored.epoch);
                }
            }
        }
    }

    /// When the leader has to have been asked by a majority.
    pub(super) fn check_quorum_at(&self) -> Option<Millis> {
        let Role::Leader(leader) = &self.role else { return None };
        let voters = self.voters();
        let mut asked: Vec<_> = voters
            .iter()
            .map(|voter| {
                if voter.key.matches(self.setup.me) {
                    return self.now.monotonic;
                }
                let known = leader.progress.iter().filter(|(key, _)| key.matches(voter.key));
                known.map(|(_, progress)| progress.fetched).max().unwrap_or(leader.since)
            })
            .collect();
        asked.sort_unstable_by(|a, b| b.cmp(a));
        let by_majority = asked.get(voters.majority() - 1).copied()?;
        let most = self.setup.timeouts.fetch * CHECK_QUORUM_HALVES / 2;
        // a leader alone waits for nobody
        (voters.len() > 1 || !self.is_voter()).then(|| by_majority.max(leader.since).after(most))
    }

    /// Whether a majority has asked this leader for something within half a fetch timeout. One that
    /// nobody asks resigns later; until then it cannot know whether another one decides by now.
    pub fn is_backed(&self, now: Millis) -> bool {
        self.check_quorum_at().is_none_or(|at| now.after(self.setup.timeouts.fetch) <= at)
    }

    pub(super) fn next_deadline(&self) -> Option<Millis> {
        let requests = self.outstanding.values().map(|request| request.until).min();
        let mine = match &self.role {
            Role::Unattached(unattached) => {
                let asked = self.asks_for_leader().then_some(unattached.ask_at);
                let until = self.may_lead().then_some(unattached.until);
                [asked, until].into_iter().flatten().min()
            }
            Role::Prospective(campaign) | Role::Candidate(campaign) => Some(campaign.until),
            Role::Leader(leader) => {
                let parked = leader.parked.iter().map(|parked| parked.until).min();
                let begin = (self.voters().len() > 1).then_some(leader.begin_at);
                [self.check_quorum_at(), parked, begin].into_iter().flatten().min()
            }
            Role::Follower(follower) => {
                let fetch = self.may_fetch().then_some(follower.fetch_at);
                Some(fetch.map_or(follower.until, |at| at.min(follower.until)))
            }
        };
        [requests, mine].into_iter().flatten().min()
    }
}
