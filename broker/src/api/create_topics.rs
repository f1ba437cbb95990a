//! `CreateTopics`: the request as an input of the controller, its reply as the response.

use std::{collections::BTreeSet, sync::Arc};

use kastellan_core::{
    config::{BrokerConfig, described_topic},
    id::BrokerId,
    metadata::{CreatedTopic, Input, NewTopic, Reply},
};
use kastellan_protocol::{
    Refused,
    messages::{
        CreateTopicsRequest, CreateTopicsResponse, TopicName,
        create_topics_request::CreatableTopic,
        create_topics_response::{CreatableTopicConfigs, CreatableTopicResult},
    },
    protocol::StrBytes,
};

use super::failure;
use crate::access::{
    Judge,
    needs::{CREATE_TOPICS, CREATE_TOPICS_ANY, CREATE_TOPICS_CONFIGS},
};
use crate::{broker::Broker, call::Call, controller::new_id, quotas::throttle_ms};

/// The first version of clients that know 89 `THROTTLING_QUOTA_EXCEEDED` (KIP-599).
const STRICT: i16 = 6;

/// Answers once the topics can be used.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: CreateTopicsRequest = call.decode()?;
    let judge = broker.judge(&call.client);
    let may_all = judge.sees_cluster(CREATE_TOPICS_ANY);
    let (wanted, denied): (Vec<_>, Vec<_>) =
        request.topics.iter().partition(|it| may_all || judge.may(CREATE_TOPICS, &it.name));
    drop(judge);
    let denied: BTreeSet<_> = denied.into_iter().map(|topic| topic.name.to_string()).collect();
    let names: Vec<_> = wanted.iter().map(|topic| topic.name.to_string()).collect();
    let topics = wanted.into_iter().map(new_topic).collect();
    let validate_only = request.validate_only;
    let again = Arc::clone(broker);
    let requester = call.requester(STRICT);
    broker.decide(
        call.way.clone(),
        move |ticket| {
            let input = Box::new(Input::CreateTopics { ticket, topics, validate_only });
            Input::OnBehalf { requester, input }
        },
        move |reply| {
            let (reply, wait) = reply.throttled();
            let mut topics: Vec<_> = match reply {
                Reply::Created(created) => {
                    let (settings, judge) = (again.settings.load(), again.judge(&call.client));
                    created.into_iter().map(|topic| result(topic, &settings, &judge)).collect()
                }
                other => {
                    let failure = other.failure();
                    names.into_iter().map(|name| refused(name, failure.clone())).collect()
                }
            };
            topics.extend(denied.into_iter().map(|name| refused(name, CREATE_TOPICS.denied())));
            call.reply.send(
                &CreateTopicsResponse::default()
                    .with_throttle_time_ms(throttle_ms(wait))
                    .with_topics(topics),
            );
        },
    );
    Ok(())
}

fn new_topic(topic: &CreatableTopic) -> NewTopic {
    let text = |value: &StrBytes| value.to_string();
    let brokers = |ids: &[kastellan_protocol::messages::BrokerId]| {
        ids.iter().map(|id| BrokerId(id.0)).collect()
    };
    NewTopic {
        name: topic.name.to_string(),
        id: new_id(),
        partitions: topic.num_partitions,
        replication_factor: topic.replication_factor,
        assignments: topic
            .assignments
            .iter()
            .map(|assignment| (assignment.partition_index, brokers(&assignment.broker_ids)))
            .collect(),
        configs: topic
            .configs
            .iter()
            .map(|config| (text(&config.name), config.value.as_ref().map(text)))
            .collect(),
    }
}

fn result(topic: CreatedTopic, settings: &BrokerConfig, judge: &Judge<'_>) -> CreatableTopicResult {
    if let Err(failure) = topic.result {
        return refused(topic.name, failure);
    }
    if !judge.sees(CREATE_TOPICS_CONFIGS, &topic.name) {
        // it is created, and what it is like is not for the client
        return CreatableTopicResult::default()
            .with_name(TopicName(StrBytes::from_string(topic.name)))
            .with_topic_id(topic.id)
            .with_error_message(None)
            .with_topic_config_error_code(CREATE_TOPICS_CONFIGS.denied().code.code())
            .with_num_partitions(-1)
            .with_replication_factor(-1)
            .with_configs(Some(Vec::new()));
    }
    let configs = described_topic(&topic.overrides, settings)
        .map(|config| {
            CreatableTopicConfigs::default()
                .with_name(StrBytes::from_string(config.name.into_owned()))
                .with_value(config.value.map(StrBytes::from_string))
                .with_read_only(false)
                .with_config_source(config.source.code())
                .with_is_sensitive(false)
        })
        .collect();
    CreatableTopicResult::default()
        .with_name(TopicName(StrBytes::from_string(topic.name)))
        .with_topic_id(topic.id)
        .with_error_message(None)
        .with_num_partitions(topic.partitions)
        .with_replication_factor(topic.replication_factor)
        .with_configs(Some(configs))
}

fn refused(name: String, failure: kastellan_core::metadata::Failure) -> CreatableTopicResult {
    let (code, message) = failure::parts(failure);
    CreatableTopicResult::default()
        .with_name(TopicName(StrBytes::from_string(name)))
        .with_error_code(code)
        .with_error_message(message)
        .with_num_partitions(-1)
        .with_replication_factor(-1)
        .with_configs(Some(Vec::new()))
}
