//! The scenarios on the operator's own API server in memory.

#[path = "../../../operator/tests/convergence/brokers.rs"]
mod brokers;
#[path = "../../../operator/tests/convergence/fleet.rs"]
mod fleet;
#[path = "../../../operator/tests/convergence/gate.rs"]
pub(crate) mod gate;
#[path = "../../../operator/tests/convergence/known.rs"]
mod known;
#[path = "../../../operator/tests/convergence/legal.rs"]
mod legal;
#[path = "../../../operator/tests/convergence/mounted.rs"]
mod mounted;
#[path = "../../../operator/tests/convergence/moves.rs"]
mod moves;
#[path = "../../../operator/tests/convergence/nodes.rs"]
mod nodes;
#[path = "../../../operator/tests/convergence/play.rs"]
pub(crate) mod play;
#[path = "../../../operator/tests/convergence/scenarios.rs"]
pub(crate) mod scenarios;
#[path = "../../../operator/tests/convergence/server.rs"]
mod server;
#[path = "../../../operator/tests/convergence/world.rs"]
mod world;
