//! Cluster metadata: the facts ([`Record`]), what they add up to ([`Image`]), and the machine that
//! decides new ones ([`Controller`]).
//!
//! The records are Kafka's (KRaft), so the log can be read with Kafka's tools. An image is a fold
//! over records and nothing else: replaying the log, or a snapshot of the image and the rest of the
//! log, gives the same image.

mod controller;
mod feature;
mod image;
mod name;
mod record;

pub use controller::{
    AlterConfigs, ConfigChange, ConfigOp, Controller, CreatedTopic, DeletedTopic,
    DirectoryAssignment, Effect, Election, Failure, FeatureUpdate, FeatureUpdateKind, Heartbeat,
    Input, IsrProposal, LONGEST_PRINCIPAL, MAX_PARTITIONS_PER_REQUEST, MOST_TOKENS, NewPartitions,
    NewToken, NewTopic, PRODUCER_ID_BLOCK, PartitionResults, Period, ProposalResults, QuotaChange,
    Reassignment, Reply, Requester, SaltedPassword, ScramChange, ScramUser, TokenChange,
    TokenRequest, TopicRef, TopicResults,
};
pub use feature::{ELIGIBLE_LEADER_REPLICAS, Feature, METADATA_VERSION, SUPPORTED, finalized};
pub use image::{Broker, ConfigResource, Image, Inconsistent, Partition, ResourceKind, Topic};
pub use name::{
    CLUSTER_METADATA, CONSUMER_OFFSETS, InvalidName, SHARE_GROUP_STATE, TRANSACTION_STATE,
    is_internal, validate_name,
};
pub use record::{
    AccessControlEntryRecord, BrokerRegistrationChange, ClientQuotaRecord, ConfigRecord,
    DecodeError, DelegationTokenRecord, Endpoint, FRAME_VERSION, FeatureLevelRecord, NO_LEADER,
    NO_LEADER_CHANGE, PartitionChangeRecord, PartitionRecord, ProducerIdsRecord, Record,
    RegisterBroker, RemoveUserScramCredentialRecord, SecurityProtocol, SupportedFeature,
    TopicRecord, UserScramCredentialRecord,
};
