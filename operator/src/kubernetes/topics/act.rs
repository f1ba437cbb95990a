//! Tells the brokers: one request per kind of action.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;

use super::Refusals;
use crate::admin::{AdminError, Answers, NewTopic};
use crate::fleet::plan::Action;
use crate::kubernetes::kafka::Contact;
use crate::kubernetes::operator::Operator;

/// Carries the actions out; what the brokers refuse is remembered.
pub(super) async fn act(
    operator: &Operator,
    contact: &Contact,
    actions: &[Action],
    refusals: &mut Refusals,
    now: Timestamp,
) -> Result<(), AdminError> {
    let (mut create, mut extend, mut delete) = (Vec::new(), Vec::new(), Vec::new());
    let mut alter = BTreeMap::new();
    for action in actions {
        match action {
            Action::CreateTopic(name, topic) => create.push(NewTopic {
                name: name.to_string(),
                partitions: topic.partitions,
                replicas: topic.replicas,
                config: topic.config.clone(),
            }),
            Action::AddPartitions(name, _, count) => extend.push((name.to_string(), *count)),
            Action::AlterTopic(name, _, changes) => {
                alter.insert(name.to_string(), changes.clone());
            }
            Action::DeleteTopic(name, _) => delete.push(name.to_string()),
            Action::ForgetTopic(..)
            | Action::StartBroker(_)
            | Action::RestartBroker(_)
            | Action::AlterBroker(..) => {}
        }
    }
    let brokers = &operator.brokers;
    let mut note = |answers: Answers, kind: fn(&Action) -> bool| {
        for action in actions.iter().filter(|action| kind(action)) {
            let refusal = name(action).and_then(|name| answers.get(name)?.as_ref().err());
            if let Some(refusal) = refusal {
                refusals.add(action.clone(), refusal.clone(), now);
            }
        }
    };
    if !create.is_empty() {
        let answers = brokers.create(contact, &create).await?;
        note(answers, |action| matches!(action, Action::CreateTopic(..)));
    }
    if !extend.is_empty() {
        let answers = brokers.extend(contact, &extend).await?;
        note(answers, |action| matches!(action, Action::AddPartitions(..)));
    }
    if !alter.is_empty() {
        let answers = brokers.alter(contact, &alter).await?;
        note(answers, |action| matches!(action, Action::AlterTopic(..)));
    }
    if !delete.is_empty() {
        let answers = brokers.delete(contact, &delete).await?;
        note(answers, |action| matches!(action, Action::DeleteTopic(..)));
    }
    Ok(())
}

fn name(action: &Action) -> Option<&str> {
    match action {
        Action::CreateTopic(name, _)
        | Action::AddPartitions(name, ..)
        | Action::AlterTopic(name, ..)
        | Action::DeleteTopic(name, _) => Some(name.as_str()),
        _ => None,
    }
}
