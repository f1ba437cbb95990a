//! Everybody sees the same record at an offset, once, and only what was sent.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Event, Found, Rule, Sent, Value, What};

/// Every offset with what was said to be there.
fn places<'a>(events: &'a [&Event]) -> impl Iterator<Item = (i64, Value)> + 'a {
    let acknowledged = events.iter().filter_map(|event| event.acknowledged());
    let known = acknowledged.filter_map(|(first, values)| Some((first?, values)));
    let known = known.flat_map(|(first, values)| (first..).zip(values.iter().copied()));
    known.chain(events.iter().filter_map(|event| event.read()).flatten().copied())
}

pub(super) fn one_record_per_offset(events: &[&Event]) -> Found {
    let mut seen = BTreeMap::new();
    let mut found = Found::new();
    for (offset, value) in places(events) {
        let first = *seen.entry(offset).or_insert(value);
        if first != value {
            found.push((Rule::Agreement, format!("{first:?} and {value:?} at offset {offset}")));
        }
    }
    found
}

pub(super) fn one_offset_per_record(events: &[&Event]) -> Found {
    let mut seen = BTreeMap::new();
    let mut found = Found::new();
    for (offset, value) in places(events) {
        let first = *seen.entry(value).or_insert(offset);
        if first != offset {
            found.push((Rule::Once, format!("{value:?} at the offsets {first} and {offset}")));
        }
    }
    found
}

pub(super) fn sent_before(events: &[&Event]) -> Found {
    let mut begun = BTreeMap::<Value, Duration>::new();
    for event in events {
        if let What::Send { values, .. } = &event.what {
            begun.extend(values.iter().map(|value| (*value, event.begun)));
        }
    }
    let mut found = Found::new();
    for event in events {
        for (offset, value) in event.read().unwrap_or_default() {
            let sent = begun.get(value).is_some_and(|begun| *begun <= event.ended);
            if !sent || value.partition != event.partition {
                let why = format!("{value:?}, read at offset {offset}, was not sent before");
                found.push((Rule::Sent, why));
            }
        }
    }
    found
}

pub(super) fn refused(events: &[&Event]) -> Found {
    let mut refused = BTreeMap::<Value, i16>::new();
    for event in events {
        if let What::Send { values, sent: Sent::Refused(code) } = &event.what {
            refused.extend(values.iter().map(|value| (*value, *code)));
        }
    }
    let read: BTreeSet<Value> = places(events).map(|(_, value)| value).collect();
    let both = refused.iter().filter(|(value, _)| read.contains(value));
    both.map(|(value, code)| (Rule::Refused, format!("{value:?}, refused with {code}, is there")))
        .collect()
}
