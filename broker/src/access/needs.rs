//! The one table of what it takes: API by API, which operation on which kind of resource, as in
//! Kafka. Handlers name its rows, and the tests of the matrix are made from it.

use kastellan_core::{
    metadata::Failure,
    security::{
        Operation::{
            self, Alter, AlterConfigs, ClusterAction, Create, CreateTokens, Delete, Describe,
            DescribeConfigs, DescribeTokens, IdempotentWrite, Read, Write,
        },
        ResourceType::{self, Cluster, DelegationToken, Group, Topic, TransactionalId, User},
    },
};
use kastellan_protocol::{ErrorCode, messages::ApiKey};

/// One row: what `api` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Need {
    /// Who asks.
    pub(crate) api: ApiKey,
    /// What is to be done.
    pub(crate) operation: Operation,
    /// With what.
    pub(crate) of: ResourceType,
}

impl Need {
    /// What a client is told that may not.
    pub(crate) fn denied(self) -> Failure {
        let Self { operation, of, .. } = self;
        let code = match of {
            Topic => ErrorCode::TopicAuthorizationFailed,
            Group => ErrorCode::GroupAuthorizationFailed,
            Cluster => ErrorCode::ClusterAuthorizationFailed,
            TransactionalId => ErrorCode::TransactionalIdAuthorizationFailed,
            DelegationToken | User => ErrorCode::DelegationTokenAuthorizationFailed,
        };
        Failure::new(code, format!("it takes the right to {operation} on this {of}"))
    }
}

