//! Topics: see, create, extend, delete.

use std::collections::BTreeMap;

use kastellan_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kastellan_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kastellan_protocol::messages::delete_topics_request::DeleteTopicState;
use kastellan_protocol::messages::{
    CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest, TopicName,
};

use super::answer::outcome;
use super::{Admin, AdminError, Answers, Source, TOPIC, text};

/// A topic with what was set on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Its id, as Kafka writes it (base64url).
    pub id: String,
    /// How many partitions it has.
    pub partitions: i32,
    /// How many replicas its first partition has.
    pub replicas: i16,
    /// The settings that were set on the topic itself.
    pub config: BTreeMap<String, String>,
}

/// A topic to create.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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

impl Admin {
    /// Those of the topics that exist, with what was set on them.
    pub async fn describe(
        &mut self,
        topics: &[String],
    ) -> Result<BTreeMap<String, Described>, AdminError> {
        if topics.is_empty() {
            return Ok(BTreeMap::new());
        }
        let metadata = self.metadata(Some(topics)).await?;
        let names: Vec<String> = metadata.topics.keys().cloned().collect();
        let mut settings = self.settings(TOPIC, &names).await?;
        let mut found = BTreeMap::new();
        for (name, topic) in metadata.topics {
            // a topic that went away in between is as good as one that was never seen
            let Some(Ok(settings)) = settings.remove(&name) else { continue };
            let own = settings.into_iter().filter(|setting| setting.source == Source::Topic);
            let replicas = topic.partitions.values().next().map_or(0, |one| one.replicas.len());
            let described = Described {
                id: topic.id,
                partitions: i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX),
                replicas: i16::try_from(replicas).unwrap_or(i16::MAX),
                config: own.filter_map(|one| Some((one.name, one.value?))).collect(),
            };
            found.insert(name, described);
        }
        Ok(found)
    }

    /// Creates topics, each for itself; with `validate_only`, only says what would happen.
    pub async fn create(
        &mut self,
        topics: &[NewTopic],
        validate_only: bool,
    ) -> Result<Answers, AdminError> {
        let creatable = |topic: &NewTopic| {
            let config = topic.config.iter().map(|(name, value)| {
                CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
            });
            CreatableTopic::default()
                .with_name(TopicName(text(&topic.name)))
                .with_num_partitions(topic.partitions.unwrap_or(-1))
                .with_replication_factor(topic.replicas.unwrap_or(-1))
                .with_configs(config.collect())
        };
        let request = CreateTopicsRequest::default()
            .with_topics(topics.iter().map(creatable).collect())
            .with_validate_only(validate_only)
            .with_timeout_ms(self.timeout_ms());
        let answer = self.ask(None, 7, &request).await?;
        let answers = answer.topics.into_iter().map(|topic| {
            let outcome = outcome(topic.error_code, topic.error_message.as_ref());
            (topic.name.as_str().to_owned(), outcome)
        });
        Ok(answers.collect())
    }

    /// Gives each topic partitions up to the number beside its name; with `validate_only`, only
    /// says what would happen.
    pub async fn extend(
        &mut self,
        topics: &[(String, i32)],
        validate_only: bool,
    ) -> Result<Answers, AdminError> {
        let topics = topics
            .iter()
            .map(|(name, count)| {
                CreatePartitionsTopic::default()
                    .with_name(TopicName(text(name)))
                    .with_count(*count)
                    .with_assignments(None)
            })
            .collect();
        let request = CreatePartitionsRequest::default()
            .with_topics(topics)
            .with_validate_only(validate_only)
            .with_timeout_ms(self.timeout_ms());
        let answer = self.ask(None, 3, &request).await?;
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
            .map(|name| DeleteTopicState::default().with_name(Some(TopicName(text(name)))))
            .collect();
        let request =
            DeleteTopicsRequest::default().with_topics(topics).with_timeout_ms(self.timeout_ms());
        let answer = self.ask(None, 6, &request).await?;
        let answers = answer.responses.into_iter().map(|topic| {
            let name = topic.name.map(|name| name.as_str().to_owned()).unwrap_or_default();
            (name, outcome(topic.error_code, topic.error_message.as_ref()))
        });
        Ok(answers.collect())
    }
}
