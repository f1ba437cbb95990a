//! Client quotas in force: which limits a connection goes by, and what its clients have taken.
//!
//! Where nobody has a quota, a request costs one look at a flag. Otherwise a connection looks its
//! limits up once, and again when quotas, user or client id are other ones.

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use kastellan_core::{
    id::Offset,
    machine::Millis,
    metadata::Image,
    quota::{Ledger, Limit, QuotaKey, QuotaMap, Windows},
};
use kastellan_protocol::header::ClientId;

use crate::call::ClientInfo;

/// What requests are held against.
#[derive(Debug)]
pub(crate) struct Quotas {
    /// Whether anybody has a quota.
    any: AtomicBool,
    book: ArcSwap<Book>,
    windows: Windows,
    produced: Mutex<Ledger>,
    fetched: Mutex<Ledger>,
    connected: Mutex<Ledger>,
    /// The time of threads, in hundredths of a second of one.
    busy: Mutex<Ledger>,
}

/// All quotas as of one metadata record.
#[derive(Debug)]
struct Book {
    offset: Offset,
    quotas: QuotaMap,
}

/// The limits of one connection's client.
#[derive(Debug)]
pub(crate) struct Purse {
    /// What they were looked up for, and in.
    client: Arc<ClientInfo>,
    client_id: Option<ClientId>,
    offset: Offset,
    produce: Option<Limit>,
    fetch: Option<Limit>,
    request: Option<Limit>,
}

impl Quotas {
    /// Nobody has a quota yet; rates are measured in these windows.
    pub(crate) fn new(windows: Windows) -> Self {
        let ledger = || Mutex::new(Ledger::new(windows));
        Self {
            any: AtomicBool::new(false),
            book: ArcSwap::from_pointee(Book { offset: -1, quotas: QuotaMap::new() }),
            windows,
            produced: ledger(),
            fetched: ledger(),
            connected: ledger(),
            busy: ledger(),
        }
    }

    /// From now on those of `image` count, unless newer ones do so already.
    pub(crate) fn follow(&self, image: &Image) {
        self.book.rcu(|book| {
            if image.offset() <= book.offset {
                return Arc::clone(book);
            }
            Arc::new(Book { offset: image.offset(), quotas: image.quotas().clone() })
        });
        let any = !self.book.load().quotas.is_empty();
        self.any.store(any, Ordering::Release);
        if !any {
            for ledger in [&self.produced, &self.fetched, &self.connected, &self.busy] {
                ledger.lock().unwrap_or_else(PoisonError::into_inner).clear();
            }
        }
    }

    /// Brings the limits of a connection up to date for a request; none for peers, and where nobody
    /// has any.
    pub(crate) fn look_up<'a>(
        &self,
        purse: &'a mut Option<Arc<Purse>>,
        client: &Arc<ClientInfo>,
        client_id: Option<&ClientId>,
    ) -> Option<&'a Arc<Purse>> {
        if !self.any.load(Ordering::Acquire) || client.peer.is_some() {
            *purse = None;
            return None;
        }
        let book = self.book.load();
        let is_current = |purse: &Arc<Purse>| {
            purse.offset == book.offset
                && Arc::ptr_eq(&purse.client, client)
                && purse.client_id.as_ref() == client_id
        };
        if !purse.as_ref().is_some_and(is_current) {
            *purse = Some(Arc::new(Purse::new(&book, client, client_id)));
        }
        purse.as_ref()
    }

    /// Takes what a Produce request is; how long its client has to wait.
    pub(crate) fn produce(&self, purse: &Purse, now: Millis, bytes: usize) -> Duration {
        let Some(limit) = &purse.produce else { return Duration::ZERO };
        with(&self.produced, |ledger| ledger.take(now, limit, units(bytes)))
    }

    /// Takes what a Fetch response is; a client that has to wait does not get it.
    pub(crate) fn fetch(&self, purse: &Purse, now: Millis, bytes: usize) -> Duration {
        let Some(limit) = &purse.fetch else { return Duration::ZERO };
        with(&self.fetched, |ledger| ledger.take_if_free(now, limit, units(bytes)))
    }

    /// The most bytes that one Fetch response may have: what a client gets that rested.
    pub(crate) fn largest_fetch(&self, purse: &Purse) -> usize {
        let Some(limit) = &purse.fetch else { return usize::MAX };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive number, and as many as there are is what is meant"
        )]
        let bytes = self.windows.burst(limit.rate) as usize;
        bytes
    }

    /// Takes a connection from the quota of its address; one that comes too early is not taken in,
    /// and hears of it after this time, at most a window.
    pub(crate) fn connect(&self, host: IpAddr, now: Millis) -> Duration {
        if !self.any.load(Ordering::Acquire) {
            return Duration::ZERO;
        }
        let Some(limit) = Limit::of_address(&self.book.load().quotas, host) else {
            return Duration::ZERO;
        };
        let wait = with(&self.connected, |ledger| ledger.take_if_free(now, &limit, 1.0));
        wait.min(self.windows.length())
    }

    /// Takes the time that a request kept a thread busy; how long its client has to wait, at most a
    /// window.
    pub(crate) fn request(&self, purse: &Purse, now: Millis, busy: Duration) -> Duration {
        let Some(limit) = &purse.request else { return Duration::ZERO };
        let wait = with(&self.busy, |ledger| ledger.take(now, limit, busy.as_secs_f64() * 100.0));
        wait.min(self.windows.length())
    }
}

impl Purse {
    fn new(book: &Book, client: &Arc<ClientInfo>, client_id: Option<&ClientId>) -> Self {
        let user = Arc::from(client.principal.name());
        let id = Arc::from(client_id.map_or("", |id| id.as_str()));
        let limit = |key| Limit::of(&book.quotas, key, &user, &id);
        Self {
            client: Arc::clone(client),
            client_id: client_id.cloned(),
            offset: book.offset,
            produce: limit(QuotaKey::ProducerByteRate),
            fetch: limit(QuotaKey::ConsumerByteRate),
            request: limit(QuotaKey::RequestPercentage),
        }
    }
}

/// A wait as responses tell it, in milliseconds.
pub(crate) fn throttle_ms(wait: Duration) -> i32 {
    i32::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
}

fn with<T>(ledger: &Mutex<Ledger>, take: impl FnOnce(&mut Ledger) -> T) -> T {
    take(&mut ledger.lock().unwrap_or_else(PoisonError::into_inner))
}

#[expect(clippy::cast_precision_loss, reason = "requests are far smaller")]
fn units(bytes: usize) -> f64 {
    bytes as f64
}
