//! The end of a partition covers all that was known of before it was asked for.

use super::{Event, Found, Rule, What};

pub(super) fn of_the_end(events: &[&Event]) -> Found {
    let mut by_end: Vec<_> =
        events.iter().filter_map(|event| Some((event.ended, event.shown()?))).collect();
    by_end.sort_unstable();
    let mut found = Found::new();
    let (mut before, mut known) = (by_end.iter().peekable(), 0);
    for event in events {
        let What::End(end) = event.what else { continue };
        while let Some((_, shown)) = before.next_if(|(ended, _)| *ended < event.begun) {
            known = known.max(*shown);
        }
        if end < known {
            let why = format!(
                "asked after {:?}, it ends at {end}, and everything before {known} was \
                 acknowledged or read by then",
                event.begun
            );
            found.push((Rule::Recency, why));
        }
    }
    found
}
