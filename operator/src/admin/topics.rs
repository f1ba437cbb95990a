//! Topics: see, create, extend, delete.

use std::collections::BTreeMap;

use kastellan_protocol::ErrorCode;
use kastellan_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kastellan_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kastellan_protocol::messages::delete_topics_request::DeleteTopicState;
use kastellan_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kastellan_protocol::messages::metadata_request::MetadataRequestTopic;
use kastellan_protocol::messages::{
    CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest, DescribeConfigsRequest,
    MetadataRequest, TopicName,
};
use kastellan_protocol::protocol::StrBytes;

use super::{Admin, AdminError, Answers, outcome};

/// How long the broker itself may wait, in milliseconds; a little less than the client waits.
const TIMEOUT_MS: i32 = 25_000;
/// `resource_type` of a topic (`ConfigResource.Type` in Kafka).
const TOPIC: i8 = 2;

/// A topic as Metadata and `DescribeConfigs` show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// How many partitions it has.
    pub partitions: i32,
    /// How many replicas its first partition has.
    pub replicas: i16,
    /// The values in force of the settings asked about.
    pub config: BTreeMap<String, String>,
}

/// A topic to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// `None`: the cluster's default.
    pub partitions: Option<i32>,
    /// `None`: the cluster's default.
    pub replicas: Option<i16>,
    /// What differs from the cluster's defaults.
    pub config: BTreeMap<String, String>,
}

fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

impl Admin {
    /// Those of the topics that exist, with the settings listed beside each name.
    pub async fn describe(
        &mut self,
        topics: &BTreeMap<String, Vec<String>>,
    ) -> Result<BTreeMap<String, Described>, AdminError> {
        if topics.is_empty() {
            return Ok(BTreeMap::new());
        }
        let asked = topics
            .keys()
            .map(|name| MetadataRequestTopic::default().with_name(Some(topic_name(name))))
            .collect();
        let request = MetadataRequest::default()
            .with_topics(Some(asked))
            .with_allow_auto_topic_creation(false);
        let answer = self.ask(12, &request).await?;
        let mut found = BTreeMap::new();
        for topic in answer.topics {
            let exists = topic.error_code != ErrorCode::UnknownTopicOrPartition.code();
            let Some(name) = topic.name.filter(|_| exists) else { continue };
            let replicas = topic.partitions.first().map_or(0, |first| first.replica_nodes.len());
            let described = Described {
                partitions: i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX),
                replicas: i16::try_from(replicas).unwrap_or(i16::MAX),
                config: BTreeMap::new(),
            };
            found.insert(name.as_str().to_owned(), described);
        }
        self.describe_configs(topics, &mut found).await?;
        Ok(found)
    }

    async fn describe_configs(
        &mut self,
        topics: &BTreeMap<String, Vec<String>>,
        found: &mut BTreeMap<String, Described>,
    ) -> Result<(), AdminError> {
        let resources: Vec<DescribeConfigsResource> = topics
            .iter()
            .filter(|(name, settings)| found.contains_key(*name) && !settings.is_empty())
            .map(|(name, settings)| {
                DescribeConfigsResource::default()
                    .with_resource_type(TOPIC)
                    .with_resource_name(text(name))
                    .with_configuration_keys(Some(settings.iter().map(|key| text(key)).collect()))
            })
            .collect();
        if resources.is_empty() {
            return Ok(());
        }
        let request = DescribeConfigsRequest::default().with_resources(resources);
        for result in self.ask(4, &request).await?.results {
            if let Some(topic) = found.get_mut(result.resource_name.as_str()) {
                let values = result.configs.into_iter().filter_map(|setting| {
                    Some((setting.name.as_str().to_owned(), setting.value?.as_str().to_owned()))
                });
                topic.config.extend(values);
            }
        }
        Ok(())
    }

    /// Creates topics, each for itself.
    pub async fn create(&mut self, topics: &[NewTopic]) -> Result<Answers, AdminError> {
        let creatable = |topic: &NewTopic| {
            let config = topic.config.iter().map(|(name, value)| {
                CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
            });
            CreatableTopic::default()
                .with_name(topic_name(&topic.name))
                .with_num_partitions(topic.partitions.unwrap_or(-1))
                .with_replication_factor(topic.replicas.unwrap_or(-1))
                .with_configs(config.collect())
        };
        let request = CreateTopicsRequest::default()
            .with_topics(topics.iter().map(creatable).collect())
            .with_timeout_ms(TIMEOUT_MS);
        let answer = self.ask(7, &request).await?;
        let answers = answer.topics.into_iter().map(|topic| {
            let outcome = outcome(topic.error_code, topic.error_message.as_ref());
            (topic.name.as_str().to_owned(), outcome)
        });
        Ok(answers.collect())
    }

    /// Gives each topic partitions up to the number beside its name.
    pub async fn extend(&mut self, topics: &[(String, i32)]) -> Result<Answers, AdminError> {
        let topics = topics
            .iter()
            .map(|(name, count)| {
                CreatePartitionsTopic::default()
                    .with_name(topic_name(name))
                    .with_count(*count)
                    .with_assignments(None)
            })
            .collect();
        let request =
            CreatePartitionsRequest::default().with_topics(topics).with_timeout_ms(TIMEOUT_MS);
        let answer = self.ask(3, &request).await?;
        let answers = answer.results.into_iter().map(|topic| {
            let outcome = outcome(topic.error_code, topic.error_message.as_ref());
            (topic.name.as_str().to_owned(), outcome)
        });
        Ok(answers.collect())
    }

    /// Deletes topics and their records.
    pub async fn delete(&mut self, topics: &[String]) -> Result<Answers, AdminError> {
        let topics = topics
            .iter()
            .map(|name| DeleteTopicState::default().with_name(Some(topic_name(name))))
            .collect();
        let request =
            DeleteTopicsRequest::default().with_topics(topics).with_timeout_ms(TIMEOUT_MS);
        let answer = self.ask(6, &request).await?;
        let answers = answer.responses.into_iter().map(|topic| {
            let name = topic.name.map(|name| name.as_str().to_owned()).unwrap_or_default();
            (name, outcome(topic.error_code, topic.error_message.as_ref()))
        });
        Ok(answers.collect())
    }
}
