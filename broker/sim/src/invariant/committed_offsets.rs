//! Committed offsets survive: after a restart a group goes on where it was told it would, and what
//! was deleted stays deleted.
//!
//! C13 of `reliability.md` 5.3. Generations whose work was shared out are not given twice.

use kastellan_core::id::Offset;

use super::{Check, Invariant, ensure};
use crate::model::groups::{Key, Known};

const INVARIANT: Invariant = Invariant::CommittedOffsetsSurvive;

/// `found` was read after a restart of a log that ends at `end`. False: what was acknowledged was
/// lost with the log's tail, as `replicated` allows.
pub(crate) fn check(
    key: &Key,
    known: &Known,
    found: i64,
    end: Offset,
) -> Result<bool, super::Violation> {
    let (group, topic, partition) = key;
    let acknowledged = known.acknowledged.unwrap_or((-1, 0));
    if acknowledged.1 > end {
        return Ok(false);
    }
    let may_be = found == acknowledged.0 || known.attempts.iter().any(|(_, asked)| *asked == found);
    ensure(may_be, INVARIANT, || {
        format!(
            "group {group} finds {found} for {topic}-{partition}; acknowledged was \
             {acknowledged:?}, asked for since then {:?}",
            known.attempts
        )
    })?;
    Ok(true)
}

/// A member of `group` was told `generation`, of which `finished` were finished before.
pub(crate) fn generation(group: &str, generation: i32, finished: i32) -> Check {
    ensure(generation >= finished, INVARIANT, || {
        format!("group {group} is told generation {generation}, {finished} was finished")
    })
}
