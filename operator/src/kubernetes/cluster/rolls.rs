//! Restarts: which broker's turn it is, and whether anybody has to be asked.
//!
//! A broker's StatefulSet changes only together with its restart, under the brokers' permit: else
//! a pod that ends by itself would come back as something that was not rolled out. One broker at a
//! time, and none while another is not up; a broker that serves nobody is restarted without asking.

use std::time::Duration;

use kastellan_crds::cluster::RolloutStatus;
use kastellan_crds::condition::Reason;

use super::plan::{Draft, whole};
use super::pods::Broker;
use super::waits::Wait;
use super::{Roll, Seen, Step};
use crate::kubernetes::contains::contains;
use crate::kubernetes::object::Kind;
use crate::kubernetes::render::{StatefulSet, revision};

/// When a permit that was not given is asked for again.
const AGAIN: Duration = Duration::from_secs(2);

/// Plans the StatefulSets of `brokers`; what is under way, if anything is.
pub(super) fn plan(
    draft: &mut Draft<'_>,
    brokers: &[(&Broker, StatefulSet)],
) -> Option<RolloutStatus> {
    let mut outdated = Vec::new();
    for (broker, wanted) in brokers {
        let there = draft.world.get(Kind::StatefulSet, &wanted.object.name).map(whole);
        let Some(there) = there else {
            draft.steps.push(Step::Apply(wanted.object.clone(), Seen::Nowhere));
            continue;
        };
        if revision(&there) == Some(&wanted.revision) {
            if !contains(&there, &wanted.object.body) {
                draft.apply(&wanted.object);
            }
            let current = broker.revision.as_ref().is_none_or(|pod| *pod == wanted.revision);
            if !current {
                outdated.push((*broker, None));
            }
        } else {
            outdated.push((*broker, Some(wanted.object.clone())));
        }
    }
    let total = outdated.len();
    // one that is down already costs nothing, and may be down for what is to be changed
    let down = outdated.iter().position(|(broker, _)| !broker.ready);
    if outdated.is_empty() {
        return None;
    }
    let (broker, stateful_set) = outdated.remove(down.unwrap_or(0));
    let busy = brokers.iter().find(|(other, _)| other.id != broker.id && !other.ready);
    let id = broker.id;
    let message = match busy {
        Some((other, _)) => format!("broker {id} is next: waiting for broker {}", other.id),
        None => format!("restarting broker {id}: {total} of {} left", brokers.len()),
    };
    draft.waits.push(Wait::new(Reason::BrokersRestarting, message.clone()).again(AGAIN));
    if busy.is_none() {
        let pod = broker.pod.clone();
        draft.steps.push(Step::Roll(Roll { id, ask: broker.ready, stateful_set, pod }));
    }
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    let done = brokers.iter().map(|(broker, _)| broker.id).filter(|done| *done != id);
    let left: Vec<i32> = outdated.iter().map(|(broker, _)| broker.id).collect();
    Some(RolloutStatus {
        reason: Reason::BrokersRestarting.to_string(),
        message,
        total: count(total),
        done: done.filter(|done| !left.contains(done)).collect(),
        current: if busy.is_none() { vec![id] } else { Vec::new() },
    })
}
