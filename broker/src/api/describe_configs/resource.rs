//! What has settings to describe.

use std::borrow::Cow;

use kastellan_core::{
    config::{
        Described, Overrides, Source, Sourced, described_broker, described_client_metrics,
        described_cluster, described_group, described_topic,
    },
    id::BrokerId,
    metadata::{ConfigResource, ResourceKind, validate_name},
};
use kastellan_protocol::{ErrorCode, messages::describe_configs_request::DescribeConfigsResource};

use crate::{
    access::{
        Judge,
        needs::{DESCRIBE_CONFIGS_CLUSTER, DESCRIBE_CONFIGS_GROUP, DESCRIBE_CONFIGS_TOPIC},
    },
    broker::Broker,
};

pub(super) type Refusal = (ErrorCode, String);

/// The settings of a resource. Errors: 3 `UNKNOWN_TOPIC_OR_PARTITION`, 17
/// `INVALID_TOPIC_EXCEPTION`, 42 `INVALID_REQUEST` for what has no settings here.
pub(super) fn describe(
    broker: &Broker,
    judge: &Judge<'_>,
    resource: &DescribeConfigsResource,
) -> Result<Vec<Described>, Refusal> {
    let name: &str = &resource.resource_name;
    let may = match ResourceKind::from_code(resource.resource_type) {
        Some(ResourceKind::Topic) => judge.check(DESCRIBE_CONFIGS_TOPIC, name),
        Some(ResourceKind::Group) => judge.check(DESCRIBE_CONFIGS_GROUP, name),
        Some(ResourceKind::Broker | ResourceKind::BrokerLogger | ResourceKind::ClientMetrics) => {
            judge.check_cluster(DESCRIBE_CONFIGS_CLUSTER)
        }
        None => Ok(()),
    };
    may.map_err(|why| (why.code, why.message))?;
    let refuse = |message: String| Err((ErrorCode::InvalidRequest, message));
    let settings = broker.settings.load();
    match ResourceKind::from_code(resource.resource_type) {
        Some(ResourceKind::Topic) => {
            validate_name(name)
                .map_err(|error| (ErrorCode::InvalidTopicException, error.to_string()))?;
            let image = broker.controller.image();
            if image.topic(name).is_none() {
                let message = format!("there is no topic {name}");
                return Err((ErrorCode::UnknownTopicOrPartition, message));
            }
            Ok(described_topic(&image.topic_overrides(name), &settings).collect())
        }
        Some(ResourceKind::Broker) if name.is_empty() => Ok(described_cluster(&settings).collect()),
        Some(ResourceKind::Broker) if name == broker.config.node_id.to_string() => {
            let identity = identity(broker);
            let mut all: Vec<_> = described_broker(&settings).chain(identity).collect();
            all.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(all)
        }
        Some(ResourceKind::Broker) => refuse(format!(
            "this is broker {}, it cannot describe broker {name:?}",
            broker.config.node_id
        )),
        Some(ResourceKind::Group) if name.is_empty() => {
            refuse("the name of a group must not be empty".to_owned())
        }
        Some(kind @ ResourceKind::Group) => {
            Ok(described_group(&overrides(broker, kind, name), &settings).collect())
        }
        Some(ResourceKind::ClientMetrics) if name.is_empty() => {
            refuse("the name of a subscription to metrics must not be empty".to_owned())
        }
        Some(kind @ ResourceKind::ClientMetrics) => {
            Ok(described_client_metrics(&overrides(broker, kind, name)).collect())
        }
        Some(ResourceKind::BrokerLogger) => {
            refuse("log levels are given at the start, by --log or RUST_LOG".to_owned())
        }
        None => refuse(format!(
            "resource type {} has no settings: ask for topics (2), brokers (4), subscriptions to \
             client metrics (16) or groups (32)",
            resource.resource_type
        )),
    }
}

fn overrides(broker: &Broker, kind: ResourceKind, name: &str) -> Overrides {
    let resource = ConfigResource { kind, name: name.to_owned() };
    let image = broker.controller.image();
    image.config(&resource).map(|it| Overrides::clone(it)).unwrap_or_default()
}

/// What the broker was told outside the table: who and where it is.
fn identity(broker: &Broker) -> impl Iterator<Item = Described> {
    let config = &broker.config;
    let listeners: Vec<_> =
        broker.addresses.iter().map(|(name, address)| format!("{name}://{address}")).collect();
    let image = broker.controller.image();
    let me = image.broker(BrokerId(config.node_id));
    let endpoints = me.into_iter().flat_map(|me| &me.endpoints);
    let advertised: Vec<_> =
        endpoints.map(|it| format!("{}://{}:{}", it.name, it.host, it.port)).collect();
    let dirs: Vec<_> = config.log_dirs.iter().map(|dir| dir.display().to_string()).collect();
    let metadata = config.metadata_log_dir.as_ref().or(config.log_dirs.first());
    let metadata = metadata.map(|dir| dir.display().to_string()).unwrap_or_default();
    [
        (
            "advertised.listeners",
            advertised.join(","),
            7,
            "Where clients are told to reach the broker.",
        ),
        ("node.id", config.node_id.to_string(), 3, "The broker's id, unique in its cluster."),
        ("listeners", listeners.join(","), 7, "Where the broker listens."),
        ("log.dirs", dirs.join(","), 7, "Where the broker keeps its data."),
        ("metadata.log.dir", metadata, 2, "Where the cluster's metadata lies."),
    ]
    .into_iter()
    .map(|(name, value, kind, doc)| {
        let (name, source) = (Cow::Borrowed(name), Source::Static);
        Described {
            name: name.clone(),
            value: Some(value.clone()),
            source,
            read_only: true,
            sensitive: false,
            kind,
            doc,
            synonyms: vec![Sourced { name, value: Some(value), source }],
        }
    })
}
