//! Requests about where replicas are.

use futures::future::BoxFuture;
use kastellan_core::placement::Move;

use super::{Connections, Contact, Use};
use crate::admin::{AdminError, Answers, Partition, Placed, Quorum, Vote};

/// Requests about where replicas are, who votes, and brokers that go.
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

    /// Who votes; `None`: nobody tells at the moment.
    fn quorum<'a>(
        &'a self,
        contact: &'a Contact,
    ) -> BoxFuture<'a, Result<Option<Quorum>, AdminError>>;

    /// Changes who votes, if it can be changed at the moment.
    fn vote<'a>(
        &'a self,
        contact: &'a Contact,
        vote: &'a Vote,
    ) -> BoxFuture<'a, Result<(), AdminError>>;

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

    fn quorum<'a>(
        &'a self,
        contact: &'a Contact,
    ) -> BoxFuture<'a, Result<Option<Quorum>, AdminError>> {
        Box::pin(self.ask(contact, Use::Cluster, async |admin| admin.quorum().await))
    }

    fn vote<'a>(
        &'a self,
        contact: &'a Contact,
        vote: &'a Vote,
    ) -> BoxFuture<'a, Result<(), AdminError>> {
        Box::pin(self.ask(contact, Use::Cluster, async move |admin| admin.vote(vote).await))
    }

    fn unregister<'a>(
        &'a self,
        contact: &'a Contact,
        id: i32,
    ) -> BoxFuture<'a, Result<(), AdminError>> {
        Box::pin(self.ask(contact, Use::Cluster, async move |admin| admin.unregister(id).await))
    }
}
