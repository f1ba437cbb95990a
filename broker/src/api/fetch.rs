//! Fetch.

use kastellan_core::machine::Millis;
use kastellan_protocol::Refused;

use crate::{
    broker::Broker,
    net::{Hot, Response},
};

/// A fetch that waits.
#[derive(Debug)]
pub(crate) struct Parked {
    slot: u64,
    deadline: Millis,
}

impl Parked {
    pub(crate) fn slot(&self) -> u64 {
        self.slot
    }

    pub(crate) fn deadline(&self) -> Millis {
        self.deadline
    }

    pub(crate) fn retry(&mut self, _broker: &Broker, _force: bool) -> Option<Response> {
        None
    }
}

pub(crate) fn handle(hot: &mut Hot<'_>) -> Result<(), Refused> {
    hot.mailbox.close("fetch");
    Ok(())
}
