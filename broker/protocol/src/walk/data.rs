//! The requests that move records: Produce, Fetch, `ListOffsets`, `InitProducerId`.
//!
//! Produce and Fetch are decoded by codecs of our own, which check for themselves; their rows are
//! for whoever decodes them with the message types.

use super::schema::{
    Field, Kind, Schema, Versions, int8, int16, int32, int32s, int64, records, string, structs,
    structure, uuid,
};
use crate::messages::ApiKey;
use crate::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use crate::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use crate::messages::produce_request::{PartitionProduceData, TopicProduceData};

/// Topics in one request: more than a cluster has.
const TOPICS: usize = 100_000;
/// Partitions of one topic.
const PARTITIONS: usize = 100_000;

pub(super) static SCHEMAS: &[Schema] = &[
    Schema {
        api: ApiKey::Produce,
        versions: Versions { min: 3, max: 13 },
        flexible: 9,
        fields: PRODUCE,
    },
    Schema {
        api: ApiKey::Fetch,
        versions: Versions { min: 4, max: 18 },
        flexible: 12,
        fields: FETCH,
    },
    Schema {
        api: ApiKey::ListOffsets,
        versions: Versions { min: 1, max: 10 },
        flexible: 6,
        fields: LIST_OFFSETS,
    },
    Schema {
        api: ApiKey::InitProducerId,
        versions: Versions { min: 0, max: 5 },
        flexible: 2,
        fields: INIT_PRODUCER_ID,
    },
];

static PRODUCE: &[Field] = &[
    string("TransactionalId").since(3).nullable(3),
    int16("Acks"),
    int32("TimeoutMs"),
    structs::<TopicProduceData>(
        "TopicData",
        &Kind::Struct(&[
            string("Name").until(12),
            uuid("TopicId").since(13),
            structs::<PartitionProduceData>(
                "PartitionData",
                &Kind::Struct(&[int32("Index"), records("Records").nullable(0)]),
            )
            .at_most(PARTITIONS),
        ]),
    )
    .at_most(TOPICS),
];

static FETCH: &[Field] = &[
    string("ClusterId").since(12).nullable(12).tagged(0),
    int32("ReplicaId").until(14),
    structure("ReplicaState", &[int32("ReplicaId").since(15), int64("ReplicaEpoch").since(15)])
        .since(15)
        .tagged(1),
    int32("MaxWaitMs"),
    int32("MinBytes"),
    int32("MaxBytes").since(3),
    int8("IsolationLevel").since(4),
    int32("SessionId").since(7),
    int32("SessionEpoch").since(7),
    structs::<FetchTopic>(
        "Topics",
        &Kind::Struct(&[
            string("Topic").until(12),
            uuid("TopicId").since(13),
            structs::<FetchPartition>("Partitions", &Kind::Struct(FETCH_PARTITION))
                .at_most(PARTITIONS),
        ]),
    )
    .at_most(TOPICS),
    structs::<ForgottenTopic>(
        "ForgottenTopicsData",
        &Kind::Struct(&[
            string("Topic").since(7).until(12),
            uuid("TopicId").since(13),
            int32s("Partitions").since(7).at_most(PARTITIONS),
        ]),
    )
    .since(7)
    .at_most(TOPICS),
    string("RackId").since(11),
];

static FETCH_PARTITION: &[Field] = &[
    int32("Partition"),
    int32("CurrentLeaderEpoch").since(9),
    int64("FetchOffset"),
    int32("LastFetchedEpoch").since(12),
    int64("LogStartOffset").since(5),
    int32("PartitionMaxBytes"),
    uuid("ReplicaDirectoryId").since(17).tagged(0),
    int64("HighWatermark").since(18).tagged(1),
];

static LIST_OFFSETS: &[Field] = &[
    int32("ReplicaId"),
    int8("IsolationLevel").since(2),
    structs::<ListOffsetsTopic>(
        "Topics",
        &Kind::Struct(&[
            string("Name"),
            structs::<ListOffsetsPartition>(
                "Partitions",
                &Kind::Struct(&[
                    int32("PartitionIndex"),
                    int32("CurrentLeaderEpoch").since(4),
                    int64("Timestamp"),
                ]),
            )
            .at_most(PARTITIONS),
        ]),
    )
    .at_most(TOPICS),
    int32("TimeoutMs").since(10),
];

static INIT_PRODUCER_ID: &[Field] = &[
    string("TransactionalId").nullable(0),
    int32("TransactionTimeoutMs"),
    int64("ProducerId").since(3),
    int16("ProducerEpoch").since(3),
];
