//! `spec.balance`: what should move, who says that it may, and how far it is.
//!
//! A plan is made from what the brokers say. Once it is approved, by its hash or because the mode
//! is `Auto`, it is recorded, and from then on just that is carried out, a few partitions at a
//! time, until every move is over or cannot be any more; then the preferred replicas lead, and the
//! record goes. So an operator that ends in between goes on where the brokers are.

use std::collections::BTreeSet;

use k8s_openapi::jiff::Timestamp;
use kastellan_core::placement::{self, Disk, Move, Picture, Score, State, Tally};
use kastellan_crds::cluster::{BalanceMode, RebalanceStatus, RebalancedBroker};
use kastellan_crds::condition::Reason;
use kastellan_crds::quantity::Quantity;
use kube::ResourceExt as _;

use super::plan::Draft;
use super::pods::Broker;
use super::{Step, moves, waits};
use crate::admin::{Partition, Placed};
use crate::columns;
use crate::kubernetes::names;
use crate::kubernetes::object::Kind;
use crate::kubernetes::render::{self, Cluster};

/// A plan has no more moves than fit into a ConfigMap, whatever the names of topics are. The next
/// one goes on from there.
const MOST: usize = 2000;

/// Whether the cluster is balanced.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Balanced {
    /// Nobody asks.
    #[default]
    NotAsked,
    /// It is not the time to tell: what was said last stays.
    Unknown,
    /// It is, or is not.
    Known {
        /// Whether it is.
        holds: bool,
        /// Why, in one word.
        reason: Reason,
        /// Why, in a sentence.
        message: String,
        /// What moves, or would.
        plan: Option<RebalanceStatus>,
    },
}

impl Balanced {
    fn not(reason: Reason, message: String, plan: RebalanceStatus) -> Self {
        Self::Known { holds: false, reason, message, plan: Some(plan) }
    }
}

