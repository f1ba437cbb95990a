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
        Box::pin(async move {
            let mut admin = self.take(contact, Use::Cluster).await?;
            let placed = admin.placed().await?;
            self.put(contact, Use::Cluster, admin);
            Ok(placed)
        })
    }

    fn reassign<'a>(
        &'a self,
        contact: &'a Contact,
        moves: &'a [Move],
    ) -> BoxFuture<'a, Result<Answers, AdminError>> {
        Box::pin(async move {
            let mut admin = self.take(contact, Use::Cluster).await?;
            let answers = admin.reassign(moves).await?;
            self.put(contact, Use::Cluster, admin);
            Ok(answers)
        })
    }

    fn elect<'a>(
        &'a self,
        contact: &'a Contact,
        partitions: &'a [Partition],
    ) -> BoxFuture<'a, Result<Answers, AdminError>> {
        Box::pin(async move {
            let mut admin = self.take(contact, Use::Cluster).await?;
            let answers = admin.elect(partitions).await?;
            self.put(contact, Use::Cluster, admin);
            Ok(answers)
        })
    }

    fn unregister<'a>(
        &'a self,
        contact: &'a Contact,
        id: i32,
    ) -> BoxFuture<'a, Result<(), AdminError>> {
        Box::pin(async move {
            let mut admin = self.take(contact, Use::Cluster).await?;
            admin.unregister(id).await?;
            self.put(contact, Use::Cluster, admin);
            Ok(())
        })
    }
}
