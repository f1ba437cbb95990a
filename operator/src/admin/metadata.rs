//! Which brokers and topics there are, and who leads what.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kastellan_protocol::ErrorCode;
use kastellan_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use kastellan_protocol::messages::metadata_request::MetadataRequestTopic;
use kastellan_protocol::messages::{DescribeQuorumRequest, MetadataRequest, TopicName};

use super::answer::outcome;
use super::{Admin, AdminError, Partition, text};

/// The cluster at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The cluster's id.
    pub cluster_id: Option<String>,
    /// The broker that the answer calls the controller; -1 for none.
    pub controller: i32,
    /// The brokers that are up, by id.
    pub brokers: BTreeMap<i32, Node>,
    /// The topics asked about that exist, by name.
    pub topics: BTreeMap<String, TopicState>,
}

/// Where a broker is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// `HOST:PORT`.
    pub address: String,
    /// Its rack.
    pub rack: Option<String>,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicState {
    /// Its id, as Kafka writes it (base64url).
    pub id: String,
    /// Whether it belongs to the brokers.
    pub internal: bool,
    /// Its partitions, by number.
    pub partitions: BTreeMap<i32, PartitionState>,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionState {
    /// The broker that leads it; -1 for none.
    pub leader: i32,
    /// The brokers that have it, the preferred leader first.
    pub replicas: Vec<i32>,
    /// Those of them that are in sync.
    pub isr: Vec<i32>,
    /// Those of them that are down.
    pub offline: Vec<i32>,
}

impl PartitionState {
    /// Whether it has a leader and all of its replicas are in sync.
    pub fn healthy(&self) -> bool {
        self.leader >= 0 && self.isr.len() == self.replicas.len() && self.offline.is_empty()
    }
}

impl Metadata {
    /// Who leads a partition.
    pub fn leader(&self, partition: &Partition) -> Option<i32> {
        let state = self.topics.get(&partition.0)?.partitions.get(&partition.1)?;
        (state.leader >= 0).then_some(state.leader)
    }

    /// All partitions of all topics that were asked about.
    pub fn partitions(&self) -> impl Iterator<Item = (Partition, &PartitionState)> {
        self.topics.iter().flat_map(|(name, topic)| {
            topic.partitions.iter().map(|(number, state)| ((name.clone(), *number), state))
        })
    }
}

impl Admin {
    /// The cluster with the topics named, or with all of them. Topics that do not exist are not in
    /// the answer; nothing is created.
    pub async fn metadata(&mut self, topics: Option<&[String]>) -> Result<Metadata, AdminError> {
        let deadline = self.deadline();
        loop {
            match self.metadata_once(topics).await {
                Err(why) if why.may_pass() && self.again(deadline).await => {}
                result => return result,
            }
        }
    }

    async fn metadata_once(&mut self, topics: Option<&[String]>) -> Result<Metadata, AdminError> {
        let named =
            |name: &String| MetadataRequestTopic::default().with_name(Some(TopicName(text(name))));
        let request = MetadataRequest::default()
            .with_topics(topics.map(|topics| topics.iter().map(named).collect()))
            .with_allow_auto_topic_creation(false);
        let answer = self.ask(None, 12, &request).await?;
        let brokers: BTreeMap<i32, Node> = answer
            .brokers
            .into_iter()
            .map(|broker| {
                let host = broker.host.as_str();
                let address = if host.contains(':') {
                    format!("[{host}]:{}", broker.port)
                } else {
                    format!("{host}:{}", broker.port)
                };
                let rack = broker.rack.map(|rack| rack.as_str().to_owned());
                (broker.node_id.0, Node { address, rack })
            })
            .collect();
        let mut found = BTreeMap::new();
        for topic in answer.topics {
            match outcome(topic.error_code, None) {
                Err(why) if why.is(ErrorCode::UnknownTopicOrPartition) => continue,
                // a topic in the middle of its creation has no leaders yet, and is there
                Err(why) if !why.is(ErrorCode::LeaderNotAvailable) => return Err(why.into()),
                _ => {}
            }
            let Some(name) = topic.name else { continue };
            let partitions = topic.partitions.into_iter().map(|partition| {
                let ids = |nodes: Vec<kastellan_protocol::messages::BrokerId>| {
                    nodes.into_iter().map(|id| id.0).collect()
                };
                let state = PartitionState {
                    leader: partition.leader_id.0,
                    replicas: ids(partition.replica_nodes),
                    isr: ids(partition.isr_nodes),
                    offline: ids(partition.offline_replicas),
                };
                (partition.partition_index, state)
            });
            let state = TopicState {
                id: URL_SAFE_NO_PAD.encode(topic.topic_id.as_bytes()),
                internal: topic.is_internal,
                partitions: partitions.collect(),
            };
            found.insert(name.as_str().to_owned(), state);
        }
        let known = brokers.iter().map(|(id, node)| (*id, node.address.clone())).collect();
        if self.nodes != known {
            self.links.retain(|node, link| {
                node.is_none_or(|id| known.get(&id).is_some_and(|at| at == link.address()))
            });
            self.nodes = known;
        }
        let cluster_id = answer.cluster_id.map(|id| id.as_str().to_owned());
        Ok(Metadata { cluster_id, controller: answer.controller_id.0, brokers, topics: found })
    }

    /// The leader of the metadata quorum, where the brokers tell (`DescribeQuorum`): the controller
    /// that a broker's metadata names is any broker since KIP-500.
    pub async fn quorum_leader(&mut self) -> Result<Option<i32>, AdminError> {
        if !self.serves::<DescribeQuorumRequest>(1) {
            return Ok(None);
        }
        let topic = TopicData::default()
            .with_topic_name(TopicName(text("__cluster_metadata")))
            .with_partitions(vec![PartitionData::default().with_partition_index(0)]);
        let request = DescribeQuorumRequest::default().with_topics(vec![topic]);
        let answer = self.ask(None, 1, &request).await?;
        let mut partitions = answer.topics.into_iter().flat_map(|topic| topic.partitions);
        Ok(partitions.next().filter(|one| one.error_code == 0).map(|one| one.leader_id.0))
    }
}
