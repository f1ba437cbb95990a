//! The requests of the metadata quorum: who leads it and who votes, and the snapshots of its log.

use super::caps::{LISTENERS, QUORUM, REPLICAS};
use super::schema::{
    Field, Kind, Schema, boolean, int32, int32s, int64, row, string, structs, structure, uint16,
    uuid,
};
use crate::messages::ApiKey;
use crate::messages::{
    add_raft_voter_request as add, begin_quorum_epoch_request as begin,
    describe_quorum_request as describe, end_quorum_epoch_request as end,
    fetch_snapshot_request as snapshot, vote_request as vote,
};

pub(super) static SCHEMAS: &[Schema] = &[
    row(ApiKey::Vote, 0, 2, 0, VOTE),
    row(ApiKey::BeginQuorumEpoch, 0, 1, 1, BEGIN_QUORUM_EPOCH),
    row(ApiKey::EndQuorumEpoch, 0, 1, 1, END_QUORUM_EPOCH),
    row(ApiKey::DescribeQuorum, 0, 2, 0, DESCRIBE_QUORUM),
    row(ApiKey::FetchSnapshot, 0, 1, 0, FETCH_SNAPSHOT),
    row(ApiKey::AddRaftVoter, 0, 0, 0, ADD_RAFT_VOTER),
    row(ApiKey::RemoveRaftVoter, 0, 0, 0, REMOVE_RAFT_VOTER),
];

static DESCRIBE_QUORUM: &[Field] = &[structs::<describe::TopicData>(
    "Topics",
    &Kind::Struct(&[
        string("TopicName"),
        structs::<describe::PartitionData>("Partitions", &Kind::Struct(&[int32("PartitionIndex")]))
            .at_most(QUORUM),
    ]),
)
.at_most(QUORUM)];

static VOTE: &[Field] = &[
    string("ClusterId").nullable(0),
    int32("VoterId").since(1),
    structs::<vote::TopicData>(
        "Topics",
        &Kind::Struct(&[
            string("TopicName"),
            structs::<vote::PartitionData>(
                "Partitions",
                &Kind::Struct(&[
                    int32("PartitionIndex"),
                    int32("ReplicaEpoch"),
                    int32("ReplicaId"),
                    uuid("ReplicaDirectoryId").since(1),
                    uuid("VoterDirectoryId").since(1),
                    int32("LastOffsetEpoch"),
                    int64("LastOffset"),
                    boolean("PreVote").since(2),
                ]),
            )
            .at_most(QUORUM),
        ]),
    )
    .at_most(QUORUM),
];

static BEGIN_QUORUM_EPOCH: &[Field] = &[
    string("ClusterId").nullable(0),
    int32("VoterId").since(1),
    structs::<begin::TopicData>(
        "Topics",
        &Kind::Struct(&[
            string("TopicName"),
            structs::<begin::PartitionData>(
                "Partitions",
                &Kind::Struct(&[
                    int32("PartitionIndex"),
                    uuid("VoterDirectoryId").since(1),
                    int32("LeaderId"),
                    int32("LeaderEpoch"),
                ]),
            )
            .at_most(QUORUM),
        ]),
    )
    .at_most(QUORUM),
    structs::<begin::LeaderEndpoint>("LeaderEndpoints", &ENDPOINT).since(1).at_most(LISTENERS),
];

static END_QUORUM_EPOCH: &[Field] = &[
    string("ClusterId").nullable(0),
    structs::<end::TopicData>(
        "Topics",
        &Kind::Struct(&[
            string("TopicName"),
            structs::<end::PartitionData>(
                "Partitions",
                &Kind::Struct(&[
                    int32("PartitionIndex"),
                    int32("LeaderId"),
                    int32("LeaderEpoch"),
                    int32s("PreferredSuccessors").until(0).at_most(REPLICAS),
                    structs::<end::ReplicaInfo>(
                        "PreferredCandidates",
                        &Kind::Struct(&[int32("CandidateId"), uuid("CandidateDirectoryId")]),
                    )
                    .since(1)
                    .at_most(REPLICAS),
                ]),
            )
            .at_most(QUORUM),
        ]),
    )
    .at_most(QUORUM),
    structs::<end::LeaderEndpoint>("LeaderEndpoints", &ENDPOINT).since(1).at_most(LISTENERS),
];

static ENDPOINT: Kind = Kind::Struct(&[string("Name"), string("Host"), uint16("Port")]);

static ADD_RAFT_VOTER: &[Field] = &[
    string("ClusterId").nullable(0),
    int32("TimeoutMs"),
    int32("VoterId"),
    uuid("VoterDirectoryId"),
    structs::<add::Listener>("Listeners", &ENDPOINT).at_most(LISTENERS),
];

static REMOVE_RAFT_VOTER: &[Field] =
    &[string("ClusterId").nullable(0), int32("VoterId"), uuid("VoterDirectoryId")];

static FETCH_SNAPSHOT: &[Field] = &[
    string("ClusterId").nullable(0).tagged(0),
    int32("ReplicaId"),
    int32("MaxBytes"),
    structs::<snapshot::TopicSnapshot>(
        "Topics",
        &Kind::Struct(&[
            string("Name"),
            structs::<snapshot::PartitionSnapshot>(
                "Partitions",
                &Kind::Struct(&[
                    int32("Partition"),
                    int32("CurrentLeaderEpoch"),
                    structure("SnapshotId", &[int64("EndOffset"), int32("Epoch")]),
                    int64("Position"),
                    uuid("ReplicaDirectoryId").since(1).tagged(0),
                ]),
            )
            .at_most(QUORUM),
        ]),
    )
    .at_most(QUORUM),
];
