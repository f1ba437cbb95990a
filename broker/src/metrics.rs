//! What the broker counts as it works.
//!
//! Counters are spread over stripes, one per worker thread as long as there are not more threads
//! than stripes: a thread adds to cache lines that no other writes, without a lock and without
//! memory of its own. Whoever asks adds the stripes up.

mod histogram;

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use kastellan_protocol::{ErrorCode, messages::ApiKey};

pub(crate) use self::histogram::Histogram;
use self::histogram::Latency;

/// Threads beyond this many share.
const STRIPES: usize = 16;

/// Keys of APIs are below this; the highest of Kafka 4.1 is 92.
const APIS: usize = 128;

/// Codes of errors are below this, counted from -1; the highest of Kafka 4.1 is 133.
const ERRORS: usize = 160;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counter {
    /// Bytes of batches that producers have appended.
    BytesIn,
    /// Records that producers have appended.
    RecordsIn,
    /// Bytes of batches that were handed out to consumers.
    BytesOut,
    /// Bytes that were read from clients' sockets.
    Received,
    /// Bytes that clients' sockets have taken.
    Sent,
    /// Requests after which a client was not read from for a while.
    Throttled,
}

/// How many counters there are.
const COUNTERS: usize = Counter::Throttled as usize + 1;

/// Everything that is counted. Values only grow, from 0 at the start of the process.
#[derive(Debug)]
pub(crate) struct Metrics {
    stripes: Box<[Stripe]>,
    /// Errors are rare enough to be counted in one place; produced ones first, then fetched ones.
    errors: [Box<[AtomicU64]>; 2],
}

/// What one thread adds to. Two cache lines apart, as processors fetch them in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Stripe {
    counters: [AtomicU64; COUNTERS],
    requests: [AtomicU64; APIS],
    produce: Latency,
    fetch: Latency,
    other: Latency,
}

/// Which of the answers that carry errors inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hot {
    /// Produce.
    Produce,
    /// Fetch.
    Fetch,
}

impl Default for Metrics {
    fn default() -> Self {
        let errors = || (0..ERRORS).map(|_| AtomicU64::new(0)).collect();
        Self {
            stripes: (0..STRIPES).map(|_| Stripe::new()).collect(),
            errors: [errors(), errors()],
        }
    }
}

impl Stripe {
    fn new() -> Self {
        Self {
            counters: [const { AtomicU64::new(0) }; COUNTERS],
            requests: [const { AtomicU64::new(0) }; APIS],
            produce: Latency::default(),
            fetch: Latency::default(),
            other: Latency::default(),
        }
    }

    fn latency(&self, api: ApiKey) -> &Latency {
        match api {
            ApiKey::Produce => &self.produce,
            ApiKey::Fetch => &self.fetch,
            _ => &self.other,
        }
    }
}

impl Metrics {
    /// Counts `by` more.
    pub(crate) fn add(&self, counter: Counter, by: u64) {
        if let Some(cell) = self.stripe().counters.get(counter as usize) {
            cell.fetch_add(by, Relaxed);
        }
    }

    /// A request has come.
    pub(crate) fn request(&self, api: ApiKey) {
        let key = usize::try_from(api as i16).unwrap_or(APIS);
        if let Some(cell) = self.stripe().requests.get(key) {
            cell.fetch_add(1, Relaxed);
        }
    }

    /// A request has got its answer after `took`.
    pub(crate) fn answered(&self, api: ApiKey, took: Duration) {
        self.stripe().latency(api).observe(took);
    }

    /// A partition of a request was answered with an error.
    pub(crate) fn failed(&self, hot: Hot, code: ErrorCode) {
        let at = usize::try_from(i32::from(code.code()) + 1).unwrap_or(ERRORS);
        if let Some(cell) = self.errors.get(hot as usize).and_then(|codes| codes.get(at)) {
            cell.fetch_add(1, Relaxed);
        }
    }

    /// What was counted.
    pub(crate) fn total(&self, counter: Counter) -> u64 {
        let one = |stripe: &Stripe| stripe.counters.get(counter as usize).map(|n| n.load(Relaxed));
        self.stripes.iter().filter_map(one).sum()
    }

    /// Requests by the key of their API, those that came at least once.
    pub(crate) fn requests(&self) -> impl Iterator<Item = (i16, u64)> {
        let of = |key: usize| -> u64 {
            let cells = self.stripes.iter().filter_map(|stripe| stripe.requests.get(key));
            cells.map(|cell| cell.load(Relaxed)).sum()
        };
        (0..APIS)
            .map(move |key| (i16::try_from(key).unwrap_or(-1), of(key)))
            .filter(|one| one.1 > 0)
    }

    /// How long requests took: `Some` of the one that is given, `None` of all others together.
    pub(crate) fn latency(&self, api: Option<Hot>) -> Histogram {
        let mut sum = Histogram::default();
        for stripe in &self.stripes {
            sum.add(match api {
                Some(Hot::Produce) => &stripe.produce,
                Some(Hot::Fetch) => &stripe.fetch,
                None => &stripe.other,
            });
        }
        sum
    }

    /// Partitions that were answered with an error, by the error's code.
    pub(crate) fn failures(&self, hot: Hot) -> impl Iterator<Item = (i16, u64)> {
        let codes = self.errors.get(hot as usize).into_iter().flatten().enumerate();
        let read = |(at, cell): (usize, &AtomicU64)| {
            (i16::try_from(at).map_or(-1, |at| at - 1), cell.load(Relaxed))
        };
        codes.map(read).filter(|(_, count)| *count > 0)
    }

    fn stripe(&self) -> &Stripe {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static MINE: usize = NEXT.fetch_add(1, Relaxed) % STRIPES;
        }
        // a thread whose locals are gone already is ending
        let mine = MINE.try_with(|mine| *mine).unwrap_or(0);
        self.stripes.get(mine).expect("there are STRIPES of them")
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn what_many_threads_count_adds_up() {
        let metrics = Metrics::default();
        thread::scope(|scope| {
            for _ in 0..2 * STRIPES {
                scope.spawn(|| {
                    (0..1_000).for_each(|_| metrics.add(Counter::BytesIn, 3));
                    metrics.request(ApiKey::Fetch);
                    metrics.answered(ApiKey::Fetch, Duration::from_millis(2));
                });
            }
        });
        let threads = 2 * STRIPES as u64;
        assert_eq!(metrics.total(Counter::BytesIn), threads * 3_000);
        assert_eq!(metrics.total(Counter::BytesOut), 0);
        assert_eq!(metrics.requests().collect::<Vec<_>>(), [(1, threads)]);
        assert_eq!(metrics.latency(Some(Hot::Fetch)).count(), threads);
        assert_eq!(metrics.latency(None).count(), 0);
    }

    #[test]
    fn errors_are_counted_by_api_and_code() {
        let metrics = Metrics::default();
        metrics.failed(Hot::Produce, ErrorCode::NotEnoughReplicas);
        metrics.failed(Hot::Produce, ErrorCode::NotEnoughReplicas);
        metrics.failed(Hot::Fetch, ErrorCode::UnknownServerError);
        assert_eq!(metrics.failures(Hot::Produce).collect::<Vec<_>>(), [(19, 2)]);
        assert_eq!(metrics.failures(Hot::Fetch).collect::<Vec<_>>(), [(-1, 1)]);
    }
}
