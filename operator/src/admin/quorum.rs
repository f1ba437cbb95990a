//! Who decides over the metadata, and how that changes (KIP-595, KIP-853).

use std::collections::{BTreeMap, BTreeSet};

use kastellan_core::id::{uuid_from_text, uuid_to_text};
use kastellan_protocol::ErrorCode;
use kastellan_protocol::messages::add_raft_voter_request::Listener;
use kastellan_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use kastellan_protocol::messages::describe_quorum_response::{PartitionData as Told, ReplicaState};
use kastellan_protocol::messages::{
    AddRaftVoterRequest, DescribeQuorumRequest, RemoveRaftVoterRequest, TopicName,
};

use super::answer::outcome;
use super::{Admin, AdminError, text};

/// Who votes at the moment, and who could. Directories are ids as Kafka writes them (base64url).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quorum {
    /// The active controller.
    pub leader: i32,
    /// The directory of each voter, by node id.
    pub voters: BTreeMap<i32, String>,
    /// The directories of those who follow and do not vote. A voter is among them, too, once it
    /// follows with another directory than the one that it votes with: that one is lost.
    pub observers: BTreeMap<i32, String>,
    /// The voters that have all that is committed, and have asked for more a moment ago.
    pub current: BTreeSet<i32>,
}

/// How long ago a voter may have asked for more, in milliseconds. It asks at least every half of
/// `controller.quorum.fetch.timeout.ms`, whose default is two seconds.
const RECENT_MS: i64 = 10_000;

impl Quorum {
    /// What the leader tells. Of two directories of a node the one counts that asked last, as the
    /// leader tells of the other one for some minutes more.
    fn of(told: &Told) -> Self {
        let id = |state: &ReplicaState| state.replica_id.0;
        let asked = |state: &ReplicaState| state.last_fetch_timestamp;
        let directory = |state: &ReplicaState| uuid_to_text(state.replica_directory_id);
        let (voters, observers) = (&told.current_voters, &told.observers);
        let now = voters.iter().chain(observers).map(asked).max().unwrap_or_default();
        let mut newest: BTreeMap<i32, &ReplicaState> = BTreeMap::new();
        // a voter comes first: it counts where nobody asked later
        for state in voters.iter().chain(observers) {
            let known = newest.entry(id(state)).or_insert(state);
            if asked(state) > asked(known) {
                *known = state;
            }
        }
        let seated = |state: &ReplicaState| {
            voters.iter().any(|voter| {
                id(voter) == id(state) && voter.replica_directory_id == state.replica_directory_id
            })
        };
        let is_current = |state: &ReplicaState| {
            state.log_end_offset >= told.high_watermark && now - asked(state) <= RECENT_MS
        };
        let (voting, following): (Vec<_>, Vec<_>) =
            newest.into_values().partition(|state| seated(state));
        Self {
            leader: told.leader_id.0,
            voters: voters.iter().map(|state| (id(state), directory(state))).collect(),
            observers: following.iter().map(|state| (id(state), directory(state))).collect(),
            current: voting.into_iter().filter(|state| is_current(state)).map(id).collect(),
        }
    }
}

/// A change of who votes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Vote {
    /// A node gets a vote.
    Give {
        /// Its node id.
        id: i32,
        /// The directory that it votes with.
        directory: String,
        /// Where its peers find it.
        host: String,
        /// The port of its listener for them.
        port: u16,
    },
    /// A voter votes no more.
    Take {
        /// Its node id.
        id: i32,
        /// The directory that it voted with.
        directory: String,
    },
}

impl Admin {
    /// Who votes. `None` where brokers do not tell, or nobody leads at the moment.
    pub async fn quorum(&mut self) -> Result<Option<Quorum>, AdminError> {
        if !self.serves::<DescribeQuorumRequest>(2) {
            return Ok(None);
        }
        let topic = TopicData::default()
            .with_topic_name(TopicName(text("__cluster_metadata")))
            .with_partitions(vec![PartitionData::default().with_partition_index(0)]);
        let request = DescribeQuorumRequest::default().with_topics(vec![topic]);
        let answer = self.ask(None, 2, &request).await?;
        let mut partitions = answer.topics.into_iter().flat_map(|topic| topic.partitions);
        let known = partitions.next().filter(|one| answer.error_code == 0 && one.error_code == 0);
        Ok(known.map(|one| Quorum::of(&one)))
    }

