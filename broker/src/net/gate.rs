//! One side of the broker: clients or peers, and what those who come in by it may take together.
//!
//! Each side has memory and places of its own, so that producers that wait for all replicas cannot
//! keep the replicas from fetching what they wait for.

use std::sync::Arc;

use arc_swap::ArcSwap;
use kastellan_protocol::api_version::Audience;

use super::{Limits, Pool, Registry};

/// What all connections of one side share.
#[derive(Debug)]
pub(crate) struct Gate {
    /// What they may ask for.
    pub(crate) audience: Audience,
    /// How much each of them may ask.
    pub(crate) limits: ArcSwap<Limits>,
    /// The memory that their requests may take.
    pub(crate) pool: Arc<Pool>,
    /// The memory that their answers may take.
    pub(crate) answers: Arc<Pool>,
    /// Who is connected.
    pub(crate) connections: Arc<Registry>,
}

impl Gate {
    /// A side that nobody has come in by yet.
    pub(crate) fn new(audience: Audience, limits: Limits) -> Self {
        Self {
            audience,
            pool: Arc::new(Pool::new(limits.request_bytes)),
            answers: Arc::new(Pool::new(limits.answer_bytes)),
            limits: ArcSwap::from_pointee(limits),
            connections: Arc::new(Registry::default()),
        }
    }

    /// Other limits from now on, for those who are connected too.
    pub(crate) fn set_limits(&self, limits: Limits) {
        if **self.limits.load() == limits {
            return;
        }
        self.pool.resize(limits.request_bytes);
        self.answers.resize(limits.answer_bytes);
        self.limits.store(Arc::new(limits));
        self.connections.reconsider();
    }
}
