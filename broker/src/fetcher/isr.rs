//! Proposals of ISRs: one request to the controller at a time, with all that wait.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use kastellan_core::{
    id::BrokerId,
    machine::Millis,
    metadata::{self, Failure, Input, Reply},
    partition::Proposal,
    replica::PartitionKey,
};
use kastellan_protocol::{
    ErrorCode,
    messages::{
        self, AlterPartitionRequest, AlterPartitionResponse,
        alter_partition_request::{BrokerState, PartitionData, TopicData},
    },
};
use tokio::sync::mpsc;

use crate::{
    broker::Broker,
    controller::Active,
    partition::{Partition, Wanted},
    peers::{PeerError, Purpose},
};

/// How long an answer of the controller is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// After an attempt that came to nothing it is tried again so soon.
const AGAIN: Duration = Duration::from_millis(50);

/// What came of each partition's proposal; `None`: nobody knows.
type Outcome = BTreeMap<PartitionKey, Option<Result<(), ErrorCode>>>;

/// What is to be proposed, and what is under way.
pub(super) struct Proposals {
    waiting: BTreeSet<PartitionKey>,
    reviews: BTreeSet<(Millis, PartitionKey)>,
    under_way: Option<BTreeMap<PartitionKey, Proposal>>,
    /// Nothing is sent before this.
    pause: Option<Millis>,
    sender: mpsc::UnboundedSender<Outcome>,
    outcomes: mpsc::UnboundedReceiver<Outcome>,
    /// What has come and is not heeded yet.
    came: Vec<Outcome>,
    /// When there is something to do by itself.
    deadline: Option<std::time::Instant>,
}

impl Proposals {
    pub(super) fn new() -> Self {
        let (sender, outcomes) = mpsc::unbounded_channel();
        Self {
            waiting: BTreeSet::new(),
            reviews: BTreeSet::new(),
            under_way: None,
            pause: None,
            sender,
            outcomes,
            came: Vec::new(),
            deadline: None,
        }
    }

    /// Notes what partitions want.
    pub(super) fn heed(&mut self, broker: &Arc<Broker>, wanted: Wanted) {
        if wanted.is_empty() {
            return;
        }
        for (key, want) in wanted.of {
            if want.proposal {
                self.waiting.insert(key);
            }
            self.reviews.extend(want.review.map(|at| (at, key)));
        }
        if wanted.brokers {
            for partition in broker.partitions.all() {
                review(broker, &partition);
            }
        }
    }

    /// Does what there is to do by now.
    pub(super) fn work(&mut self, broker: &Arc<Broker>) {
        let now = broker.clock.monotonic();
        for outcome in std::mem::take(&mut self.came) {
            self.answered(broker, now, &outcome);
        }
        while let Some((at, key)) = self.reviews.first().copied()
            && at <= now
        {
            self.reviews.pop_first();
            if let Ok(partition) = broker.partitions.get_by_id(key.topic, key.index) {
                review(broker, &partition);
            }
        }
        self.pause = self.pause.filter(|until| now < *until);
        if self.under_way.is_none() && self.pause.is_none() && !self.waiting.is_empty() {
            self.send(broker);
        }
        let next = self.reviews.first().map(|(at, _)| *at);
        let next = next.into_iter().chain(self.pause).min();
        self.deadline = next.map(|at| broker.clock.instant(at));
    }

    /// Waits until there is something to do.
    pub(super) async fn wait(&mut self) {
        let deadline = self.deadline;
        let sleep = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sleep => (),
            Some(outcome) = self.outcomes.recv() => self.came.push(outcome),
        }
    }

    fn send(&mut self, broker: &Arc<Broker>) {
        let me = BrokerId(broker.config.node_id);
        let Some(epoch) = broker.controller.image().broker(me).map(|known| known.epoch) else {
            return;
        };
        let mut proposals = BTreeMap::new();
        for key in std::mem::take(&mut self.waiting) {
            let partition = broker.partitions.get_by_id(key.topic, key.index);
            if let Some(proposal) = partition.ok().and_then(|it| it.take_proposal()) {
                tracing::debug!(topic = %key.topic, index = key.index, ?proposal, "proposes an ISR");
                proposals.insert(key, proposal);
            }
        }
        if proposals.is_empty() {
            return;
        }
        let keys: Vec<_> = proposals.keys().copied().collect();
        let sender = self.sender.clone();
        match broker.controller.active() {
            Active::Here => {
                let topics = to_input(&proposals);
                let ask = move |ticket| Input::AlterPartition { ticket, broker: me, epoch, topics };
                broker.controller.ask(ask, move |reply| drop(sender.send(of_reply(&keys, reply))));
            }
            Active::There(controller) => {
                let request = to_message((me, epoch), &proposals);
                let over = (controller, Purpose::Broker);
                broker.peers.send(over, &request, PATIENCE, move |answer| {
                    drop(sender.send(of_answer(&keys, answer)));
                });
            }
            Active::Nobody => {
                let nobody = |key| (key, Some(Err(ErrorCode::NotController)));
                drop(sender.send(keys.into_iter().map(nobody).collect()));
            }
        }
        self.under_way = Some(proposals);
    }

    fn answered(&mut self, broker: &Arc<Broker>, now: Millis, outcome: &Outcome) {
        let Some(proposals) = self.under_way.take() else { return };
        for (key, proposal) in proposals {
            let answer = outcome.get(&key).copied().unwrap_or(None);
            if !matches!(answer, Some(Ok(()))) {
                tracing::debug!(topic = %key.topic, index = key.index, ?answer, "not the ISR yet");
                self.pause = Some(now.after(AGAIN));
            }
            if let Ok(partition) = broker.partitions.get_by_id(key.topic, key.index) {
                partition.proposal_answered(now, &proposal, answer);
            }
        }
    }
}

