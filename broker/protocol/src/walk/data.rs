//! The requests that move, find or delete records, and those of their producers.
//!
//! Produce and Fetch are decoded by codecs of our own, which check for themselves; their rows are
//! for whoever decodes them with the message types.

use super::caps::{PARTITIONS, TOPICS};
use super::schema::{
    Field, Kind, Schema, int8, int16, int32, int32s, int64, records, row, string, structs,
    structure, uuid,
};
use crate::messages::ApiKey;
use crate::messages::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
use crate::messages::describe_producers_request::TopicRequest;
use crate::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use crate::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use crate::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use crate::messages::produce_request::{PartitionProduceData, TopicProduceData};

pub(super) static SCHEMAS: &[Schema] = &[
    row(ApiKey::Produce, 3, 13, 9, PRODUCE),
    row(ApiKey::Fetch, 4, 18, 12, FETCH),
    row(ApiKey::ListOffsets, 1, 10, 6, LIST_OFFSETS),
    row(ApiKey::DeleteRecords, 0, 2, 2, DELETE_RECORDS),
    row(ApiKey::InitProducerId, 0, 5, 2, INIT_PRODUCER_ID),
    row(ApiKey::OffsetForLeaderEpoch, 2, 4, 4, OFFSET_FOR_LEADER_EPOCH),
    row(ApiKey::DescribeProducers, 0, 0, 0, DESCRIBE_PRODUCERS),
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

static DELETE_RECORDS: &[Field] = &[
    structs::<DeleteRecordsTopic>(
        "Topics",
        &Kind::Struct(&[
            string("Name"),
            structs::<DeleteRecordsPartition>(
                "Partitions",
                &Kind::Struct(&[int32("PartitionIndex"), int64("Offset")]),
            )
            .at_most(PARTITIONS),
        ]),
    )
    .at_most(TOPICS),
    int32("TimeoutMs"),
];

static OFFSET_FOR_LEADER_EPOCH: &[Field] = &[
    int32("ReplicaId").since(3),
    structs::<OffsetForLeaderTopic>(
        "Topics",
        &Kind::Struct(&[
            string("Topic"),
            structs::<OffsetForLeaderPartition>(
                "Partitions",
                &Kind::Struct(&[
                    int32("Partition"),
                    int32("CurrentLeaderEpoch").since(2),
                    int32("LeaderEpoch"),
                ]),
            )
            .at_most(PARTITIONS),
        ]),
    )
    .at_most(TOPICS),
];

static DESCRIBE_PRODUCERS: &[Field] = &[structs::<TopicRequest>(
    "Topics",
    &Kind::Struct(&[string("Name"), int32s("PartitionIndexes").at_most(PARTITIONS)]),
)
.at_most(TOPICS)];
