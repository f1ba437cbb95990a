//! A replica goes by the voters that its log says, and one whose log says nothing new goes by the
//! last ones that are committed there.

use super::{Check, Invariant, ensure};
use crate::fleet::{env::Env, life::Life};
use kastellan_core::id::BrokerId;

pub(crate) fn check(env: &mut Env, node: BrokerId, life: &Life) -> Check {
    let high_watermark = life.quorum.high_watermark();
    let known = life.quorum.log().voters.last();
    if known.is_some_and(|(at, _)| *at >= high_watermark) {
        return Ok(());
    }
    env.counters.compared(Invariant::VotersAreKnown);
    let committed = env.model.voters.range(..high_watermark).next_back();
    let same = known.map(|(_, voters)| voters) == committed.map(|(_, voters)| voters);
    ensure(same, Invariant::VotersAreKnown, || {
        format!("{node:?} at {high_watermark} goes by {known:?}, committed is {committed:?}")
    })
}
