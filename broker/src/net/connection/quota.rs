//! A client that has taken more than its quota: it is told, and not read from for a while.

use std::time::{Duration, Instant};

use kastellan_core::machine::Millis;
use kastellan_protocol::messages::ApiKey;

use super::Connection;
use crate::{
    broker::Broker,
    metrics::Counter,
    quotas::{Purse, throttle_ms},
};

/// Nothing is read for so many milliseconds, or for as long as it was to be anyway.
pub(super) fn mute(muted: &mut Option<Millis>, broker: &Broker, throttle_ms: i32) {
    let Ok(wait @ 1..) = u64::try_from(throttle_ms) else { return };
    broker.metrics.add(Counter::Throttled, 1);
    let until = broker.clock.monotonic().after(Duration::from_millis(wait));
    *muted = (*muted).max(Some(until));
}

impl Connection {
    /// Takes the time that the request in `slot` kept this thread busy from its client's quota.
    pub(super) fn take_time(
        &mut self,
        purse: &Purse,
        (api, version): (ApiKey, i16),
        (slot, began): (u64, Instant),
    ) {
        let now = self.broker.clock.monotonic();
        let throttle_ms = throttle_ms(self.broker.quotas.request(purse, now, began.elapsed()));
        if throttle_ms == 0 {
            return;
        }
        if !self.mailbox.throttle(slot, (api, version), throttle_ms) {
            // it is answered later, and cannot tell what is not known yet
            mute(&mut self.muted, &self.broker, throttle_ms);
        }
    }
}
