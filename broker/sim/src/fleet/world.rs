//! All nodes, and the order in which things happen.

use std::collections::BTreeMap;

use kastellan_core::{
    id::{BrokerId, LeaderEpoch, Offset},
    machine::Millis,
};

use super::{
    counter::Rare,
    env::Env,
    invariant::{Check, log_matching, majority},
    life::Life,
    node::{Node, Packet},
};

/// Steps between two comparisons of all logs.
const COMPARE_EVERY: u64 = 64;

/// The whole fleet.
#[derive(Debug)]
pub(super) struct World {
    pub(super) env: Env,
    pub(super) nodes: BTreeMap<BrokerId, Node>,
    /// Whether nodes that are down come back by themselves.
    pub(super) restarts: bool,
    compared_at: u64,
    /// Who refuses the next request that reaches it, though it lives.
    pub(super) refusing: Option<BrokerId>,
}

impl World {
    pub(super) fn new(env: Env, disk: &mut crate::random::Random) -> Self {
        let last = env.parameters.voters + env.parameters.observers;
        let node = |id| (BrokerId(id), Node::new(id, &env.parameters, disk.next()));
        let nodes: BTreeMap<_, _> = (1..=last).map(node).collect();
        for node in nodes.values() {
            let block = Some(env.parameters.block);
            let faults = kastellan_log::disk::Faults { block, ..Default::default() };
            node.disk.memory().set_faults(faults);
        }
        Self { env, nodes, restarts: true, compared_at: 0, refusing: None }
    }

    pub(super) fn ids(&self) -> Vec<BrokerId> {
        self.nodes.keys().copied().collect()
    }

    /// A node, at random.
    pub(super) fn any(&mut self) -> BrokerId {
        let ids = self.ids();
        self.env.faults.pick(&ids, BrokerId(1))
    }

    pub(super) fn lives(&self) -> impl Iterator<Item = (&Node, &Life)> {
        self.nodes.values().filter_map(|node| Some((node, node.life.as_ref()?)))
    }

    /// Who leads in the newest epoch that anybody leads in.
    pub(super) fn leader(&self) -> Option<(BrokerId, LeaderEpoch)> {
        let leads = self
            .lives()
            .filter_map(|(node, life)| life.quorum.leads().map(|epoch| (node.key.id, epoch)));
        leads.max_by_key(|(_, epoch)| *epoch)
    }

    /// Lets time pass until `until`.
    pub(super) fn run_until(&mut self, until: Millis) -> Check {
        while let Some(next) = self.next_at().filter(|next| *next <= until) {
            self.env.now = self.env.now.max(next);
            self.deliver()?;
            self.wake()?;
        }
        self.env.now = self.env.now.max(until);
        Ok(())
    }

    fn next_at(&self) -> Option<Millis> {
        let nodes = self.nodes.values();
        let nodes = nodes.filter(|node| node.life.is_some() || self.restarts).map(Node::next_at);
        [self.env.net.next_at(), nodes.min()].into_iter().flatten().min()
    }

    fn deliver(&mut self) -> Check {
        while let Some(delivery) = self.env.net.take_due(self.env.now) {
            let Some(node) = self.nodes.get_mut(&delivery.to) else { continue };
            if node.paused_until > self.env.now {
                // it waits in the socket
                self.env.net.hold(node.paused_until, delivery);
                continue;
            }
            let refuses = node.life.is_none() || self.refusing == Some(delivery.to);
            if refuses && let Packet::Request { correlation, .. } = delivery.message {
                self.refusing = self.refusing.filter(|it| *it != delivery.to);
                let (from, to) = (delivery.to, delivery.from);
                self.env.net.send(self.env.now, from, to, Packet::Refused { correlation });
                continue;
            }
            let before = high_watermark(node);
            node.receive(&mut self.env, delivery.from, delivery.message)?;
            self.look(delivery.to, before)?;
        }
        Ok(())
    }

    fn wake(&mut self) -> Check {
        for id in self.ids() {
            let Some(node) = self.nodes.get_mut(&id) else { continue };
            if node.next_at() > self.env.now || node.life.is_none() && !self.restarts {
                continue;
            }
            let before = high_watermark(node);
            if node.life.is_none() {
                node.start(&mut self.env)?;
            } else {
                node.wake(&mut self.env)?;
            }
            self.look(id, before)?;
        }
        Ok(())
    }

    /// Acts on one node, and looks at what came of it.
    pub(super) fn with(
        &mut self,
        id: BrokerId,
        act: impl FnOnce(&mut Node, &mut Env) -> Check,
    ) -> Check {
        let Some(node) = self.nodes.get_mut(&id) else { return Ok(()) };
        let before = high_watermark(node);
        act(node, &mut self.env)?;
        self.look(id, before)
    }

    /// What has to hold after every step of a node.
    fn look(&mut self, id: BrokerId, before: Offset) -> Check {
        let Some(node) = self.nodes.get(&id) else { return Ok(()) };
        let after = high_watermark(node);
        let leads = node.life.as_ref().is_some_and(|life| life.quorum.leads().is_some());
        if leads && after > before {
            let others = self.nodes.values().filter(|other| other.key != node.key);
            majority::check(&mut self.env, node, after, others)?;
        }
        let leaders = self.lives().filter(|(_, life)| life.quorum.leads().is_some()).count();
        self.env.counters.note_if(leaders > 1, Rare::TwoLeadersAtATime);
        if self.env.steps >= self.compared_at + COMPARE_EVERY {
            self.compared_at = self.env.steps;
            self.compare()?;
        }
        Ok(())
    }

    /// Compares all logs.
    pub(super) fn compare(&mut self) -> Check {
        let lives = self.nodes.values().filter_map(|node| Some((node.key.id, node.life.as_ref()?)));
        log_matching::check(&mut self.env, lives)
    }
}

fn high_watermark(node: &Node) -> Offset {
    node.life.as_ref().map_or(0, |life| life.quorum.high_watermark())
}
