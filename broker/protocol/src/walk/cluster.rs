//! The requests that ask about the cluster or change its topics.

use super::schema::{
    Field, Kind, Schema, Versions, boolean, int8, int16, int32, int32s, string, strings, structs,
    uuid,
};
use crate::messages::ApiKey;
use crate::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use crate::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use crate::messages::delete_topics_request::DeleteTopicState;
use crate::messages::describe_configs_request::DescribeConfigsResource;
use crate::messages::metadata_request::MetadataRequestTopic;

/// Topics or other resources in one request: more than a cluster has.
const TOPICS: usize = 100_000;
/// Partitions of one topic.
const PARTITIONS: usize = 100_000;
/// Replicas of one partition.
const REPLICAS: usize = 1_000;
/// Settings of one topic or broker: a few times more than there are.
const SETTINGS: usize = 2_000;

const fn row(api: ApiKey, min: i16, max: i16, flexible: i16, fields: &'static [Field]) -> Schema {
    Schema { api, versions: Versions { min, max }, flexible, fields }
}

pub(super) static SCHEMAS: &[Schema] = &[
    row(ApiKey::Metadata, 0, 13, 9, METADATA),
    row(ApiKey::ApiVersions, 0, 4, 3, API_VERSIONS),
    row(ApiKey::CreateTopics, 2, 7, 5, CREATE_TOPICS),
    row(ApiKey::DeleteTopics, 1, 6, 4, DELETE_TOPICS),
    row(ApiKey::DescribeConfigs, 1, 4, 4, DESCRIBE_CONFIGS),
    row(ApiKey::CreatePartitions, 0, 3, 2, CREATE_PARTITIONS),
    row(ApiKey::DescribeCluster, 0, 2, 0, DESCRIBE_CLUSTER),
];

static METADATA: &[Field] = &[
    structs::<MetadataRequestTopic>(
        "Topics",
        &Kind::Struct(&[uuid("TopicId").since(10), string("Name").nullable(10)]),
    )
    .nullable(1)
    .at_most(TOPICS),
    boolean("AllowAutoTopicCreation").since(4),
    boolean("IncludeClusterAuthorizedOperations").since(8).until(10),
    boolean("IncludeTopicAuthorizedOperations").since(8),
];

static API_VERSIONS: &[Field] =
    &[string("ClientSoftwareName").since(3), string("ClientSoftwareVersion").since(3)];

static CREATE_TOPICS: &[Field] = &[
    structs::<CreatableTopic>(
        "Topics",
        &Kind::Struct(&[
            string("Name"),
            int32("NumPartitions"),
            int16("ReplicationFactor"),
            structs::<CreatableReplicaAssignment>(
                "Assignments",
                &Kind::Struct(&[int32("PartitionIndex"), int32s("BrokerIds").at_most(REPLICAS)]),
            )
            .at_most(PARTITIONS),
            structs::<CreatableTopicConfig>(
                "Configs",
                &Kind::Struct(&[string("Name"), string("Value").nullable(0)]),
            )
            .at_most(SETTINGS),
        ]),
    )
    .at_most(TOPICS),
    int32("timeoutMs"),
    boolean("validateOnly").since(1),
];

static DELETE_TOPICS: &[Field] = &[
    structs::<DeleteTopicState>(
        "Topics",
        &Kind::Struct(&[string("Name").since(6).nullable(6), uuid("TopicId").since(6)]),
    )
    .since(6)
    .at_most(TOPICS),
    strings("TopicNames").until(5).at_most(TOPICS),
    int32("TimeoutMs"),
];

static DESCRIBE_CONFIGS: &[Field] = &[
    structs::<DescribeConfigsResource>(
        "Resources",
        &Kind::Struct(&[
            int8("ResourceType"),
            string("ResourceName"),
            strings("ConfigurationKeys").nullable(0).at_most(SETTINGS),
        ]),
    )
    .at_most(TOPICS),
    boolean("IncludeSynonyms").since(1),
    boolean("IncludeDocumentation").since(3),
];

static CREATE_PARTITIONS: &[Field] = &[
    structs::<CreatePartitionsTopic>(
        "Topics",
        &Kind::Struct(&[
            string("Name"),
            int32("Count"),
            structs::<CreatePartitionsAssignment>(
                "Assignments",
                &Kind::Struct(&[int32s("BrokerIds").at_most(REPLICAS)]),
            )
            .nullable(0)
            .at_most(PARTITIONS),
        ]),
    )
    .at_most(TOPICS),
    int32("TimeoutMs"),
    boolean("ValidateOnly"),
];

static DESCRIBE_CLUSTER: &[Field] = &[
    boolean("IncludeClusterAuthorizedOperations"),
    int8("EndpointType").since(1),
    boolean("IncludeFencedBrokers").since(2),
];
