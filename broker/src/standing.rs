//! Whether this broker still leads what it led when it last heard of that: its lease, kept where
//! every answer can look at it without a lock.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use kastellan_core::{
    config::BrokerConfig,
    lease::{Lease, Lengths},
    machine::Millis,
};

pub(crate) use kastellan_core::lease::Standing as Said;

use crate::clock::Clock;

/// A broker's lease, beside the clock that it runs on.
#[derive(Debug)]
pub(crate) struct Standing {
    clock: Clock,
    lease: Mutex<Lease>,
    /// Nothing is doubtful before this, in milliseconds of the clock.
    until: AtomicU64,
}

impl Standing {
    /// That of a broker that starts now.
    pub(crate) fn new(clock: Clock, settings: &BrokerConfig) -> Self {
        let lease = Lease::new(clock.monotonic(), lengths(settings));
        Self { clock, lease: Mutex::new(lease), until: AtomicU64::new(lease.until().0) }
    }

    /// A heartbeat is about to be sent, or waited for; returns when.
    pub(crate) fn run(&self, settings: &BrokerConfig) -> Millis {
        let now = self.clock.monotonic();
        let mut lease = self.lock();
        lease.configure(lengths(settings));
        lease.run(now);
        self.until.store(lease.until().0, Ordering::Release);
        now
    }

    /// The controller has answered the one that was sent then, to a broker that is not fenced.
    pub(crate) fn hear(&self, sent: Millis) {
        let mut lease = self.lock();
        lease.hear(sent);
        self.until.store(lease.until().0, Ordering::Release);
    }

    /// What may be said now.
    pub(crate) fn now(&self) -> Said {
        let now = self.clock.monotonic();
        if now.0 < self.until.load(Ordering::Acquire) {
            return Said::Sure;
        }
        self.lock().standing(now)
    }

    fn lock(&self) -> MutexGuard<'_, Lease> {
        self.lease.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lengths(settings: &BrokerConfig) -> Lengths {
    let fleet = &settings.fleet;
    Lengths::new(fleet.session_timeout, fleet.heartbeat_interval, fleet.replica_fetch_wait_max)
}
