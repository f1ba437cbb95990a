//! Settings change.

mod list;
mod resource;

use std::collections::BTreeSet;

use kastellan_protocol::ErrorCode;

use super::{
    AlterConfigs, ConfigOp, Controller, Effect, Failure, Reply,
    create_topics::apply_all,
    decide,
    fencing::{push_in_batches, transitions},
    rules::{MIN_IN_SYNC, Rules},
};
use crate::{
    config::{self, Overrides, Scope, Update},
    machine::Ticket,
    metadata::{ConfigRecord, ConfigResource, Record, ResourceKind},
};

impl Controller {
    pub(super) fn alter_configs(
        &self,
        ticket: Ticket,
        resources: &[AlterConfigs],
        validate_only: bool,
        effects: &mut Vec<Effect>,
    ) {
        let mut records = Vec::new();
        let mut results = Vec::with_capacity(resources.len());
        let mut seen = std::collections::BTreeMap::new();
        for wanted in resources {
            *seen.entry(&wanted.resource).or_insert(0_usize) += 1;
        }
        for wanted in resources {
            let result = if seen.get(&wanted.resource).is_some_and(|times| *times > 1) {
                Err(invalid_request("the resource occurs more than once in the request"))
            } else {
                self.alter(wanted).map(|new| records.extend(new))
            };
            results.push((wanted.resource.name.clone(), result));
        }
        if !validate_only {
            // first what partitions lose by it: should only half of the batches get into the log,
            // nothing is believed that is not so
            push_in_batches(&self.consequences(&records), effects);
        }
        decide(ticket, records, Reply::Results(results), validate_only, effects);
    }

    /// What changed settings mean for partitions: an ISR that is large enough now leaves nobody
    /// eligible beside it (a leader may go on without them), and some may be led uncleanly.
    fn consequences(&self, records: &[Record]) -> Vec<Record> {
        let mut topics = BTreeSet::new();
        let mut all = false;
        for record in records {
            let Record::Config(config) = record else { continue };
            match ResourceKind::from_code(config.resource_type) {
                Some(ResourceKind::Topic) if Rules::decides(&config.name) => {
                    topics.extend(self.image.topic(&config.resource_name).map(|topic| topic.id));
                }
                Some(ResourceKind::Broker) => all |= Rules::decides(&config.name),
                _ => (),
            }
        }
        if topics.is_empty() && !all {
            return Vec::new();
        }
        let mut after = self.image.clone();
        apply_all(&mut after, records);
        let rules = Rules::of(&after, &self.fixed);
        let mut keys = self.index.leaderless();
        keys.extend(self.index.eligible());
        keys.retain(|(topic, _)| all || topics.contains(topic));
        transitions(&after, &rules, keys, |transition| transition)
    }

    fn alter(&self, wanted: &AlterConfigs) -> Result<Vec<Record>, Failure> {
        let resource = &wanted.resource;
        let scope = self.scope(resource)?;
        let before = self.image.config(resource).map(|it| Overrides::clone(it)).unwrap_or_default();
        let mut after = if wanted.replace { Overrides::new() } else { before.clone() };
        let mut touched = Vec::new();
        for change in &wanted.changes {
            if touched.contains(&change.name.as_str()) {
                return Err(invalid_request(format!("{} is changed more than once", change.name)));
            }
            touched.push(&change.name);
            self.change(scope, &mut after, &change.name, &change.op)
                .map_err(|error| refusal(scope, &error))?;
        }
        if wanted.replace {
            let forgotten = before.keys().map(String::as_str);
            let forgotten: Vec<_> = forgotten.filter(|name| !touched.contains(name)).collect();
            touched.extend(forgotten);
        }
        touched.retain(|name| before.get(*name) != after.get(*name));
        self.check(resource, &after).map_err(|error| refusal(scope, &error))?;
        let record = |name: &str| ConfigRecord {
            resource_type: resource.kind.code(),
            resource_name: resource.name.clone(),
            name: name.to_owned(),
            value: after.get(name).cloned(),
        };
        Ok(touched.into_iter().map(|name| Record::Config(record(name))).collect())
    }

