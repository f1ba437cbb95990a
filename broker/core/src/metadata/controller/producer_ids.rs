//! Producer ids for idempotent producers.

use kastellan_protocol::ErrorCode;

use super::{Controller, Effect, Failure, Reply};
use crate::{
    id::BrokerId,
    machine::Ticket,
    metadata::{ProducerIdsRecord, Record},
};

/// Producer ids are handed to brokers in blocks of this many.
pub const PRODUCER_ID_BLOCK: i64 = 1000;

impl Controller {
    pub(super) fn allocate_producer_ids(
        &self,
        ticket: Ticket,
        broker: BrokerId,
        epoch: Option<i64>,
        effects: &mut Vec<Effect>,
    ) {
        let registered = self.registration(broker, epoch).map(|known| known.epoch);
        let decided = registered.and_then(|epoch| {
            let first = self.image.next_producer_id();
            let next = first.checked_add(PRODUCER_ID_BLOCK).ok_or_else(|| {
                let message = "all producer ids of this cluster are used up";
                Failure::new(ErrorCode::UnknownServerError, message)
            })?;
            Ok((first, ProducerIdsRecord { broker, epoch, next }))
        });
        let reply = match decided {
            Ok((first, record)) => {
                effects.push(Effect::Append(vec![Record::ProducerIds(record)]));
                Reply::ProducerIds { first, count: PRODUCER_ID_BLOCK }
            }
            Err(failure) => Reply::Failed(failure),
        };
        effects.push(Effect::Reply(ticket, reply));
    }
}
