//! Sockets: listeners, connections, the memory that requests may take, and the one sweeper that
//! ends what has gone quiet.

mod account;
mod cold;
mod connection;
mod door;
mod gate;
mod input;
mod limits;
mod listener;
mod login;
mod mailbox;
mod out;
mod pool;
mod rate;
mod registry;
mod response;
mod stream;
mod vitals;

pub(crate) use cold::is_cold;
pub(crate) use connection::{Hot, Parked};
pub(crate) use door::{ClientDoor, Doors};
pub(crate) use gate::Gate;
pub(crate) use limits::Limits;
pub(crate) use listener::{Bound, Entrance, accept, bind};
pub(crate) use mailbox::Mailbox;
pub(crate) use pool::Pool;
pub(crate) use registry::{Registry, sweep};
pub(crate) use response::{FileRange, Response};
pub(crate) use stream::Stream;
