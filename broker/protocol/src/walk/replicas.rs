//! The requests about partitions' replicas: who leads, who holds a copy, in which directory.

use super::caps::{DIRECTORIES, PARTITIONS, REPLICAS, TOPICS};
use super::schema::{
    Field, Kind, Schema, boolean, int8, int32, int32s, row, string, structs, structure,
};
use crate::messages::ApiKey;
use crate::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use crate::messages::alter_replica_log_dirs_request::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic,
};
use crate::messages::describe_log_dirs_request::DescribableLogDirTopic;
use crate::messages::describe_topic_partitions_request::TopicRequest;
use crate::messages::elect_leaders_request::TopicPartitions;
use crate::messages::list_partition_reassignments_request::ListPartitionReassignmentsTopics;

pub(super) static SCHEMAS: &[Schema] = &[
    row(ApiKey::AlterReplicaLogDirs, 1, 2, 2, ALTER_REPLICA_LOG_DIRS),
    row(ApiKey::DescribeLogDirs, 1, 4, 2, DESCRIBE_LOG_DIRS),
    row(ApiKey::ElectLeaders, 0, 2, 2, ELECT_LEADERS),
    row(ApiKey::AlterPartitionReassignments, 0, 1, 0, ALTER_PARTITION_REASSIGNMENTS),
    row(ApiKey::ListPartitionReassignments, 0, 0, 0, LIST_PARTITION_REASSIGNMENTS),
    row(ApiKey::DescribeTopicPartitions, 0, 0, 0, DESCRIBE_TOPIC_PARTITIONS),
];

static ALTER_REPLICA_LOG_DIRS: &[Field] = &[structs::<AlterReplicaLogDir>(
    "Dirs",
    &Kind::Struct(&[
        string("Path"),
        structs::<AlterReplicaLogDirTopic>(
            "Topics",
            &Kind::Struct(&[string("Name"), int32s("Partitions").at_most(PARTITIONS)]),
        )
        .at_most(TOPICS),
    ]),
)
.at_most(DIRECTORIES)];

static DESCRIBE_LOG_DIRS: &[Field] = &[structs::<DescribableLogDirTopic>(
    "Topics",
    &Kind::Struct(&[string("Topic"), int32s("Partitions").at_most(PARTITIONS)]),
)
.nullable(0)
.at_most(TOPICS)];

static ELECT_LEADERS: &[Field] = &[
    int8("ElectionType").since(1),
    structs::<TopicPartitions>(
        "TopicPartitions",
        &Kind::Struct(&[string("Topic"), int32s("Partitions").at_most(PARTITIONS)]),
    )
    .nullable(0)
    .at_most(TOPICS),
    int32("TimeoutMs"),
];

static ALTER_PARTITION_REASSIGNMENTS: &[Field] = &[
    int32("TimeoutMs"),
    boolean("AllowReplicationFactorChange").since(1),
    structs::<ReassignableTopic>(
        "Topics",
        &Kind::Struct(&[
            string("Name"),
            structs::<ReassignablePartition>(
                "Partitions",
                &Kind::Struct(&[
                    int32("PartitionIndex"),
                    int32s("Replicas").nullable(0).at_most(REPLICAS),
                ]),
            )
            .at_most(PARTITIONS),
        ]),
    )
    .at_most(TOPICS),
];

static LIST_PARTITION_REASSIGNMENTS: &[Field] = &[
    int32("TimeoutMs"),
    structs::<ListPartitionReassignmentsTopics>(
        "Topics",
        &Kind::Struct(&[string("Name"), int32s("PartitionIndexes").at_most(PARTITIONS)]),
    )
    .nullable(0)
    .at_most(TOPICS),
];

static DESCRIBE_TOPIC_PARTITIONS: &[Field] = &[
    structs::<TopicRequest>("Topics", &Kind::Struct(&[string("Name")])).at_most(TOPICS),
    int32("ResponsePartitionLimit"),
    structure("Cursor", &[string("TopicName"), int32("PartitionIndex")]).nullable(0),
];
