//! Where a response says how long its client is not read from: `ThrottleTimeMs` (KIP-219).
//!
//! Most responses begin with it. Produce and Fetch are written by hand and need no table.

use crate::messages::ApiKey;

/// The first versions of the responses that begin with it.
const SINCE: &[(ApiKey, i16)] = &[
    (ApiKey::ListOffsets, 2),
    (ApiKey::Metadata, 3),
    (ApiKey::OffsetCommit, 3),
    (ApiKey::OffsetFetch, 3),
    (ApiKey::FindCoordinator, 1),
    (ApiKey::JoinGroup, 2),
    (ApiKey::Heartbeat, 1),
    (ApiKey::LeaveGroup, 1),
    (ApiKey::SyncGroup, 1),
    (ApiKey::DescribeGroups, 1),
    (ApiKey::ListGroups, 1),
    (ApiKey::CreateTopics, 2),
    (ApiKey::DeleteTopics, 1),
    (ApiKey::DeleteRecords, 0),
    (ApiKey::InitProducerId, 0),
    (ApiKey::OffsetForLeaderEpoch, 2),
    (ApiKey::DescribeAcls, 0),
    (ApiKey::CreateAcls, 0),
    (ApiKey::DeleteAcls, 0),
    (ApiKey::DescribeConfigs, 0),
    (ApiKey::AlterConfigs, 0),
    (ApiKey::AlterReplicaLogDirs, 0),
    (ApiKey::DescribeLogDirs, 0),
    (ApiKey::CreatePartitions, 0),
    (ApiKey::DeleteGroups, 0),
    (ApiKey::ElectLeaders, 0),
    (ApiKey::IncrementalAlterConfigs, 0),
    (ApiKey::AlterPartitionReassignments, 0),
    (ApiKey::ListPartitionReassignments, 0),
    (ApiKey::DescribeClientQuotas, 0),
    (ApiKey::AlterClientQuotas, 0),
    (ApiKey::DescribeUserScramCredentials, 0),
    (ApiKey::AlterUserScramCredentials, 0),
    (ApiKey::UpdateFeatures, 0),
    (ApiKey::DescribeCluster, 0),
    (ApiKey::DescribeProducers, 0),
    (ApiKey::UnregisterBroker, 0),
    (ApiKey::ListConfigResources, 0),
    (ApiKey::DescribeTopicPartitions, 0),
    (ApiKey::AddRaftVoter, 0),
    (ApiKey::RemoveRaftVoter, 0),
];

/// Whether the response of `api` in `version` begins with it.
pub fn leads(api: ApiKey, version: i16) -> bool {
    SINCE.iter().any(|(known, since)| *known == api && version >= *since)
}

/// What a whole response frame says, in milliseconds; 0 where it cannot say it at its beginning.
pub fn told(api: ApiKey, version: i16, frame: &[u8]) -> i32 {
    let told = frame.get(at(api, version)..).and_then(|rest| rest.first_chunk());
    told.filter(|_| leads(api, version)).map_or(0, |told| i32::from_be_bytes(*told))
}

/// The place for it in a whole response frame that begins with it.
pub fn place(api: ApiKey, version: i16, frame: &mut [u8]) -> Option<&mut [u8; 4]> {
    let place = frame.get_mut(at(api, version)..)?.first_chunk_mut();
    place.filter(|_| leads(api, version))
}

/// Where it begins, behind the size and the header.
fn at(api: ApiKey, version: i16) -> usize {
    4 + if api.response_header_version(version) >= 1 { 5 } else { 4 }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::messages::{HeartbeatResponse, SyncGroupResponse};
    use crate::{decode_response, encode_response};

    #[test]
    fn what_is_put_there_is_what_the_client_reads() {
        let encoded = encode_response(ApiKey::Heartbeat, 4, 7, &HeartbeatResponse::default());
        let mut frame = BytesMut::from(&*encoded.unwrap());
        *place(ApiKey::Heartbeat, 4, &mut frame).unwrap() = 300_i32.to_be_bytes();
        assert_eq!(told(ApiKey::Heartbeat, 4, &frame), 300);
        let (_, read) =
            decode_response::<HeartbeatResponse>(4, frame.split_off(4).freeze()).unwrap();
        assert_eq!((read.throttle_time_ms, read.error_code), (300, 0));

        let encoded = encode_response(ApiKey::SyncGroup, 1, 7, &SyncGroupResponse::default());
        let mut frame = BytesMut::from(&*encoded.unwrap());
        *place(ApiKey::SyncGroup, 1, &mut frame).unwrap() = 300_i32.to_be_bytes();
        let (_, read) =
            decode_response::<SyncGroupResponse>(1, frame.split_off(4).freeze()).unwrap();
        assert_eq!((read.throttle_time_ms, read.error_code), (300, 0));
        assert_eq!(place(ApiKey::SyncGroup, 0, &mut [0; 64]), None);
        assert_eq!(told(ApiKey::SyncGroup, 0, &[7; 64]), 0);
        assert_eq!(place(ApiKey::Heartbeat, 1, &mut [0; 9]), None);
    }
}
