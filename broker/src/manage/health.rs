//! What the probes ask about: how far the process has come, and whether clients are served.

use std::sync::{
    Arc, Mutex, OnceLock, PoisonError,
    atomic::{AtomicU8, Ordering},
};

use kastellan_core::id::BrokerId;
use tokio::sync::watch;

use crate::{broker::Broker, partitions::Recovery};

/// How far the process has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Phase {
    /// Log directories are locked, metadata is read.
    Starting,
    /// Logs are opened, and read where the last end was not in order.
    Recovering,
    /// Clients are let in.
    Running,
    /// It was told to stop.
    Stopping,
}

/// Shared by the process's main thread and the one that answers probes.
#[derive(Debug)]
pub(crate) struct Health {
    phase: AtomicU8,
    /// Told of [`Phase::Stopping`]: long polls end.
    stopping: watch::Sender<bool>,
    recovery: OnceLock<Arc<Recovery>>,
    /// Why the process does not get better by itself.
    broken: OnceLock<String>,
    /// There while the broker can be asked. Whoever asks does so under the lock, so that nobody
    /// holds the broker when its logs are closed.
    broker: Mutex<Option<Arc<Broker>>>,
}

/// Whether clients should come here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// They should.
    Ready,
    /// They should not, for this reason.
    Not(String),
}

impl Default for Health {
    fn default() -> Self {
        Self {
            phase: AtomicU8::new(Phase::Starting as u8),
            stopping: watch::Sender::new(false),
            recovery: OnceLock::new(),
            broken: OnceLock::new(),
            broker: Mutex::new(None),
        }
    }
}

impl Health {
    /// How far the process has come.
    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Recovering,
            2 => Phase::Running,
            _ => Phase::Stopping,
        }
    }

    /// The logs are being opened.
    pub(crate) fn recovering(&self, recovery: &Arc<Recovery>) {
        drop(self.recovery.set(Arc::clone(recovery)));
        self.reach(Phase::Recovering);
    }

    /// Clients are let in.
    pub(crate) fn running(&self, broker: &Arc<Broker>) {
        *self.lock() = Some(Arc::clone(broker));
        self.reach(Phase::Running);
    }

    /// It was told to stop: clients should go elsewhere from now on.
    pub(crate) fn stopping(&self) {
        self.reach(Phase::Stopping);
        self.stopping.send_replace(true);
    }

    /// The broker cannot be asked any more; nobody holds it when this returns.
    pub(crate) fn detach(&self) {
        self.stopping();
        drop(self.lock().take());
    }

    /// Something has ended that should not have: only a new process helps.
    pub(crate) fn fail(&self, why: String) {
        drop(self.broken.set(why));
    }

    /// Why only a new process helps, if so.
    pub(crate) fn broken(&self) -> Option<&str> {
        self.broken.get().map(String::as_str)
    }

    /// (opened, all) partitions of the start; `None` before it is known how many there are.
    pub(crate) fn progress(&self) -> Option<(usize, usize)> {
        self.recovery.get().map(|recovery| recovery.progress())
    }

    /// Whether the start is over.
    pub(crate) fn started(&self) -> Readiness {
        match (self.phase(), self.progress()) {
            (Phase::Running | Phase::Stopping, _) => Readiness::Ready,
            (Phase::Recovering, Some((opened, all))) => {
                Readiness::Not(format!("opening logs: {opened} of {all} partitions"))
            }
            (Phase::Starting | Phase::Recovering, _) => {
                Readiness::Not("reading the cluster's metadata".to_owned())
            }
        }
    }

    /// Whether clients should come here: listeners are bound, and the cluster does not keep them
    /// away. A replica that is behind is no reason: its clients would have nobody else.
    pub(crate) fn ready(&self) -> Readiness {
        let started = self.started();
        if started != Readiness::Ready {
            return started;
        }
        let stopping = || Readiness::Not("stopping".to_owned());
        if self.phase() == Phase::Stopping {
            return stopping();
        }
        let registered = self.ask(|broker| {
            let me = BrokerId(broker.config.node_id);
            broker.controller.image().broker(me).map(|broker| broker.fenced)
        });
        match registered {
            None => stopping(),
            Some(Some(false)) => Readiness::Ready,
            Some(Some(true)) => Readiness::Not("fenced by the controller".to_owned()),
            Some(None) => Readiness::Not("not registered with the controller".to_owned()),
        }
    }

    /// Asks the broker something short; `None` before it runs and once it stops.
    pub(crate) fn ask<R>(&self, ask: impl FnOnce(&Arc<Broker>) -> R) -> Option<R> {
        self.lock().as_ref().map(ask)
    }

    /// True once it was told to stop.
    pub(crate) fn stops(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    fn reach(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::AcqRel);
    }

    /// A panic of whoever asks leaves the broker as it is.
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Broker>>> {
        self.broker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phases_only_go_forward_and_say_what_is_missing() {
        let health = Health::default();
        let not = |why: &str| Readiness::Not(why.to_owned());
        assert_eq!(health.started(), not("reading the cluster's metadata"));
        health.recovering(&Arc::default());
        assert_eq!(health.started(), not("opening logs: 0 of 0 partitions"));
        assert_eq!(health.ready(), health.started());
        health.stopping();
        health.recovering(&Arc::default());
        assert_eq!(health.phase(), Phase::Stopping);
        assert!(*health.stops().borrow());
        assert_eq!((health.started(), health.ready()), (Readiness::Ready, not("stopping")));
    }

    #[test]
    fn the_first_failure_is_told() {
        let health = Health::default();
        assert_eq!(health.broken(), None);
        health.fail("the listener plain has ended".to_owned());
        health.fail("another".to_owned());
        assert_eq!(health.broken(), Some("the listener plain has ended"));
    }
}
