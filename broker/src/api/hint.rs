//! Who leads instead, in the answers of Produce and Fetch: a client goes there without asking for
//! metadata first (KIP-951).

use std::collections::BTreeSet;

use kastellan_core::{
    id::BrokerId,
    metadata::{Image, Topic},
};
use kastellan_protocol::{ErrorCode, fetch::NodeEndpoint};

/// The leaders that an answer names.
#[derive(Debug, Default)]
pub(crate) struct Hints(BTreeSet<BrokerId>);

/// Whether an error is one that a hint helps with.
pub(crate) fn is_wanted(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch)
}

impl Hints {
    /// The leader of a partition and its epoch; -1 where nobody leads.
    pub(crate) fn find(&mut self, topic: Option<&Topic>, index: i32) -> Option<(i32, i32)> {
        let partition = topic?.partitions.get(&index)?;
        self.0.extend(partition.leader);
        Some((partition.leader.map_or(-1, |leader| leader.0), partition.leader_epoch))
    }

    /// Where those that were found are reached by clients of `listener`.
    pub(crate) fn nodes(&self, image: &Image, listener: &str) -> Vec<NodeEndpoint> {
        let node = |id: &BrokerId| {
            let broker = image.broker(*id)?;
            let endpoint = broker.endpoint(listener)?;
            Some(NodeEndpoint {
                node_id: id.0,
                host: endpoint.host.clone(),
                port: endpoint.port,
                rack: broker.rack.clone(),
            })
        };
        self.0.iter().filter_map(node).collect()
    }
}
