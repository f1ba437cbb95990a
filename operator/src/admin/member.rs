//! Being a member of a consumer group: the classic protocol, with the assignor `range`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use kastellan_protocol::ErrorCode;
use kastellan_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kastellan_protocol::messages::join_group_response::JoinGroupResponse;
use kastellan_protocol::messages::leave_group_request::MemberIdentity;
use kastellan_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kastellan_protocol::messages::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, GroupId, HeartbeatRequest,
    JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest, TopicName, consumer_protocol_assignment,
};
use kastellan_protocol::primitive::Reader;
use kastellan_protocol::protocol::Encodable as _;

use super::answer::outcome;
use super::groups::assignment;
use super::{Admin, AdminError, Partition, Refusal, text};

/// A member that is silent for this long is taken for gone. Kafka's default.
const SESSION: Duration = Duration::from_secs(45);
/// Members have this long to come back when the group is shared out anew; no longer than an answer
/// may take.
const REBALANCE: Duration = Duration::from_secs(20);

/// A place in a group, until the next rebalance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The group.
    pub group: String,
    /// The member's id, given by the coordinator.
    pub id: String,
    /// Counts the rebalances.
    pub generation: i32,
    /// What this member reads.
    pub assignment: Vec<Partition>,
}

impl Membership {
    /// How often to send a heartbeat.
    pub const HEARTBEAT: Duration = Duration::from_secs(3);
}

impl Admin {
    /// Joins a group that reads `topic`; `id` is empty, or the id that this member had before.
    /// Waits for the rebalance to end.
    pub async fn join(
        &mut self,
        group: &str,
        topic: &str,
        id: &str,
    ) -> Result<Membership, AdminError> {
        let deadline = self.deadline();
        let mut id = id.to_owned();
        loop {
            match self.join_once(group, topic, &mut id).await {
                Ok(membership) => return Ok(membership),
                Err(AdminError::Refused(why)) if comes_back(&why, &mut id) => {
                    if !self.again(deadline).await {
                        return Err(why.into());
                    }
                }
                Err(why) => return Err(why),
            }
        }
    }

    async fn join_once(
        &mut self,
        group: &str,
        topic: &str,
        id: &mut String,
    ) -> Result<Membership, AdminError> {
        let node = self.coordinator(group).await?;
        let protocol = JoinGroupRequestProtocol::default()
            .with_name(text("range"))
            .with_metadata(subscription(topic));
        let request = JoinGroupRequest::default()
            .with_group_id(GroupId(text(group)))
            .with_session_timeout_ms(millis(SESSION))
            .with_rebalance_timeout_ms(millis(REBALANCE))
            .with_protocol_type(text("consumer"))
            .with_protocols(vec![protocol]);
        let mut joined = self.ask(Some(node), 7, &request.clone().with_member_id(text(id))).await?;
        if joined.error_code == ErrorCode::MemberIdRequired.code() {
            // KIP-394: the coordinator names us, and waits for us under that name
            joined.member_id.as_str().clone_into(id);
            joined = self.ask(Some(node), 7, &request.with_member_id(text(id))).await?;
        }
        outcome(joined.error_code, None)?;
        joined.member_id.as_str().clone_into(id);
        let shares = if joined.leader == joined.member_id {
            self.shares(&joined).await?
        } else {
            Vec::new()
        };
        let request = SyncGroupRequest::default()
            .with_group_id(GroupId(text(group)))
            .with_generation_id(joined.generation_id)
            .with_member_id(joined.member_id.clone())
            .with_protocol_type(Some(text("consumer")))
            .with_protocol_name(joined.protocol_name.clone())
            .with_assignments(shares);
        let synced = self.ask(Some(node), 5, &request).await?;
        outcome(synced.error_code, None)?;
        Ok(Membership {
            group: group.to_owned(),
            id: id.clone(),
            generation: joined.generation_id,
            assignment: assignment(&synced.assignment),
        })
    }

    /// The leader's part: what each member is to read.
    async fn shares(
        &mut self,
        joined: &JoinGroupResponse,
    ) -> Result<Vec<SyncGroupRequestAssignment>, AdminError> {
        let members: BTreeMap<String, Vec<String>> = joined
            .members
            .iter()
            .map(|member| (member.member_id.as_str().to_owned(), topics(&member.metadata)))
            .collect();
        let named: BTreeSet<String> = members.values().flatten().cloned().collect();
        let named: Vec<String> = named.into_iter().collect();
        let metadata = self.metadata(Some(&named)).await?;
        let counts = metadata.topics.iter().map(|(name, topic)| {
            (name.clone(), topic.partitions.keys().copied().collect::<Vec<i32>>())
        });
        let shares = range(&members, &counts.collect());
        let share = |(id, share): (String, BTreeMap<String, Vec<i32>>)| {
            let topics = share.into_iter().map(|(topic, partitions)| {
                consumer_protocol_assignment::TopicPartition::default()
                    .with_topic(TopicName(text(&topic)))
                    .with_partitions(partitions)
            });
            let assignment =
                ConsumerProtocolAssignment::default().with_assigned_partitions(topics.collect());
            let mut bytes = BytesMut::new();
            bytes.put_i16(0);
            assignment
                .encode(&mut bytes, 0)
                .expect("version 0 has every field that is set, and names are short");
            SyncGroupRequestAssignment::default()
                .with_member_id(text(&id))
                .with_assignment(bytes.freeze())
        };
        Ok(shares.into_iter().map(share).collect())
    }

