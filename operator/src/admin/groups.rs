//! Consumer groups: which there are, who is in them, what they have read; and their offsets set.

use std::collections::BTreeMap;

use kastellan_protocol::ErrorCode;
use kastellan_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kastellan_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kastellan_protocol::messages::{
    ConsumerGroupDescribeRequest, DeleteGroupsRequest, DescribeGroupsRequest,
    FindCoordinatorRequest, GroupId, ListGroupsRequest, OffsetCommitRequest, OffsetFetchRequest,
    TopicName, describe_groups_response as classic,
};
use kastellan_protocol::primitive::Reader;
use kastellan_protocol::protocol::StrBytes;

use super::answer::outcome;
use super::{Admin, AdminError, Answers, Partition, Refusal, by_topic, text};

/// A group as the list of all groups has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// Kafka's name of its state, as in `Stable`.
    pub state: String,
    /// Its protocol: `classic`, or `consumer` for those of KIP-848.
    pub kind: String,
}

/// A group in full.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// Kafka's name of its state, as in `Stable`.
    pub state: String,
    /// What shares the partitions out, as in `range`; empty without members.
    pub assignor: String,
    /// The broker that coordinates it.
    pub coordinator: i32,
    /// Its members.
    pub members: Vec<Member>,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub id: String,
    /// What its client calls itself.
    pub client: String,
    /// Where it connects from.
    pub host: String,
    /// The partitions that it reads.
    pub assignment: Vec<Partition>,
}

/// Something about each group, or why there is nothing.
type OfEach<T> = BTreeMap<String, Result<T, Refusal>>;

fn group(id: &str) -> GroupId {
    GroupId(text(id))
}

impl Admin {
    /// All groups of the cluster, by id.
    pub async fn list_groups(&mut self) -> Result<Vec<Listed>, AdminError> {
        if self.nodes.is_empty() {
            self.metadata(Some(&[])).await?;
        }
        let request = ListGroupsRequest::default();
        let requests = self.nodes.keys().map(|id| (*id, request.clone())).collect();
        let mut groups = Vec::new();
        for (_, answer) in self.ask_each(5, &requests).await {
            let answer = answer?;
            outcome(answer.error_code, None)?;
            groups.extend(answer.groups.into_iter().map(|group| Listed {
                id: group.group_id.as_str().to_owned(),
                state: group.group_state.as_str().to_owned(),
                kind: group.group_type.as_str().to_owned(),
            }));
        }
        groups.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(groups)
    }

    /// The broker that coordinates each group.
    pub(super) async fn coordinators(&mut self, ids: &[String]) -> Result<OfEach<i32>, AdminError> {
        let deadline = self.deadline();
        loop {
            if self.nodes.is_empty() {
                self.metadata(Some(&[])).await?;
            }
            let request = FindCoordinatorRequest::default()
                .with_key_type(0)
                .with_coordinator_keys(ids.iter().map(|id| text(id)).collect());
            let answer = self.ask(None, 4, &request).await?;
            let found: OfEach<i32> = answer
                .coordinators
                .into_iter()
                .map(|one| {
                    let outcome = outcome(one.error_code, one.error_message.as_ref());
                    (one.key.as_str().to_owned(), outcome.map(|()| one.node_id.0))
                })
                .collect();
            let mut refused = found.values().filter_map(|answer| answer.as_ref().err());
            if refused.any(|why| why.retriable) && self.again(deadline).await {
                continue;
            }
            return Ok(found);
        }
    }

    /// The groups by their coordinators; those without one with the reason.
    async fn at_home(
        &mut self,
        ids: &[String],
    ) -> Result<(BTreeMap<i32, Vec<String>>, Vec<(String, Refusal)>), AdminError> {
        let (mut homes, mut lost) = (BTreeMap::<i32, Vec<String>>::new(), Vec::new());
        if ids.is_empty() {
            return Ok((homes, lost));
        }
        for (id, node) in self.coordinators(ids).await? {
            match node {
                Ok(node) => homes.entry(node).or_default().push(id),
                Err(why) => lost.push((id, why)),
            }
        }
        Ok((homes, lost))
    }

