//! What was acknowledged or read is there in the end.

use std::collections::{BTreeMap, BTreeSet};

use super::{Event, Found, Rule, Value, What};

/// What was read in the end; the last time counts where there were several.
fn last<'a>(events: &'a [&Event]) -> Option<&'a [(i64, Value)]> {
    let all = events.iter().rev().find(|event| matches!(event.what, What::All(_)));
    all.and_then(|event| event.read())
}

pub(super) fn kept(events: &[&Event]) -> Found {
    let Some(last) = last(events) else {
        let why = "nobody has read all of it in the end".to_owned();
        return vec![(Rule::Compared, why)];
    };
    let there: BTreeSet<Value> = last.iter().map(|(_, value)| *value).collect();
    let mut found = Found::new();
    for event in events {
        let Some((first, values)) = event.acknowledged() else { continue };
        for (place, value) in (0..).zip(values) {
            if !there.contains(value) {
                let at = first.map(|first| first + place);
                let why = format!(
                    "{value:?}, acknowledged at offset {at:?} after {:?}, is lost",
                    event.ended
                );
                found.push((Rule::Kept, why));
            }
        }
    }
    found
}

pub(super) fn stays(events: &[&Event]) -> Found {
    let Some(last) = last(events) else { return Found::new() };
    let there: BTreeMap<i64, Value> = last.iter().copied().collect();
    let mut found = Found::new();
    for event in events {
        for (offset, value) in event.read().unwrap_or_default() {
            if there.get(offset) != Some(value) {
                let why =
                    format!("{value:?}, read at offset {offset} after {:?}, is gone", event.ended);
                found.push((Rule::Stays, why));
            }
        }
    }
    found
}
