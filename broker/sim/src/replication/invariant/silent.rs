//! A leader whose lease is over does not speak as one once another leads: it lists no offsets,
//! takes no batch, shows no high watermark. And a lease is over before the controller fences its
//! broker.
//!
//! Where its lease is over, a leader goes on while all followers that could be elected ask it for
//! records. One that was elected may have asked until it learnt of that, so for as long as that
//! counts ([`Bound`]) the one before may speak on.

use std::collections::BTreeMap;

use kastellan_core::{
    id::{BrokerId, LeaderEpoch},
    machine::Millis,
};

use super::{Check, Invariant, ensure};

/// For how long after another leads, in milliseconds, a fetch of before may make the leader before
/// it believe that nobody does: what is asked for counts for some time, the network takes some, and
/// a pause shorter than a lease is not noticed.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Bound {
    pub(in super::super) asked: u64,
    pub(in super::super) network: u64,
    pub(in super::super) lease: u64,
}

impl Bound {
    fn millis(self) -> u64 {
        self.asked + self.network + self.lease
    }
}

/// The leader of `epoch` answers at `now`; since `acts` leaders of later ones act.
pub(in super::super) fn check(
    (id, index): (BrokerId, i32),
    (now, epoch): (Millis, LeaderEpoch),
    acts: &BTreeMap<LeaderEpoch, Millis>,
    bound: Bound,
) -> Check {
    let newer = acts.range(epoch + 1..).map(|(_, since)| *since).min();
    let over = newer.is_some_and(|since| now.0 > since.0 + bound.millis());
    ensure(!over, Invariant::TheDeposedAreSilent, || {
        format!(
            "partition {index}: broker {} was fenced and answers at {} as the leader of epoch \
             {epoch}, and another leads since {newer:?}",
            id.0, now.0
        )
    })
}

/// A broker that is fenced knows by its own clock that it may be.
pub(in super::super) fn lease(id: BrokerId, now: Millis, sure: bool, until: Millis) -> Check {
    ensure(!sure, Invariant::TheDeposedAreSilent, || {
        format!("broker {} is fenced at {}, and sure to lead until {}", id.0, now.0, until.0)
    })
}
