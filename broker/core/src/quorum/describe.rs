//! What the leader says about the quorum (`DescribeQuorum`).

use kastellan_protocol::ErrorCode;

use super::{
    Quorum,
    message::Standing,
    role::{Progress, Role},
    voters::{Endpoint, ReplicaKey},
};
use crate::id::{BrokerId, LeaderEpoch, Offset};

/// The quorum, as its leader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Who leads.
    pub leader: BrokerId,
    /// In which epoch.
    pub epoch: LeaderEpoch,
    /// One past the last committed offset.
    pub high_watermark: Offset,
    /// Those who vote.
    pub voters: Vec<ReplicaState>,
    /// Those who only follow, and have asked within the last five minutes.
    pub observers: Vec<ReplicaState>,
    /// Where the voters listen for their peers.
    pub nodes: Vec<(BrokerId, Vec<Endpoint>)>,
}

/// How far one replica is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplicaState {
    /// Which one.
    pub key: ReplicaKey,
    /// One past the last offset that it is known to have; -1: nothing is known.
    pub log_end: Offset,
    /// When it asked last, in milliseconds since 1970; -1: never.
    pub last_fetch: i64,
    /// When it last had everything, in milliseconds since 1970; -1: never.
    pub last_caught_up: i64,
}

/// How long an observer that does not ask is shown.
const SHOWN: std::time::Duration = std::time::Duration::from_mins(5);

impl Quorum {
    /// The quorum as it is now. Errors: 6 `NOT_LEADER_OR_FOLLOWER`, with who leads.
    pub fn describe(&self) -> Result<Description, Standing> {
        let Role::Leader(leader) = &self.role else {
            return Err(self.standing(Some(ErrorCode::NotLeaderOrFollower)));
        };
        let me = self.setup.me;
        let state = |key: ReplicaKey, progress: Option<&Progress>| ReplicaState {
            key,
            log_end: progress.map_or(-1, |progress| progress.end),
            last_fetch: progress.map_or(-1, |progress| progress.fetched_wall),
            last_caught_up: progress.map_or(-1, |progress| progress.caught_up_wall),
        };
        let now = self.now.wall;
        let own =
            ReplicaState { key: me, log_end: self.log.end, last_fetch: now, last_caught_up: now };
        let voters = self.voters().iter().map(|voter| {
            if voter.key.matches(me) {
                return own;
            }
            let known = leader.progress.iter().filter(|(key, _)| key.matches(voter.key));
            let newest = known.max_by_key(|(_, progress)| progress.fetched);
            state(newest.map_or(voter.key, |(key, _)| *key), newest.map(|(_, it)| it))
        });
        let recent = |progress: &Progress| !self.is_over(progress.fetched.after(SHOWN));
        let observers = leader
            .progress
            .iter()
            .filter(|(key, progress)| !self.voters().holds(**key) && recent(progress));
        let itself = (!self.is_voter()).then_some(own);
        Ok(Description {
            leader: me.id,
            epoch: self.stored.epoch,
            high_watermark: self.high_watermark,
            voters: voters.collect(),
            observers: itself
                .into_iter()
                .chain(observers.map(|(key, progress)| state(*key, Some(progress))))
                .collect(),
            nodes: self
                .voters()
                .iter()
                .map(|voter| (voter.key.id, self.endpoints_of(voter.key.id).to_vec()))
                .collect(),
        })
    }
}
