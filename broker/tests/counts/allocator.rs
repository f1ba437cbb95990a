//! The system's allocator with an account of what the broker's threads do. Threads of the test say
//! so and are left out, so that a client may allocate as it likes.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
};

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicI64 = AtomicI64::new(0);
static ALONE: Mutex<()> = Mutex::new(());

thread_local! {
    static LEFT_OUT: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread counts. One whose locals are gone already is ending, and does.
fn counts() -> bool {
    !LEFT_OUT.try_with(Cell::get).unwrap_or(false)
}

fn add(bytes: usize) {
    if counts() {
        ALLOCATIONS.fetch_add(1, Relaxed);
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let live = LIVE.fetch_add(bytes, Relaxed) + bytes;
        PEAK.fetch_max(live, Relaxed);
    }
}

fn subtract(bytes: usize) {
    if counts() {
        LIVE.fetch_sub(i64::try_from(bytes).unwrap_or(i64::MAX), Relaxed);
    }
}

#[expect(unsafe_code, reason = "an allocator cannot be counted otherwise")]
// SAFETY: every call is handed on to the system's allocator unchanged; counting touches atomics and
// a thread-local that is initialised at compile time and has no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    // Growing counts as a new allocation beside the old one, which is what it may come to.
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        add(size);
        subtract(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        subtract(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(at, layout) }
    }
}

/// Leaves this thread out of the account and keeps other tests of this process waiting, whose
/// brokers would count.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    LEFT_OUT.set(true);
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often the broker allocates while `act` runs.
pub(crate) fn allocations(act: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.load(Relaxed);
    act();
    ALLOCATIONS.load(Relaxed) - before
}

/// Bytes that the broker holds.
pub(crate) fn live() -> i64 {
    LIVE.load(Relaxed)
}

/// The most bytes that the broker holds while `act` runs, less those that it held before.
pub(crate) fn rise(act: impl FnOnce()) -> i64 {
    let before = live();
    PEAK.store(before, Relaxed);
    act();
    PEAK.load(Relaxed) - before
}
