//! The machines behind the socket: groups, producers, partitions, metadata, placement, fetch
//! sessions, access.
//!
//! Everything here is pure and deterministic: time and randomness come in as arguments, what should
//! happen goes out as effects. Nothing in this crate knows a clock, a file, a socket or a thread
//! (`.clippy.toml` beside `Cargo.toml` bans them).
#![warn(clippy::wildcard_enum_match_arm)]

pub mod config;
pub mod group;
pub mod id;
pub mod lease;
pub mod log;
pub mod machine;
pub mod metadata;
pub mod partition;
pub mod placement;
pub mod producer;
pub mod quorum;
pub mod quota;
pub mod replica;
pub mod security;
pub mod session;
