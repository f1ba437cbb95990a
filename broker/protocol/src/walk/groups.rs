//! The requests of consumer groups and their offsets.

use super::schema::{
    Field, Kind, Schema, Versions, boolean, bytes, int8, int32, int32s, int64, string, strings,
    structs,
};
use crate::messages::ApiKey;
use crate::messages::join_group_request::JoinGroupRequestProtocol;
use crate::messages::leave_group_request::MemberIdentity;
use crate::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use crate::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use crate::messages::sync_group_request::SyncGroupRequestAssignment;

/// Topics in one request: more than a cluster has.
const TOPICS: usize = 100_000;
/// Partitions of one topic.
const PARTITIONS: usize = 100_000;
/// Groups or transactional ids in one request. Each may be answered in hundreds of bytes, however
/// short its name is: the cap bounds the answer too.
const GROUPS: usize = 10_000;
/// Members of one group.
const MEMBERS: usize = 10_000;
/// Assignors that one member offers; real ones offer one to three.
const PROTOCOLS: usize = 100;
/// States or types to filter by; there are fewer than ten of each.
const FILTERS: usize = 100;

const fn since_0(api: ApiKey, max: i16, flexible: i16, fields: &'static [Field]) -> Schema {
    Schema { api, versions: Versions { min: 0, max }, flexible, fields }
}

pub(super) static SCHEMAS: &[Schema] = &[
    Schema {
        api: ApiKey::OffsetCommit,
        versions: Versions { min: 2, max: 9 },
        flexible: 8,
        fields: OFFSET_COMMIT,
    },
    Schema {
        api: ApiKey::OffsetFetch,
        versions: Versions { min: 1, max: 9 },
        flexible: 6,
        fields: OFFSET_FETCH,
    },
    since_0(ApiKey::FindCoordinator, 6, 3, FIND_COORDINATOR),
    since_0(ApiKey::JoinGroup, 9, 6, JOIN_GROUP),
    since_0(ApiKey::Heartbeat, 4, 4, HEARTBEAT),
    since_0(ApiKey::LeaveGroup, 5, 4, LEAVE_GROUP),
    since_0(ApiKey::SyncGroup, 5, 4, SYNC_GROUP),
    since_0(ApiKey::DescribeGroups, 6, 5, DESCRIBE_GROUPS),
    since_0(ApiKey::ListGroups, 5, 3, LIST_GROUPS),
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
