//! What a peer may ask for: one line per API.

use std::sync::Arc;

use kastellan_protocol::{Refused, messages::ApiKey};

use super::envelope;
use crate::{api, broker::Broker, call::Call};

/// Routes a request that came in by the listener for peers. `Refused` closes the connection.
pub(crate) fn dispatch(broker: &Arc<Broker>, api: ApiKey, call: Call) -> Result<(), Refused> {
    match api {
        ApiKey::Fetch
        | ApiKey::Vote
        | ApiKey::BeginQuorumEpoch
        | ApiKey::EndQuorumEpoch
        | ApiKey::FetchSnapshot => {
            broker.controller.hear(call);
            Ok(())
        }
        ApiKey::Envelope => envelope::handle(broker, call),
        ApiKey::BrokerRegistration => api::broker_registration::handle(broker, call),
        ApiKey::BrokerHeartbeat => api::broker_heartbeat::handle(broker, call),
        ApiKey::AlterPartition => api::alter_partition::handle(broker, call),
        ApiKey::AllocateProducerIds => api::allocate_producer_ids::handle(broker, call),
        ApiKey::AssignReplicasToDirs => api::assign_replicas_to_dirs::handle(broker, call),
        ApiKey::ListOffsets => api::list_offsets::handle(broker, call),
        ApiKey::OffsetForLeaderEpoch => api::offset_for_leader_epoch::handle(broker, call),
        _ => {
            call.reply.close("an API that peers do not ask for");
            Ok(())
        }
    }
}
