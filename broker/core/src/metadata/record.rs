//! The facts that cluster metadata is made of, in Kafka's metadata record schemas.
//!
//! A record's bytes are: the frame version, the schema's number and its version as unsigned
//! varints, then the flexible message (KIP-482). The schemas are published with Kafka as
//! `common/metadata/*.json`; a test compares this module with them. [`Record::encode`] writes the
//! versions that metadata.version 27 (4.1-IV1) asks for, [`Record::decode`] reads all up to those.
//!
//! Schemas not in here are refused by name: skipping a fact would mean running with other metadata
//! than was agreed on.

mod acl;
mod broker;
mod codec;
mod fields;
mod partition;
mod quota;
mod scram;
#[cfg(test)]
pub(super) mod tests;
mod token;
mod topic;

pub use acl::AccessControlEntryRecord;
pub use broker::{
    BrokerRegistrationChange, Endpoint, RegisterBroker, SecurityProtocol, SupportedFeature,
};
pub use codec::{DecodeError, FRAME_VERSION};
pub use partition::{NO_LEADER, NO_LEADER_CHANGE, PartitionChangeRecord, PartitionRecord};
pub use quota::ClientQuotaRecord;
pub use scram::{RemoveUserScramCredentialRecord, UserScramCredentialRecord};
pub use token::DelegationTokenRecord;
pub use topic::{ConfigRecord, FeatureLevelRecord, ProducerIdsRecord, TopicRecord};

use crate::id::{BrokerId, Uuid};

/// One fact. Names are those of Kafka's schemas.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A broker came, or came back.
    RegisterBroker(RegisterBroker),
    /// A broker left for good.
    UnregisterBroker {
        /// The broker.
        broker: BrokerId,
        /// The registration that ends.
        epoch: i64,
    },
    /// A broker's state changed.
    BrokerRegistrationChange(BrokerRegistrationChange),
    /// A broker must not lead any more. Newer logs say so with `BrokerRegistrationChange`.
    FenceBroker {
        /// The broker.
        broker: BrokerId,
        /// Its registration.
        epoch: i64,
    },
    /// A broker may lead again. Newer logs say so with `BrokerRegistrationChange`.
    UnfenceBroker {
        /// The broker.
        broker: BrokerId,
        /// Its registration.
        epoch: i64,
    },
    /// A topic was created; its partitions follow.
    Topic(TopicRecord),
    /// A topic was deleted, with its partitions and its configuration.
    RemoveTopic {
        /// The topic.
        id: Uuid,
    },
    /// A partition was created.
    Partition(PartitionRecord),
    /// A partition changed.
    PartitionChange(PartitionChangeRecord),
    /// A setting of a topic or broker was set or removed.
    Config(ConfigRecord),
    /// The level of a feature of the cluster was finalized.
    FeatureLevel(FeatureLevelRecord),
    /// A block of producer ids was handed to a broker.
    ProducerIds(ProducerIdsRecord),
    /// What is kept of a user's password was set.
    UserScramCredential(UserScramCredentialRecord),
    /// A user's password was removed.
    RemoveUserScramCredential(RemoveUserScramCredentialRecord),
    /// A client quota was set or removed.
    ClientQuota(ClientQuotaRecord),
    /// An access control list got an entry.
    AccessControlEntry(AccessControlEntryRecord),
    /// An access control list lost an entry.
    RemoveAccessControlEntry {
        /// The entry.
        id: Uuid,
    },
    /// A delegation token was made or renewed.
    DelegationToken(DelegationTokenRecord),
    /// A delegation token is gone.
    RemoveDelegationToken {
        /// Its name.
        id: String,
    },
    /// Nothing changed; it moves the high watermark on.
    NoOp,
}
