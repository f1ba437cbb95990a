//! What a fleet says of itself to any client.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use kafka_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{DescribeQuorumRequest, FindCoordinatorRequest, MetadataRequest};

use super::Fleet;
use crate::batch;
use crate::wire::{Wire, text};

/// How long a broker may take to hear of what another one has answered.
const KNOWN: Duration = Duration::from_secs(30);

/// What is known of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Who leads; -1: nobody.
    pub leader: i32,
    /// Who is in sync, in the order of ids.
    pub in_sync: Vec<i32>,
    /// Who holds it.
    pub replicas: Vec<i32>,
}

/// What is known of a topic's partitions, by their numbers.
pub type Partitions = BTreeMap<i32, Known>;

impl Fleet {
    /// The first answer of a broker that runs.
    fn ask<T>(&self, ask: impl Fn(&mut Wire) -> Result<T>) -> Result<T> {
        let mut last = None;
        for node in self.nodes.iter().filter(|node| node.process.is_some() && !node.stopped) {
            match Wire::connect(node.address).and_then(|mut wire| ask(&mut wire)) {
                Ok(answer) => return Ok(answer),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("no broker runs")?)
    }

    /// A topic's partitions.
    pub fn partitions(&self, topic: &str) -> Result<Partitions> {
        self.ask(|wire| partitions(wire, topic))
    }

    /// The same as one broker sees it.
    pub fn partitions_at(&self, id: i32, topic: &str) -> Result<Partitions> {
        partitions(&mut Wire::connect(self.address(id)?)?, topic)
    }

    /// Which broker is the active controller.
    pub fn controller(&self) -> Result<i32> {
        self.ask(|wire| {
            let partition = PartitionData::default().with_partition_index(0);
            let topic = TopicData::default()
                .with_topic_name(text("__cluster_metadata").into())
                .with_partitions(vec![partition]);
            let request = DescribeQuorumRequest::default().with_topics(vec![topic]);
            let answer = wire.call(1, &request)?;
            let partition = answer.topics.first().and_then(|topic| topic.partitions.first());
            let partition = partition.context("no quorum")?;
            if partition.error_code != 0 || partition.leader_id.0 < 0 {
                bail!("nobody decides ({})", partition.error_code);
            }
            Ok(partition.leader_id.0)
        })
    }

    /// Who leads a partition.
    pub fn leader(&self, topic: &str, index: i32) -> Result<i32> {
        let known = self.partitions(topic)?.remove(&index).context("no such partition")?;
        if known.leader < 0 {
            bail!("nobody leads {topic}-{index}");
        }
        Ok(known.leader)
    }

    /// Creates a topic with as many replicas as the fleet gives it by itself, and waits until every
    /// broker that runs has heard of it: the one that answers need not be the one asked next.
    pub fn create(&mut self, topic: &str, partitions: i32) -> Result<()> {
        self.ask(|wire| wire.create_by_default(topic, partitions))?;
        self.wait("a topic that is known to all", KNOWN, |fleet| {
            let up = fleet.nodes.iter().filter(|node| node.process.is_some() && !node.stopped);
            let mut known = up.map(|node| fleet.partitions_at(node.id, topic));
            Ok(known.all(|known| known.is_ok_and(|known| !known.is_empty())))
        })
        .map(drop)
    }

    /// Which broker looks after a group.
    pub fn coordinator(&self, group: &str) -> Result<i32> {
        self.ask(|wire| {
            let request = FindCoordinatorRequest::default().with_key(text(group));
            let answer = wire.call(1, &request)?;
            ensure!(answer.error_code == 0, "no coordinator: {}", answer.error_code);
            Ok(answer.node_id.0)
        })
    }

    /// One past the last offset in the file of a broker's replica, the first segment of which is
    /// all there is.
    pub fn end(&self, id: i32, topic: &str, index: i32) -> Result<i64> {
        let dir = self.data(id).join(format!("{topic}-{index}"));
        let bytes = std::fs::read(dir.join("00000000000000000000.log"))?;
        batch::end(&bytes)
    }

    /// Waits until every replica of a topic is in sync as every one of the brokers has it. All have
    /// to run: one that was away may believe what is over.
    pub fn agreed(&mut self, topic: &str, limit: Duration) -> Result<()> {
        self.wait("all replicas in sync, as everybody has it", limit, |fleet| {
            let all = fleet.nodes.iter().map(|node| fleet.partitions_at(node.id, topic));
            let all = all.collect::<Result<Vec<_>>>()?;
            let first = all.first().context("there are no brokers")?;
            Ok(is_whole(first) && all.iter().all(|other| other == first))
        })
        .map(drop)
    }
}

/// Whether every replica is in sync.
fn is_whole(partitions: &Partitions) -> bool {
    let whole = |known: &Known| known.leader >= 0 && known.in_sync.len() == known.replicas.len();
    !partitions.is_empty() && partitions.values().all(whole)
}

fn partitions(wire: &mut Wire, topic: &str) -> Result<Partitions> {
    let wanted = MetadataRequestTopic::default().with_name(Some(text(topic).into()));
    let request = MetadataRequest::default().with_topics(Some(vec![wanted]));
    let answer = wire.call(8, &request)?;
    let topic = answer.topics.into_iter().next().context("no topic in the answer")?;
    let of = |ids: Vec<kafka_protocol::messages::BrokerId>| {
        let mut ids: Vec<i32> = ids.into_iter().map(|id| id.0).collect();
        ids.sort_unstable();
        ids
    };
    let known = topic.partitions.into_iter().map(|partition| {
        let known = Known {
            leader: partition.leader_id.0,
            in_sync: of(partition.isr_nodes),
            replicas: of(partition.replica_nodes),
        };
        (partition.partition_index, known)
    });
    Ok(known.collect())
}
