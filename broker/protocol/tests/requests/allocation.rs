//! Decoding never takes more than 4 bytes of memory per byte received and 1 MiB, whatever the bytes
//! claim. Measured with an allocator that counts, on the thread that decodes.
#![expect(unsafe_code, reason = "a global allocator cannot be written without it")]

use super::apis::{APIS, Api};
use super::forge::Forge;
use bytes::Bytes;
use kastellan_protocol::walk::schema;
use kastellan_protocol::walk::schema::{Field, Kind, NEVER, Schema};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static NOW: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

fn count(taken: usize, given_back: usize) {
    let now = (NOW.get() + taken).saturating_sub(given_back);
    NOW.set(now);
    PEAK.set(PEAK.get().max(now));
}

// SAFETY: every call goes to the system's allocator as it came; counting touches two cells of the
// thread, which are initialised at compile time and have no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promise, passed on
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller's promise, passed on
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How far memory rises while `work` runs.
pub(super) fn rise(work: impl FnOnce()) -> usize {
    NOW.set(0);
    PEAK.set(0);
    work();
    PEAK.get()
}

/// Decodes `body` and checks the bound; whether it was accepted.
fn check(api: &Api, version: i16, body: Vec<u8>) -> bool {
    let (len, body) = (body.len(), Bytes::from(body));
    let mut accepted = false;
    let taken = rise(|| accepted = (api.decode)(version, body).is_ok());
    let most = 4 * len + (1 << 20);
    assert!(taken <= most, "{:?} v{version}: {taken} bytes for {len} on the wire", api.key);
    accepted
}

fn each_api(mut f: impl FnMut(&Api, &'static Schema)) {
    for api in APIS {
        f(api, schema(api.key).expect("served"));
    }
}

fn each_version(mut f: impl FnMut(&Api, &'static Schema, i16)) {
    each_api(|api, schema| {
        (schema.versions.min..=schema.versions.max).for_each(|version| f(api, schema, version));
    });
}

/// Every array of `fields` in `version`, with its name and its element's size in memory and on the
/// wire; an array inside of another comes with the outer ones' names, outermost first.
fn arrays(
    fields: &'static [Field],
    version: i16,
    flexible: bool,
) -> Vec<(&'static str, usize, usize)> {
    let mut found = Vec::new();
    for field in fields.iter().filter(|field| field.is_plain_in(version)) {
        if let Kind::Array(array) = field.kind {
            found.push((field.name, array.memory, array.of.smallest(version, flexible)));
            if let Kind::Struct(fields) = array.of {
                found.extend(arrays(fields, version, flexible));
            }
        }
    }
    found
}

#[test]
fn a_count_or_length_that_lies_costs_nothing() {
    // whatever stands at a place, make it the count of an array, a compact array, a string
    let lies: [&[u8]; 5] = [
        &[0x7f, 0xff, 0xff, 0xff],
        &[0x00, 0x0f, 0x42, 0x40],
        &[0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0xc1, 0x84, 0x3d],
        &[0x7f, 0xff],
    ];
    // choices that give every array an element and no field null
    let choices = [5, 9, 13].repeat(40);
    each_version(|api, schema, version| {
        let body = Forge::new(schema, version, &choices).body(schema);
        for at in 0..body.len() {
            for lie in lies {
                let mut hostile = body.clone();
                let end = body.len().min(at + lie.len());
                hostile.splice(at..end, lie.iter().copied());
                check(api, version, hostile);
            }
        }
    });
}

#[test]
fn eight_bytes_that_ask_for_gigabytes_are_refused() {
    each_version(|api, _schema, version| {
        check(api, version, vec![0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
        check(api, version, vec![0xff, 0xff, 0xff, 0xff, 0x07, 0, 0, 0]);
    });
}

/// A test of a bound means something only if bodies fall on both sides of it.
#[derive(Debug, Default)]
struct Tally {
    accepted: u32,
    refused: u32,
}

impl Tally {
    fn count(&mut self, accepted: bool) {
        self.accepted += u32::from(accepted);
        self.refused += u32::from(!accepted);
    }

    fn is_balanced(&self) {
        assert!(self.accepted > 40 && self.refused > 20, "{self:?}");
    }
}

/// The first versions of the old and of the flexible form: those with the smallest elements.
fn corners(schema: &Schema) -> impl Iterator<Item = i16> {
    let (min, flexible) = (schema.versions.min, schema.flexible);
    let flexible = Some(flexible).filter(|first| *first != min && *first != NEVER);
    [min].into_iter().chain(flexible)
}

#[test]
fn as_many_of_the_smallest_elements_as_pass_stay_within_the_bound() {
    let mut tally = Tally::default();
    each_api(|api, schema| {
        for version in corners(schema) {
            for (name, memory, wire) in arrays(schema.fields, version, version >= schema.flexible) {
                // where an element costs more than four times its bytes, go close to the budget
                let excess = memory.saturating_sub(4 * wire).max(64);
                for count in [(1 << 20) / excess * 19 / 20, (1 << 20) / excess * 6 / 5] {
                    let mut forge = Forge::new(schema, version, &[]);
                    forge.crowd = Some((name, count));
                    let passed = check(api, version, forge.body(schema));
                    tally.count(passed);
                }
            }
        }
    });
    tally.is_balanced();
}

#[test]
fn unknown_tagged_fields_stay_within_the_bound() {
    let mut tally = Tally::default();
    each_api(|api, schema| {
        if schema.flexible == NEVER {
            return;
        }
        for (name, _, _) in arrays(schema.fields, schema.flexible, true) {
            for tags in [1, 2, 6, 12, 64] {
                let most = 2000 / usize::try_from(1 + tags / 5).expect("small");
                for count in [most * 9 / 10, most * 3 / 2] {
                    let mut forge = Forge::new(schema, schema.flexible, &[]);
                    forge.crowd = Some((name, count));
                    forge.tags = tags;
                    let passed = check(api, schema.flexible, forge.body(schema));
                    tally.count(passed);
                }
            }
        }
    });
    tally.is_balanced();
}
