//! The replacement of the cluster's own authorities: what each waits for, and what happens to it.

use std::time::Duration;

use kastellan_crds::condition::Reason;
use kube::ResourceExt as _;

use super::authority::{self, Next, Phase, Rules, Turn};
use super::certificates::{Own, Times, fingerprint};
use super::plan::Draft;
use super::pods::Broker;
use super::{Authority, Step, World, loaded};
use crate::kubernetes::names;
use crate::kubernetes::render::{Cluster, secret};
use crate::pki::OF_CLIENTS;

/// When brokers are asked again what they have loaded.
const AGAIN: Duration = Duration::from_secs(5);

/// What is to be said of replacements, and when to look again.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) replacing: Option<(Reason, String)>,
    pub(super) wake: Option<Duration>,
}

/// The annotation that asks for another authority of a kind.
pub(super) fn annotation(kind: &str) -> &'static str {
    if kind == OF_CLIENTS { names::REPLACE_CLIENTS } else { names::REPLACE_CLUSTER }
}

/// The Secret of an authority of a kind.
pub(super) fn secret(cluster: &Cluster, kind: &str) -> String {
    if kind == OF_CLIENTS {
        names::clients_authority(&cluster.name)
    } else {
        names::authority(&cluster.name)
    }
}

/// Whether a Secret's files say that an authority is being replaced.
pub(super) fn is_under_way<'a>(mut files: impl Iterator<Item = &'a str>) -> bool {
    files.any(|name| name.starts_with("ca-"))
}

/// What happens to an authority; `there`: as it was seen.
pub(super) fn step(
    world: &World,
    cluster: &Cluster,
    kind: &'static str,
    turn: Turn,
    there: Option<&Own>,
) -> Step {
    let frame = match kind {
        OF_CLIENTS => secret::clients_authority_frame(cluster),
        _ => secret::authority_frame(cluster),
    };
    let heeded = there.and_then(|there| there.held.heeded.clone());
    let heeded = match turn {
        Turn::First | Turn::Trust | Turn::Replace => asked(world, kind).or(heeded),
        Turn::Renew | Turn::Use | Turn::Forget => heeded,
    };
    Step::Authority(Box::new(Authority {
        frame,
        name: kind,
        cluster_id: cluster.identity.cluster_id.clone(),
        turn,
        seen: there.map(|there| fingerprint(&there.trusted)),
        heeded: heeded.map(|value| (annotation(kind), value)),
    }))
}

/// The value that asks for another authority of a kind, if one does.
fn asked(world: &World, kind: &str) -> Option<String> {
    world.cluster.annotations().get(annotation(kind)).cloned()
}

/// Plans what happens to the authorities. `written`: every Secret is as it should be.
pub(super) fn plan(
    draft: &mut Draft<'_>,
    (cluster, brokers): (&Cluster, &[Broker]),
    all: &[Own],
    written: bool,
    times: &mut Times,
) -> Progress {
    let mut progress = Progress::default();
    for own in all {
        let behind = behind(draft.world, cluster, brokers, (own, written));
        let rules = rules(draft.world, cluster, own.kind);
        let due = own.held.end.is_some_and(|end| times.is_due(end, rules.renewal_days));
        let next = authority::next(&own.held, &rules, (behind.is_empty(), due), draft.world.now);
        match next {
            Next::Rest => {}
            Next::Turn(turn) => {
                draft.steps.push(step(draft.world, cluster, own.kind, turn, Some(own)));
            }
            Next::Wait => progress.looks(AGAIN),
            Next::Until(until) => {
                let left = until.duration_since(draft.world.now);
                progress.looks(Duration::try_from(left).unwrap_or_default().max(AGAIN));
            }
        }
        progress.says(own, next, &behind);
    }
    progress
}

fn rules(world: &World, cluster: &Cluster, kind: &str) -> Rules {
    let asked = asked(world, kind);
    if kind == OF_CLIENTS {
        return Rules::new(&cluster.clients(), asked, true);
    }
    Rules::new(&cluster.authority(), asked, cluster.signs_by_its_own())
}

/// Who does not show and trust yet what this phase of a replacement wants.
fn behind(
    world: &World,
    cluster: &Cluster,
    brokers: &[Broker],
    (own, written): (&Own, bool),
) -> Vec<String> {
    if own.held.phase == Phase::Settled {
        return Vec::new();
    }
    if !written {
        return vec!["the certificates to be written".to_owned()];
    }
    let mut behind = loaded::brokers(world, cluster, brokers);
    behind.extend(match (own.kind, own.held.phase) {
        (OF_CLIENTS, Phase::Use) => loaded::signed(world, &own.signer),
        (OF_CLIENTS, _) => Vec::new(),
        (_, Phase::Trust) if cluster.signs_by_its_own() => loaded::trusting(world, &own.trusted),
        _ => Vec::new(),
    });
    behind
}

impl Progress {
    fn looks(&mut self, after: Duration) {
        self.wake = Some(self.wake.map_or(after, |wake| wake.min(after)));
    }

    fn says(&mut self, own: &Own, next: Next, behind: &[String]) {
        let whose = if own.kind == OF_CLIENTS { "the clients' authority" } else { "the authority" };
        let (reason, what) = match (own.held.phase, next) {
            (_, Next::Turn(Turn::Replace)) => (
                Reason::AuthorityExpired,
                format!("{whose} has ended: another one takes its place at once"),
            ),
            (Phase::Settled, _) => return,
            (Phase::Trust, _) => (
                Reason::TrustingNewAuthority,
                format!("replacing {whose}, 1 of 2: the new one is made known"),
            ),
            (Phase::Use, _) => (
                Reason::UsingNewAuthority,
                format!("replacing {whose}, 2 of 2: the new one signs, the old one is trusted too"),
            ),
        };
        let waits = match next {
            Next::Until(until) => {
                let until = until.strftime("%Y-%m-%d %H:%M:%SZ");
                format!("; clients have time until {until} (overlapMinutes)")
            }
            _ if behind.is_empty() => String::new(),
            _ => format!("; waiting for {}", behind.join(", ")),
        };
        let message = format!("{what}{waits}");
        self.replacing = Some(match self.replacing.take() {
            Some((first, before)) => (first, format!("{before}; {message}")),
            None => (reason, message),
        });
    }
}
