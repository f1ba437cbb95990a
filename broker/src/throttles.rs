//! What replicas that catch up may take of this broker: `leader.replication.throttled.rate` and
//! `follower.replication.throttled.rate`. Where neither is set, a fetch costs one look at a flag.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use kastellan_core::{config::FleetConfig, machine::Millis, replica::Quota};

/// Both sides.
#[derive(Debug)]
pub(crate) struct Throttles {
    /// Of what this broker leads.
    pub(crate) leader: Throttle,
    /// Of what it follows.
    pub(crate) follower: Throttle,
}

/// One side.
#[derive(Debug)]
pub(crate) struct Throttle {
    is_set: AtomicBool,
    quota: Mutex<Quota>,
}

impl Throttles {
    /// Those that the settings say.
    pub(crate) fn new(settings: &FleetConfig) -> Self {
        let throttles = Self { leader: Throttle::none(), follower: Throttle::none() };
        throttles.configure(settings);
        throttles
    }

    /// The settings are these now.
    pub(crate) fn configure(&self, settings: &FleetConfig) {
        self.leader.set_rate(settings.leader_throttle);
        self.follower.set_rate(settings.follower_throttle);
    }
}

impl Throttle {
    fn none() -> Self {
        Self { is_set: AtomicBool::new(false), quota: Mutex::new(Quota::new(None)) }
    }

    fn set_rate(&self, rate: Option<u64>) {
        self.lock().set_rate(rate);
        self.is_set.store(rate.is_some(), Ordering::Release);
    }

    /// This, where it holds anything back at all.
    pub(crate) fn set(&self) -> Option<&Self> {
        self.is_set.load(Ordering::Acquire).then_some(self)
    }

    /// So many bytes were taken.
    pub(crate) fn spend(&self, now: Millis, bytes: usize) {
        self.lock().spend(now, bytes);
    }

    /// Until when nothing more is to be taken; `None`: go on.
    pub(crate) fn exhausted(&self, now: Millis) -> Option<Millis> {
        self.lock().exhausted(now)
    }

    fn lock(&self) -> MutexGuard<'_, Quota> {
        self.quota.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
