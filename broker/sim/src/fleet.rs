//! Several nodes in one thread, from one seed: the quorum over the metadata log.
//!
//! Real machines over real logs on disks that lose things, and a network that loses, delays,
//! doubles and reorders. A run has two phases. In the first everything may break, and what must
//! never happen is looked for after every step; in the second nothing breaks any more, and the
//! fleet has to elect a leader, commit, and keep that leader, within bounds.

mod clock;
mod counter;
mod env;
mod heal;
mod invariant;
mod life;
mod model;
mod mutant;
pub(crate) mod net;
mod node;
mod operation;
mod parameters;
mod run;
mod snapshot;
mod state_file;
#[cfg(test)]
mod tests;
mod world;

pub use counter::{Counters, Rare};
pub use invariant::{Invariant, Violation};
pub use mutant::Mutant;
pub use run::{Outcome, run};
