//! The operator and the binary `kastellan`.
//!
//! `fleet` turns manifests into a plan without knowing Kubernetes or processes, `up` carries the
//! plan out with child processes on one machine, `admin` speaks to the brokers, `command` holds the
//! sub-commands. `ARCHITECTURE.md` beside `Cargo.toml` has the map.

pub mod admin;
mod columns;
pub mod command;
pub mod failure;
pub mod fleet;
pub mod kubernetes;
pub mod pki;
mod stop;
mod survey;
mod telemetry;
mod terminal;
mod up;
