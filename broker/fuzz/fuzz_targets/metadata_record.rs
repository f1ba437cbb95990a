//! What a disk or a peer says are facts about the cluster or a group: read, written, read again;
//! and applied to an image, which takes them or refuses them.
#![no_main]

use kastellan_core::{
    group,
    metadata::{Image, Record},
};
use kastellan_fuzz::{bounded, seeds};

libfuzzer_sys::fuzz_target!(init: seeds::write(&seeds::facts()), |data: &[u8]| {
    let mut image = Image::default();
    let mut rest = data;
    while let Some((len, behind)) = rest.split_first() {
        let (value, behind) = behind.split_at(usize::from(*len).min(behind.len()));
        rest = behind;
        of_group(value);
        let Ok(record) = bounded("record", value.len(), || Record::decode(value)) else { continue };
        let again = Record::decode(&record.encode()).expect("what was written is read");
        assert_eq!(format!("{again:?}"), format!("{record:?}"));
        // whether it fits or not: an image stays whole
        let _applied = image.apply(&record);
    }
});

/// The first byte says how long the key is.
fn of_group(bytes: &[u8]) {
    let Some((len, rest)) = bytes.split_first() else { return };
    let (key, value) = rest.split_at(usize::from(*len).min(rest.len()));
    let value = (!value.is_empty()).then_some(value);
    let read = bounded("group", bytes.len(), || group::Record::from_bytes(Some(key), value));
    if let Ok(Some(record)) = read {
        let (key, value) = record.to_bytes();
        let again = group::Record::from_bytes(Some(&key), value.as_deref());
        assert_eq!(again.ok().flatten(), Some(record));
    }
}
