//! The hot path allocates nothing: neither an append (but for the growth of the indexes, now and
//! then) nor a read at the tail.
#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

#[cfg(test)]
mod common;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    path::Path,
};

use common::{appended, partition, properties};
use kastellan_core::log::Log as _;
use kastellan_log::{Budget, Config, Directory, Resolved, StdDisk};

/// The system's allocator, counting what each thread asks for.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "an allocator cannot be counted otherwise")]
// SAFETY: every call is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(act: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    act();
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn appends_and_tail_reads_allocate_nothing_but_index_growth() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("allocations");
    if dir.exists() {
        std::fs::remove_dir_all(&dir).unwrap();
    }
    let directory = Directory::open(StdDisk, &dir, properties(), Budget::default()).unwrap();
    let mut log = directory.open_log(partition(), None, Config::default()).unwrap();
    let batches: Vec<_> = (0..5_000).map(|at| common::batch(at * 3, 0, 3, 1_000 + at)).collect();
    let (first, rest) = batches.split_first().unwrap();
    log.append(first, appended(first)).unwrap();
    let rest: Vec<_> = rest.iter().map(|bytes| (bytes, appended(bytes))).collect();
    let mut tail = 0;
    let appends = allocations(|| {
        for (bytes, appended) in &rest {
            log.append(bytes, *appended).unwrap();
            tail += allocations(|| {
                let located = log.locate(appended.first, log.end(), 1 << 20, true);
                let resolved = located.unwrap().unwrap().resolve().unwrap();
                let Resolved::Slice(slice) = resolved else { return };
                assert_eq!(slice.len, bytes.len());
            });
        }
    });
    assert_eq!(tail, 0, "a read at the tail allocates");
    // two indexes that double as they grow
    assert!(appends - tail < 30, "{appends} allocations in {} appends", rest.len());
}
