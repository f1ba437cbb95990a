//! Offsets follow each other, and follow time.

use super::{Event, Found, Rule, What};

/// Records come one offset after the other, from the one on that was asked for.
pub(super) fn dense(events: &[&Event]) -> Found {
    let mut found = Found::new();
    for event in events {
        let (mut next, records) = match &event.what {
            What::Read { from, records } => (*from, records),
            What::All(records) => (0, records),
            _ => continue,
        };
        for (offset, value) in records {
            if *offset != next {
                let why = format!("{value:?} at offset {offset} came where {next} was due");
                found.push((Rule::Dense, why));
            }
            next = offset + 1;
        }
    }
    found
}

/// Of two batches, the one that was sent after the other's acknowledgement lies behind it.
pub(super) fn by_time(events: &[&Event]) -> Found {
    let with_place = |event: &&&Event| match event.acknowledged()? {
        (Some(first), values) => Some((event.begun, event.ended, first, values.len())),
        (None, _) => None,
    };
    let by_begin: Vec<_> = events.iter().filter_map(|event| with_place(&event)).collect();
    let mut by_end = by_begin.clone();
    by_end.sort_by_key(|(_, ended, ..)| *ended);
    let mut found = Found::new();
    // the end of what lies furthest of all that had been acknowledged when the next one began
    let (mut before, mut furthest) = (by_end.iter().peekable(), 0);
    for (begun, _, first, _) in by_begin {
        while let Some((_, _, first, count)) = before.next_if(|(_, ended, ..)| *ended < begun) {
            furthest = furthest.max(first + i64::try_from(*count).unwrap_or(i64::MAX));
        }
        if first < furthest {
            let why = format!(
                "a batch sent after {begun:?} lies at offset {first}, and everything before \
                 {furthest} had been acknowledged by then"
            );
            found.push((Rule::Order, why));
        }
    }
    found
}
