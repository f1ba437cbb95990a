//! What brokers ask of each other, on the listener that is theirs alone.
//!
//! Each API is served in the one version that this release sends, the newest of Kafka 4.1, so that
//! nothing has to be negotiated before the first vote.

use super::check;
use crate::Refused;
use crate::messages::ApiKey;

/// What is served to peers: key order, as Kafka lists them.
const PEERS: &[(ApiKey, i16)] = &[
    (ApiKey::Fetch, 18),
    (ApiKey::ListOffsets, 10),
    (ApiKey::OffsetForLeaderEpoch, 4),
    (ApiKey::Vote, 2),
    (ApiKey::BeginQuorumEpoch, 1),
    (ApiKey::EndQuorumEpoch, 1),
    (ApiKey::AlterPartition, 3),
    (ApiKey::Envelope, 0),
    (ApiKey::FetchSnapshot, 1),
    (ApiKey::BrokerRegistration, 4),
    (ApiKey::BrokerHeartbeat, 1),
    (ApiKey::AllocateProducerIds, 0),
    (ApiKey::AssignReplicasToDirs, 0),
];

/// Who is at the other end of a connection, as far as it decides what is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// A client: what `ApiVersions` lists.
    Client,
    /// A broker of the same cluster, on the listener for them.
    Peer,
}

/// Every API that peers may ask for, with the version it is served in, in order of keys.
pub fn peers() -> &'static [(ApiKey, i16)] {
    PEERS
}

/// The version in which peers ask for `api`; `None` where they do not.
pub fn peer(api: ApiKey) -> Option<i16> {
    PEERS.iter().find(|row| row.0 == api).map(|row| row.1)
}

/// Refuses an API or a version that is not served to `audience`.
pub fn check_for(audience: Audience, api: ApiKey, version: i16) -> Result<(), Refused> {
    match (audience, peer(api)) {
        (Audience::Client, _) => check(api, version),
        (Audience::Peer, None) => Err(Refused::UnknownApi(api as i16)),
        (Audience::Peer, Some(served)) if served == version => Ok(()),
        (Audience::Peer, Some(_)) => Err(Refused::UnsupportedVersion { api: api as i16, version }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api_version::served;

    #[test]
    fn a_client_is_refused_what_only_peers_may_ask() {
        let only = peers().iter().filter(|(api, _)| served().iter().all(|row| row.0 != *api));
        let mut count = 0;
        for &(api, version) in only {
            count += 1;
            assert_eq!(
                check_for(Audience::Client, api, version),
                Err(Refused::UnknownApi(api as i16))
            );
            assert_eq!(check_for(Audience::Peer, api, version), Ok(()));
        }
        assert_eq!(count, 10);
    }

    #[test]
    fn a_peer_is_refused_what_it_never_asks() {
        for api in [ApiKey::Produce, ApiKey::Metadata, ApiKey::CreateTopics] {
            assert!(check_for(Audience::Peer, api, 0).is_err());
        }
        assert!(check_for(Audience::Peer, ApiKey::Vote, 1).is_err(), "in one version only");
    }

    #[test]
    fn peers_ask_in_the_newest_version_that_the_message_types_know() {
        assert!(peers().is_sorted_by_key(|row| row.0 as i16));
        for &(api, version) in peers() {
            let known = api.valid_versions();
            assert!(known.min <= version && version <= known.max, "{api:?}");
        }
    }
}
