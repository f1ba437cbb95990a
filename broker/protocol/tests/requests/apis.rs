//! Every served API with the message type that its requests decode into.

use bytes::Bytes;
use kastellan_protocol::messages::*;
use kastellan_protocol::protocol::{Encodable, Message, VersionRange};
use kastellan_protocol::{Refused, decode};

/// One API's requests: decoded and encoded again, so that one list can hold them all.
#[derive(Debug)]
pub(super) struct Api {
    /// Which API.
    pub(super) key: ApiKey,
    /// The versions that the message type has.
    pub(super) versions: VersionRange,
    /// Walks and decodes a body, drops the result.
    pub(super) decode: fn(i16, Bytes) -> Result<(), Refused>,
    /// Walks, decodes, encodes again, and decodes that.
    pub(super) again: fn(i16, Bytes) -> Result<Again, Refused>,
}

/// A request that went through the message type and back.
pub(super) struct Again {
    /// What it was encoded to.
    pub(super) bytes: Vec<u8>,
    /// Whether that decodes to the same.
    pub(super) same: bool,
}

macro_rules! apis {
    ($($key:ident $request:ident,)*) => {
        /// All of them.
        pub(super) const APIS: &[Api] = &[$(Api {
            key: ApiKey::$key,
            versions: <$request as Message>::VERSIONS,
            decode: |version, body| decode::<$request>(version, body).map(drop),
            again: |version, body| {
                let first = decode::<$request>(version, body)?;
                let mut bytes = Vec::new();
                first.encode(&mut bytes, version).expect("decoded from this version");
                let second = decode::<$request>(version, bytes.clone().into())?;
                // a quota that is not a number is not equal to itself, but reads the same
                let same = first == second || format!("{first:?}") == format!("{second:?}");
                Ok(Again { bytes, same })
            },
        },)*];
    };
}

apis! {
    Produce ProduceRequest,
    Fetch FetchRequest,
    ListOffsets ListOffsetsRequest,
    Metadata MetadataRequest,
    OffsetCommit OffsetCommitRequest,
    OffsetFetch OffsetFetchRequest,
    FindCoordinator FindCoordinatorRequest,
    JoinGroup JoinGroupRequest,
    Heartbeat HeartbeatRequest,
    LeaveGroup LeaveGroupRequest,
    SyncGroup SyncGroupRequest,
    DescribeGroups DescribeGroupsRequest,
    ListGroups ListGroupsRequest,
    ApiVersions ApiVersionsRequest,
    CreateTopics CreateTopicsRequest,
    DeleteTopics DeleteTopicsRequest,
    InitProducerId InitProducerIdRequest,
    DescribeAcls DescribeAclsRequest,
    CreateAcls CreateAclsRequest,
    DeleteAcls DeleteAclsRequest,
    DescribeConfigs DescribeConfigsRequest,
    CreatePartitions CreatePartitionsRequest,
    DescribeQuorum DescribeQuorumRequest,
    AddRaftVoter AddRaftVoterRequest,
    RemoveRaftVoter RemoveRaftVoterRequest,
    DescribeCluster DescribeClusterRequest,
    UnregisterBroker UnregisterBrokerRequest,
    UpdateFeatures UpdateFeaturesRequest,
    SaslHandshake SaslHandshakeRequest,
    SaslAuthenticate SaslAuthenticateRequest,
    DescribeUserScramCredentials DescribeUserScramCredentialsRequest,
    AlterUserScramCredentials AlterUserScramCredentialsRequest,
    CreateDelegationToken CreateDelegationTokenRequest,
    RenewDelegationToken RenewDelegationTokenRequest,
    ExpireDelegationToken ExpireDelegationTokenRequest,
    DescribeDelegationToken DescribeDelegationTokenRequest,
    DescribeClientQuotas DescribeClientQuotasRequest,
    AlterClientQuotas AlterClientQuotasRequest,
    DeleteRecords DeleteRecordsRequest,
    OffsetForLeaderEpoch OffsetForLeaderEpochRequest,
    AlterConfigs AlterConfigsRequest,
    AlterReplicaLogDirs AlterReplicaLogDirsRequest,
    DescribeLogDirs DescribeLogDirsRequest,
    DeleteGroups DeleteGroupsRequest,
    ElectLeaders ElectLeadersRequest,
    IncrementalAlterConfigs IncrementalAlterConfigsRequest,
    AlterPartitionReassignments AlterPartitionReassignmentsRequest,
    ListPartitionReassignments ListPartitionReassignmentsRequest,
    OffsetDelete OffsetDeleteRequest,
    DescribeProducers DescribeProducersRequest,
    ListConfigResources ListConfigResourcesRequest,
    DescribeTopicPartitions DescribeTopicPartitionsRequest,
    Vote VoteRequest,
    BeginQuorumEpoch BeginQuorumEpochRequest,
    EndQuorumEpoch EndQuorumEpochRequest,
    FetchSnapshot FetchSnapshotRequest,
    AlterPartition AlterPartitionRequest,
    Envelope EnvelopeRequest,
    BrokerRegistration BrokerRegistrationRequest,
    BrokerHeartbeat BrokerHeartbeatRequest,
    AllocateProducerIds AllocateProducerIdsRequest,
    AssignReplicasToDirs AssignReplicasToDirsRequest,
}
