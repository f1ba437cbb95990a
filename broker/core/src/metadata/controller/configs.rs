//! Settings change.

use kastellan_protocol::ErrorCode;

use super::{AlterConfigs, ConfigOp, Controller, Effect, Failure, Reply, decide};
use crate::{
    config::{self, Kind, Overrides, Scope},
    machine::Ticket,
    metadata::{ConfigRecord, Record, ResourceKind},
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
        for (index, wanted) in resources.iter().enumerate() {
            let others = resources.iter().enumerate().filter(|(other, _)| *other != index);
            let twice = others.into_iter().any(|(_, other)| other.resource == wanted.resource);
            let result = if twice {
                Err(Failure::new(
                    ErrorCode::InvalidRequest,
                    "the resource occurs more than once in the request",
                ))
            } else {
                self.alter(wanted).map(|new| records.extend(new))
            };
            results.push((wanted.resource.name.clone(), result));
        }
        decide(ticket, records, Reply::Results(results), validate_only, effects);
    }

    fn alter(&self, wanted: &AlterConfigs) -> Result<Vec<Record>, Failure> {
        let resource = &wanted.resource;
        match resource.kind {
            ResourceKind::Topic if self.image.topic(&resource.name).is_some() => (),
            ResourceKind::Topic => {
                return Err(Failure::new(
                    ErrorCode::UnknownTopicOrPartition,
                    "there is no such topic",
                ));
            }
            ResourceKind::Broker
            | ResourceKind::BrokerLogger
            | ResourceKind::ClientMetrics
            | ResourceKind::Group => {
                return Err(Failure::new(
                    ErrorCode::InvalidRequest,
                    "only the settings of topics can be changed at run time; a broker's are given \
                     at its start",
                ));
            }
        }
        let before = self.image.topic_overrides(&resource.name);
        let mut after = Overrides::clone(&before);
        let mut touched = Vec::new();
        for change in &wanted.changes {
            if touched.contains(&&change.name) {
                return Err(Failure::new(
                    ErrorCode::InvalidRequest,
                    format!("{} is changed more than once", change.name),
                ));
            }
            touched.push(&change.name);
            self.change(&mut after, &change.name, &change.op)?;
        }
        config::check_topic(&after, &self.config)
            .map_err(|error| Failure::new(ErrorCode::InvalidConfig, error.to_string()))?;
        let records = touched.into_iter().filter(|name| before.get(*name) != after.get(*name));
        Ok(records
            .map(|name| {
                Record::Config(ConfigRecord {
                    resource_type: resource.kind.code(),
                    resource_name: resource.name.clone(),
                    name: name.clone(),
                    value: after.get(name).cloned(),
                })
            })
            .collect())
    }

    fn change(&self, after: &mut Overrides, name: &str, op: &ConfigOp) -> Result<(), Failure> {
        let invalid = |message| Failure::new(ErrorCode::InvalidConfig, message);
        let setting =
            config::find(Scope::Topic, name).map_err(|error| invalid(error.to_string()))?;
        let list = matches!(setting.kind, Kind::List | Kind::Words(_) | Kind::Replicas);
        match op {
            ConfigOp::Set(value) => {
                after.insert(name.to_owned(), value.clone());
            }
            ConfigOp::Delete => {
                after.remove(name);
            }
            ConfigOp::Append(_) | ConfigOp::Subtract(_) if !list => {
                return Err(invalid(format!("{name} is no list: set it instead")));
            }
            ConfigOp::Append(more) => {
                let mut words = self.words(after, name);
                for word in split(more) {
                    if !words.contains(&word) {
                        words.push(word);
                    }
                }
                after.insert(name.to_owned(), words.join(","));
            }
            ConfigOp::Subtract(less) => {
                let less = split(less);
                let mut words = self.words(after, name);
                words.retain(|word| !less.contains(word));
                after.insert(name.to_owned(), words.join(","));
            }
        }
        Ok(())
    }

    fn words(&self, after: &Overrides, name: &str) -> Vec<String> {
        let current = after.get(name).cloned();
        split(&current.unwrap_or_else(|| self.config.topic_default(name)))
    }
}

fn split(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
