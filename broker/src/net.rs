//! Sockets: listeners, connections, the memory requests may take, and the one sweeper that ends what
//! has gone quiet.

mod limits;
mod mailbox;
mod response;

pub(crate) use limits::Limits;
pub(crate) use mailbox::Mailbox;
pub(crate) use response::Response;
