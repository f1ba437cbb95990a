//! The records that are the quorum's own: who leads, which version it speaks, who votes.

use std::collections::BTreeSet;

use kastellan_protocol::{
    batch::{Builder, ControlType, Header, Malformed, Scratch, for_each_record},
    messages::{
        KRaftVersionRecord, LeaderChangeMessage, VotersRecord, leader_change_message,
        voters_record::{self, KRaftVersionFeature},
    },
    protocol::{Decodable, Encodable},
};

use super::{
    Quorum,
    voters::{Endpoint, ReplicaKey, Voter, Voters},
};
use crate::id::{BrokerId, Offset};

/// The version of the quorum whose voters may change (KIP-853).
const KRAFT_VERSION: i16 = 1;

/// A record of the quorum itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlRecord {
    /// The version that the quorum speaks: 0, or 1 where its voters may change.
    KraftVersion(i16),
    /// Who votes from now on.
    Voters(Voters),
}

impl ControlRecord {
    /// The kind and value of the record, as they stand in a batch.
    pub fn encode(&self) -> (ControlType, Vec<u8>) {
        match self {
            Self::KraftVersion(version) => {
                let record = KRaftVersionRecord::default().with_k_raft_version(*version);
                (ControlType::KraftVersion, encode(&record, 0))
            }
            Self::Voters(voters) => {
                let voters = voters.iter().map(described).collect();
                let record = VotersRecord::default().with_voters(voters);
                (ControlType::KraftVoters, encode(&record, 0))
            }
        }
    }
}

/// The voters and the version in one batch of a log or snapshot, each with its offset; records that
/// are none of these, or no records at all, are left out.
pub fn control_records(header: &Header, batch: &[u8]) -> Vec<(Offset, ControlRecord)> {
    let mut found = Vec::new();
    if !header.is_control() {
        return found;
    }
    let read = for_each_record(batch, &mut Scratch::default(), |record| {
        let mut value = record.value.unwrap_or_default();
        let record_of = |kind| match kind {
            ControlType::KraftVersion => {
                let version = KRaftVersionRecord::decode(&mut value, 0).ok()?.k_raft_version;
                Some(ControlRecord::KraftVersion(version))
            }
            ControlType::KraftVoters => {
                let record = VotersRecord::decode(&mut value, 0).ok()?;
                Some(ControlRecord::Voters(Voters::new(record.voters.iter().map(voter))))
            }
            ControlType::Abort
            | ControlType::Commit
            | ControlType::LeaderChange
            | ControlType::SnapshotHeader
            | ControlType::SnapshotFooter => None,
        };
        let kind = ControlType::from_key(record.key.unwrap_or_default());
        found.extend(kind.and_then(record_of).map(|control| (record.offset, control)));
        Ok::<_, Malformed>(())
    });
    // what was read before a record that is none still counts; the log's reader complains
    drop(read);
    found
}

/// The sets of voters in one batch, each with its offset.
pub fn voters_records(header: &Header, batch: &[u8]) -> Vec<(Offset, Voters)> {
    let records = control_records(header, batch).into_iter();
    let voters = records.filter_map(|(at, record)| match record {
        ControlRecord::Voters(voters) => Some((at, voters)),
        ControlRecord::KraftVersion(_) => None,
    });
    voters.collect()
}

/// The batch with which a leader begins.
pub(super) fn leader_change(quorum: &Quorum, granting: &BTreeSet<BrokerId>) -> Vec<u8> {
    let voter = |key: ReplicaKey| {
        let voter = leader_change_message::Voter::default().with_voter_id(key.id.0);
        voter.with_voter_directory_id(key.directory)
    };
    // version 0 knows no directories: the voters are as they were set up
    let version = i16::from(!quorum.log.voters.is_empty() || quorum.setup.dynamic);
    let plain = |key: ReplicaKey| match version {
        0 => voter(ReplicaKey { directory: crate::id::Uuid::nil(), ..key }),
        _ => voter(key),
    };
    let keys = quorum.voters().iter().map(|voter| voter.key);
    let granted = keys.clone().filter(|key| granting.contains(&key.id));
    let message = LeaderChangeMessage::default()
        .with_version(version)
        .with_leader_id(quorum.setup.me.id.0.into())
        .with_granting_voters(granted.map(plain).collect())
        .with_voters(keys.map(plain).collect());
    batch(quorum, quorum.next_offset(), ControlType::LeaderChange, &encode(&message, version))
}

/// The batches that make the voters changeable: the version, then who votes.
pub(super) fn first_voters(quorum: &Quorum, named: &Voters) -> (Vec<u8>, Vec<u8>) {
    let (kind, value) = ControlRecord::KraftVersion(KRAFT_VERSION).encode();
    let at = quorum.next_offset();
    let version = batch(quorum, at, kind, &value);
    (version, voters(quorum, at + 1, named))
}

/// A batch that says who votes from now on.
pub(super) fn voters(quorum: &Quorum, at: Offset, voters: &Voters) -> Vec<u8> {
    let (kind, value) = ControlRecord::Voters(voters.clone()).encode();
    batch(quorum, at, kind, &value)
}

pub(super) fn voters_in(header: &Header, raw: &[u8]) -> Vec<(Offset, Voters)> {
    voters_records(header, raw)
}

fn batch(quorum: &Quorum, at: Offset, kind: ControlType, value: &[u8]) -> Vec<u8> {
    let mut batch = Builder::new(at, quorum.stored.epoch);
    batch.control(quorum.now.wall, kind, value);
    batch.finish()
}

fn encode(record: &impl Encodable, version: i16) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoded = record.encode(&mut bytes, version);
    encoded.expect("records of ours fit their schema's version");
    bytes
}

fn described(voter: &Voter) -> voters_record::Voter {
    let endpoint = |endpoint: &Endpoint| {
        voters_record::Endpoint::default()
            .with_name(endpoint.name.clone().into())
            .with_host(endpoint.host.clone().into())
            .with_port(endpoint.port)
    };
    let versions = KRaftVersionFeature::default().with_max_supported_version(KRAFT_VERSION);
    voters_record::Voter::default()
        .with_voter_id(voter.key.id.0.into())
        .with_voter_directory_id(voter.key.directory)
        .with_endpoints(voter.endpoints.iter().map(endpoint).collect())
        .with_k_raft_version_feature(versions)
}

fn voter(voter: &voters_record::Voter) -> Voter {
    let endpoints = voter.endpoints.iter().map(|endpoint| Endpoint {
        name: endpoint.name.to_string(),
        host: endpoint.host.to_string(),
        port: endpoint.port,
    });
    let key = ReplicaKey { id: BrokerId(*voter.voter_id), directory: voter.voter_directory_id };
    Voter { key, endpoints: endpoints.collect() }
}
