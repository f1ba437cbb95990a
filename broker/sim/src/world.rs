//! The world of one seed: one broker, its disk, its clients, the clocks, and what should be true.

mod env;
mod restart;

use kastellan_core::id::TopicPartition;
use kastellan_log::{Located, Slice};

pub(crate) use self::env::Env;
use crate::{
    broker::Broker,
    disk::{SimDisk, SimFile},
    invariant::{Check, forward, poison},
    producer::Producer,
};

/// A reader that was given something and has not read it yet.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) of: TopicPartition,
    pub(crate) what: Reading,
    /// What it is going to read, where that is known.
    pub(crate) expected: Option<Vec<u8>>,
    /// How many segments the log had.
    pub(crate) start: i64,
}

/// How far a reader has come.
#[derive(Debug)]
pub(crate) enum Reading {
    /// It knows where to look.
    Located(Box<Located<SimDisk>>, crate::invariant::served::Range),
    /// It has a range of a file.
    Slice(Slice<SimFile>),
}

/// Everything there is.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) env: Env,
    /// `None` while it is down.
    pub(crate) broker: Option<Broker>,
    pub(crate) producers: Vec<Producer>,
    pub(crate) held: Vec<Held>,
    /// Until this step the disk syncs nothing.
    pub(crate) slow_until: usize,
    pub(crate) step: usize,
}

impl World {
    pub(crate) fn new(env: Env) -> Self {
        let producers = (0..env.parameters.producers).map(|_| Producer::default()).collect();
        Self { env, broker: None, producers, held: Vec::new(), slow_until: 0, step: 0 }
    }

    /// A partition that exists, at random; never one of the groups' topic. Often the one that is
    /// being compacted: something is to happen under it.
    pub(crate) fn any_partition(&mut self) -> Option<TopicPartition> {
        let compacting = self.broker.as_ref().and_then(|broker| broker.compacting.as_ref());
        let compacting = compacting.map(|it| it.of.clone());
        if let Some(of) = compacting.filter(|of| of.topic != crate::broker::OFFSETS)
            && self.env.model.partitions.contains_key(&of)
            && self.env.workload.chance(40)
        {
            return Some(of);
        }
        let names = self.env.model.partitions.keys();
        let names: Vec<_> = names.filter(|of| of.topic != crate::broker::OFFSETS).collect();
        self.env.workload.choose(&names).copied().cloned()
    }

    /// What has to hold after every step.
    pub(crate) fn look(&mut self) -> Check {
        let failures = self.env.failures();
        let Some(broker) = &self.broker else { return Ok(()) };
        poison::noticed(failures, broker.directory.poisoned().is_some())?;
        self.env.counters.compared(crate::invariant::Invariant::PoisonIsFinal);
        for (of, served) in &broker.partitions {
            let Some(model) = self.env.model.partitions.get_mut(of) else { continue };
            let ends = served.ends();
            forward::check(of, model, ends)?;
            if model.half_truncated.is_none() {
                model.high_watermark = model.high_watermark.max(ends.high_watermark);
            }
            self.env.counters.compared(crate::invariant::Invariant::EndsMoveForward);
        }
        Ok(())
    }
}
