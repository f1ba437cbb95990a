//! Who is connected, and the sweeper that ends what has gone quiet.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kastellan_core::machine::Millis;
use tokio::sync::Notify;

use super::{Limits, Mailbox};
use crate::clock::Clock;

/// Every open connection.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    state: Mutex<State>,
    /// Told when the first connection comes and when one goes.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    open: BTreeMap<u64, Arc<Mailbox>>,
    per_ip: BTreeMap<IpAddr, usize>,
}

/// A place among the open connections, given up when dropped.
#[derive(Debug)]
pub(super) struct Place {
    registry: Arc<Registry>,
    number: u64,
    host: IpAddr,
}

/// A connection is not taken: `max.connections.per.ip` are open from its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("max.connections.per.ip are open from that address")]
pub(super) struct Full;

impl Registry {
    /// Takes in a connection from `host`.
    pub(super) fn enter(
        self: &Arc<Self>,
        limits: &Limits,
        host: IpAddr,
        mailbox: &Arc<Mailbox>,
    ) -> Result<Place, Full> {
        let mut state = self.lock();
        let of_host = state.per_ip.entry(host).or_insert(0);
        if *of_host >= limits.connections_per_ip {
            return Err(Full);
        }
        *of_host += 1;
        let number = state.next;
        state.next += 1;
        state.open.insert(number, Arc::clone(mailbox));
        if state.open.len() == 1 {
            self.changed.notify_waiters();
        }
        Ok(Place { registry: Arc::clone(self), number, host })
    }

    /// Waits until there is room for one connection more: until then they stay in the kernel's
    /// queue.
    pub(super) async fn room(&self, limits: &Limits) {
        self.wait_until(|open| open < limits.connections.max(1)).await;
    }

    /// Asks every connection to answer what it has and end, and waits for it until `patience` ends.
    pub(crate) async fn drain(&self, patience: Duration) {
        let all: Vec<_> = self.lock().open.values().cloned().collect();
        for mailbox in all {
            mailbox.drain();
        }
        let gone = self.wait_until(|open| open == 0);
        if tokio::time::timeout(patience, gone).await.is_err() {
            let open: Vec<_> = self.lock().open.values().cloned().collect();
            for mailbox in open {
                mailbox.close("the broker stops");
            }
        }
    }

    async fn wait_until(&self, enough: impl Fn(usize) -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before the look, so that no change is missed in between.
            changed.as_mut().enable();
            if enough(self.lock().open.len()) {
                return;
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.registry.lock();
        state.open.remove(&self.number);
        if let Some(count) = state.per_ip.get_mut(&self.host) {
            *count -= 1;
            if *count == 0 {
                state.per_ip.remove(&self.host);
            }
        }
        drop(state);
        self.registry.changed.notify_waiters();
    }
}

/// Ends connections that are past a deadline, for as long as the broker runs; sleeps without a
/// timer while there are none.
pub(crate) async fn sweep(registry: Arc<Registry>, limits: Limits, clock: Clock) {
    let shortest = limits.idle.min(limits.frame_deadline).min(limits.write_deadline);
    let interval = (shortest / 4).clamp(Duration::from_millis(20), Duration::from_secs(5));
    loop {
        registry.wait_until(|open| open > 0).await;
        tokio::time::sleep(interval).await;
        let now = clock.monotonic();
        let open: Vec<_> = registry.lock().open.values().cloned().collect();
        for mailbox in open {
            check(&mailbox, &limits, now);
        }
    }
}

/// Ends one connection if it is past a deadline, and has one that rests free its buffers.
fn check(mailbox: &Mailbox, limits: &Limits, now: Millis) {
    let vitals = mailbox.vitals();
    let over = |since: Option<Millis>, limit| since.is_some_and(|since| now.since(since) >= limit);
    if over(vitals.frame_began(), limits.frame_deadline) {
        mailbox.close("a request took too long to arrive");
    } else if over(vitals.write_blocked(), limits.write_deadline) {
        mailbox.doubt();
    } else if over(vitals.last_active(), limits.idle) {
        mailbox.close("idle for connections.max.idle.ms");
    } else if vitals.is_bloated() && over(vitals.last_active(), Duration::from_secs(1)) {
        mailbox.slim();
    }
}
