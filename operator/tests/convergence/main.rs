//! The whole operator on an API server in memory: whatever happens to it, the same comes out.
//!
//! Watches, queue, driver, passes and kube's client are the real ones; the server behind the client
//! ([`server`]), what would run in Kubernetes besides ([`nodes`]) and the brokers ([`brokers`]) are
//! here, in one thread and with a clock that stands still while there is work. Every scenario is
//! run once undisturbed and then again for every single write, with the operator ended just before
//! it and just after it.
#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test")]

mod authorities;
mod brokers;
mod crash;
mod fleet;
mod gate;
mod known;
mod legal;
mod mounted;
mod moves;
mod nodes;
mod play;
mod scenarios;
mod server;
mod stale;
mod users;
mod world;
