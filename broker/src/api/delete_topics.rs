//! `DeleteTopics`: by name, from v6 on by id.

use std::{collections::BTreeSet, sync::Arc};

use kastellan_core::{
    id::Uuid,
    metadata::{DeletedTopic, Failure, Image, Input, Reply, TopicRef},
};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        DeleteTopicsRequest, DeleteTopicsResponse, TopicName,
        delete_topics_response::DeletableTopicResult,
    },
    protocol::StrBytes,
};

use super::failure;
use crate::access::{
    Judge,
    needs::{DELETE_TOPICS, DELETE_TOPICS_NAME},
};
use crate::{broker::Broker, call::Call, quotas::throttle_ms};

/// The first version of clients that know 89 `THROTTLING_QUOTA_EXCEEDED` (KIP-599).
const STRICT: i16 = 5;

/// Answers once the topics are gone.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: DeleteTopicsRequest = call.decode()?;
    let version = call.version();
    // one question, and for those that ask for nothing or for two things at once an answer already
    let mut asked: Vec<_> = if version >= 6 {
        request
            .topics
            .iter()
            .map(|topic| by_name_or_id(topic.name.as_ref(), topic.topic_id))
            .collect()
    } else {
        request.topic_names.iter().map(|name| Ok(TopicRef::Name(name.to_string()))).collect()
    };
    let (judge, image) = (broker.judge(&call.client), broker.controller.image());
    for topic in &mut asked {
        if let Ok(wanted) = topic
            && let Some(refused) = denied(&judge, &image, wanted)
        {
            *topic = Err(refused);
        }
    }
    drop((judge, image));
    let topics: Vec<_> = asked.iter().filter_map(|topic| topic.as_ref().ok()).cloned().collect();
    // the controller answers once what is asked for twice in the same words
    let mut seen = BTreeSet::new();
    asked.retain(|topic| topic.as_ref().is_err() || seen.insert(topic.clone().ok()));
    let requester = call.requester(STRICT);
    broker.decide(
        call.way.clone(),
        move |ticket| {
            let input = Box::new(Input::DeleteTopics { ticket, topics });
            Input::OnBehalf { requester, input }
        },
        move |reply| {
            let (reply, wait) = reply.throttled();
            let mut deleted = match reply {
                Reply::Deleted(deleted) => Ok(deleted.into_iter()),
                other => Err(other.failure()),
            };
            let responses = asked
                .into_iter()
                .filter_map(|topic| match (topic, &mut deleted) {
                    (Err(refused), _) => Some(refused),
                    (Ok(_), Ok(deleted)) => deleted.next(),
                    (Ok(topic), Err(failure)) => Some(not_deleted(topic, failure.clone())),
                })
                .map(|topic| result(topic, version))
                .collect();
            call.reply.send(
                &DeleteTopicsResponse::default()
                    .with_throttle_time_ms(throttle_ms(wait))
                    .with_responses(responses),
            );
        },
    );
    Ok(())
}

/// The answer for a topic that the client may not delete. Whether there is one of some name is
/// told only to who may see it; an id is no secret, the name that belongs to it is.
fn denied(judge: &Judge<'_>, image: &Image, wanted: &TopicRef) -> Option<DeletedTopic> {
    let refused = |name: Option<&str>, id| DeletedTopic {
        name: name.map(str::to_owned),
        id,
        result: Err(DELETE_TOPICS.denied()),
    };
    match wanted {
        TopicRef::Name(name) => {
            let may = judge.may(DELETE_TOPICS_NAME, name)
                && (image.topic(name).is_none() || judge.may(DELETE_TOPICS, name));
            (!may).then(|| refused(Some(name), Uuid::nil()))
        }
        TopicRef::Id(id) => {
            let name = &image.topic_by_id(id)?.name;
            let seen = judge.sees(DELETE_TOPICS_NAME, name).then_some(&**name);
            (!judge.may(DELETE_TOPICS, name)).then(|| refused(seen, *id))
        }
    }
}

fn by_name_or_id(name: Option<&TopicName>, id: Uuid) -> Result<TopicRef, DeletedTopic> {
    let refused = |name: Option<&TopicName>, message| DeletedTopic {
        name: name.map(|name| name.to_string()),
        id,
        result: Err(Failure::new(ErrorCode::InvalidRequest, message)),
    };
    match name {
        Some(name) if id.is_nil() => Ok(TopicRef::Name(name.to_string())),
        Some(_) => Err(refused(name, "a topic is deleted by its name or by its id, not by both")),
        None if id.is_nil() => {
            Err(refused(None, "neither the name nor the id of a topic is given"))
        }
        None => Ok(TopicRef::Id(id)),
    }
}

fn not_deleted(topic: TopicRef, failure: Failure) -> DeletedTopic {
    let (name, id) = match topic {
        TopicRef::Name(name) => (Some(name), Uuid::nil()),
        TopicRef::Id(id) => (None, id),
    };
    DeletedTopic { name, id, result: Err(failure) }
}

fn result(topic: DeletedTopic, version: i16) -> DeletableTopicResult {
    let (mut code, message) = failure::of(topic.result);
    if version < 3 && code == ErrorCode::TopicDeletionDisabled.code() {
        // older clients do not know that code
        code = ErrorCode::InvalidRequest.code();
    }
    DeletableTopicResult::default()
        .with_name(topic.name.map(|name| TopicName(StrBytes::from_string(name))))
        .with_topic_id(topic.id)
        .with_error_code(code)
        .with_error_message(message)
}
