//! Restarts: which broker's turn it is, and whether anybody has to be asked.
//!
//! A broker's StatefulSet changes only together with its restart, under the brokers' permit: else
//! a pod that ends by itself would come back as something that was not rolled out. One broker at a
//! time, and none while another is not up or not in sync; the one that leads the cluster last. A
//! broker that serves nobody is restarted without asking, and so is one that is alone.

use std::time::Duration;

use kastellan_crds::cluster::RolloutStatus;
use kastellan_crds::condition::Reason;
use kube::ResourceExt as _;

use super::plan::{Draft, whole};
use super::pods::Broker;
use super::waits::Wait;
use super::{Permit, Roll, Seen, Step};
use crate::kubernetes::contains::contains;
use crate::kubernetes::names;
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
    if outdated.is_empty() {
        return None;
    }
    // whoever leads the cluster goes last, so that it is led by another only once
    let controller = draft.world.replicas.as_ref().and_then(|known| known.active_controller);
    outdated.sort_by_key(|(broker, _)| controller == Some(broker.id));
    // one that is down already costs nothing, and may be down for what is to be changed
    let down = outdated.iter().position(|(broker, _)| !broker.ready);
    let (broker, stateful_set) = outdated.remove(down.unwrap_or(0));
    let others = brokers.iter().map(|(other, _)| *other).filter(|other| other.id != broker.id);
    let others: Vec<&Broker> = others.collect();
    let id = broker.id;
    let turn = turn(draft, broker, &others);
    let (message, may) = match &turn {
        Ok(_) => (format!("restarting broker {id}: {total} of {} left", brokers.len()), true),
        Err(why) => (format!("broker {id} is next: {why}"), false),
    };
    draft.waits.push(Wait::new(Reason::BrokersRestarting, message.clone()).again(AGAIN));
    if let Ok(permit) = turn {
        let pod = broker.pod.clone();
        draft.steps.push(Step::Roll(Roll { id, permit, stateful_set, pod }));
    }
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    let done = brokers.iter().map(|(broker, _)| broker.id).filter(|done| *done != id);
    let left: Vec<i32> = outdated.iter().map(|(broker, _)| broker.id).collect();
    Some(RolloutStatus {
        reason: Reason::BrokersRestarting.to_string(),
        message,
        total: count(total),
        done: done.filter(|done| !left.contains(done)).collect(),
        current: if may { vec![id] } else { Vec::new() },
    })
}

/// Whether it is the broker's turn, and by whose permit; else what has to happen first.
fn turn(draft: &Draft<'_>, broker: &Broker, others: &[&Broker]) -> Result<Option<Permit>, String> {
    if let Some(busy) = others.iter().find(|other| !other.ready) {
        return Err(format!("waiting for broker {}", busy.id));
    }
    // nothing of it is in use, or nobody could take over
    if !broker.ready || others.is_empty() {
        return Ok(None);
    }
    let Some(replicas) = &draft.world.replicas else {
        return Err("waiting for word of what is in sync".to_owned());
    };
    let behind = others.iter().map(|other| (other.id, replicas.behind(other.id)));
    if let Some((id, count)) = behind.into_iter().find(|(_, count)| *count > 0) {
        return Err(format!("waiting for {count} replicas of broker {id} to be in sync"));
    }
    let Some(controller) = replicas.active_controller else {
        return Err("waiting for an active controller".to_owned());
    };
    let secret = names::operator_certificate(&draft.world.cluster.name_any());
    let over = others.iter().map(|other| other.id).collect();
    Ok(Some(Permit { controller, secret, over }))
}
