//! What the controller decided about partitions one by one, or why it decided nothing.

use kastellan_core::metadata::{Failure, PartitionResults, Reply};

use crate::controller::unexpected;

/// The results in `reply`, or the failure of the request as a whole.
pub(crate) fn of(reply: Reply) -> Result<PartitionResults, Failure> {
    match reply {
        Reply::Partitions(results) => Ok(results),
        Reply::Failed(failure) => Err(failure),
        Reply::Done
        | Reply::Registered { .. }
        | Reply::Heartbeat { .. }
        | Reply::Altered(_)
        | Reply::Assigned(_)
        | Reply::Created(_)
        | Reply::Deleted(_)
        | Reply::Results(_)
        | Reply::ProducerIds { .. } => Err(unexpected()),
    }
}