macro_rules! needs {
    ($($(#[$doc:meta])* $name:ident = $api:ident: $operation:ident $of:ident;)*) => {
        $(
            $(#[$doc])*
            pub(crate) const $name: Need =
                Need { api: ApiKey::$api, operation: $operation, of: $of };
        )*

        /// The whole table.
        #[cfg(test)]
        pub(crate) const ALL: &[(&str, Need)] = &[$((stringify!($name), $name),)*];
    };
}

needs! {
    /// Each topic.
    PRODUCE = Produce: Write Topic;
    /// A transactional producer's own id.
    PRODUCE_TRANSACTIONAL = Produce: Write TransactionalId;
    /// Each topic.
    FETCH = Fetch: Read Topic;
    /// Each topic.
    LIST_OFFSETS = ListOffsets: Describe Topic;
    /// Each topic; where all are asked for, others are left out.
    METADATA = Metadata: Describe Topic;
    /// A topic that comes into being by being asked for.
    METADATA_CREATE = Metadata: Create Topic;
    /// The same for all of them.
    METADATA_CREATE_ANY = Metadata: Create Cluster;
    /// To be told what one may do with the cluster.
    METADATA_CLUSTER = Metadata: Describe Cluster;
    /// The group.
    OFFSET_COMMIT = OffsetCommit: Read Group;
    /// Each topic.
    OFFSET_COMMIT_TOPIC = OffsetCommit: Read Topic;
    /// Each group.
    OFFSET_FETCH = OffsetFetch: Describe Group;
    /// Each topic; where all are asked for, others are left out.
    OFFSET_FETCH_TOPIC = OffsetFetch: Describe Topic;
    /// Each group.
    FIND_GROUP = FindCoordinator: Describe Group;
    /// Each transactional id.
    FIND_TRANSACTION = FindCoordinator: Describe TransactionalId;
    /// The group.
    JOIN_GROUP = JoinGroup: Read Group;
    /// The group.
    HEARTBEAT = Heartbeat: Read Group;
    /// The group.
    LEAVE_GROUP = LeaveGroup: Read Group;
    /// The group.
    SYNC_GROUP = SyncGroup: Read Group;
    /// Each group.
    DESCRIBE_GROUPS = DescribeGroups: Describe Group;
    /// Every group.
    LIST_GROUPS_ALL = ListGroups: Describe Cluster;
    /// Without that, each group; others are left out.
    LIST_GROUPS = ListGroups: Describe Group;
    /// Any topic.
    CREATE_TOPICS_ANY = CreateTopics: Create Cluster;
    /// Without that, each topic.
    CREATE_TOPICS = CreateTopics: Create Topic;
    /// To be told the settings of a new topic.
    CREATE_TOPICS_CONFIGS = CreateTopics: DescribeConfigs Topic;
    /// Each topic.
    DELETE_TOPICS = DeleteTopics: Delete Topic;
    /// To be told the name of a topic that is given by its id.
    DELETE_TOPICS_NAME = DeleteTopics: Describe Topic;
    /// Each topic.
    DELETE_RECORDS = DeleteRecords: Delete Topic;
    /// A producer without transactions.
    INIT_PRODUCER_ID = InitProducerId: IdempotentWrite Cluster;
    /// Without that, some topic, whichever (KIP-679).
    INIT_PRODUCER_ID_TOPIC = InitProducerId: Write Topic;
    /// A transactional producer's own id.
    INIT_PRODUCER_ID_TRANSACTIONAL = InitProducerId: Write TransactionalId;
    /// All topics.
    EPOCH_ENDS_ALL = OffsetForLeaderEpoch: ClusterAction Cluster;
    /// Without that, each topic.
    EPOCH_ENDS = OffsetForLeaderEpoch: Describe Topic;
    /// The lists.
    DESCRIBE_ACLS = DescribeAcls: Describe Cluster;
    /// The lists.
    CREATE_ACLS = CreateAcls: Alter Cluster;
    /// The lists.
    DELETE_ACLS = DeleteAcls: Alter Cluster;
    /// Each topic.
    DESCRIBE_CONFIGS_TOPIC = DescribeConfigs: DescribeConfigs Topic;
    /// Each group.
    DESCRIBE_CONFIGS_GROUP = DescribeConfigs: DescribeConfigs Group;
    /// Brokers and subscriptions to metrics.
    DESCRIBE_CONFIGS_CLUSTER = DescribeConfigs: DescribeConfigs Cluster;
    /// Each topic.
    ALTER_CONFIGS_TOPIC = AlterConfigs: AlterConfigs Topic;
    /// Each group.
    ALTER_CONFIGS_GROUP = AlterConfigs: AlterConfigs Group;
    /// Brokers and subscriptions to metrics.
    ALTER_CONFIGS_CLUSTER = AlterConfigs: AlterConfigs Cluster;
    /// Each topic.
    INCREMENTAL_CONFIGS_TOPIC = IncrementalAlterConfigs: AlterConfigs Topic;
    /// Each group.
    INCREMENTAL_CONFIGS_GROUP = IncrementalAlterConfigs: AlterConfigs Group;
    /// Brokers and subscriptions to metrics.
    INCREMENTAL_CONFIGS_CLUSTER = IncrementalAlterConfigs: AlterConfigs Cluster;
    /// All replicas.
    ALTER_REPLICA_LOG_DIRS = AlterReplicaLogDirs: Alter Cluster;
    /// All directories.
    DESCRIBE_LOG_DIRS = DescribeLogDirs: Describe Cluster;
    /// Each topic.
    CREATE_PARTITIONS = CreatePartitions: Alter Topic;
    /// Each group.
    DELETE_GROUPS = DeleteGroups: Delete Group;
    /// All partitions.
    ELECT_LEADERS = ElectLeaders: Alter Cluster;
    /// All partitions.
    REASSIGN = AlterPartitionReassignments: Alter Cluster;
    /// All partitions.
    LIST_REASSIGNMENTS = ListPartitionReassignments: Describe Cluster;
    /// The group.
    OFFSET_DELETE = OffsetDelete: Delete Group;
    /// Each topic.
    OFFSET_DELETE_TOPIC = OffsetDelete: Read Topic;
    /// The metadata log.
    DESCRIBE_QUORUM = DescribeQuorum: Describe Cluster;
    /// The features.
    UPDATE_FEATURES = UpdateFeatures: Alter Cluster;
    /// To be told what one may do with the cluster.
    DESCRIBE_CLUSTER = DescribeCluster: Describe Cluster;
    /// Each topic.
    DESCRIBE_PRODUCERS = DescribeProducers: Read Topic;
    /// All quotas.
    DESCRIBE_QUOTAS = DescribeClientQuotas: DescribeConfigs Cluster;
    /// All quotas.
    ALTER_QUOTAS = AlterClientQuotas: AlterConfigs Cluster;
    /// All users.
    DESCRIBE_SCRAM = DescribeUserScramCredentials: Describe Cluster;
    /// All users.
    ALTER_SCRAM = AlterUserScramCredentials: Alter Cluster;
    /// Any broker.
    UNREGISTER_BROKER = UnregisterBroker: Alter Cluster;
    /// All names.
    LIST_CONFIG_RESOURCES = ListConfigResources: DescribeConfigs Cluster;
    /// Each topic; where all are asked for, others are left out.
    DESCRIBE_TOPIC_PARTITIONS = DescribeTopicPartitions: Describe Topic;
    /// The voters.
    ADD_RAFT_VOTER = AddRaftVoter: Alter Cluster;
    /// The voters.
    REMOVE_RAFT_VOTER = RemoveRaftVoter: Alter Cluster;
    /// Somebody else, who is to own it (KIP-373).
    CREATE_TOKEN_FOR = CreateDelegationToken: CreateTokens User;
    /// Each token of somebody else; others are left out.
    DESCRIBE_TOKEN = DescribeDelegationToken: Describe DelegationToken;
    /// Without that, whoever owns it (KIP-373).
    DESCRIBE_TOKENS_OF = DescribeDelegationToken: DescribeTokens User;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Served to everybody as they are: who may not do anything still may ask what there is to ask,
    /// and who has a token, and is its owner or named in it, may renew and end it.
    const OPEN: &[ApiKey] = &[
        ApiKey::ApiVersions,
        ApiKey::SaslHandshake,
        ApiKey::SaslAuthenticate,
        ApiKey::RenewDelegationToken,
        ApiKey::ExpireDelegationToken,
    ];

    #[test]
    fn every_api_that_is_served_has_its_row_or_is_open() {
        for (api, ..) in kastellan_protocol::api_version::served() {
            let rows = ALL.iter().filter(|(_, need)| need.api == *api).count();
            assert_eq!(rows > 0, !OPEN.contains(api), "{api:?} has {rows} rows");
        }
    }

    #[test]
    fn nothing_is_asked_for_that_an_entry_could_not_give() {
        for (name, need) in ALL {
            assert!(need.of.operations().contains(&need.operation), "{name}");
        }
    }
}
