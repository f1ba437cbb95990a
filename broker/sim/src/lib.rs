//! A whole broker in one thread, from one seed.
//!
//! One broker so far: the real partition, group and metadata machines over the real log on a disk
//! that loses, refuses and fills up, with clients that retry. Every run has two phases, faults and
//! then healing, is held against a naive model after each step, and is the same whenever it has the
//! same seed: there is no clock, no thread, no hash order in here (`.clippy.toml` bans them). The
//! shell is not simulated; drivers here do what the shell's do.

mod broker;
mod counter;
mod disk;
pub mod fleet;
mod heal;
mod invariant;
mod model;
mod mutant;
mod operation;
mod parameters;
mod producer;
mod random;
pub mod replication;
mod run;
#[cfg(test)]
mod tests;
mod trace;
mod world;

pub use counter::{Counters, Rare};
pub use invariant::{Invariant, Violation};
pub use mutant::Mutant;
pub use run::{Outcome, run};