    /// The groups in full. One that does not exist is refused with `GroupIdNotFound`.
    pub async fn describe_groups(
        &mut self,
        groups: &[Listed],
    ) -> Result<OfEach<Group>, AdminError> {
        let ids = |consumer: bool| -> Vec<String> {
            let chosen = groups.iter().filter(|one| (one.kind == "consumer") == consumer);
            chosen.map(|one| one.id.clone()).collect()
        };
        let mut found = OfEach::new();
        let (homes, lost) = self.at_home(&ids(false)).await?;
        found.extend(lost.into_iter().map(|(id, why)| (id, Err(why))));
        for (node, ids) in homes {
            let request = DescribeGroupsRequest::default()
                .with_groups(ids.iter().map(|id| group(id)).collect());
            for one in self.ask(Some(node), 5, &request).await?.groups {
                let id = one.group_id.as_str().to_owned();
                let outcome = match outcome(one.error_code, one.error_message.as_ref()) {
                    // up to version 5 a group that is not there is dead
                    Ok(()) if one.group_state.as_str() == "Dead" => {
                        outcome(ErrorCode::GroupIdNotFound.code(), None)
                    }
                    outcome => outcome,
                };
                found.insert(id, outcome.map(|()| classic_group(one, node)));
            }
        }
        let (homes, lost) = self.at_home(&ids(true)).await?;
        found.extend(lost.into_iter().map(|(id, why)| (id, Err(why))));
        for (node, ids) in homes {
            let request = ConsumerGroupDescribeRequest::default()
                .with_group_ids(ids.iter().map(|id| group(id)).collect());
            for one in self.ask(Some(node), 0, &request).await?.groups {
                let id = one.group_id.as_str().to_owned();
                let outcome = outcome(one.error_code, one.error_message.as_ref());
                let members = one.members.into_iter().map(|member| Member {
                    id: member.member_id.as_str().to_owned(),
                    client: member.client_id.as_str().to_owned(),
                    host: member.client_host.as_str().to_owned(),
                    assignment: member
                        .assignment
                        .topic_partitions
                        .into_iter()
                        .flat_map(|topic| places(&topic.topic_name, &topic.partitions))
                        .collect(),
                });
                let described = Group {
                    state: one.group_state.as_str().to_owned(),
                    assignor: one.assignor_name.as_str().to_owned(),
                    coordinator: node,
                    members: members.collect(),
                };
                found.insert(id, outcome.map(|()| described));
            }
        }
        Ok(found)
    }

    /// What each group has committed.
    pub async fn committed(
        &mut self,
        ids: &[String],
    ) -> Result<OfEach<BTreeMap<Partition, i64>>, AdminError> {
        let (homes, lost) = self.at_home(ids).await?;
        let mut found: OfEach<_> = lost.into_iter().map(|(id, why)| (id, Err(why))).collect();
        for (node, ids) in homes {
            let groups = ids.iter().map(|id| {
                OffsetFetchRequestGroup::default().with_group_id(group(id)).with_topics(None)
            });
            let request = OffsetFetchRequest::default().with_groups(groups.collect());
            for one in self.ask(Some(node), 8, &request).await?.groups {
                let offsets = one.topics.into_iter().flat_map(|topic| {
                    let name = topic.name.as_str().to_owned();
                    let known =
                        topic.partitions.into_iter().filter(|one| one.committed_offset >= 0);
                    known
                        .map(move |one| ((name.clone(), one.partition_index), one.committed_offset))
                });
                let outcome = outcome(one.error_code, None);
                let id = one.group_id.as_str().to_owned();
                found.insert(id, outcome.map(|()| offsets.collect()));
            }
        }
        Ok(found)
    }

