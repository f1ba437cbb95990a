//! Has the active controller in another process create topics.

use std::time::Duration;

use bytes::Bytes;
use kastellan_core::{
    config::Overrides,
    id::{BrokerId, Uuid},
    metadata::{CreatedTopic, Failure, NewTopic},
};
use kastellan_protocol::{
    ErrorCode, decode_response, encode_request,
    header::ClientId,
    messages::{
        CreateTopicsRequest, CreateTopicsResponse, EnvelopeRequest, TopicName,
        create_topics_request::{CreatableTopic, CreatableTopicConfig},
    },
    protocol::StrBytes,
};

use super::{Peers, Purpose, forward::envelope};
use crate::call::Asker;

/// The version that topics are created in.
const VERSION: i16 = 7;
/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The size in front of a frame, which an envelope goes without.
const SIZE: usize = 4;

/// Asks `node`, the active controller, for `asker` or for this broker itself; `then` gets one
/// result per topic.
pub(crate) fn create_there(
    peers: &Peers,
    node: BrokerId,
    topics: Vec<NewTopic>,
    asker: Option<Asker<'_>>,
    then: impl FnOnce(Vec<CreatedTopic>) + Send + 'static,
) {
    let timeout_ms = i32::try_from(PATIENCE.as_millis()).unwrap_or(i32::MAX);
    let request = CreateTopicsRequest::default()
        .with_topics(topics.iter().map(wanted).collect())
        .with_timeout_ms(timeout_ms);
    let client_id = asker.and_then(|asker| asker.id).map(ClientId::as_str);
    let names: Vec<String> = topics.into_iter().map(|topic| topic.name).collect();
    let embedded = match encode_request(VERSION, 0, client_id, &request) {
        Ok(frame) => frame.slice(SIZE..),
        Err(why) => {
            tracing::error!(%why, "a request of ours cannot be written: a bug of ours");
            return then(all_failed(names, ErrorCode::UnknownServerError));
        }
    };
    let envelope = match asker {
        Some(asker) => envelope(asker.client, embedded),
        None => EnvelopeRequest::default()
            .with_request_data(embedded)
            .with_request_principal(None)
            .with_client_host_address(Bytes::from_static(&[127, 0, 0, 1])),
    };
    peers.send((node, Purpose::Forward), &envelope, PATIENCE, move |answer| {
        let data = answer.ok().filter(|it| it.error_code == 0).and_then(|it| it.response_data);
        let decoded =
            data.and_then(|data| decode_response::<CreateTopicsResponse>(VERSION, data).ok());
        match decoded {
            Some((_, response)) => then(response.topics.iter().map(created).collect()),
            None => then(all_failed(names, ErrorCode::NotController)),
        }
    });
}

fn wanted(topic: &NewTopic) -> CreatableTopic {
    let text = |text: &str| StrBytes::from_string(text.to_owned());
    let config = |(name, value): &(String, Option<String>)| {
        CreatableTopicConfig::default().with_name(text(name)).with_value(value.as_deref().map(text))
    };
    CreatableTopic::default()
        .with_name(TopicName(text(&topic.name)))
        .with_num_partitions(topic.partitions)
        .with_replication_factor(topic.replication_factor)
        .with_configs(topic.configs.iter().map(config).collect())
}

fn created(
    topic: &kastellan_protocol::messages::create_topics_response::CreatableTopicResult,
) -> CreatedTopic {
    let message = topic.error_message.as_ref().map(ToString::to_string).unwrap_or_default();
    let result = match topic.error_code {
        0 => Ok(()),
        code => {
            let code = ErrorCode::try_from_code(code).unwrap_or(ErrorCode::UnknownServerError);
            Err(Failure::new(code, message))
        }
    };
    CreatedTopic {
        name: topic.name.to_string(),
        id: topic.topic_id,
        partitions: topic.num_partitions,
        replication_factor: topic.replication_factor,
        overrides: Overrides::new(),
        result,
    }
}

fn all_failed(names: Vec<String>, code: ErrorCode) -> Vec<CreatedTopic> {
    let failed = |name| CreatedTopic {
        name,
        id: Uuid::nil(),
        partitions: -1,
        replication_factor: -1,
        overrides: Overrides::new(),
        result: Err(Failure::new(code, "the active controller could not be asked")),
    };
    names.into_iter().map(failed).collect()
}
