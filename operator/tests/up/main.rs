//! `kastellan up`, as its user meets it: the real binary, real files, real signals.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod edits;
mod errors;
mod harness;
mod lifetime;
