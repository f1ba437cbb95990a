//! What the fuzz targets share: memory that is counted, the table of requests, and seeds.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

#[path = "../../protocol/tests/requests/apis.rs"]
#[expect(dead_code, reason = "the bytes that a request is encoded to are not compared here")]
mod apis;
#[path = "../../protocol/tests/requests/forge.rs"]
#[expect(dead_code, reason = "only whole bodies are forged here, not spoilt ones")]
mod forge;
pub mod request;
pub mod seeds;

/// Counts what is allocated. The targets have one thread.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[expect(unsafe_code, reason = "a global allocator cannot be written without it")]
// SAFETY: every call goes to the system's allocator as it came; counting touches two numbers.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(now, Relaxed);
        // SAFETY: the caller's promise, passed on
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise, passed on
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Does `work`, and fails when memory rises by more than 4 times `input` bytes and 1 MiB meanwhile.
pub fn bounded<T>(what: &str, input: usize, work: impl FnOnce() -> T) -> T {
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    let done = work();
    let taken = PEAK.load(Relaxed) - before;
    let most = 4 * input + (1 << 20);
    assert!(taken <= most, "{what}: {taken} bytes of memory for {input} bytes of input");
    done
}
