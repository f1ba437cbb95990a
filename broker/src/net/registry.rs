//! Who is connected, and the sweeper that ends what has gone quiet.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use kastellan_core::machine::Millis;
use tokio::sync::Notify;

use super::{Gate, Limits, Mailbox, rate::Rates};
use crate::clock::Clock;

/// Every open connection.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    state: Mutex<State>,
    /// Told when the first connection comes and when one goes.
    changed: Notify,
    /// Told when limits change.
    reconsidered: Notify,
    rate: Mutex<Rates>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    open: BTreeMap<u64, Arc<Mailbox>>,
    per_ip: BTreeMap<IpAddr, usize>,
    /// Those whom nobody knows yet.
    visitors: BTreeMap<IpAddr, usize>,
    per_listener: BTreeMap<Arc<str>, usize>,
}

/// A place among the open connections, given up when dropped.
#[derive(Debug)]
pub(super) struct Place {
    registry: Arc<Registry>,
    number: u64,
    host: IpAddr,
    listener: Arc<str>,
}

/// A place among those of an address whom nobody knows yet, given up when dropped.
#[derive(Debug)]
pub(super) struct Visit {
    registry: Arc<Registry>,
    host: IpAddr,
}

/// A connection is not taken: too many from its address show nobody who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("kastellan.max.logins.per.ip are open from that address whom nobody knows")]
pub(super) struct Crowd;

/// A connection is not taken: `max.connections.per.ip` are open from its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("max.connections.per.ip are open from that address")]
pub(super) struct Full;

impl Registry {
    /// Takes in a connection from `host`.
    pub(super) fn enter(
        self: &Arc<Self>,
        limits: &Limits,
        (host, listener): (IpAddr, &Arc<str>),
        mailbox: &Arc<Mailbox>,
    ) -> Result<Place, Full> {
        let mut state = self.lock();
        if state.per_ip.get(&host).is_some_and(|open| *open >= limits.of_address(host))
            || limits.of_address(host) == 0
        {
            return Err(Full);
        }
        *state.per_ip.entry(host).or_insert(0) += 1;
        *state.per_listener.entry(Arc::clone(listener)).or_insert(0) += 1;
        let number = state.next;
        state.next += 1;
        state.open.insert(number, Arc::clone(mailbox));
        if state.open.len() == 1 {
            self.changed.notify_waiters();
        }
        Ok(Place { registry: Arc::clone(self), number, host, listener: Arc::clone(listener) })
    }

    /// Takes in somebody who has to show who it is.
    pub(super) fn visit(self: &Arc<Self>, limits: &Limits, host: IpAddr) -> Result<Visit, Crowd> {
        let mut state = self.lock();
        let visitors = state.visitors.entry(host).or_insert(0);
        if *visitors >= limits.logins_per_ip {
            return Err(Crowd);
        }
        *visitors += 1;
        Ok(Visit { registry: Arc::clone(self), host })
    }

    /// Waits until there is room for one connection more, and time for it: until then the others
    /// stay in the kernel's queue.
    pub(super) async fn room(&self, limits: &ArcSwap<Limits>, listener: &str, clock: Clock) {
        let room = |state: &State| {
            let limits = limits.load();
            let of_listener = state.per_listener.get(listener).copied().unwrap_or_default();
            state.open.len() < limits.connections.max(1)
                && of_listener < limits.of_listener(listener).max_connections.max(1)
        };
        loop {
            self.wait_until(room).await;
            let wait = self.rates().take(&limits.load(), listener, clock.monotonic());
            let Some(wait) = wait else { return };
            self.pause(wait).await;
        }
    }

    /// Limits have changed: whoever waits looks again.
    pub(crate) fn reconsider(&self) {
        self.changed.notify_waiters();
        self.reconsidered.notify_waiters();
    }

    /// Sleeps, but not through a change of limits.
    async fn pause(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => (),
            () = self.reconsidered.notified() => (),
        }
    }

    fn rates(&self) -> MutexGuard<'_, Rates> {
        self.rate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks every connection to answer what it has and end, and waits for it until `patience` ends.
    pub(crate) async fn drain(&self, patience: Duration) {
        let all: Vec<_> = self.lock().open.values().cloned().collect();
        for mailbox in all {
            mailbox.drain();
        }
        let gone = self.wait_until(|state| state.open.is_empty());
        if tokio::time::timeout(patience, gone).await.is_err() {
            let open: Vec<_> = self.lock().open.values().cloned().collect();
            for mailbox in open {
                mailbox.close("the broker stops");
            }
        }
    }

    /// (listener, open connections of it), and how many connections were ever taken in.
    pub(crate) fn counts(&self) -> (Vec<(Arc<str>, usize)>, u64) {
        let state = self.lock();
        let per_listener = state.per_listener.iter();
        (per_listener.map(|(name, count)| (Arc::clone(name), *count)).collect(), state.next)
    }

    async fn wait_until(&self, enough: impl Fn(&State) -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before the look, so that no change is missed in between.
            changed.as_mut().enable();
            if enough(&self.lock()) {
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
        if let Some(count) = state.per_listener.get_mut(&self.listener) {
            *count -= 1;
        }
        drop(state);
        self.registry.changed.notify_waiters();
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut state = self.registry.lock();
        if let Some(count) = state.visitors.get_mut(&self.host) {
            *count -= 1;
            if *count == 0 {
                state.visitors.remove(&self.host);
            }
        }
    }
}

/// Ends connections that are past a deadline, for as long as the broker runs; sleeps without a
/// timer while there are none.
pub(crate) async fn sweep(gate: Arc<Gate>, clock: Clock) {
    let registry = &gate.connections;
    loop {
        registry.wait_until(|state| !state.open.is_empty()).await;
        let limits = gate.limits.load_full();
        let shortest = limits.idle.min(limits.frame_deadline).min(limits.write_deadline);
        let shortest = shortest.min(limits.login);
        let interval = (shortest / 4).clamp(Duration::from_millis(20), Duration::from_secs(5));
        registry.pause(interval).await;
        let limits = gate.limits.load_full();
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
    } else if over(vitals.login_began(), limits.login) {
        mailbox.close("nobody has logged in within kastellan.login.timeout.ms");
    } else if over(vitals.write_blocked(), limits.write_deadline) {
        mailbox.doubt();
    } else if over(vitals.last_active(), limits.idle) {
        mailbox.close("idle for connections.max.idle.ms");
    } else if vitals.is_bloated() && over(vitals.last_active(), Duration::from_secs(1)) {
        mailbox.slim();
    }
}
