//! Requests that wait in their connection for something to happen, or for their time to be over.

use kastellan_core::machine::Millis;

use super::Rejection;
use crate::{
    api::{fetch, produce},
    broker::Broker,
    net::Response,
};

/// A request that waits.
#[derive(Debug)]
pub(crate) enum Parked {
    /// For bytes.
    Fetch(fetch::Parked),
    /// For the high watermark.
    Produce(produce::Parked),
    /// For the time that a refused login is answered.
    Rejection(Rejection),
}

impl Parked {
    /// Whether it is a fetch, which has nothing to lose when the broker stops.
    pub(super) fn is_fetch(&self) -> bool {
        matches!(self, Self::Fetch(_))
    }

    /// Its slot in the connection.
    pub(super) fn slot(&self) -> u64 {
        match self {
            Self::Fetch(fetch) => fetch.slot(),
            Self::Produce(produce) => produce.slot(),
            Self::Rejection(rejection) => rejection.slot(),
        }
    }

    /// When it has waited long enough.
    pub(super) fn deadline(&self) -> Millis {
        match self {
            Self::Fetch(fetch) => fetch.deadline(),
            Self::Produce(produce) => produce.deadline(),
            Self::Rejection(rejection) => rejection.deadline(),
        }
    }

    /// Its answer, if there is one by now; with `force` there is one.
    pub(super) fn retry(&mut self, broker: &Broker, force: bool) -> Option<Response> {
        match self {
            Self::Fetch(fetch) => fetch.retry(broker, force),
            Self::Produce(produce) => produce.retry(force),
            Self::Rejection(rejection) => rejection.retry(force),
        }
    }
}
