//! Telling the active controller in which log directories this broker's replicas lie (KIP-858).
//!
//! A replica that lies elsewhere than the controller believes may never join an ISR, so what gets
//! lost in an election is said again until it is heard.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicBool, mpsc},
    time::Duration,
};

use arc_swap::ArcSwap;
use kastellan_core::{
    id::{BrokerId, Uuid},
    metadata::{DirectoryAssignment, Image, Input},
    quorum::Part,
};
use kastellan_log::Disk;
use kastellan_protocol::messages::{
    self, AssignReplicasToDirsRequest, AssignReplicasToDirsResponse,
    assign_replicas_to_dirs_request::{DirectoryData, PartitionData, TopicData},
};

use super::{
    Active,
    driver::{Driver, Message},
    of_part,
};
use crate::peers::{PeerError, Peers, Purpose};

/// How long an answer of the controller is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Before it is said again.
const AGAIN: Duration = Duration::from_millis(200);
/// The most that one request says.
const AT_ONCE: usize = 2_000;

/// Who tells it.
#[derive(Clone)]
pub(super) struct Teller {
    me: BrokerId,
    inbox: mpsc::Sender<Message>,
    /// `None`: this broker is alone, and decides.
    peers: Option<Peers>,
    image: Arc<ArcSwap<Image>>,
    part: Arc<ArcSwap<Part>>,
    decides: Arc<AtomicBool>,
}

impl Teller {
    /// Tells it for broker `me`, about what `driver` knows.
    pub(super) fn new<D: Disk>(
        (me, peers): (BrokerId, Option<Peers>),
        inbox: mpsc::Sender<Message>,
        driver: &Driver<D>,
    ) -> Self {
        let (image, part, decides) = (driver.image(), driver.part(), driver.decides());
        Self { me, inbox, peers, image, part, decides }
    }

    /// Tells it, now or as soon as there is somebody to be told.
    pub(super) fn tell(&self, mut assignments: Vec<DirectoryAssignment>) {
        while !assignments.is_empty() {
            let rest = assignments.split_off(assignments.len().min(AT_ONCE));
            self.tell_some(std::mem::replace(&mut assignments, rest));
        }
    }

    fn tell_some(&self, assignments: Vec<DirectoryAssignment>) {
        let broker = self.me;
        let Some(peers) = &self.peers else { return self.tell_here(assignments, None) };
        let epoch = self.image.load().broker(broker).map(|known| known.epoch);
        match (of_part(&self.part.load(), &self.decides), epoch) {
            (Active::Here, Some(_)) => self.tell_here(assignments, epoch),
            (Active::There(node), Some(epoch)) => {
                let (again, request) = (self.clone(), request((broker, epoch), &assignments));
                peers.send((node, Purpose::Broker), &request, PATIENCE, move |answer| {
                    if !is_heard(answer) {
                        again.later(assignments);
                    }
                });
            }
            (Active::Nobody, _) | (_, None) => self.later(assignments),
        }
    }

    fn tell_here(&self, assignments: Vec<DirectoryAssignment>, epoch: Option<i64>) {
        let broker = self.me;
        let input = move |ticket| Input::AssignDirectories { ticket, broker, epoch, assignments };
        let answer = |reply| tracing::debug!(?reply, "where partitions lie is noted");
        if self.inbox.send(Message::Ask(Box::new(input), Box::new(answer))).is_err() {
            tracing::debug!("the controller has stopped: where partitions lie is not noted");
        }
    }

    fn later(&self, assignments: Vec<DirectoryAssignment>) {
        let Some(handle) = self.peers.as_ref().and_then(Peers::handle) else { return };
        let again = self.clone();
        handle.spawn(async move {
            tokio::time::sleep(AGAIN).await;
            again.tell(assignments);
        });
    }
}

/// Whether the controller has decided, one way or the other.
fn is_heard(answer: Result<AssignReplicasToDirsResponse, PeerError>) -> bool {
    match answer {
        Ok(answer) => {
            tracing::debug!(code = answer.error_code, "where partitions lie is said");
            answer.error_code == 0
        }
        Err(why) => {
            tracing::debug!(%why, "the controller is not told where partitions lie");
            false
        }
    }
}

fn request(
    (broker, epoch): (BrokerId, i64),
    assignments: &[DirectoryAssignment],
) -> AssignReplicasToDirsRequest {
    let mut sorted: BTreeMap<Uuid, BTreeMap<Uuid, Vec<i32>>> = BTreeMap::new();
    for one in assignments {
        let topics = sorted.entry(one.directory).or_default();
        topics.entry(one.topic).or_default().push(one.partition);
    }
    let topic = |(id, partitions): (Uuid, Vec<i32>)| {
        let partitions = partitions.into_iter();
        let partitions = partitions.map(|it| PartitionData::default().with_partition_index(it));
        TopicData::default().with_topic_id(id).with_partitions(partitions.collect())
    };
    let directory = |(id, topics): (Uuid, BTreeMap<Uuid, Vec<i32>>)| {
        DirectoryData::default().with_id(id).with_topics(topics.into_iter().map(topic).collect())
    };
    AssignReplicasToDirsRequest::default()
        .with_broker_id(messages::BrokerId(broker.0))
        .with_broker_epoch(epoch)
        .with_directories(sorted.into_iter().map(directory).collect())
}