impl Draft<'_> {
    /// Plans, begins or goes on with moves; `calm` unless brokers start, stop or are restarted.
    pub(super) fn balance(
        &mut self,
        cluster: &Cluster,
        (brokers, go): (&[Broker], &BTreeSet<i32>),
        calm: bool,
    ) -> Balanced {
        let world = self.world;
        let name = names::rebalance(&cluster.name);
        let recorded = world.get(Kind::ConfigMap, &name);
        let asked = cluster.spec.balance.as_ref();
        let asked = asked.filter(|it| it.mode != BalanceMode::Off && brokers.len() > 1);
        // for those who stay it is planned once they are alone
        let Some(asked) = asked.filter(|_| go.is_empty()) else {
            // what moves already comes to its end
            let uid = recorded.and_then(kube::ResourceExt::uid);
            self.steps.extend(uid.map(|uid| Step::Delete(Kind::ConfigMap, name, uid)));
            return if asked.is_some() { Balanced::Unknown } else { Balanced::NotAsked };
        };
        let Some(placed) = world.placed.as_ref() else { return Balanced::Unknown };
        let most = usize::try_from(asked.max_concurrent_moves).unwrap_or(1);
        if let Some(map) = recorded {
            let uid = map.uid().unwrap_or_default();
            let planned = render::planned(map);
            let since = waits::made(map);
            let status = self.progress(placed, &planned, since);
            return self.carry_out(placed, (&planned, status), most, (name, uid));
        }
        let obstacle = moves::obstacle(placed, &BTreeSet::new());
        if !calm || obstacle.is_some() || moves::under_way(placed) > 0 {
            return Balanced::Unknown;
        }
        let picture = moves::picture(placed, go, &cluster.spec.cordoned_brokers);
        let plan = placement::plan(&picture, MOST);
        if plan.moves.is_empty() {
            let full = plan.more || is_crowded(&picture);
            let (reason, message) = if full {
                let why = "partitions should move, and no disk has room for them below 85 %: give \
                           brokers larger volumes, or keep less";
                (Reason::NoRoom, why)
            } else {
                (Reason::AsSpecified, "partitions are spread evenly over the brokers")
            };
            let (holds, message) = (!full, message.to_owned());
            return Balanced::Known { holds, reason, message, plan: None };
        }
        let mut status = self.last(described(&picture, &plan.moves));
        let limit = asked.max_bytes_per_second.as_ref().map(Quantity::bytes);
        status.seconds_left =
            limit.map(|limit| whole(placement::arriving(&plan.moves) / limit.max(1)));
        status.message = Some(extent(&status));
        let approved = world.cluster.annotations().get(names::APPROVE);
        if asked.mode == BalanceMode::Auto || approved == Some(&status.hash) {
            self.steps.push(Step::Create(render::rebalance(cluster, &plan.moves)));
            return Balanced::not(Reason::Rebalancing, "moves are about to begin".into(), status);
        }
        let key = names::APPROVE;
        let what = extent(&status);
        let how =
            format!("kubectl annotate kkc {} {key}={} --overwrite", cluster.name, status.hash);
        let (reason, message) = match approved {
            Some(other) => (
                Reason::ApprovalStale,
                format!(
                    "the annotation {key} approves the plan {other}, which is over or out of date; \
                     now {what}: see status.rebalance, and approve that: {how}"
                ),
            ),
            None => (
                Reason::RebalanceProposed,
                format!("{what}: see status.rebalance, and approve it: {how}"),
            ),
        };
        Balanced::not(reason, message, status)
    }

    /// Goes on with a plan that was approved, whose record is `(name, uid)`.
    fn carry_out(
        &mut self,
        placed: &Placed,
        (planned, mut status): (&[Move], RebalanceStatus),
        most: usize,
        (name, uid): (String, String),
    ) -> Balanced {
        let found = moves::places(placed);
        let done: Vec<&Move> = planned.iter().filter(|it| moves::is_done(&found, it)).collect();
        let moving = |step: &&Move| {
            found.get(&(step.topic.as_ref(), step.index)).is_some_and(|it| it.moving)
        };
        let moving = planned.iter().filter(moving).count();
        let waiting = moves::next(placed, planned, usize::MAX).len();
        let mut message = format!(
            "{} of {} partitions have moved; moving: {moving}{}",
            done.len(),
            planned.len(),
            left(&status)
        );
        if moving + waiting == 0 {
            let left = unled(placed, &done);
            if left.is_empty() {
                self.steps.push(Step::Delete(Kind::ConfigMap, name, uid));
            } else {
                message = format!("{message}; elected are the preferred leaders of {}", left.len());
                self.steps.push(Step::Elect(left));
            }
        } else if let Some(obstacle) =
            moves::obstacle(placed, &BTreeSet::new()).filter(|_| waiting > 0)
        {
            message = format!("{message}; next: {waiting}, {obstacle}");
        } else {
            let begin = moves::next(placed, planned, most);
            if !begin.is_empty() {
                self.steps.push(Step::Reassign(begin));
            }
        }
        self.soon = true;
        status.message = Some(message.clone());
        Balanced::not(Reason::Rebalancing, message, status)
    }

    /// How far a plan is that was recorded at `since`.
    fn progress(
        &self,
        placed: &Placed,
        planned: &[Move],
        since: Option<Timestamp>,
    ) -> RebalanceStatus {
        let mut status = self.last(RebalanceStatus {
            hash: render::hash(planned),
            brokers: Vec::new(),
            ..described(&Picture::default(), planned)
        });
        let found = moves::places(placed);
        let done: u64 = planned.iter().map(|step| moves::copied(placed, &found, step)).sum();
        let dropped = |step: &&Move| moves::is_off(&found, step);
        let dropped: u64 = planned.iter().filter(dropped).map(Move::copied).sum();
        let before = (status.running, status.bytes_done);
        status.running = true;
        status.bytes_per_second = self.rate.map(whole);
        status.bytes_done = whole(done);
        status.bytes_left = (status.bytes - status.bytes_done - whole(dropped)).max(0);
        // a status is written when something is new, never because time passed
        if before != (true, status.bytes_done) {
            let seconds = since.map(|since| self.world.now.duration_since(since).as_secs());
            let seconds = seconds.filter(|seconds| *seconds > 0 && status.bytes_done > 0);
            status.seconds_left = seconds
                .map(|seconds| status.bytes_left.saturating_mul(seconds) / status.bytes_done)
                .or(status.seconds_left);
        }
        status
    }

    /// The same plan as it was described before: its bytes grow while it stands, and a status is
    /// not written because time passes.
    fn last(&self, now: RebalanceStatus) -> RebalanceStatus {
        let status = self.world.cluster.status.as_ref();
        let last = status.and_then(|status| status.rebalance.clone());
        last.filter(|last| last.hash == now.hash).unwrap_or(now)
    }
}

