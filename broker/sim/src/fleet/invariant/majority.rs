//! A leader calls committed only what is on the disks of a majority of its voters (KRaft:
//! `MajorityReachedHighWatermark`), as the disks know it and not as the leader believes.

use kastellan_core::{id::Offset, log::Log as _};

use super::{Check, Invariant, ensure};
use crate::fleet::{env::Env, node::Node};

pub(crate) fn check<'a>(
    env: &mut Env,
    leader: &'a Node,
    high_watermark: Offset,
    all: impl Iterator<Item = &'a Node>,
) -> Check {
    let Some(life) = &leader.life else { return Ok(()) };
    env.counters.compared(Invariant::AMajorityHasSyncedWhatIsCommitted);
    let voters = life.quorum.voters();
    let all = all.chain([leader]).filter(|node| voters.holds(node.key));
    let last = life.log.epoch_at(high_watermark - 1);
    // what a node that is down has is what it had synced; of one that runs more is known
    let same = |node: &&Node| {
        let log = node.life.as_ref().map(|life| &life.log);
        log.is_none_or(|log| {
            log.start() >= high_watermark || log.epoch_at(high_watermark - 1) == last
        })
    };
    let synced = all.filter(|node| node.durable >= high_watermark).filter(same).count();
    ensure(synced >= voters.majority(), Invariant::AMajorityHasSyncedWhatIsCommitted, || {
        format!(
            "{:?} calls {high_watermark} committed, synced by {synced} of {} voters",
            leader.key.id,
            voters.len()
        )
    })
}
