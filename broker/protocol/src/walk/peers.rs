//! The requests that brokers send to the active controller.

use super::caps::{DIRECTORIES, FEATURES, LISTENERS, PARTITIONS, REPLICAS, TOPICS};
use super::schema::{
    Field, Kind, Schema, boolean, bytes, int8, int16, int32, int32s, int64, row, string, structs,
    uint16, uuid, uuids,
};
use crate::messages::ApiKey;
use crate::messages::{
    alter_partition_request as alter, assign_replicas_to_dirs_request as assign,
    broker_registration_request as registration,
};

pub(super) static SCHEMAS: &[Schema] = &[
    row(ApiKey::AlterPartition, 2, 3, 0, ALTER_PARTITION),
    row(ApiKey::Envelope, 0, 0, 0, ENVELOPE),
    row(ApiKey::BrokerRegistration, 0, 4, 0, BROKER_REGISTRATION),
    row(ApiKey::BrokerHeartbeat, 0, 1, 0, BROKER_HEARTBEAT),
    row(ApiKey::AllocateProducerIds, 0, 0, 0, ALLOCATE_PRODUCER_IDS),
    row(ApiKey::AssignReplicasToDirs, 0, 0, 0, ASSIGN_REPLICAS_TO_DIRS),
];

static ALTER_PARTITION: &[Field] = &[
    int32("BrokerId"),
    int64("BrokerEpoch"),
    structs::<alter::TopicData>(
        "Topics",
        &Kind::Struct(&[
            uuid("TopicId").since(2),
            structs::<alter::PartitionData>(
                "Partitions",
                &Kind::Struct(&[
                    int32("PartitionIndex"),
                    int32("LeaderEpoch"),
                    int32s("NewIsr").until(2).at_most(REPLICAS),
                    structs::<alter::BrokerState>(
                        "NewIsrWithEpochs",
                        &Kind::Struct(&[int32("BrokerId"), int64("BrokerEpoch")]),
                    )
                    .since(3)
                    .at_most(REPLICAS),
                    int8("LeaderRecoveryState").since(1),
                    int32("PartitionEpoch"),
                ]),
            )
            .at_most(PARTITIONS),
        ]),
    )
    .at_most(TOPICS),
];

static ENVELOPE: &[Field] =
    &[bytes("RequestData"), bytes("RequestPrincipal").nullable(0), bytes("ClientHostAddress")];

static BROKER_REGISTRATION: &[Field] = &[
    int32("BrokerId"),
    string("ClusterId"),
    uuid("IncarnationId"),
    structs::<registration::Listener>(
        "Listeners",
        &Kind::Struct(&[string("Name"), string("Host"), uint16("Port"), int16("SecurityProtocol")]),
    )
    .at_most(LISTENERS),
    structs::<registration::Feature>(
        "Features",
        &Kind::Struct(&[
            string("Name"),
            int16("MinSupportedVersion"),
            int16("MaxSupportedVersion"),
        ]),
    )
    .at_most(FEATURES),
    string("Rack").nullable(0),
    boolean("IsMigratingZkBroker").since(1),
    uuids("LogDirs").since(2).at_most(DIRECTORIES),
    int64("PreviousBrokerEpoch").since(3),
];

static BROKER_HEARTBEAT: &[Field] = &[
    int32("BrokerId"),
    int64("BrokerEpoch"),
    int64("CurrentMetadataOffset"),
    boolean("WantFence"),
    boolean("WantShutDown"),
    uuids("OfflineLogDirs").since(1).tagged(0).at_most(DIRECTORIES),
];

static ALLOCATE_PRODUCER_IDS: &[Field] = &[int32("BrokerId"), int64("BrokerEpoch")];

static ASSIGN_REPLICAS_TO_DIRS: &[Field] = &[
    int32("BrokerId"),
    int64("BrokerEpoch"),
    structs::<assign::DirectoryData>(
        "Directories",
        &Kind::Struct(&[
            uuid("Id"),
            structs::<assign::TopicData>(
                "Topics",
                &Kind::Struct(&[
                    uuid("TopicId"),
                    structs::<assign::PartitionData>(
                        "Partitions",
                        &Kind::Struct(&[int32("PartitionIndex")]),
                    )
                    .at_most(PARTITIONS),
                ]),
            )
            .at_most(TOPICS),
        ]),
    )
    .at_most(DIRECTORIES),
];
