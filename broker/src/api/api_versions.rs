//! `ApiVersions`: what is served, and at which levels the cluster's features are.

use std::sync::Arc;

use kastellan_core::metadata::SUPPORTED;
use kastellan_protocol::{
    Refused,
    api_version::{Features, answer},
};

use crate::{broker::Broker, call::Call};

/// Answers a request of any version (KIP-511).
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let image = broker.controller.image();
    let supported: Vec<_> =
        SUPPORTED.iter().map(|feature| (feature.name, feature.min, feature.max)).collect();
    let finalized: Vec<_> =
        SUPPORTED.iter().map(|feature| (feature.name, image.feature(feature.name))).collect();
    let features = Features { supported: &supported, finalized: &finalized, epoch: image.offset() };
    let answered = answer(call.version(), call.body.clone(), &features);
    match answered {
        Ok(response) => {
            call.reply.send(&response);
            Ok(())
        }
        Err(refused) => {
            call.reply.close("a malformed request");
            Err(refused)
        }
    }
}