    /// Applies one change; what it leads to is checked when all of them are there.
    fn change(
        &self,
        scope: Scope,
        after: &mut Overrides,
        name: &str,
        op: &ConfigOp,
    ) -> Result<(), config::Invalid> {
        if matches!(op, ConfigOp::Delete) {
            // also of names that this version does not know: how else would they go?
            after.remove(name);
            return Ok(());
        }
        let setting = config::find(scope, name)?;
        if setting.update == Update::ReadOnly {
            return Err(config::Invalid::ReadOnly { name: name.to_owned() });
        }
        let current = || {
            let own = after.get(name).cloned();
            own.unwrap_or_else(|| config::default_of(scope, name, &self.config))
        };
        let value = match op {
            ConfigOp::Append(_) | ConfigOp::Subtract(_) if !setting.kind.is_list() => {
                return Err(config::Invalid::NotAList { name: setting.name });
            }
            ConfigOp::Append(more) => list::append(&current(), more),
            ConfigOp::Subtract(less) => list::subtract(&current(), less),
            ConfigOp::Set(value) => value.clone(),
            ConfigOp::Delete => return Ok(()),
        };
        after.insert(name.to_owned(), value);
        Ok(())
    }

    /// What a resource's settings must be, each for itself and all together.
    fn check(&self, resource: &ConfigResource, after: &Overrides) -> Result<(), config::Invalid> {
        match resource.kind {
            ResourceKind::Topic => config::check_topic(after, &self.config),
            ResourceKind::Group => config::check_group(after, &self.config),
            ResourceKind::ClientMetrics => config::check_client_metrics(after),
            ResourceKind::Broker => self.check_broker(resource, after),
            ResourceKind::BrokerLogger => Ok(()),
        }
    }

    fn check_broker(
        &self,
        resource: &ConfigResource,
        after: &Overrides,
    ) -> Result<(), config::Invalid> {
        for (name, value) in after {
            config::check(Scope::Broker, name, value)?;
            let one_by_one =
                config::find(Scope::Broker, name).is_ok_and(|it| it.update == Update::PerBroker);
            if one_by_one && resource.name.is_empty() {
                let message = format!("{name} is set for one broker at a time");
                return Err(config::Invalid::Conflict(message));
            }
        }
        if self.rules.eligible && self.image.brokers().nth(1).is_some() {
            let sets = after.contains_key(MIN_IN_SYNC);
            let did = self.image.config(resource).is_some_and(|it| it.contains_key(MIN_IN_SYNC));
            if if resource.name.is_empty() { did && !sets } else { sets } {
                let message = "min.insync.replicas is set for all brokers or for topics: who is \
                               eligible to lead depends on every leader going by the same"
                    .to_owned();
                return Err(config::Invalid::Conflict(message));
            }
        }
        let none = Overrides::new();
        let others = |name: &str| self.image.config(&ConfigResource::broker(name));
        let would_be = if resource.name.is_empty() {
            self.fixed.with_dynamic(after, &none)
        } else {
            self.fixed.with_dynamic(others("").map_or(&none, |all| all), after)
        };
        would_be.conflicts().into_iter().next().map_or(Ok(()), Err)
    }
}

fn invalid_request(message: impl Into<String>) -> Failure {
    Failure::new(ErrorCode::InvalidRequest, message)
}

/// Kafka's code for a change that cannot be: brokers look at their own settings themselves and
/// call the request wrong, the controller looks at the others and calls the configuration wrong.
fn refusal(scope: Scope, error: &config::Invalid) -> Failure {
    let out_of_range =
        |name: &str, value: &str| name == "interval.ms" && value.trim().parse::<i32>().is_ok();
    let code = match (scope, error) {
        (_, config::Invalid::NotAList { .. }) => ErrorCode::InvalidConfig,
        (Scope::Broker, _) | (Scope::ClientMetrics, config::Invalid::Unknown { .. }) => {
            ErrorCode::InvalidRequest
        }
        (Scope::ClientMetrics, config::Invalid::Value { name, value, .. })
            if out_of_range(name, value) =>
        {
            ErrorCode::InvalidRequest
        }
        _ => ErrorCode::InvalidConfig,
    };
    Failure::new(code, error.to_string())
}
