//! Who votes: the set of voters, and the replicas that others are told apart by (KIP-853).

use std::collections::BTreeMap;

use crate::id::{BrokerId, Uuid};

/// A replica of the metadata log: a node, and the directory that its log lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplicaKey {
    /// The node.
    pub id: BrokerId,
    /// The id of the directory with its metadata log; nil where that is not known.
    pub directory: Uuid,
}

impl ReplicaKey {
    /// Whether both mean the same replica: a directory that is not known may be any.
    pub fn matches(self, other: Self) -> bool {
        let any = self.directory.is_nil() || other.directory.is_nil();
        self.id == other.id && (any || self.directory == other.directory)
    }
}

/// Where a node listens for its peers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The listener's name.
    pub name: String,
    /// The host to dial.
    pub host: String,
    /// The port to dial.
    pub port: u16,
}

/// One voter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voter {
    /// Which replica it is.
    pub key: ReplicaKey,
    /// Where it listens for its peers.
    pub endpoints: Vec<Endpoint>,
}

/// All voters of one configuration of the quorum.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Voters(BTreeMap<BrokerId, Voter>);

impl Voters {
    /// The set of these; of two with one id the last counts.
    pub fn new(voters: impl IntoIterator<Item = Voter>) -> Self {
        Self(voters.into_iter().map(|voter| (voter.key.id, voter)).collect())
    }

    /// The voters by their ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Voter> + Clone {
        self.0.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nobody votes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many of them decide.
    pub fn majority(&self) -> usize {
        self.0.len() / 2 + 1
    }

    /// The voter with this node id, whatever its directory.
    pub fn get(&self, id: BrokerId) -> Option<&Voter> {
        self.0.get(&id)
    }

    /// Whether this replica votes.
    pub fn holds(&self, key: ReplicaKey) -> bool {
        self.get(key.id).is_some_and(|voter| voter.key.matches(key))
    }

    /// The set with `voter` added, or in the place of the one with its id.
    pub fn with(&self, voter: Voter) -> Self {
        let mut voters = self.clone();
        voters.0.insert(voter.key.id, voter);
        voters
    }

    /// The set without this one.
    pub fn without(&self, id: BrokerId) -> Self {
        let mut voters = self.clone();
        voters.0.remove(&id);
        voters
    }
}
