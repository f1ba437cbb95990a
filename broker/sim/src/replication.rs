//! Replicated partitions: the real partition and fetcher machines of several brokers over real logs
//! on disks that lose things, on a network that does, too; the controller is a model.
//!
//! What is promised is held against what happens after every event. Faults first, then healing,
//! after which every replica has to be the same.

mod client;
mod cluster;
mod controller;
mod counter;
mod fault;
mod heal;
mod history;
mod invariant;
mod message;
mod mutant;
mod node;
mod parameters;
mod run;
#[cfg(test)]
mod tests;
mod world;

pub use self::{
    counter::{Counters, Rare},
    invariant::{Invariant, Violation},
    mutant::Mutant,
    run::{Outcome, run},
};
