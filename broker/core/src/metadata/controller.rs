//! The machine that decides about cluster metadata.
//!
//! Every decision is records plus an answer: [`Effect::Append`] first, then the [`Effect::Reply`]
//! that holds once those records are committed. Requests that change nothing get their answer
//! alone. Ids that have to be random come in with the input.

mod brokers;
mod change;
mod configs;
mod create_partitions;
mod create_topics;
mod delete_topics;
mod directories;
mod elect_leaders;
mod input;
mod placement;
mod reassign;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub use directories::DirectoryAssignment;
pub use input::{
    AlterConfigs, ConfigChange, ConfigOp, CreatedTopic, DeletedTopic, Effect, Election, Failure,
    Input, NewPartitions, NewTopic, PartitionResults, Reassignment, Reply, TopicRef, TopicResults,
};
use kastellan_protocol::ErrorCode;

use super::{
    Image, Inconsistent, ResourceKind,
    feature::SUPPORTED,
    record::{FeatureLevelRecord, ProducerIdsRecord, Record},
};
use crate::{
    config::BrokerConfig,
    id::BrokerId,
    machine::{Machine, Millis, Now, Replicated, Ticket},
};

/// Producer ids are handed to brokers in blocks of this many.
pub const PRODUCER_ID_BLOCK: i64 = 1000;
/// The most partitions that one request may create: its records are one batch of the metadata log.
pub const MAX_PARTITIONS_PER_REQUEST: usize = 10_000;

/// Decides about brokers, topics, settings, features and producer ids.
#[derive(Debug)]
pub struct Controller {
    /// Hard state: the fold over the metadata log.
    image: Image,
    /// The broker whose settings it goes by.
    node: BrokerId,
    /// What that broker was started with.
    fixed: BrokerConfig,
    /// The same with what was set since: defaults of what requests leave open.
    config: BrokerConfig,
    /// The first record that could not follow the ones before it.
    fault: Option<Inconsistent>,
}

impl Controller {
    /// A controller that starts from `image`: empty, or from a snapshot. It runs in the broker
    /// `node`, which was started with `fixed`.
    pub fn new(image: Image, node: BrokerId, fixed: BrokerConfig) -> Self {
        let config = image.settings_of(node, &fixed);
        Self { image, node, fixed, config, fault: None }
    }

    /// The settings of its broker as they are now.
    pub fn settings(&self) -> &BrokerConfig {
        &self.config
    }

    /// The state after the last record that was applied.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Notes that every record up to `offset` was applied.
    ///
    /// # Panics
    /// When it goes back.
    pub fn advance(&mut self, offset: crate::id::Offset) {
        self.image.advance(offset);
    }

    /// The first record that did not fit the ones before it. A driver that replays a log has to
    /// stop here: the log is not what was agreed on.
    pub fn fault(&self) -> Option<&Inconsistent> {
        self.fault.as_ref()
    }

    /// The first records of a new cluster: the levels of its features.
    fn bootstrap(&self, ticket: Ticket, effects: &mut Vec<Effect>) {
        if self.image.is_empty() {
            let level = |feature: &super::Feature| {
                let (name, level) = (feature.name.to_owned(), feature.initial);
                Record::FeatureLevel(FeatureLevelRecord { name, level })
            };
            effects.push(Effect::Append(SUPPORTED.iter().map(level).collect()));
        }
        effects.push(Effect::Reply(ticket, Reply::Done));
    }

    fn allocate_producer_ids(&self, ticket: Ticket, broker: BrokerId, effects: &mut Vec<Effect>) {
        let Some(registration) = self.image.broker(broker) else {
            let failure = Failure::new(
                ErrorCode::BrokerIdNotRegistered,
                format!("broker {} is not registered", broker.0),
            );
            effects.push(Effect::Reply(ticket, Reply::Failed(failure)));
            return;
        };
        let first = self.image.next_producer_id();
        let Some(next) = first.checked_add(PRODUCER_ID_BLOCK) else {
            let failure = Failure::new(
                ErrorCode::UnknownServerError,
                "all producer ids of this cluster are used up".to_owned(),
            );
            effects.push(Effect::Reply(ticket, Reply::Failed(failure)));
            return;
        };
        let epoch = registration.epoch;
        effects.push(Effect::Append(vec![Record::ProducerIds(ProducerIdsRecord {
            broker,
            epoch,
            next,
        })]));
        effects.push(Effect::Reply(ticket, Reply::ProducerIds { first, count: PRODUCER_ID_BLOCK }));
    }
}

impl Machine for Controller {
    type Input = Input;
    type Effect = Effect;

    fn step(&mut self, _now: Now, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Bootstrap { ticket } => self.bootstrap(ticket, effects),
            Input::RegisterBroker { ticket, registration } => {
                self.register_broker(ticket, registration, effects);
            }
            Input::CreateTopics { ticket, topics, validate_only } => {
                self.create_topics(ticket, topics, validate_only, effects);
            }
            Input::DeleteTopics { ticket, topics } => self.delete_topics(ticket, topics, effects),
            Input::CreatePartitions { ticket, topics, validate_only } => {
                self.create_partitions(ticket, topics, validate_only, effects);
            }
            Input::AllocateProducerIds { ticket, broker } => {
                self.allocate_producer_ids(ticket, broker, effects);
            }
            Input::FailDirectories { ticket, broker, online } => {
                self.fail_directories(ticket, broker, online, effects);
            }
            Input::AssignDirectories { ticket, broker, assignments } => {
                self.assign_directories(ticket, broker, &assignments, effects);
            }
            Input::ElectLeaders { ticket, election, partitions } => {
                self.elect_leaders(ticket, election, partitions, effects);
            }
            Input::ReassignPartitions { ticket, topics, allow_factor_change } => {
                self.reassign_partitions(ticket, topics, allow_factor_change, effects);
            }
            Input::AlterConfigs { ticket, resources, validate_only } => {
                self.alter_configs(ticket, &resources, validate_only, effects);
            }
        }
    }

    fn deadline(&self) -> Option<Millis> {
        None
    }
}

impl Replicated for Controller {
    type Record = Record;

    fn apply(&mut self, record: &Record) {
        if let Err(inconsistent) = self.image.apply(record) {
            self.fault.get_or_insert(inconsistent);
        } else if let Record::Config(config) = record
            && config.resource_type == ResourceKind::Broker.code()
        {
            self.config = self.image.settings_of(self.node, &self.fixed);
        }
    }
}

/// Pushes the records, if there are any and they are meant, and then the answer.
fn decide(
    ticket: Ticket,
    records: Vec<Record>,
    reply: Reply,
    validate_only: bool,
    effects: &mut Vec<Effect>,
) {
    if !records.is_empty() && !validate_only {
        effects.push(Effect::Append(records));
    }
    effects.push(Effect::Reply(ticket, reply));
}

/// The names that occur more than once.
fn repeated<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    names.filter(|name| !seen.insert(*name)).map(str::to_owned).collect()
}
