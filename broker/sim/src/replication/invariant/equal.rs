//! Once healed, every replica has the same bytes, from its start to its end.

use kastellan_core::id::{BrokerId, Offset};

use super::{Check, Invariant, ensure};

pub(in super::super) fn check(index: i32, one: &[(i64, u64)], other: &[(i64, u64)]) -> Check {
    let differ = one.iter().zip(other).find(|(one, other)| one != other);
    ensure(
        differ.is_none() && one.len() == other.len(),
        Invariant::ReplicasAreEqualOnceHealed,
        || {
            let counts = (one.len(), other.len());
            format!("partition {index}: first difference {differ:?}; batches {counts:?}")
        },
    )
}

/// Each of them knows of every producer at least what is committed.
pub(in super::super) fn producer(
    index: i32,
    id: BrokerId,
    known: Option<Offset>,
    base: Offset,
) -> Check {
    ensure(known.is_some_and(|known| known >= base), Invariant::ReplicasAreEqualOnceHealed, || {
        format!("partition {index}: broker {} knows {known:?} of a producer, {base} came", id.0)
    })
}
