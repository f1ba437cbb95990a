//! One line per API.

use std::sync::Arc;

use kastellan_protocol::{Refused, messages::ApiKey};

use crate::{api, broker::Broker, call::Call};

/// Routes a request of a cold API to its handler. `Refused` closes the connection.
pub(crate) fn dispatch(broker: &Arc<Broker>, api: ApiKey, call: Call) -> Result<(), Refused> {
    match api {
        ApiKey::ListOffsets => api::list_offsets::handle(broker, call),
        _ => {
            call.reply.close("an API that is not served");
            Ok(())
        }
    }
}