    /// Sets offsets of a group; `member` is who does it, and its generation: nobody for a group
    /// without members.
    pub async fn commit(
        &mut self,
        id: &str,
        member: Option<(&str, i32)>,
        offsets: &BTreeMap<Partition, i64>,
    ) -> Result<BTreeMap<Partition, Result<(), Refusal>>, AdminError> {
        let node = self.coordinator(id).await?;
        let topics = by_topic(offsets.iter().map(|(place, offset)| (place.clone(), *offset)));
        let topics = topics.into_iter().map(|(topic, partitions)| {
            let partitions = partitions.into_iter().map(|(number, offset)| {
                OffsetCommitRequestPartition::default()
                    .with_partition_index(number)
                    .with_committed_offset(offset)
                    .with_committed_metadata(Some(text("")))
            });
            OffsetCommitRequestTopic::default()
                .with_name(TopicName(text(&topic)))
                .with_partitions(partitions.collect())
        });
        let (member_id, generation) = member.unwrap_or(("", -1));
        let request = OffsetCommitRequest::default()
            .with_group_id(group(id))
            .with_member_id(text(member_id))
            .with_generation_id_or_member_epoch(generation)
            .with_topics(topics.collect());
        let answer = self.ask(Some(node), 8, &request).await?;
        let answers = answer.topics.into_iter().flat_map(|topic| {
            let name = topic.name.as_str().to_owned();
            topic.partitions.into_iter().map(move |one| {
                ((name.clone(), one.partition_index), outcome(one.error_code, None))
            })
        });
        Ok(answers.collect())
    }

    /// The broker that coordinates one group.
    pub(super) async fn coordinator(&mut self, id: &str) -> Result<i32, AdminError> {
        let mut found = self.coordinators(&[id.to_owned()]).await?;
        Ok(found.remove(id).ok_or(AdminError::Foreign)??)
    }

    /// Deletes groups and their offsets.
    pub async fn delete_groups(&mut self, ids: &[String]) -> Result<Answers, AdminError> {
        let (homes, lost) = self.at_home(ids).await?;
        let mut answers: Answers = lost.into_iter().map(|(id, why)| (id, Err(why))).collect();
        for (node, ids) in homes {
            let request = DeleteGroupsRequest::default()
                .with_groups_names(ids.iter().map(|id| group(id)).collect());
            for one in self.ask(Some(node), 2, &request).await?.results {
                answers.insert(one.group_id.as_str().to_owned(), outcome(one.error_code, None));
            }
        }
        Ok(answers)
    }
}

fn classic_group(group: classic::DescribedGroup, coordinator: i32) -> Group {
    let owned = |text: StrBytes| text.as_str().to_owned();
    let members = group.members.into_iter().map(|member| Member {
        id: owned(member.member_id),
        client: owned(member.client_id),
        host: owned(member.client_host),
        assignment: assignment(&member.member_assignment),
    });
    Group {
        state: owned(group.group_state),
        assignor: owned(group.protocol_data),
        coordinator,
        members: members.collect(),
    }
}

/// What a leader has given to a member. Any client can have written anything there, and other kinds
/// of groups write other things: what is no assignment is none.
pub(super) fn assignment(bytes: &[u8]) -> Vec<Partition> {
    let mut reader = Reader::new(bytes);
    let mut found = Vec::new();
    // what was read before the bytes end is not worth more than nothing
    if read_assignment(&mut reader, &mut found).is_none() {
        found.clear();
    }
    found
}

/// `ConsumerProtocolAssignment`, of every version: version, topics with their partitions.
fn read_assignment(reader: &mut Reader<'_>, found: &mut Vec<Partition>) -> Option<()> {
    reader.i16().ok()?;
    // counts are believed only as far as bytes follow
    for _ in 0..reader.array_len(6).ok()? {
        let topic = reader.string().ok()?;
        for _ in 0..reader.array_len(4).ok()? {
            found.push((topic.to_owned(), reader.i32().ok()?));
        }
    }
    Some(())
}

fn places(topic: &TopicName, partitions: &[i32]) -> Vec<Partition> {
    partitions.iter().map(|number| (topic.as_str().to_owned(), *number)).collect()
}
