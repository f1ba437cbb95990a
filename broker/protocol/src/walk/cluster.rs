//! The requests that ask about the cluster or change its topics.

use super::caps::{FEATURES, PARTITIONS, REPLICAS, SETTINGS, TOPICS};
use super::schema::{
    Field, Kind, Schema, boolean, int8, int16, int32, int32s, row, string, strings, structs, uuid,
};
use crate::messages::ApiKey;
use crate::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use crate::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use crate::messages::delete_topics_request::DeleteTopicState;
use crate::messages::metadata_request::MetadataRequestTopic;
use crate::messages::update_features_request::FeatureUpdateKey;

pub(super) static SCHEMAS: &[Schema] = &[
    row(ApiKey::Metadata, 0, 13, 9, METADATA),
    row(ApiKey::ApiVersions, 0, 4, 3, API_VERSIONS),
    row(ApiKey::CreateTopics, 2, 7, 5, CREATE_TOPICS),
    row(ApiKey::DeleteTopics, 1, 6, 4, DELETE_TOPICS),
    row(ApiKey::CreatePartitions, 0, 3, 2, CREATE_PARTITIONS),
    row(ApiKey::DescribeCluster, 0, 2, 0, DESCRIBE_CLUSTER),
    row(ApiKey::UnregisterBroker, 0, 0, 0, UNREGISTER_BROKER),
    row(ApiKey::UpdateFeatures, 0, 2, 0, UPDATE_FEATURES),
];

static UNREGISTER_BROKER: &[Field] = &[int32("BrokerId")];

static UPDATE_FEATURES: &[Field] = &[
    int32("timeoutMs"),
    structs::<FeatureUpdateKey>(
        "FeatureUpdates",
        &Kind::Struct(&[
            string("Feature"),
            int16("MaxVersionLevel"),
            boolean("AllowDowngrade").until(0),
            int8("UpgradeType").since(1),
        ]),
    )
    .at_most(FEATURES),
    boolean("ValidateOnly").since(1),
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
