//! Topics go. Internal ones too: that is how Kafka's tools reset a cluster's groups, and it takes
//! the same right as deleting any other.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kastellan_protocol::ErrorCode;

use super::{Controller, DeletedTopic, Effect, Failure, Reply, TopicRef, decide};
use crate::{
    id::Uuid,
    machine::Ticket,
    metadata::{Record, Topic},
};

impl Controller {
    pub(super) fn delete_topics(
        &mut self,
        ticket: Ticket,
        topics: Vec<TopicRef>,
        effects: &mut Vec<Effect>,
    ) {
        if !self.config.delete_topics {
            let failure = Failure::new(
                ErrorCode::TopicDeletionDisabled,
                "topics cannot be deleted: delete.topic.enable is false",
            );
            effects.push(Effect::Reply(ticket, Reply::Failed(failure)));
            return;
        }
        let mut mentions: BTreeMap<Uuid, usize> = BTreeMap::new();
        for found in topics.iter().filter_map(|topic| self.named(topic)) {
            *mentions.entry(found.id).or_default() += 1;
        }
        let mut records = Vec::new();
        let mut deleted = Vec::with_capacity(topics.len());
        let mut answered = BTreeSet::new();
        for topic in topics {
            // what is asked for twice in the same words is answered once
            if !answered.insert(topic.clone()) {
                continue;
            }
            let mut decided = self.find(topic);
            if decided.result.is_ok() {
                let once = mentions.get(&decided.id) == Some(&1);
                decided.result = if once {
                    let topic = self.image.topic_by_id(&decided.id);
                    self.mutations.charge(topic.map_or(0, |topic| topic.partitions.len()))
                } else {
                    Err(Failure::new(
                        ErrorCode::InvalidRequest,
                        "the topic occurs more than once in the request",
                    ))
                };
                if decided.result.is_ok() {
                    records.push(Record::RemoveTopic { id: decided.id });
                }
            }
            deleted.push(decided);
        }
        decide(ticket, records, Reply::Deleted(deleted), false, effects);
    }

    fn named(&self, topic: &TopicRef) -> Option<&Arc<Topic>> {
        match topic {
            TopicRef::Name(name) => self.image.topic(name),
            TopicRef::Id(id) => self.image.topic_by_id(id),
        }
    }

    fn find(&self, topic: TopicRef) -> DeletedTopic {
        if let Some(topic) = self.named(&topic) {
            let name = Some(topic.name.as_ref().to_owned());
            return DeletedTopic { name, id: topic.id, result: Ok(()) };
        }
        let (name, id, code) = match topic {
            TopicRef::Name(name) => (Some(name), Uuid::nil(), ErrorCode::UnknownTopicOrPartition),
            TopicRef::Id(id) => (None, id, ErrorCode::UnknownTopicId),
        };
        DeletedTopic { name, id, result: Err(Failure::new(code, "there is no such topic")) }
    }
}
