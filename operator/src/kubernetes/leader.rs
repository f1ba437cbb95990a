//! Only one operator works at a time: whoever has the Lease.
//!
//! The lease keeps two from working against each other; it is not what makes a restart safe. That
//! is the brokers' permit, which an operator that was slow to notice would not get.

use kube::Client;
use kube_lease_manager::{LeaseManager, LeaseManagerBuilder, LeaseManagerError};
use tokio::sync::watch::Receiver;
use tokio::task::JoinHandle;

use super::names::OPERATOR_NAME;
use crate::failure::Failure;

/// For how many seconds the lease is held without being renewed.
const DURATION: u64 = 15;
/// So many seconds before its end it is renewed.
const GRACE: u64 = 5;

/// Which lease, and for whom.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    /// The namespace of the Lease.
    pub(crate) namespace: String,
    /// Who holds it, unlike any other: the pod's name.
    pub(crate) identity: Option<String>,
}

/// The right to work.
#[derive(Debug)]
pub(crate) struct Leader(Option<Held>);

#[derive(Debug)]
struct Held {
    state: Receiver<bool>,
    task: JoinHandle<Result<LeaseManager, LeaseManagerError>>,
}

impl Leader {
    /// One that nobody asks.
    pub(crate) fn always() -> Self {
        Self(None)
    }

    /// Waits until the lease is ours.
    pub(crate) async fn elected(client: Client, lease: Lease) -> Result<Self, Failure> {
        let mut builder = LeaseManagerBuilder::new(client, OPERATOR_NAME)
            .with_namespace(lease.namespace)
            .with_duration(DURATION)
            .with_grace(GRACE);
        if let Some(identity) = lease.identity {
            builder = builder.with_identity(identity);
        }
        let failed = |why: &dyn std::fmt::Display| {
            Failure::new(format!("ask for the Lease {OPERATOR_NAME}: {why}"))
        };
        let manager = builder.build().await.map_err(|why| failed(&why))?;
        let (mut state, task) = manager.watch().await;
        state.wait_for(|holds| *holds).await.map_err(|why| failed(&why))?;
        Ok(Self(Some(Held { state, task })))
    }

    /// Waits until the lease is somebody else's.
    pub(crate) async fn lost(&mut self) {
        match &mut self.0 {
            Some(held) => drop(held.state.wait_for(|holds| !*holds).await),
            None => std::future::pending().await,
        }
    }

    /// Gives the lease back, so that the next one need not wait for its end.
    pub(crate) async fn resign(self) {
        let Some(Held { state, task }) = self.0 else { return };
        drop(state);
        match task.await {
            Ok(Ok(_)) => {}
            Ok(Err(why)) => tracing::warn!(%why, "the lease was not given back"),
            Err(why) => tracing::warn!(%why, "the lease was not given back"),
        }
    }
}
