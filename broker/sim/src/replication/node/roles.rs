//! The metadata says who leads.

use std::rc::Rc;

use kastellan_core::{
    id::{BrokerId, Offset},
    partition::{Assigned, Assignment, Opening, Partition, Settings},
    replica::{Fetcher, PartitionKey},
};
use kastellan_log::Config;
use kastellan_protocol::ErrorCode;

use super::{Env, Feed, Held, Node, Up, name, topic};
use crate::replication::{cluster::Cluster, counter::Rare, mutant::Mutant};

/// How many producers are remembered.
const PRODUCERS: usize = 50;

impl Node {
    /// Takes up a newer image. Nothing is led or followed before the image knows this very process:
    /// what an older one says of it may be over.
    pub(in super::super) fn apply(&mut self, env: &mut Env, cluster: Rc<Cluster>) {
        let (id, incarnation) = (self.id, self.incarnation());
        let Some(up) = &mut self.up else { return };
        if let Some(known) = cluster.brokers.get(&id).filter(|it| it.incarnation == incarnation) {
            if up.epoch != Some(known.epoch) {
                // it has seen its registration: it says so at once
                up.next_heartbeat = env.now.monotonic;
            }
            up.epoch = Some(known.epoch);
        }
        let mine = up.epoch.is_some() && cluster.epoch_of(id) == up.epoch;
        if !mine || cluster.version <= up.cluster.version && up.applied {
            return;
        }
        up.cluster = cluster;
        up.applied = true;
        let cluster = Rc::clone(&up.cluster);
        for (index, partition) in &cluster.partitions {
            if partition.replicas.contains(&id) {
                self.assign(env, *index, &Assignment::of(partition));
            } else {
                self.drop_replica(env, *index);
            }
        }
        self.review(env, true);
        self.fetch_all(env);
    }

    fn assign(&mut self, env: &mut Env, index: i32, assignment: &Assignment) {
        let id = self.id;
        let Some(up) = &mut self.up else { return };
        if !up.replicas.contains_key(&index) {
            let held = up.open(env, id, index);
            held.note_ignorance(self.ignorant.entry(index).or_default());
            up.replicas.insert(index, held);
        }
        let Some(held) = up.replicas.get_mut(&index) else { return };
        let led = held.machine.is_leader();
        let mut given = assignment.clone();
        if env.is(Mutant::HighWatermarkFromTheLeaderAlone) {
            given.isr = vec![id];
        }
        let assigned = held.machine.assign(env.now.monotonic, &given);
        if assigned == Assigned::Stale {
            return;
        }
        env.trace.note(format_args!(
            "  {id:?} {index}: {assigned:?} in epoch {} of {:?}, isr {:?}, end {}, hw {}",
            assignment.leader_epoch,
            assignment.leader,
            assignment.isr,
            kastellan_core::log::Log::end(held.machine.log()),
            held.machine.high_watermark(),
        ));
        if matches!(assigned, Assigned::Leads(_)) {
            let acts = env.acts.entry(index).or_default();
            acts.entry(assignment.leader_epoch).or_insert(env.now.monotonic);
        }
        match assigned {
            Assigned::Leads(_) if env.is(Mutant::ForgetProducers) => {
                held.machine.producers_mut().clear();
            }
            Assigned::Follows | Assigned::Idle => {
                env.counters.note_if(led, Rare::LeaderDeposedAlive);
                self.send_away(env, index, ErrorCode::NotLeaderOrFollower);
                if assigned == Assigned::Follows && env.is(Mutant::TruncateToTheHighWatermark) {
                    self.truncate_to_the_high_watermark(index);
                }
            }
            _ => {}
        }
        self.follow_from(env, index);
        self.moved(env, index);
    }

    /// Moves a partition to the fetcher of its leader.
    fn follow_from(&mut self, env: &Env, index: i32) {
        let me = self.id;
        let Some(up) = &mut self.up else { return };
        let Some(held) = up.replicas.get(&index) else { return };
        let leader = held.machine.leader().filter(|leader| *leader != me);
        let position = held.machine.position();
        let key = key(index);
        for (node, feed) in &mut up.fetchers {
            if Some(*node) != leader {
                feed.fetcher.unfollow(key);
            }
        }
        if let Some(leader) = leader {
            up.feed(env, leader).fetcher.follow(key, position);
        }
    }

    fn drop_replica(&mut self, env: &mut Env, index: i32) {
        self.send_away(env, index, ErrorCode::NotLeaderOrFollower);
        let Some(up) = &mut self.up else { return };
        let Some(held) = up.replicas.remove(&index) else { return };
        for feed in up.fetchers.values_mut() {
            feed.fetcher.unfollow(key(index));
        }
        env.trace.note(format_args!("  {:?} drops {index}", self.id));
        up.directory.delete_log(held.machine.into_log()).expect("the disk works");
        up.high_watermarks.remove(&name(index));
    }

    /// The mistake that KIP-101 is about.
    fn truncate_to_the_high_watermark(&mut self, index: i32) {
        use kastellan_core::log::Log as _;
        let Some(held) = self.up.as_mut().and_then(|up| up.replicas.get_mut(&index)) else {
            return;
        };
        let to = held.machine.high_watermark();
        held.machine.log_mut().truncate(to).expect("the disk works");
        held.checked = held.checked.min(held.machine.log().end());
    }
}

impl Up {
    fn open(&self, env: &Env, me: BrokerId, index: i32) -> Held {
        let config = Config {
            segment_bytes: env.parameters.segment_bytes,
            index_interval_bytes: 100,
            ..Config::default()
        };
        let log = self.directory.open_log(name(index), Some(topic()), config);
        let log = log.expect("the disk works");
        let (producers, _) = log.replay_producers(PRODUCERS).expect("the disk works");
        let mut high_watermark =
            self.high_watermarks.get(&name(index)).copied().unwrap_or_default();
        if env.is(Mutant::HighWatermarkFromTheLog) {
            high_watermark = kastellan_core::log::Log::end(&log);
        }
        let commit_below = env.is(Mutant::CommitBelowMinIsr);
        let settings = Settings {
            durability: env.parameters.durability,
            min_in_sync: if commit_below { 1 } else { env.parameters.min_in_sync },
            lag: std::time::Duration::from_millis(env.parameters.lag),
        };
        let machine = Partition::new(log, producers, Opening { me, high_watermark, settings });
        let seen = machine.high_watermark();
        Held { machine, handed: None, waiting: std::collections::VecDeque::new(), checked: 0, seen }
    }

    pub(super) fn feed(&mut self, env: &Env, leader: BrokerId) -> &mut Feed {
        self.fetchers.entry(leader).or_insert_with(|| Feed {
            fetcher: Fetcher::new(std::time::Duration::from_millis(env.parameters.lag / 4)),
            outstanding: std::collections::VecDeque::new(),
        })
    }
}

impl Held {
    /// What it knows of producers was read from its log: where no snapshot says more, nothing from
    /// before the first file.
    pub(super) fn note_ignorance(&self, ignorant: &mut Offset) {
        let log = self.machine.log();
        let (_, from) = log.replay_producers(PRODUCERS).expect("the disk works");
        if !log.snapshots().contains(&from) {
            *ignorant = from;
        }
    }
}

/// How a fetcher calls a partition.
pub(super) fn key(index: i32) -> PartitionKey {
    PartitionKey { topic: topic(), index }
}
