//! Where this process asks the cluster, and what it shows there.

use std::net::SocketAddr;
use std::time::Duration;

use crate::admin::{Admin, AdminError};
use crate::pki::Credentials;

/// A broker that serves, and what is shown to it where it lets in nobody else.
#[derive(Debug, Clone)]
pub(super) struct Contact {
    pub(super) address: SocketAddr,
    pub(super) credentials: Option<Credentials>,
}

impl Contact {
    /// A connection to it.
    pub(super) async fn connect(&self, patience: Duration) -> Result<Admin, AdminError> {
        let seeds = [self.address.to_string()];
        match &self.credentials {
            None => Admin::connect(&seeds, patience).await,
            Some(credentials) => Admin::guarded(&seeds, patience, credentials).await,
        }
    }
}