    /// Says that this member lives; whether it still has its place. `false`: join anew.
    pub async fn heartbeat(&mut self, member: &Membership) -> Result<bool, AdminError> {
        let node = self.coordinator(&member.group).await?;
        let request = HeartbeatRequest::default()
            .with_group_id(GroupId(text(&member.group)))
            .with_generation_id(member.generation)
            .with_member_id(text(&member.id));
        let answer = self.ask(Some(node), 4, &request).await?;
        match outcome(answer.error_code, None) {
            Ok(()) => Ok(true),
            Err(why) if why.retriable || comes_back(&why, &mut String::new()) => Ok(false),
            Err(why) => Err(why.into()),
        }
    }

    /// Leaves the group, so that the others need not wait for a silence to end.
    pub async fn leave(&mut self, member: &Membership) -> Result<(), AdminError> {
        let node = self.coordinator(&member.group).await?;
        let identity = MemberIdentity::default().with_member_id(text(&member.id));
        let request = LeaveGroupRequest::default()
            .with_group_id(GroupId(text(&member.group)))
            .with_members(vec![identity]);
        let answer = self.ask(Some(node), 4, &request).await?;
        Ok(outcome(answer.error_code, None)?)
    }
}

/// Whether a refused member comes back, and under which id.
fn comes_back(why: &Refusal, id: &mut String) -> bool {
    if why.is(ErrorCode::UnknownMemberId) {
        id.clear();
        return true;
    }
    why.retriable || why.is(ErrorCode::RebalanceInProgress) || why.is(ErrorCode::IllegalGeneration)
}

fn millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}

fn subscription(topic: &str) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(0);
    ConsumerProtocolSubscription::default()
        .with_topics(vec![text(topic)])
        .encode(&mut bytes, 0)
        .expect("version 0 has every field that is set, and names are short");
    bytes.freeze()
}

/// What a member wants to read (`ConsumerProtocolSubscription`, of every version), as far as it can
/// be read: any client can have written anything there.
fn topics(bytes: &[u8]) -> Vec<String> {
    let mut reader = Reader::new(bytes);
    let (Ok(_version), Ok(count)) = (reader.i16(), reader.array_len(2)) else {
        return Vec::new();
    };
    let mut topics = Vec::new();
    for _ in 0..count {
        let Ok(topic) = reader.string() else { break };
        topics.push(topic.to_owned());
    }
    topics
}

/// Kafka's `range`: of each topic every subscriber gets a run of partitions, the first ones one
/// more than the others.
fn range(
    members: &BTreeMap<String, Vec<String>>,
    partitions: &BTreeMap<String, Vec<i32>>,
) -> BTreeMap<String, BTreeMap<String, Vec<i32>>> {
    let mut shares: BTreeMap<String, BTreeMap<String, Vec<i32>>> =
        members.keys().map(|id| (id.clone(), BTreeMap::new())).collect();
    for (topic, numbers) in partitions {
        let readers: Vec<&String> =
            members.iter().filter(|(_, topics)| topics.contains(topic)).map(|(id, _)| id).collect();
        let mut rest = numbers.as_slice();
        for (place, id) in readers.iter().enumerate() {
            let (share, others) = rest.split_at(rest.len().div_ceil(readers.len() - place));
            rest = others;
            if let Some(shares) = shares.get_mut(*id).filter(|_| !share.is_empty()) {
                shares.insert(topic.clone(), share.to_vec());
            }
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_is_read_by_one_subscriber_and_the_first_ones_get_more() {
        let all = vec!["t".to_owned()];
        let members: BTreeMap<_, _> =
            ["a", "b", "c"].map(|id| (id.to_owned(), all.clone())).into_iter().collect();
        let partitions = BTreeMap::from([("t".to_owned(), (0..5).collect::<Vec<i32>>())]);
        let shares = range(&members, &partitions);
        let of = |id: &str| shares[id]["t"].clone();
        assert_eq!((of("a"), of("b"), of("c")), (vec![0, 1], vec![2, 3], vec![4]));
        let one = BTreeMap::from([("t".to_owned(), vec![7])]);
        assert_eq!(range(&members, &one)["a"]["t"], [7]);
        assert!(range(&members, &one)["c"].is_empty());
    }

    #[test]
    fn a_subscription_is_read_as_it_was_written() {
        assert_eq!(topics(&subscription("greetings")), ["greetings"]);
    }

    #[test]
    fn what_another_member_writes_costs_no_more_than_its_bytes() {
        let hostile: [&[u8]; 4] =
            [&[0], &[0, 0, 0x7f, 0xff, 0xff, 0xff], &[0, 0, 0x80, 0, 0, 0], &[0xff; 9]];
        for bytes in hostile {
            assert!(topics(bytes).is_empty() && assignment(bytes).is_empty(), "{bytes:?}");
        }
        let endless = [&[0, 0, 0, 0, 0, 1, 0, 1, b't'][..], &[0x7f; 12]].concat();
        assert!(assignment(&endless).is_empty());
    }
}
