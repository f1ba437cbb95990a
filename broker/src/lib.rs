//! The broker's shell: sockets, timers, threads and disks; no Kafka logic.
//!
//! [`start()`] opens the log directories, recovers, binds the listeners and serves until
//! [`Running::shutdown`].

mod access;
mod api;
mod broker;
mod call;
mod certificates;
mod clock;
mod config;
mod controller;
mod dispatch;
mod fetcher;
mod groups;
mod issuer;
mod lifecycle;
mod log_dirs;
mod maintenance;
mod manage;
mod metrics;
mod net;
mod partition;
mod partitions;
mod peers;
mod quiet;
mod quotas;
mod reconfigure;
mod sessions;
mod standing;
mod start;
#[cfg(test)]
mod tests;
mod throttles;

pub use certificates::{CertificateError, CertificateFiles};
pub use config::{Config, Listener, Management, PeerListener};
pub use lifecycle::JoinError;
pub use log_dirs::{FormatError, format};
pub use start::{Running, StartError, start};
