//! `kastellan up`, as its user meets it: the real binary, real files, real signals.

mod edits;
mod errors;
mod harness;
mod lifetime;