    /// Changes who votes. That it is so already is no refusal, nor is that it cannot be at the
    /// moment: another change is under way, or the node has not caught up.
    pub async fn vote(&mut self, vote: &Vote) -> Result<(), AdminError> {
        let answer = match vote {
            Vote::Give { id, directory, host, port } => {
                let listener = Listener::default()
                    .with_name(text("PEER"))
                    .with_host(text(host))
                    .with_port(*port);
                let request = AddRaftVoterRequest::default()
                    .with_cluster_id(None)
                    .with_timeout_ms(self.timeout_ms())
                    .with_voter_id(*id)
                    .with_voter_directory_id(uuid_from_text(directory).unwrap_or_default())
                    .with_listeners(vec![listener]);
                let answer = self.ask(None, 0, &request).await?;
                outcome(answer.error_code, answer.error_message.as_ref())
            }
            Vote::Take { id, directory } => {
                let request = RemoveRaftVoterRequest::default()
                    .with_cluster_id(None)
                    .with_voter_id(*id)
                    .with_voter_directory_id(uuid_from_text(directory).unwrap_or_default());
                let answer = self.ask(None, 0, &request).await?;
                outcome(answer.error_code, answer.error_message.as_ref())
            }
        };
        let so_already = [ErrorCode::DuplicateVoter, ErrorCode::VoterNotFound];
        match answer {
            Err(why) if !why.retriable && !so_already.iter().any(|code| why.is(*code)) => {
                Err(why.into())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use kastellan_core::id::Uuid;
    use kastellan_protocol::messages::BrokerId;

    use super::*;

    fn state(id: i32, directory: u128, end: i64, asked: i64) -> ReplicaState {
        ReplicaState::default()
            .with_replica_id(BrokerId(id))
            .with_replica_directory_id(Uuid::from_u128(directory))
            .with_log_end_offset(end)
            .with_last_fetch_timestamp(asked)
    }

    fn told(voters: Vec<ReplicaState>, observers: Vec<ReplicaState>) -> Quorum {
        let told = Told::default().with_leader_id(BrokerId(0)).with_high_watermark(9);
        Quorum::of(&told.with_current_voters(voters).with_observers(observers))
    }

    fn ids(of: &BTreeMap<i32, String>) -> Vec<i32> {
        of.keys().copied().collect()
    }

    #[test]
    fn a_voter_is_current_that_has_all_and_asks_for_more() {
        let now = 1_000_000;
        let voters = vec![
            state(0, 10, 12, now),
            state(1, 11, 9, now - 1000),
            state(2, 12, 8, now),
            state(3, 13, 9, now - 10_001),
            state(4, 14, -1, -1),
        ];
        let quorum = told(voters, vec![state(5, 15, 9, now)]);
        assert_eq!(quorum.leader, 0);
        assert_eq!(ids(&quorum.voters), [0, 1, 2, 3, 4]);
        assert_eq!(ids(&quorum.observers), [5]);
        assert_eq!(quorum.current, BTreeSet::from([0, 1]));
    }

    #[test]
    fn of_two_directories_of_a_node_the_one_counts_that_asked_last() {
        let now = 1_000_000;
        let leader = || state(0, 10, 9, now);
        // the vote is that of a directory that is gone, and so is a second one
        let observers = vec![state(1, 21, 9, now), state(1, 31, 9, now - 60_000)];
        let quorum = told(vec![leader(), state(1, 11, 9, now - 90_000)], observers);
        assert_eq!(quorum.observers, BTreeMap::from([(1, uuid_to_text(Uuid::from_u128(21)))]));
        assert_eq!(quorum.voters[&1], uuid_to_text(Uuid::from_u128(11)));
        assert_eq!(quorum.current, BTreeSet::from([0]));
        // it votes with the newest, and the leader has not forgotten the others
        let observers = vec![state(1, 11, 9, now - 90_000), state(1, 31, 9, now - 60_000)];
        let quorum = told(vec![leader(), state(1, 21, 9, now)], observers);
        assert_eq!(ids(&quorum.observers), Vec::<i32>::new());
        assert_eq!(quorum.current, BTreeSet::from([0, 1]));
    }
}
