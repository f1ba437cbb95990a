//! `kastellan up` and the client's commands, as their user meets them: the real binary, real files,
//! real signals, a real terminal.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod client;
mod drift;
mod edits;
mod errors;
mod guarded;
mod harness;
mod lifetime;
mod table;
