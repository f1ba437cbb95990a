//! What goes wrong, and what administrators do meanwhile.

use kastellan_core::{id::BrokerId, machine::Millis};

use super::{
    counter::Rare,
    message::{CONTROLLER, Message},
    node::Stay,
    world::World,
};

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Kill,
    CutPower,
    ShutDown,
    Pause,
    CutOneWay,
    CutBothWays,
    CutFromController,
    HealNetwork,
    ReplaceController,
    PauseController,
    ElectAnother,
    Reassign,
    Checkpoint,
    DeleteRecords,
    ElectUncleanly,
    Unregister,
}

impl Fault {
    pub(super) const ALL: [Self; 16] = [
        Self::Kill,
        Self::CutPower,
        Self::ShutDown,
        Self::Pause,
        Self::CutOneWay,
        Self::CutBothWays,
        Self::CutFromController,
        Self::HealNetwork,
        Self::ReplaceController,
        Self::PauseController,
        Self::ElectAnother,
        Self::Reassign,
        Self::Checkpoint,
        Self::DeleteRecords,
        Self::ElectUncleanly,
        Self::Unregister,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::CutPower => "cut power",
            Self::ShutDown => "shut down",
            Self::Pause => "pause",
            Self::CutOneWay => "cut one way",
            Self::CutBothWays => "cut both ways",
            Self::CutFromController => "cut from the controller",
            Self::HealNetwork => "heal the network",
            Self::ReplaceController => "replace the controller",
            Self::PauseController => "pause the controller",
            Self::ElectAnother => "elect another",
            Self::Reassign => "reassign",
            Self::Checkpoint => "checkpoint",
            Self::DeleteRecords => "delete records",
            Self::ElectUncleanly => "elect uncleanly",
            Self::Unregister => "unregister",
        }
    }
}

impl World {
    /// Does one thing, at random.
    pub(super) fn break_something(&mut self) {
        let weights = self.env.parameters.weights.clone();
        let total: usize = weights.iter().map(|(_, weight)| weight).sum();
        let mut at = self.faults.below(total);
        let chosen = weights.iter().find(|(_, weight)| {
            let here = at < *weight;
            at = at.saturating_sub(*weight);
            here
        });
        let fault = chosen.map_or(Fault::HealNetwork, |(fault, _)| *fault);
        let ids: Vec<_> = self.nodes.keys().copied().collect();
        let one = self.faults.pick(&ids, BrokerId(1));
        let other = self.faults.pick(&ids, BrokerId(2));
        let partitions = usize::try_from(self.env.parameters.partitions).unwrap_or(1);
        let index = i32::try_from(self.faults.below(partitions)).unwrap_or(0);
        self.env.counters.operation(fault.name());
        self.env.trace.note(format_args!(
            "{} {} {one:?} {other:?} {index}",
            self.env.now.monotonic.0,
            fault.name()
        ));
        match fault {
            Fault::Kill | Fault::CutPower | Fault::ShutDown => self.take_down(fault, one),
            Fault::Pause => {
                let until =
                    Millis(self.env.now.monotonic.0 + 100 + self.faults.below(2_500) as u64);
                if let Some(node) = self.nodes.get_mut(&one) {
                    node.paused_until = until;
                }
            }
            Fault::CutOneWay => self.env.net.cut(one, other),
            Fault::CutBothWays => self.env.net.cut_both(one, other),
            Fault::CutFromController => self.env.net.cut_both(one, CONTROLLER),
            Fault::HealNetwork => self.env.net.heal(),
            Fault::ReplaceController => self.controller.fail(&mut self.env),
            Fault::PauseController => {
                let until = self.env.now.monotonic.0 + 50 + self.faults.below(1_500) as u64;
                self.controller.pause(&mut self.env, Millis(until));
            }
            Fault::ElectAnother => {
                let nth = self.faults.below(8);
                self.controller.elect_another(&self.env, index, nth);
            }
            Fault::Reassign => self.reassign(index),
            Fault::Checkpoint => {
                let Self { nodes, env, .. } = self;
                if let Some(node) = nodes.get_mut(&one) {
                    node.checkpoint(env);
                }
            }
            Fault::DeleteRecords => {
                let history = self.env.history.entry(index).or_default();
                let before = self.faults.between(history.start, history.end() + 1);
                let leader = self.controller.cluster().partitions.get(&index);
                let leader = leader.and_then(|known| known.leader);
                let Self { nodes, env, .. } = self;
                if let Some(node) = leader.and_then(|leader| nodes.get_mut(&leader)) {
                    node.delete_records(env, index, before);
                }
            }
            // only now and then: nothing is promised after that
            Fault::ElectUncleanly if self.faults.chance(10) => {
                self.controller.elect_uncleanly(&self.env);
            }
            Fault::ElectUncleanly => {}
            Fault::Unregister => self.controller.unregister(&self.env, one),
        }
    }

    fn take_down(&mut self, fault: Fault, id: BrokerId) {
        let member = |known: &kastellan_core::metadata::Partition| known.isr.contains(&id);
        let member = self.controller.cluster().partitions.values().any(member);
        let Self { nodes, env, .. } = self;
        let Some(node) = nodes.get_mut(&id).filter(|node| node.up.is_some()) else { return };
        env.counters.crashes += 1;
        let epoch = node.up.as_ref().and_then(|up| up.epoch);
        if fault == Fault::ShutDown && self.faults.chance(60) {
            // it ends when the controller says so, or when it has waited for long enough
            node.leave(env);
            let until = env.now.monotonic.0 + 300 + self.faults.below(2_000) as u64;
            self.leaving.insert(id, Millis(until));
            return;
        }
        match fault {
            Fault::CutPower if env.parameters.power_cuts => {
                env.counters.note(Rare::PowerCut);
                env.counters.note_if(member, Rare::LossyCrashOfAMember);
                node.cut_power(env);
            }
            Fault::ShutDown => node.shut_down(),
            _ => node.kill(),
        }
        // whoever has a connection to it sees that
        if let Some(epoch) = epoch.filter(|_| self.faults.chance(50)) {
            env.send(id, CONTROLLER, Message::Gone { epoch });
        }
        self.restart_soon(id);
    }

    fn restart_soon(&mut self, id: BrokerId) {
        // often at once, so that what is under way meets another life
        let longest = if self.faults.chance(40) { 30 } else { 2_000 };
        let back = Millis(self.env.now.monotonic.0 + 1 + self.faults.below(longest) as u64);
        self.restarts.insert((back, id));
    }

    /// Ends whoever was asked to, and may or has waited for long enough.
    pub(super) fn end_who_leaves(&mut self) {
        let now = self.env.now.monotonic;
        for (id, until) in self.leaving.clone() {
            let Some(node) = self.nodes.get_mut(&id) else { continue };
            let Some(up) = &node.up else {
                self.leaving.remove(&id);
                continue;
            };
            if node.paused_until > now {
                self.leaving.insert(id, until.max(node.paused_until));
                continue;
            }
            let may_end = up.stay == Stay::MayEnd;
            if !may_end && until > now {
                continue;
            }
            self.env.counters.note_if(may_end, Rare::LeftInOrder);
            node.shut_down();
            self.leaving.remove(&id);
            self.restart_soon(id);
        }
    }

    fn reassign(&mut self, index: i32) {
        let mut ids: Vec<_> = self.nodes.keys().copied().collect();
        let mut target = Vec::new();
        while target.len() < self.env.parameters.replicas && !ids.is_empty() {
            target.push(ids.swap_remove(self.faults.below(ids.len())));
        }
        self.controller.reassign(&self.env, index, target);
    }
}
