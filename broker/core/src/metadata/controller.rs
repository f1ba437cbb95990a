//! The machine that decides about cluster metadata.
//!
//! Every decision is records plus an answer: [`Effect::Append`] first, then the [`Effect::Reply`]
//! that holds once those records are committed. Requests that change nothing get their answer
//! alone. Ids that have to be random come in with the input.

mod acls;
mod alter_partition;
mod balance;
mod brokers;
mod change;
mod configs;
mod create_partitions;
mod create_topics;
mod delete_topics;
mod directories;
mod elect_leaders;
mod features;
mod fencing;
mod heartbeat;
mod index;
mod input;
mod mutations;
mod placement;
mod producer_ids;
mod quotas;
mod reassign;
mod reply;
mod rules;
mod scram;
mod sessions;
#[cfg(test)]
mod tests;
mod tokens;
mod transition;

use std::{collections::BTreeSet, sync::Arc};

pub use directories::DirectoryAssignment;
pub use input::{
    AlterConfigs, ConfigChange, ConfigOp, Election, FeatureUpdate, FeatureUpdateKind, Heartbeat,
    Input, IsrProposal, NewPartitions, NewTopic, Reassignment, TopicRef,
};
pub use mutations::Requester;
pub use producer_ids::PRODUCER_ID_BLOCK;
pub use quotas::QuotaChange;
pub use reply::{
    CreatedTopic, DeletedTopic, Effect, Failure, PartitionResults, ProposalResults, Reply,
    TopicResults,
};
pub use scram::{SaltedPassword, ScramChange, ScramUser};
pub use tokens::{LONGEST_PRINCIPAL, MOST_TOKENS, NewToken, Period, TokenChange, TokenRequest};

use self::{
    fencing::push_in_batches, index::Index, mutations::Mutations, rules::Rules, sessions::Sessions,
    tokens::Tokens,
};
use super::{
    Image, Inconsistent, Partition, ResourceKind,
    feature::SUPPORTED,
    record::{FeatureLevelRecord, Record},
};
use crate::{
    config::BrokerConfig,
    id::{BrokerId, Uuid},
    machine::{Machine, Millis, Now, Replicated, Ticket},
};

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
    /// What elections go by: a fold over the image, as the next two are.
    rules: Rules,
    index: Index,
    /// Soft state: who was heard of lately.
    sessions: Sessions,
    /// Soft state: what everybody has created and deleted lately.
    mutations: Mutations,
    /// A fold over the image, too: how delegation tokens are found.
    tokens: Tokens,
    /// Soft state: when preferred replicas get the lead back.
    balance_at: Option<Millis>,
    /// The first record that could not follow the ones before it.
    fault: Option<Inconsistent>,
}

