//! Everything there is, and how time passes.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

use kastellan_core::{
    id::BrokerId,
    machine::{Millis, Now},
    metadata::Partition,
};

use super::{
    client::{Consumer, Producer, all},
    cluster::Cluster,
    controller::Controller,
    counter::{Counters, Rare},
    invariant::{Check, Invariant, complete},
    message::{CONTROLLER, Message},
    mutant::Mutant,
    node::{Env, Node},
    parameters::Parameters,
};
use crate::{
    fleet::net::{Delivery, NetFaults, Network},
    random::{Random, Stream},
    trace::Trace,
};

/// 2023-11-14, in milliseconds since 1970: where the wall clock begins.
const BEGINNING: i64 = 1_700_000_000_000;

/// The world of one seed.
pub(super) struct World {
    pub(super) env: Env,
    pub(super) nodes: BTreeMap<BrokerId, Node>,
    pub(super) controller: Controller,
    pub(super) producers: Vec<Producer>,
    pub(super) consumers: Vec<Consumer>,
    pub(super) faults: Random,
    pub(super) restarts: BTreeSet<(Millis, BrokerId)>,
    /// Who was asked to end, and until when it may wait for the controller.
    pub(super) leaving: BTreeMap<BrokerId, Millis>,
    pub(super) next_fault: Option<Millis>,
    /// Whether producers go on.
    pub(super) more: bool,
    /// The version that was told to everybody last.
    told: i64,
}

impl World {
    pub(super) fn new(seed: u64, mutant: Option<Mutant>) -> Self {
        let parameters = Parameters::new(seed);
        let stream = |stream| Random::new(seed, stream);
        let ids: Vec<_> = (1..=parameters.brokers).map(BrokerId).collect();
        let mut partitions = Vec::new();
        for index in 0..parameters.partitions {
            let shift = usize::try_from(index).unwrap_or(0);
            let replicas: Vec<_> = (0..parameters.replicas)
                .filter_map(|n| ids.get((n + shift) % ids.len()).copied())
                .collect();
            // brokers that are not there yet cannot be in sync; an empty log misses nothing
            let partition = Partition { elr: replicas.clone(), replicas, ..Partition::default() };
            partitions.push(partition);
        }
        let mut disks = stream(Stream::Disk);
        let nodes = ids.iter().map(|id| (*id, Node::new(*id, disks.next(), parameters.block)));
        let nodes = nodes.collect();
        let env = Env {
            now: Now { monotonic: Millis::ZERO, wall: BEGINNING },
            net: Network::new(stream(Stream::Ids), parameters.net),
            trace: Trace::default(),
            counters: Counters::default(),
            history: BTreeMap::new(),
            excused: BTreeSet::new(),
            mutant,
            random: stream(Stream::Time),
            parameters,
            next: 0,
            leader_epochs: BTreeMap::new(),
            acts: BTreeMap::new(),
            fenced: BTreeSet::new(),
            wrong: None,
        };
        let controller = Controller::new(partitions, stream(Stream::Controller), &env.parameters);
        let (producers, consumers) = all(seed, &env);
        let next_fault = Some(Millis(1_500));
        Self {
            env,
            nodes,
            controller,
            producers,
            consumers,
            faults: stream(Stream::Faults),
            restarts: ids.iter().map(|id| (Millis::ZERO, *id)).collect(),
            next_fault,
            more: true,
            leaving: BTreeMap::new(),
            told: 0,
        }
    }

    /// Lets time pass until `until`.
    pub(super) fn run_until(&mut self, until: Millis) -> Check {
        while self.env.now.monotonic < until {
            let next = self.next_event().unwrap_or(until).min(until);
            // whatever is late is done now
            let next = next.max(self.env.now.monotonic);
            let passed = next.since(self.env.now.monotonic);
            self.pass(passed);
            self.events()?;
            if self.next_event().is_none_or(|at| at <= self.env.now.monotonic) {
                self.pass(Duration::from_millis(1));
            }
        }
        Ok(())
    }

