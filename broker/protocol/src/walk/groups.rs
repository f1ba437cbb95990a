//! The requests of consumer groups and their offsets.

use super::caps::{FILTERS, GROUPS, MEMBERS, PARTITIONS, PROTOCOLS, TOPICS};
use super::schema::{
    Field, Kind, NEVER, Schema, boolean, bytes, int8, int32, int32s, int64, row, string, strings,
    structs,
};
use crate::messages::ApiKey;
use crate::messages::join_group_request::JoinGroupRequestProtocol;
use crate::messages::leave_group_request::MemberIdentity;
use crate::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use crate::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use crate::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use crate::messages::sync_group_request::SyncGroupRequestAssignment;

pub(super) static SCHEMAS: &[Schema] = &[
    row(ApiKey::OffsetCommit, 2, 9, 8, OFFSET_COMMIT),
    row(ApiKey::OffsetFetch, 1, 9, 6, OFFSET_FETCH),
    row(ApiKey::FindCoordinator, 0, 6, 3, FIND_COORDINATOR),
    row(ApiKey::JoinGroup, 0, 9, 6, JOIN_GROUP),
    row(ApiKey::Heartbeat, 0, 4, 4, HEARTBEAT),
    row(ApiKey::LeaveGroup, 0, 5, 4, LEAVE_GROUP),
    row(ApiKey::SyncGroup, 0, 5, 4, SYNC_GROUP),
    row(ApiKey::DescribeGroups, 0, 6, 5, DESCRIBE_GROUPS),
    row(ApiKey::ListGroups, 0, 5, 3, LIST_GROUPS),
    row(ApiKey::DeleteGroups, 0, 2, 2, DELETE_GROUPS),
    row(ApiKey::OffsetDelete, 0, 0, NEVER, OFFSET_DELETE),
];

static OFFSET_COMMIT: &[Field] = &[
    string("GroupId"),
    int32("GenerationIdOrMemberEpoch").since(1),
    string("MemberId").since(1),
    string("GroupInstanceId").since(7).nullable(7),
    int64("RetentionTimeMs").since(2).until(4),
    structs::<OffsetCommitRequestTopic>(
        "Topics",
        &Kind::Struct(&[
            string("Name"),
            structs::<OffsetCommitRequestPartition>(
                "Partitions",
                &Kind::Struct(&[
                    int32("PartitionIndex"),
                    int64("CommittedOffset"),
                    int32("CommittedLeaderEpoch").since(6),
                    string("CommittedMetadata").nullable(0),
                ]),
            )
            .at_most(PARTITIONS),
        ]),
    )
    .at_most(TOPICS),
];

static OFFSET_FETCH: &[Field] = &[
    string("GroupId").until(7),
    structs::<OffsetFetchRequestTopic>(
        "Topics",
        &Kind::Struct(&[
            string("Name").until(7),
            int32s("PartitionIndexes").until(7).at_most(PARTITIONS),
        ]),
    )
    .until(7)
    .nullable(2)
    .at_most(TOPICS),
    structs::<OffsetFetchRequestGroup>(
        "Groups",
        &Kind::Struct(&[
            string("GroupId").since(8),
            string("MemberId").since(9).nullable(9),
            int32("MemberEpoch").since(9),
            structs::<OffsetFetchRequestTopics>(
                "Topics",
                &Kind::Struct(&[
                    string("Name").since(8),
                    int32s("PartitionIndexes").since(8).at_most(PARTITIONS),
                ]),
            )
            .since(8)
            .nullable(8)
            .at_most(TOPICS),
        ]),
    )
    .since(8)
    .at_most(GROUPS),
    boolean("RequireStable").since(7),
];

static FIND_COORDINATOR: &[Field] = &[
    string("Key").until(3),
    int8("KeyType").since(1),
    strings("CoordinatorKeys").since(4).at_most(GROUPS),
];

static JOIN_GROUP: &[Field] = &[
    string("GroupId"),
    int32("SessionTimeoutMs"),
    int32("RebalanceTimeoutMs").since(1),
    string("MemberId"),
    string("GroupInstanceId").since(5).nullable(5),
    string("ProtocolType"),
    structs::<JoinGroupRequestProtocol>(
        "Protocols",
        &Kind::Struct(&[string("Name"), bytes("Metadata")]),
    )
    .at_most(PROTOCOLS),
    string("Reason").since(8).nullable(8),
];

static HEARTBEAT: &[Field] = &[
    string("GroupId"),
    int32("GenerationId"),
    string("MemberId"),
    string("GroupInstanceId").since(3).nullable(3),
];

static LEAVE_GROUP: &[Field] = &[
    string("GroupId"),
    string("MemberId").until(2),
    structs::<MemberIdentity>(
        "Members",
        &Kind::Struct(&[
            string("MemberId").since(3),
            string("GroupInstanceId").since(3).nullable(3),
            string("Reason").since(5).nullable(5),
        ]),
    )
    .since(3)
    .at_most(MEMBERS),
];

static SYNC_GROUP: &[Field] = &[
    string("GroupId"),
    int32("GenerationId"),
    string("MemberId"),
    string("GroupInstanceId").since(3).nullable(3),
    string("ProtocolType").since(5).nullable(5),
    string("ProtocolName").since(5).nullable(5),
    structs::<SyncGroupRequestAssignment>(
        "Assignments",
        &Kind::Struct(&[string("MemberId"), bytes("Assignment")]),
    )
    .at_most(MEMBERS),
];

static DESCRIBE_GROUPS: &[Field] =
    &[strings("Groups").at_most(GROUPS), boolean("IncludeAuthorizedOperations").since(3)];

static LIST_GROUPS: &[Field] = &[
    strings("StatesFilter").since(4).at_most(FILTERS),
    strings("TypesFilter").since(5).at_most(FILTERS),
];

static DELETE_GROUPS: &[Field] = &[strings("GroupsNames").at_most(GROUPS)];

static OFFSET_DELETE: &[Field] = &[
    string("GroupId"),
    structs::<OffsetDeleteRequestTopic>(
        "Topics",
        &Kind::Struct(&[
            string("Name"),
            structs::<OffsetDeleteRequestPartition>(
                "Partitions",
                &Kind::Struct(&[int32("PartitionIndex")]),
            )
            .at_most(PARTITIONS),
        ]),
    )
    .at_most(TOPICS),
];