impl Controller {
    /// A controller that starts from `image`: empty, or from a snapshot. It runs in the broker
    /// `node`, which was started with `fixed`.
    pub fn new(image: Image, node: BrokerId, fixed: BrokerConfig) -> Self {
        let config = image.settings_of(node, &fixed);
        Self {
            rules: Rules::of(&image, &fixed),
            index: Index::of(&image),
            sessions: Sessions::default(),
            mutations: Mutations::default(),
            tokens: Tokens::of(&image, &config.tokens),
            balance_at: None,
            fault: None,
            image,
            node,
            fixed,
            config,
        }
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

    /// The first input of a term. A new cluster begins with the levels of its features. In one that
    /// exists nothing is known yet of who lives: every session is assumed to begin now, and whoever
    /// refuses a connection is found out at once.
    fn bootstrap(&mut self, now: Millis, ticket: Ticket, effects: &mut Vec<Effect>) {
        for broker in self.image.brokers().filter(|broker| !broker.fenced) {
            self.sessions.assume(broker.id, broker.epoch, now);
        }
        push_in_batches(&self.repairs(&self.rules), effects);
        let others = self.image.brokers().filter(|it| !it.fenced && it.id != self.node);
        effects.extend(others.map(|it| Effect::Dial { broker: it.id, epoch: it.epoch }));
        if self.image.is_empty() {
            let level = |feature: &super::Feature| {
                let (name, level) = (feature.name.to_owned(), feature.initial);
                Record::FeatureLevel(FeatureLevelRecord { name, level })
            };
            effects.push(Effect::Append(SUPPORTED.iter().map(level).collect()));
        }
        effects.push(Effect::Reply(ticket, Reply::Done));
    }

    /// A controller that did not look for so long that it could not hear anybody has learnt nothing
    /// about others: it was paused, not they.
    fn notice_oversleeping(&mut self, now: Millis) {
        if self.sessions.overslept(now, self.rules.sessions) {
            self.sessions.restart(now);
        }
    }

    /// The partitions that a record is about, as they are.
    fn touched(&self, record: &Record) -> Vec<(index::Key, Option<Arc<Partition>>)> {
        let one = |topic: &Uuid, index: i32| {
            vec![((*topic, index), self.image.partition(topic, index).cloned())]
        };
        match record {
            Record::Partition(record) => one(&record.topic, record.partition),
            Record::PartitionChange(change) => one(&change.topic, change.partition),
            Record::RemoveTopic { id } => {
                let partitions = self.image.topic_by_id(id).map(|topic| &topic.partitions);
                let all = partitions.into_iter().flatten();
                all.map(|(index, state)| ((*id, *index), Some(Arc::clone(state)))).collect()
            }
            Record::RegisterBroker(_)
            | Record::UnregisterBroker { .. }
            | Record::BrokerRegistrationChange(_)
            | Record::FenceBroker { .. }
            | Record::UnfenceBroker { .. }
            | Record::Topic(_)
            | Record::Config(_)
            | Record::FeatureLevel(_)
            | Record::ProducerIds(_)
            | Record::UserScramCredential(_)
            | Record::RemoveUserScramCredential(_)
            | Record::ClientQuota(_)
            | Record::AccessControlEntry(_)
            | Record::RemoveAccessControlEntry { .. }
            | Record::DelegationToken(_)
            | Record::RemoveDelegationToken { .. }
            | Record::NoOp => Vec::new(),
        }
    }

    /// What else follows from a record that the image has taken in.
    fn keep_up_with(&mut self, record: &Record) {
        match record {
            Record::Config(config) if config.resource_type == ResourceKind::Broker.code() => {
                self.config = self.image.settings_of(self.node, &self.fixed);
                self.rules = Rules::of(&self.image, &self.fixed);
            }
            Record::FeatureLevel(_) => self.rules = Rules::of(&self.image, &self.fixed),
            Record::UnregisterBroker { broker, .. } | Record::FenceBroker { broker, .. } => {
                self.sessions.end(*broker);
            }
            Record::BrokerRegistrationChange(change) if change.fenced == Some(true) => {
                self.sessions.end(change.broker);
            }
            Record::DelegationToken(record) => {
                if let Some(token) = self.image.token(&record.id) {
                    self.tokens.add(token, &self.config.tokens);
                }
            }
            Record::BrokerRegistrationChange(_)
            | Record::RegisterBroker(_)
            | Record::UnfenceBroker { .. }
            | Record::Topic(_)
            | Record::RemoveTopic { .. }
            | Record::Partition(_)
            | Record::PartitionChange(_)
            | Record::Config(_)
            | Record::ProducerIds(_)
            | Record::UserScramCredential(_)
            | Record::RemoveUserScramCredential(_)
            | Record::ClientQuota(_)
            | Record::AccessControlEntry(_)
            | Record::RemoveAccessControlEntry { .. }
            | Record::RemoveDelegationToken { .. }
            | Record::NoOp => (),
        }
    }
}

impl Machine for Controller {
    type Input = Input;
    type Effect = Effect;

