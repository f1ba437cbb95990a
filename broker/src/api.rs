//! Kafka's APIs: a request becomes an input of a machine or a question to an image.
//!
//! A cold API's file has `handle(&Arc<Broker>, Call) -> Result<(), Refused>`: it decodes, and answers
//! through `call.reply`, now or later. It runs on the connection's task, so it never blocks.

pub(crate) mod fetch;
pub(crate) mod list_offsets;
pub(crate) mod produce;
