//! Three brokers as processes, each on a host of its own, and what happens to hosts: cables that
//! are cut one way or both, disks that forget, descriptors and memory that run out. Whatever
//! clients were told stays true. `faults/README.md` has a table of faults, F1 to F16 and D7, of
//! what is looked for, and of the tests that do it.
//!
//! What takes longer than a change should wait for is left to `make faults`.

#[path = "faults/clock.rs"]
mod clock;
#[path = "faults/control.rs"]
mod control;
#[path = "faults/coverage.rs"]
mod coverage;
#[path = "faults/cut.rs"]
mod cut;
#[path = "faults/forgotten.rs"]
mod forgotten;
#[path = "faults/killed.rs"]
mod killed;
#[path = "faults/points.rs"]
mod points;
#[path = "faults/repeated.rs"]
mod repeated;
#[path = "faults/rig.rs"]
mod rig;
#[path = "faults/rolled.rs"]
mod rolled;
#[path = "faults/scarce.rs"]
mod scarce;
#[path = "faults/stopped.rs"]
mod stopped;
