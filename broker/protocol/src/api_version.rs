//! Which versions of which API are served, and the answer that says so.
//!
//! The ranges are those that Kafka 4.1 calls stable. Two things differ from the plain table:
//! Produce is advertised from 0 though served from 3 (KAFKA-18659: librdkafka before 2025 takes
//! the overlap with v0 for the ability to compress), and `JoinGroup` is served from 0
//! (KAFKA-19444).

mod peers;
mod response;

use crate::Refused;
use crate::messages::ApiKey;
pub use peers::{Audience, check_for, peer, peers};
pub use response::{Features, answer};

/// What is served: key order, as Kafka lists them.
const SERVED: &[(ApiKey, i16, i16)] = &[
    (ApiKey::Produce, 3, 13),
    (ApiKey::Fetch, 4, 18),
    (ApiKey::ListOffsets, 1, 10),
    (ApiKey::Metadata, 0, 13),
    (ApiKey::OffsetCommit, 2, 9),
    (ApiKey::OffsetFetch, 1, 9),
    (ApiKey::FindCoordinator, 0, 6),
    (ApiKey::JoinGroup, 0, 9),
    (ApiKey::Heartbeat, 0, 4),
    (ApiKey::LeaveGroup, 0, 5),
    (ApiKey::SyncGroup, 0, 5),
    (ApiKey::DescribeGroups, 0, 6),
    (ApiKey::ListGroups, 0, 5),
    (ApiKey::SaslHandshake, 0, 1),
    (ApiKey::ApiVersions, 0, 4),
    (ApiKey::CreateTopics, 2, 7),
    (ApiKey::DeleteTopics, 1, 6),
    (ApiKey::DeleteRecords, 0, 2),
    (ApiKey::InitProducerId, 0, 5),
    (ApiKey::OffsetForLeaderEpoch, 2, 4),
    (ApiKey::DescribeAcls, 1, 3),
    (ApiKey::CreateAcls, 1, 3),
    (ApiKey::DeleteAcls, 1, 3),
    (ApiKey::DescribeConfigs, 1, 4),
    (ApiKey::AlterConfigs, 0, 2),
    (ApiKey::AlterReplicaLogDirs, 1, 2),
    (ApiKey::DescribeLogDirs, 1, 4),
    (ApiKey::SaslAuthenticate, 0, 2),
    (ApiKey::CreatePartitions, 0, 3),
    (ApiKey::CreateDelegationToken, 1, 3),
    (ApiKey::RenewDelegationToken, 1, 2),
    (ApiKey::ExpireDelegationToken, 1, 2),
    (ApiKey::DescribeDelegationToken, 1, 3),
    (ApiKey::DeleteGroups, 0, 2),
    (ApiKey::ElectLeaders, 0, 2),
    (ApiKey::IncrementalAlterConfigs, 0, 1),
    (ApiKey::AlterPartitionReassignments, 0, 1),
    (ApiKey::ListPartitionReassignments, 0, 0),
    (ApiKey::OffsetDelete, 0, 0),
    (ApiKey::DescribeClientQuotas, 0, 1),
    (ApiKey::AlterClientQuotas, 0, 1),
    (ApiKey::DescribeUserScramCredentials, 0, 0),
    (ApiKey::AlterUserScramCredentials, 0, 0),
    (ApiKey::DescribeQuorum, 0, 2),
    (ApiKey::UpdateFeatures, 0, 2),
    (ApiKey::DescribeCluster, 0, 2),
    (ApiKey::DescribeProducers, 0, 0),
    (ApiKey::UnregisterBroker, 0, 0),
    (ApiKey::ListConfigResources, 0, 1),
    (ApiKey::DescribeTopicPartitions, 0, 0),
    (ApiKey::AddRaftVoter, 0, 0),
    (ApiKey::RemoveRaftVoter, 0, 0),
];

const APIS: usize = SERVED.len();

const ADVERTISED: [(ApiKey, i16, i16); APIS] = {
    let mut advertised = [(ApiKey::Produce, 0, 0); APIS];
    let mut rest: &[(ApiKey, i16, i16)] = SERVED;
    let mut places: &mut [(ApiKey, i16, i16)] = &mut advertised;
    while let (Some((&served, left)), Some((place, others))) =
        (rest.split_first(), places.split_first_mut())
    {
        *place = served;
        if matches!(served.0, ApiKey::Produce) {
            place.1 = 0;
        }
        (rest, places) = (left, others);
    }
    advertised
};

/// Every API that is served, with its lowest and highest version, in order of keys.
pub fn served() -> &'static [(ApiKey, i16, i16)] {
    SERVED
}

/// What an `ApiVersions` response lists: as [`served`], but Produce from 0.
pub fn advertised() -> &'static [(ApiKey, i16, i16)] {
    &ADVERTISED
}

/// The lowest and highest version of `api` that is served; `None` for an API that is not.
pub fn range(api: ApiKey) -> Option<(i16, i16)> {
    SERVED.iter().find(|row| row.0 == api).map(|row| (row.1, row.2))
}

/// Refuses an API or a version that is not served.
pub fn check(api: ApiKey, version: i16) -> Result<(), Refused> {
    match range(api) {
        None => Err(Refused::UnknownApi(api as i16)),
        Some((min, max)) if (min..=max).contains(&version) => Ok(()),
        Some(_) => Err(Refused::UnsupportedVersion { api: api as i16, version }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn produce_is_advertised_from_0_and_served_from_3() {
        assert_eq!(range(ApiKey::Produce), Some((3, 13)));
        assert_eq!(advertised()[0], (ApiKey::Produce, 0, 13));
        assert!(check(ApiKey::Produce, 2).is_err());
        assert!(check(ApiKey::Produce, 3).is_ok());
    }

    #[test]
    fn all_else_is_advertised_as_it_is_served_and_in_order_of_keys() {
        assert_eq!(&advertised()[1..], &served()[1..]);
        assert!(served().is_sorted_by_key(|row| row.0 as i16));
    }

    #[test]
    fn nothing_is_served_that_the_message_types_cannot_hold() {
        for &(api, min, max) in served() {
            let known = api.valid_versions();
            assert!(known.min <= min && max <= known.max, "{api:?}");
        }
    }
}