fn review(broker: &Broker, partition: &Partition) {
    let image = broker.controller.image();
    let eligible =
        |id: BrokerId, epoch: i64| image.broker(id).is_some_and(|known| known.may_join_isr(epoch));
    partition.review(broker.clock.monotonic(), eligible);
}

type Topics = Vec<(kastellan_core::id::Uuid, Vec<metadata::IsrProposal>)>;

fn to_input(proposals: &BTreeMap<PartitionKey, Proposal>) -> Topics {
    let mut topics: Topics = Vec::new();
    for (key, proposal) in proposals {
        if topics.last().is_none_or(|(topic, _)| *topic != key.topic) {
            topics.push((key.topic, Vec::new()));
        }
        let epoch = |epoch: i64| Some(epoch).filter(|epoch| *epoch >= 0);
        let one = metadata::IsrProposal {
            partition: key.index,
            leader_epoch: proposal.leader_epoch,
            partition_epoch: proposal.partition_epoch,
            isr: proposal.isr.iter().map(|(id, of)| (*id, epoch(*of))).collect(),
            leader_recovery_state: 0,
        };
        if let Some((_, partitions)) = topics.last_mut() {
            partitions.push(one);
        }
    }
    topics
}

fn to_message(
    (me, epoch): (BrokerId, i64),
    proposals: &BTreeMap<PartitionKey, Proposal>,
) -> AlterPartitionRequest {
    let mut topics: Vec<TopicData> = Vec::new();
    for (key, proposal) in proposals {
        if topics.last().is_none_or(|topic| topic.topic_id != key.topic) {
            topics.push(TopicData::default().with_topic_id(key.topic));
        }
        let member = |(id, epoch): &(BrokerId, i64)| {
            BrokerState::default()
                .with_broker_id(messages::BrokerId(id.0))
                .with_broker_epoch(*epoch)
        };
        let one = PartitionData::default()
            .with_partition_index(key.index)
            .with_leader_epoch(proposal.leader_epoch)
            .with_new_isr_with_epochs(proposal.isr.iter().map(member).collect())
            .with_leader_recovery_state(0)
            .with_partition_epoch(proposal.partition_epoch);
        if let Some(topic) = topics.last_mut() {
            topic.partitions.push(one);
        }
    }
    AlterPartitionRequest::default()
        .with_broker_id(messages::BrokerId(me.0))
        .with_broker_epoch(epoch)
        .with_topics(topics)
}

fn all(keys: &[PartitionKey], outcome: Option<Result<(), ErrorCode>>) -> Outcome {
    keys.iter().map(|key| (*key, outcome)).collect()
}

fn of_reply(keys: &[PartitionKey], reply: Reply) -> Outcome {
    match reply {
        Reply::Altered(topics) => {
            let one = |topic, (index, result): (i32, Result<_, Failure>)| {
                let result = result.map(|_partition| ()).map_err(|failure| failure.code);
                (PartitionKey { topic, index }, Some(result))
            };
            let topics = topics.into_iter();
            topics.flat_map(|(topic, all)| all.into_iter().map(move |it| one(topic, it))).collect()
        }
        Reply::Failed(failure) => all(keys, Some(Err(of_all(failure.code)))),
        _ => all(keys, None),
    }
}

fn of_answer(keys: &[PartitionKey], answer: Result<AlterPartitionResponse, PeerError>) -> Outcome {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            tracing::debug!(%error, "the controller does not answer");
            return all(keys, (!error.sent()).then_some(Err(ErrorCode::NotController)));
        }
    };
    if let Some(code) = code(answer.error_code) {
        return all(keys, Some(Err(of_all(code))));
    }
    let topics = answer.topics.into_iter();
    let partitions = topics.flat_map(|topic| {
        let id = topic.topic_id;
        topic.partitions.into_iter().map(move |partition| (id, partition))
    });
    let one = |(topic, partition): (_, messages::alter_partition_response::PartitionData)| {
        let result = code(partition.error_code).map_or(Ok(()), Err);
        (PartitionKey { topic, index: partition.partition_index }, Some(result))
    };
    partitions.map(one).collect()
}

fn code(code: i16) -> Option<ErrorCode> {
    ErrorCode::try_from_code(code).filter(|_| code != 0)
}

/// What an error of the whole request means for a proposal: another registration of this broker or
/// another controller decides, and the proposal is made again.
fn of_all(code: ErrorCode) -> ErrorCode {
    match code {
        ErrorCode::StaleBrokerEpoch | ErrorCode::BrokerIdNotRegistered => ErrorCode::NotController,
        other => other,
    }
}
