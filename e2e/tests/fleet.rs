//! Three brokers as processes survive what happens to processes: killed, silent, stopped in order,
//! started on the wrong directory. Nothing acknowledged is lost, repeated or out of order.

#[path = "fleet/behind.rs"]
mod behind;
#[path = "fleet/clients.rs"]
mod clients;
#[path = "fleet/coordinated.rs"]
mod coordinated;
#[path = "fleet/deleted.rs"]
mod deleted;
#[path = "fleet/formed.rs"]
mod formed;
#[path = "fleet/killed.rs"]
mod killed;
#[path = "fleet/nearby.rs"]
mod nearby;
#[path = "fleet/rolled.rs"]
mod rolled;
#[path = "fleet/secured.rs"]
mod secured;
#[path = "fleet/silent.rs"]
mod silent;
#[path = "fleet/simulated.rs"]
mod simulated;
#[path = "fleet/throttled.rs"]
mod throttled;
#[path = "fleet/tokens.rs"]
mod tokens;
#[path = "fleet/tools.rs"]
mod tools;
#[path = "fleet/unregistered.rs"]
mod unregistered;
#[path = "fleet/voters.rs"]
mod voters;
