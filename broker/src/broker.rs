//! Everything that a handler may reach.

use crate::{clock::Clock, config::Config, net::Limits};

/// The broker, shared by every connection as an `Arc`.
#[derive(Debug)]
pub(crate) struct Broker {
    /// What it was told before it started.
    pub(crate) config: Config,
    /// The clocks.
    pub(crate) clock: Clock,
    /// What clients may ask of it.
    pub(crate) limits: Limits,
}