    fn pass(&mut self, passed: Duration) {
        let millis = u64::try_from(passed.as_millis()).unwrap_or(0);
        let Now { monotonic, wall } = self.env.now;
        let wall = wall.saturating_add(i64::try_from(millis).unwrap_or(0));
        self.env.now = Now { monotonic: Millis(monotonic.0 + millis), wall };
        self.env.counters.millis += millis;
    }

    fn next_event(&self) -> Option<Millis> {
        let nodes = self.nodes.values().filter_map(Node::deadline);
        let producers = self.producers.iter().filter_map(|it| it.deadline(self.more));
        let consumers = self.consumers.iter().map(Consumer::deadline);
        let restarts = self.restarts.first().map(|(at, _)| *at);
        let leaving = self.leaving.values().copied().min();
        let others = [self.env.net.next_at(), self.controller.deadline(), restarts, leaving];
        nodes
            .chain(producers)
            .chain(consumers)
            .chain(others.into_iter().chain([self.next_fault]).flatten())
            .min()
    }

    fn events(&mut self) -> Check {
        let now = self.env.now.monotonic;
        if self.next_fault.is_some_and(|at| at <= now) {
            self.break_something();
            let width = self.env.parameters.fault_every;
            self.next_fault = Some(Millis(now.0 + 1 + self.faults.below(width) as u64));
            self.after()?;
        }
        while let Some((at, id)) = self.restarts.first().copied()
            && at <= now
        {
            self.restarts.pop_first();
            let Self { nodes, env, .. } = self;
            if let Some(node) = nodes.get_mut(&id).filter(|node| node.up.is_none()) {
                env.trace.note(format_args!("{} {id:?} starts", now.0));
                node.start(env);
            }
        }
        self.end_who_leaves();
        let Self { controller, nodes, env, .. } = self;
        controller.tick(env, |id| nodes.get(&id).is_none_or(|node| node.up.is_none()));
        self.after()?;
        while let Some(delivery) = self.env.net.take_due(now) {
            self.env.counters.events += 1;
            self.deliver(delivery)?;
            self.after()?;
        }
        for id in self.nodes.keys().copied().collect::<Vec<_>>() {
            let Self { nodes, env, .. } = self;
            let Some(node) = nodes.get_mut(&id) else { continue };
            if node.paused_until <= now {
                node.tick(env);
                node.expire_polls(env);
            }
        }
        let cluster = Rc::clone(self.controller.cluster());
        for producer in &mut self.producers {
            producer.tick(&mut self.env, &cluster, self.more);
        }
        for consumer in &mut self.consumers {
            consumer.tick(&mut self.env, &cluster);
        }
        self.after()
    }

