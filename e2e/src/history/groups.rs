//! Committed offsets, and those who read up to them.

use std::collections::BTreeSet;

use super::{Event, Found, Rule, What};

/// The committed offset is at least what was acknowledged before it was asked for, and at most what
/// was asked for before it was answered. Commits of one partition go forward.
pub(super) fn committed(events: &[&Event]) -> Found {
    let commit = |event: &&&Event| match event.what {
        What::Commit { offset, acknowledged } => {
            Some((event.begun, event.ended, offset, acknowledged))
        }
        _ => None,
    };
    let commits: Vec<_> = events.iter().filter_map(|event| commit(&event)).collect();
    let mut by_end = commits.clone();
    by_end.sort_by_key(|(_, ended, ..)| *ended);
    let mut by_answer: Vec<_> =
        events.iter().filter(|event| matches!(event.what, What::Committed(_))).collect();
    by_answer.sort_by_key(|event| event.begun);
    let mut found = Found::new();
    let (mut before, mut least) = (by_end.iter().peekable(), -1);
    for event in by_answer {
        let What::Committed(offset) = event.what else { continue };
        while let Some((.., of, done)) = before.next_if(|(_, ended, ..)| *ended < event.begun) {
            least = least.max(if *done { *of } else { -1 });
        }
        if offset < least {
            let why = format!("{offset} after {:?}, and {least} was acknowledged", event.begun);
            found.push((Rule::Committed, why));
        }
        let asked = commits.iter().filter(|(begun, ..)| *begun <= event.ended);
        if asked.map(|(.., of, _)| *of).max().unwrap_or(-1) < offset {
            let why = format!("{offset} after {:?}, which nobody has committed", event.ended);
            found.push((Rule::Committed, why));
        }
    }
    found
}

/// Those who commit have read everything before.
pub(super) fn covered(events: &[&Event]) -> Found {
    let members: BTreeSet<u32> = events
        .iter()
        .filter(|event| matches!(event.what, What::Commit { .. }))
        .map(|event| event.process)
        .collect();
    let mut read = BTreeSet::new();
    let mut upto = 0;
    let mut found = Found::new();
    let mut by_end: Vec<_> =
        events.iter().filter(|event| members.contains(&event.process)).collect();
    by_end.sort_by_key(|event| event.ended);
    for event in by_end {
        match &event.what {
            What::Read { records, .. } => read.extend(records.iter().map(|(offset, _)| *offset)),
            What::Commit { offset, .. } => {
                while read.remove(&upto) {
                    upto += 1;
                }
                if *offset > upto {
                    let why = format!("{offset} is committed, and offset {upto} was not read");
                    found.push((Rule::Covered, why));
                    upto = *offset;
                }
            }
            _ => {}
        }
    }
    found
}
