//! Whether a broker may speak as a leader, by its lease; and whether it should have.

use kastellan_core::{
    id::BrokerId,
    lease::{Standing, assumed},
};
use kastellan_protocol::ErrorCode;

use super::{Env, Node, Stay, Up, lead::WAIT};
use crate::{
    fleet::net::SLOW,
    replication::{
        cluster::Cluster,
        counter::Rare,
        invariant::{Check, Invariant, silent},
        mutant::Mutant,
        parameters::Parameters,
    },
};

impl Up {
    /// Whether nothing speaks against answering as the leader of a partition, should this broker be
    /// that. Errors: 6 `NOT_LEADER_OR_FOLLOWER`.
    pub(super) fn may_answer(&self, env: &mut Env, index: i32) -> Result<(), ErrorCode> {
        let Some(held) = self.replicas.get(&index) else { return Ok(()) };
        let now = env.now.monotonic;
        let standing = match self.lease.standing(now) {
            _ if env.is(Mutant::ForgetTheLease) => Standing::Sure,
            standing => standing,
        };
        let may = held.machine.check_standing(standing);
        env.counters.note_if(may.is_err(), Rare::DoubtfulLeaderSilent);
        if may.is_ok() && held.machine.is_leader() {
            env.counters.note_if(standing != Standing::Sure, Rare::DoubtfulLeaderBacked);
            // nobody can know whom an administrator makes the leader without care
            if env.fenced.contains(&self.me) && !env.excused.contains(&index) {
                env.counters.compared(Invariant::TheDeposedAreSilent);
                let nobody = std::collections::BTreeMap::new();
                let acts = env.acts.get(&index).unwrap_or(&nobody);
                let (at, bound) = ((now, held.machine.epoch()), bound(&env.parameters));
                let verdict = silent::check((self.me, index), at, acts, bound);
                env.wrong = env.wrong.take().or(verdict.err());
            }
        }
        may
    }
}

impl Node {
    /// Notes whether the controller has let this process lead by now. Whoever was said to be gone
    /// has a lease that nobody has waited for.
    pub(in super::super) fn note_life(&mut self, cluster: &Cluster, id: BrokerId) {
        if let Some(up) = &mut self.up {
            let known = cluster.epoch_of(id).is_some();
            up.led |= up.epoch.is_some_and(|epoch| cluster.is_eligible(id, epoch));
            up.led &= known;
        }
    }

    /// Its lease is over, should the controller have fenced it.
    pub(in super::super) fn check_lease(&self, env: &mut Env) -> Check {
        let now = env.now.monotonic;
        let Some(up) = self.up.as_ref().filter(|_| self.paused_until <= now) else { return Ok(()) };
        if up.stay != Stay::Stays || !up.led || !env.fenced.contains(&self.id) {
            return Ok(());
        }
        env.counters.compared(Invariant::TheDeposedAreSilent);
        let sure = up.lease.standing(now) == Standing::Sure;
        silent::lease(self.id, now, sure, up.lease.until())
    }
}

fn bound(parameters: &Parameters) -> silent::Bound {
    let (_, most) = parameters.net.delay;
    let lease = u64::try_from(assumed(parameters.session, parameters.heartbeat).as_millis())
        .unwrap_or(u64::MAX);
    let network = if parameters.net.slow > 0 { most * SLOW } else { most };
    silent::Bound { asked: 2 * WAIT, network, lease }
}
