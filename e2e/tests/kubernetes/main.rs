//! The whole on a real Kubernetes: `make e2e` starts it and runs these. Each scenario has a
//! namespace of its own, and an operator where it needs one. Without a cluster they are skipped,
//! and the test runner says so of each.
#![expect(clippy::indexing_slicing, reason = "a JSON value answers null for what it does not have")]

mod authorities;
mod balance;
mod coverage;
mod deleted;
mod faults;
mod figures;
mod fleet;
mod formation;
mod installed;
mod issued;
mod lifecycle;
mod operated;
mod smoke;
mod thousands;
mod topics;
mod upgrade;
mod users;
