//! Topics go. Internal ones too: that is how Kafka's tools reset a cluster's groups, and it takes the
//! same right as deleting any other.

use std::collections::BTreeSet;

use kastellan_protocol::ErrorCode;

use super::{Controller, DeletedTopic, Effect, Failure, Reply, TopicRef, decide};
use crate::{id::Uuid, machine::Ticket, metadata::Record};

impl Controller {
    pub(super) fn delete_topics(
        &self,
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
        let mut gone = BTreeSet::new();
        let mut records = Vec::new();
        let mut deleted = Vec::with_capacity(topics.len());
        for topic in topics {
            let mut decided = self.find(topic);
            if decided.result.is_ok() {
                if gone.insert(decided.id) {
                    records.push(Record::RemoveTopic { id: decided.id });
                } else {
                    decided.result = Err(Failure::new(
                        ErrorCode::InvalidRequest,
                        "the topic occurs more than once in the request",
                    ));
                }
            }
            deleted.push(decided);
        }
        decide(ticket, records, Reply::Deleted(deleted), false, effects);
    }

    fn find(&self, topic: TopicRef) -> DeletedTopic {
        let (found, name, id, code) = match topic {
            TopicRef::Name(name) => {
                let code = ErrorCode::UnknownTopicOrPartition;
                (self.image.topic(&name), Some(name), Uuid::nil(), code)
            }
            TopicRef::Id(id) => (self.image.topic_by_id(&id), None, id, ErrorCode::UnknownTopicId),
        };
        if let Some(topic) = found {
            let name = Some(topic.name.as_ref().to_owned());
            return DeletedTopic { name, id: topic.id, result: Ok(()) };
        }
        DeletedTopic { name, id, result: Err(Failure::new(code, "there is no such topic")) }
    }
}
