//! Requests about where replicas are.

use futures::future::BoxFuture;
use kastellan_core::placement::Move;

use super::{Connections, Contact, Use};
use crate::admin::{AdminError, Answers, Partition, Placed};

/// Requests about where replicas are, and brokers that go.
pub trait Moves: Send + Sync + 'static {
    /// Where all replicas are.
    fn placed<'a>(&'a self, contact: &'a Contact) -> BoxFuture<'a, Result<Placed, AdminError>>;

    /// Has partitions move; what was refused and why, by partition.
    fn reassign<'a>(
        &'a self,
        contact: &'a Contact,
        moves: &'a [Move],
    ) -> BoxFuture<'a, Result<Answers, AdminError>>;

    /// Has the preferred replicas lead; what was refused and why, by partition.
    fn elect<'a>(
        &'a self,
        contact: &'a Contact,
        partitions: &'a [Partition],
    ) -> BoxFuture<'a, Result<Answers, AdminError>>;

    /// Forgets a broker that is gone for good; one that nobody knows is forgotten already.
    fn unregister<'a>(
        &'a self,
        contact: &'a Contact,
        id: i32,
    ) -> BoxFuture<'a, Result<(), AdminError>>;
}

impl Moves for Connections {
    fn placed<'a>(&'a self, contact: &'a Contact) -> BoxFuture<'a, Result<Placed, AdminError>> {
        Box::pin(self.ask(contact, Use::Cluster, async |admin| admin.placed().await))
    }

    fn reassign<'a>(
        &'a self,
        contact: &'a Contact,
        moves: &'a [Move],
    ) -> BoxFuture<'a, Result<Answers, AdminError>> {
        Box::pin(self.ask(contact, Use::Cluster, async |admin| admin.reassign(moves).await))
    }

    fn elect<'a>(
        &'a self,
        contact: &'a Contact,
        partitions: &'a [Partition],
    ) -> BoxFuture<'a, Result<Answers, AdminError>> {
        Box::pin(self.ask(contact, Use::Cluster, async |admin| admin.elect(partitions).await))
    }

    fn unregister<'a>(
        &'a self,
        contact: &'a Contact,
        id: i32,
    ) -> BoxFuture<'a, Result<(), AdminError>> {
        Box::pin(self.ask(contact, Use::Cluster, async move |admin| admin.unregister(id).await))
    }
}
