//! Everything that a handler may reach.

use std::sync::Arc;

use crate::{
    clock::Clock,
    config::Config,
    net::{Limits, Pool, Registry},
};

/// The broker, shared by every connection as an `Arc`.
#[derive(Debug)]
pub(crate) struct Broker {
    /// What it was told before it started.
    pub(crate) config: Config,
    /// The clocks.
    pub(crate) clock: Clock,
    /// What clients may ask of it.
    pub(crate) limits: Limits,
    /// The memory that requests may take.
    pub(crate) pool: Arc<Pool>,
    /// Who is connected.
    pub(crate) connections: Arc<Registry>,
    /// Where clients reach it, by listener name, with the ports that were really bound.
    pub(crate) addresses: Vec<(String, std::net::SocketAddr)>,
}
