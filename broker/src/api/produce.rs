//! Produce.

use kastellan_protocol::Refused;

use crate::net::Hot;

/// Memory that is reused from request to request.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// Slots of fetches that were woken.
    pub(crate) woken: Vec<u64>,
}

impl Scratch {
    /// Frees what an idle connection does not need.
    pub(crate) fn shrink(&mut self) {
        *self = Self::default();
    }
}

pub(crate) fn handle(hot: &mut Hot<'_>) -> Result<(), Refused> {
    hot.mailbox.close("produce");
    Ok(())
}
