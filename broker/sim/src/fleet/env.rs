//! What every part of a fleet needs: parameters, randomness, the truth, the history.

use kastellan_core::{id::BrokerId, machine::Millis};

use super::{
    counter::Counters, model::Model, mutant::Mutant, net::Network, node::Packet,
    parameters::Parameters,
};
use crate::{
    random::{Random, Stream},
    trace::Trace,
};

/// The surroundings of the nodes.
#[derive(Debug)]
pub(super) struct Env {
    pub(super) parameters: Parameters,
    pub(super) mutant: Option<Mutant>,
    /// The real time.
    pub(super) now: Millis,
    pub(super) net: Network<Packet>,
    pub(super) workload: Random,
    pub(super) faults: Random,
    pub(super) time: Random,
    /// What machines draw their timeouts from.
    pub(super) machines: Random,
    pub(super) model: Model,
    pub(super) counters: Counters,
    pub(super) trace: Trace,
    pub(super) steps: u64,
}

impl Env {
    pub(super) fn new(seed: u64, mutant: Option<Mutant>) -> Self {
        let parameters = Parameters::new(seed, mutant);
        let stream = |stream| Random::new(seed, stream);
        Self {
            net: Network::new(stream(Stream::Network), parameters.net),
            parameters,
            mutant,
            now: Millis::ZERO,
            workload: stream(Stream::Workload),
            faults: stream(Stream::Faults),
            time: stream(Stream::Time),
            machines: stream(Stream::Ids),
            model: Model::default(),
            counters: Counters::default(),
            trace: Trace::default(),
            steps: 0,
        }
    }

    pub(super) fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub(super) fn note(&mut self, node: BrokerId, what: std::fmt::Arguments<'_>) {
        let now = self.now.0;
        self.trace.note(format_args!("{now:>6} node {}: {what}", node.0));
    }
}