    fn step(&mut self, both: Now, input: Input, effects: &mut Vec<Effect>) {
        let now = both.monotonic;
        self.notice_oversleeping(now);
        self.plan_balance(now);
        self.plan_sweep(now);
        match input {
            Input::Bootstrap { ticket } => self.bootstrap(now, ticket, effects),
            Input::Tick => {
                self.expire_sessions(now, effects);
                if effects.is_empty() {
                    self.balance(now, effects);
                }
                self.sweep_tokens(both, effects);
            }
            Input::Refused { broker, epoch } => self.refused(broker, epoch, effects),
            Input::RegisterBroker { ticket, registration, previous_epoch } => {
                self.register_broker(now, ticket, (registration, previous_epoch), effects);
            }
            Input::Heartbeat { ticket, heartbeat } => {
                self.heartbeat(now, ticket, &heartbeat, effects);
            }
            Input::AlterPartition { ticket, broker, epoch, topics } => {
                self.alter_partition(ticket, (broker, epoch), topics, effects);
            }
            Input::UnregisterBroker { ticket, broker } => {
                self.unregister_broker(ticket, broker, effects);
            }
            Input::UpdateFeatures { ticket, updates, validate_only } => {
                self.update_features(ticket, &updates, validate_only, effects);
            }
            Input::OnBehalf { requester, input } => {
                self.on_behalf(both, &requester, *input, effects);
            }
            Input::CreateTopics { ticket, topics, validate_only } => {
                self.create_topics(ticket, topics, validate_only, effects);
            }
            Input::DeleteTopics { ticket, topics } => self.delete_topics(ticket, topics, effects),
            Input::CreatePartitions { ticket, topics, validate_only } => {
                self.create_partitions(ticket, topics, validate_only, effects);
            }
            Input::AllocateProducerIds { ticket, broker, epoch } => {
                self.allocate_producer_ids(ticket, broker, epoch, effects);
            }
            Input::FailDirectories { ticket, broker, online } => {
                self.fail_directories(ticket, broker, online, effects);
            }
            Input::AssignDirectories { ticket, broker, epoch, assignments } => {
                self.assign_directories(ticket, (broker, epoch), &assignments, effects);
            }
            Input::ElectLeaders { ticket, election, partitions } => {
                self.elect_leaders(ticket, election, partitions, effects);
            }
            Input::ReassignPartitions { ticket, topics, allow_factor_change } => {
                self.reassign_partitions(ticket, topics, allow_factor_change, effects);
            }
            Input::AlterScram { ticket, changes } => self.alter_scram(ticket, &changes, effects),
            Input::Token { ticket, request } => {
                self.token(both.wall, ticket, request, effects);
            }
            Input::FirstUsers { ticket, users } => self.first_users(ticket, users, effects),
            Input::AlterQuotas { ticket, changes, validate_only } => {
                self.alter_quotas(ticket, changes, validate_only, effects);
            }
            Input::CreateAcls { ticket, acls } => self.create_acls(ticket, acls, effects),
            Input::DeleteAcls { ticket, filters } => self.delete_acls(ticket, &filters, effects),
            Input::AlterConfigs { ticket, resources, validate_only } => {
                self.alter_configs(ticket, &resources, validate_only, effects);
            }
        }
    }

    fn deadline(&self) -> Option<Millis> {
        let session = self.sessions.deadline(self.rules.sessions);
        session.into_iter().chain(self.balance_at).chain(self.tokens.sweep_at()).min()
    }
}

impl Replicated for Controller {
    type Record = Record;

    fn apply(&mut self, record: &Record) {
        let touched = self.touched(record);
        let ended = self.token_that_ends(record);
        if let Err(inconsistent) = self.image.apply(record) {
            self.fault.get_or_insert(inconsistent);
            return;
        }
        for ((topic, index), before) in touched {
            let after = self.image.partition(&topic, index);
            self.index.update((topic, index), before.as_deref(), after.map(|it| &**it));
        }
        if let Some(token) = ended {
            self.tokens.remove(&token, &self.config.tokens);
        }
        self.keep_up_with(record);
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
