//! Settings of topics and brokers: read, and changed one by one (KIP-339).

use std::collections::BTreeMap;

use kastellan_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kastellan_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kastellan_protocol::messages::{DescribeConfigsRequest, IncrementalAlterConfigsRequest};

use super::answer::outcome;
use super::{Admin, AdminError, Answers, Refusal, text};

/// `resource_type` of a topic (`ConfigResource.Type` in Kafka).
pub const TOPIC: i8 = 2;
/// `resource_type` of a broker, whose name is its id.
pub const BROKER: i8 = 4;
/// So many topics are described by one request: an answer has some 4 KiB for each.
const AT_ONCE: usize = 500;

/// One setting in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Kafka's name.
    pub name: String,
    /// The value in force; `None` where there is none or nobody may see it.
    pub value: Option<String>,
    /// Where the value comes from.
    pub source: Source,
    /// Whether it is read only once, at the broker's start.
    pub read_only: bool,
    /// Whether its value is shown to nobody.
    pub sensitive: bool,
}

/// Where a value comes from (`DescribeConfigsResponse.ConfigSource` in Kafka).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// It was set on the topic.
    Topic,
    /// It was set on the running broker.
    Broker,
    /// It was set on all running brokers.
    AllBrokers,
    /// The broker was started with it.
    File,
    /// Nobody has set it.
    Default,
    /// Something newer than this client.
    Other,
}

impl Source {
    fn from_code(code: i8) -> Self {
        match code {
            1 => Self::Topic,
            2 => Self::Broker,
            3 => Self::AllBrokers,
            4 => Self::File,
            5 => Self::Default,
            _ => Self::Other,
        }
    }

    /// In a word, as the tables print it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Broker => "broker",
            Self::AllBrokers => "all brokers",
            Self::File => "broker's start",
            Self::Default => "default",
            Self::Other => "other",
        }
    }
}

/// A change of one setting: its name and its value; `None` takes away what was set.
pub type Change = (String, Option<String>);

impl Admin {
    /// All settings of each resource of one type, or why there are none. A broker answers for
    /// itself.
    pub async fn settings(
        &mut self,
        kind: i8,
        names: &[String],
    ) -> Result<BTreeMap<String, Result<Vec<Setting>, Refusal>>, AdminError> {
        let mut found = BTreeMap::new();
        for names in names.chunks(if kind == BROKER { 1 } else { AT_ONCE }) {
            let resources = names.iter().map(|name| {
                DescribeConfigsResource::default()
                    .with_resource_type(kind)
                    .with_resource_name(text(name))
                    .with_configuration_keys(None)
            });
            let request = DescribeConfigsRequest::default().with_resources(resources.collect());
            let node = self.home(kind, names.first());
            for result in self.ask(node, 4, &request).await?.results {
                let settings = result.configs.into_iter().map(|setting| Setting {
                    name: setting.name.as_str().to_owned(),
                    value: setting.value.map(|value| value.as_str().to_owned()),
                    source: Source::from_code(setting.config_source),
                    read_only: setting.read_only,
                    sensitive: setting.is_sensitive,
                });
                let answer = outcome(result.error_code, result.error_message.as_ref());
                let name = result.resource_name.as_str().to_owned();
                found.insert(name, answer.map(|()| settings.collect()));
            }
        }
        Ok(found)
    }

    /// Changes settings of resources of one type, all of a resource's or none of them; with
    /// `validate_only`, only says what would happen.
    pub async fn alter(
        &mut self,
        kind: i8,
        changes: &BTreeMap<String, Vec<Change>>,
        validate_only: bool,
    ) -> Result<Answers, AdminError> {
        let mut answers = Answers::new();
        // a broker's settings are changed by the broker itself, and each is another one
        let at_once = if kind == BROKER { 1 } else { AT_ONCE };
        let changes: Vec<_> = changes.iter().collect();
        for changes in changes.chunks(at_once) {
            let resources = changes.iter().map(|(name, changes)| {
                let configs = changes.iter().map(|(name, value)| {
                    AlterableConfig::default()
                        .with_name(text(name))
                        .with_config_operation(i8::from(value.is_none()))
                        .with_value(value.as_deref().map(text))
                });
                AlterConfigsResource::default()
                    .with_resource_type(kind)
                    .with_resource_name(text(name))
                    .with_configs(configs.collect())
            });
            let request = IncrementalAlterConfigsRequest::default()
                .with_resources(resources.collect())
                .with_validate_only(validate_only);
            let node = self.home(kind, changes.first().map(|(name, _)| *name));
            for resource in self.ask(node, 1, &request).await?.responses {
                let outcome = outcome(resource.error_code, resource.error_message.as_ref());
                answers.insert(resource.resource_name.as_str().to_owned(), outcome);
            }
        }
        Ok(answers)
    }

    /// The broker to ask about a resource: a broker knows its own settings only.
    fn home(&self, kind: i8, name: Option<&String>) -> Option<i32> {
        let id = name.filter(|_| kind == BROKER)?.parse().ok()?;
        self.nodes.contains_key(&id).then_some(id)
    }
}