/// Whether brokers hold unequally many replicas while a disk is fuller than it should be.
fn is_crowded(picture: &Picture) -> bool {
    let tallies = picture.tallies();
    let active = picture.brokers.iter().filter(|broker| broker.state == State::Active);
    let held = active.clone().filter_map(|broker| tallies.get(&broker.id)).map(|it| it.replicas);
    let uneven = held.clone().max().unwrap_or_default() >= held.min().unwrap_or_default() + 2;
    let full =
        |disk: Disk| disk.total.saturating_sub(disk.free) > disk.total / 100 * Score::FULL_PERCENT;
    uneven && active.filter_map(|broker| broker.disk).any(full)
}

/// Partitions whose preferred replica is in sync and does not lead.
fn unled(placed: &Placed, moved: &[&Move]) -> Vec<Partition> {
    let found = moves::places(placed);
    let unled = moved.iter().filter_map(|step| {
        let it = found.get(&(step.topic.as_ref(), step.index))?;
        let preferred = it.replicas.first().filter(|id| it.in_sync.contains(id))?;
        let place = (it.topic.as_ref().to_owned(), it.index);
        (placed.leaders.get(&place)? != &preferred.0).then_some(place)
    });
    unled.collect()
}

/// What a plan does.
fn described(picture: &Picture, moves: &[Move]) -> RebalanceStatus {
    let before = picture.tallies();
    let mut then = picture.clone();
    for step in moves {
        then.carry_out(step);
    }
    let after = then.tallies();
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    let broker = |(id, was): (&kastellan_core::id::BrokerId, &Tally)| {
        let is = after.get(id).copied().unwrap_or_default();
        RebalancedBroker {
            id: id.0,
            replicas: whole(was.replicas),
            replicas_after: whole(is.replicas),
            leaders: whole(was.leaders),
            leaders_after: whole(is.leaders),
            bytes: whole(was.bytes),
            bytes_after: whole(is.bytes),
        }
    };
    RebalanceStatus {
        hash: render::hash(moves),
        running: false,
        replica_moves: count(moves.iter().map(|step| step.added().count()).sum()),
        leader_moves: count(moves.iter().filter(|it| it.from.first() != it.to.first()).count()),
        bytes: moves.iter().map(|step| whole(step.copied())).sum(),
        bytes_done: 0,
        bytes_left: moves.iter().map(|step| whole(step.copied())).sum(),
        seconds_left: None,
        bytes_per_second: None,
        message: None,
        brokers: before.iter().map(broker).collect(),
    }
}

fn extent(plan: &RebalanceStatus) -> String {
    format!(
        "{} replicas ({}) and {} leaders should move{}",
        plan.replica_moves,
        columns::bytes(u64::try_from(plan.bytes).unwrap_or_default()),
        plan.leader_moves,
        time(plan)
    )
}

/// What is left of a plan.
fn left(plan: &RebalanceStatus) -> String {
    let bytes = columns::bytes(u64::try_from(plan.bytes_left).unwrap_or_default());
    format!("; {bytes} left{}", time(plan))
}

/// How long the rest takes, if that is known.
fn time(plan: &RebalanceStatus) -> String {
    let seconds = plan.seconds_left.and_then(|seconds| u32::try_from(seconds).ok());
    let about = seconds.map(|it| format!(", which takes about {}", columns::span(f64::from(it))));
    about.unwrap_or_default()
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