    fn deliver(&mut self, delivery: Delivery<Message>) -> Check {
        let Self { env, nodes, controller, producers, consumers, .. } = self;
        let now = env.now.monotonic;
        let Delivery { from, to, message } = delivery;
        if to == CONTROLLER {
            match controller.is_paused(now) {
                Some(until) => env.net.hold(until, Delivery { from, to, message }),
                None => controller.hear(env, from, message),
            }
            return Ok(());
        }
        if let Some(node) = nodes.get_mut(&to) {
            if node.paused_until > now {
                let until = node.paused_until;
                env.net.hold(until, Delivery { from, to, message });
                return Ok(());
            }
            match message {
                Message::Image(cluster) => node.apply(env, cluster),
                Message::Beaten { sent, is_fenced, should_shut_down } => {
                    node.beaten(env, sent, (is_fenced, should_shut_down));
                }
                Message::Unknown { sent } => node.unknown(env, sent),
                Message::Altered { correlation, results } => {
                    node.altered(env, correlation, &results);
                }
                Message::Fetch(fetch) => node.serve(env, from, fetch),
                Message::Fetched(answer) => node.fetched(env, from, answer),
                Message::Produce(produce) => node.produce(env, from, produce),
                Message::Read { correlation, partition, offset } => {
                    node.read(env, from, (correlation, partition, offset));
                }
                _ => {}
            }
            return Ok(());
        }
        match message {
            Message::Produced { correlation, epoch, result } => {
                match producers.iter_mut().find(|producer| producer.id == to) {
                    Some(producer) => producer.answered(env, correlation, (epoch, result)),
                    None => Ok(()),
                }
            }
            Message::Seen { correlation, result } => {
                match consumers.iter_mut().find(|consumer| consumer.id == to) {
                    Some(consumer) => consumer.answered(env, from, correlation, result),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// What has to hold after every event; new decisions go out to all.
    fn after(&mut self) -> Check {
        let cluster = Rc::clone(self.controller.cluster());
        if cluster.version > self.told {
            self.told = cluster.version;
            for id in self.nodes.keys() {
                self.env.net.send(
                    self.env.now.monotonic,
                    CONTROLLER,
                    *id,
                    Message::Image(Rc::clone(&cluster)),
                );
            }
        }
        let current = cluster.partitions.iter().map(|(index, it)| (*index, it.leader_epoch));
        self.env.leader_epochs = current.collect();
        let fenced = cluster.brokers.iter().filter(|(_, it)| it.fenced && !it.leaves);
        self.env.fenced = fenced.map(|(id, _)| *id).collect();
        for (id, node) in &mut self.nodes {
            node.note_life(&cluster, *id);
            node.check_lease(&mut self.env)?;
        }
        if let Some(wrong) = self.env.wrong.take() {
            return Err(wrong);
        }
        for node in self.nodes.values_mut() {
            node.look(&mut self.env)?;
        }
        self.members_have_what_is_committed(&cluster)?;
        self.note_leaders();
        Ok(())
    }

    fn members_have_what_is_committed(&mut self, cluster: &Cluster) -> Check {
        for (index, partition) in &cluster.partitions {
            if self.env.excused.contains(index) {
                continue;
            }
            let Some(history) = self.env.history.get(index) else { continue };
            for id in partition.isr.iter().chain(&partition.elr) {
                let up = self.nodes.get(id).and_then(|node| node.up.as_ref());
                // one that has just come back is looked at once the controller knows that
                let Some(up) = up.filter(|up| up.epoch == cluster.epoch_of(*id)) else { continue };
                let Some(held) = up.replicas.get(index) else { continue };
                complete::check(*id, *index, history, held)?;
                self.env.counters.compared(Invariant::MembersHaveWhatIsCommitted);
            }
        }
        Ok(())
    }

    fn note_leaders(&mut self) {
        for index in 0..self.env.parameters.partitions {
            let up = self.nodes.values().filter_map(|node| node.up.as_ref());
            let leaders = up
                .filter(|up| up.replicas.get(&index).is_some_and(|held| held.machine.is_leader()));
            self.env.counters.note_if(leaders.count() > 1, Rare::TwoLeadersAtATime);
        }
        let cluster = self.controller.cluster();
        let fenced = self.nodes.iter().any(|(id, node)| {
            let epoch = node.up.as_ref().and_then(|up| up.epoch);
            epoch.is_some() && epoch == cluster.epoch_of(*id) && !cluster.runs(*id)
        });
        self.env.counters.note_if(fenced, Rare::BrokerFencedWhileAlive);
    }

    /// Breaks nothing from here on, and mends what is broken.
    pub(super) fn mend(&mut self) {
        self.next_fault = None;
        self.env.net.heal();
        self.env.net.set_faults(NetFaults::NONE);
        let now = self.env.now.monotonic;
        self.controller.go_on();
        for (id, node) in &mut self.nodes {
            node.paused_until = Millis::ZERO;
            if node.up.is_none() {
                self.restarts.insert((now, *id));
            }
        }
    }
}
