//! The topics of the cluster, as the brokers have them: seen, created, extended, deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use kastellan_crds::name::TopicName;

use crate::admin::{Admin, AdminError, Answers, NewTopic, Refusal};
use crate::fleet::Fleet;
use crate::fleet::plan::{Action, Managed, ObservedTopic};

/// What this process knows of the topics.
#[derive(Debug, Default)]
pub(super) struct Topics {
    admin: Option<Admin>,
    managed: BTreeMap<TopicName, Managed>,
    /// What the brokers would not do; not asked again before something changes.
    refused: Vec<(Action, Refusal)>,
}

impl Topics {
    /// The files or the brokers have changed: ask everything again.
    pub(super) fn ask_again(&mut self) {
        self.refused.clear();
    }

    /// The connection may lead nowhere any more.
    pub(super) fn disconnect(&mut self) {
        self.admin = None;
    }

    /// The topics that the files have asked for so far.
    pub(super) fn managed(&self) -> &BTreeMap<TopicName, Managed> {
        &self.managed
    }

    /// What the brokers answered to this action, if they would not.
    pub(super) fn refusal(&self, action: &Action) -> Option<&Refusal> {
        self.refused.iter().find(|(refused, _)| refused == action).map(|(_, refusal)| refusal)
    }

    /// Whether some of what was refused may be granted the next time.
    pub(super) fn passing(&self) -> bool {
        self.refused.iter().any(|(_, refusal)| refusal.retriable)
    }

    /// Those of the topics that matter which exist.
    pub(super) async fn observe(
        &mut self,
        fleet: &Fleet,
        broker: SocketAddr,
    ) -> Result<BTreeMap<TopicName, ObservedTopic>, AdminError> {
        let names: BTreeSet<&TopicName> = fleet.topics.keys().chain(self.managed.keys()).collect();
        let asked = names.iter().map(|name| {
            let settings = fleet.topics.get(*name).map(|topic| topic.config.keys().cloned());
            (name.to_string(), settings.map(Iterator::collect).unwrap_or_default())
        });
        let asked: BTreeMap<String, Vec<String>> = asked.collect();
        if asked.is_empty() {
            return Ok(BTreeMap::new());
        }
        let found = self.admin(broker).await?.describe(&asked).await?;
        let observed = found.into_iter().filter_map(|(name, topic)| {
            let (partitions, replicas, config) = (topic.partitions, topic.replicas, topic.config);
            Some((name.parse().ok()?, ObservedTopic { partitions, replicas, config }))
        });
        let observed: BTreeMap<TopicName, ObservedTopic> = observed.collect();
        self.remember(fleet, &observed);
        Ok(observed)
    }

    /// A topic that the files ask for and that is there is theirs from now on.
    fn remember(&mut self, fleet: &Fleet, observed: &BTreeMap<TopicName, ObservedTopic>) {
        for (name, topic) in &fleet.topics {
            if observed.contains_key(name) {
                let managed = self.managed.entry(name.clone()).or_insert_with(|| Managed {
                    object: topic.object.clone(),
                    deletion_policy: topic.deletion_policy,
                    config: topic.config.clone(),
                });
                managed.object.clone_from(&topic.object);
                managed.deletion_policy = topic.deletion_policy;
            }
        }
    }

    async fn admin(&mut self, broker: SocketAddr) -> Result<&mut Admin, AdminError> {
        let admin = match self.admin.take() {
            Some(admin) => admin,
            None => Admin::connect(broker).await?,
        };
        Ok(self.admin.insert(admin))
    }

    /// Does what the plan says about topics: one request per kind of action.
    pub(super) async fn act(
        &mut self,
        actions: &[Action],
        broker: SocketAddr,
    ) -> Result<(), AdminError> {
        let (mut create, mut extend, mut delete) = (Vec::new(), Vec::new(), Vec::new());
        for action in actions {
            match action {
                Action::CreateTopic(name, topic) => create.push(NewTopic {
                    name: name.to_string(),
                    partitions: topic.partitions,
                    replicas: topic.replicas,
                    config: topic.config.clone(),
                }),
                Action::AddPartitions(name, _, count) => extend.push((name.to_string(), *count)),
                Action::DeleteTopic(name, _) => delete.push(name.to_string()),
                Action::ForgetTopic(name, ..) => drop(self.managed.remove(name)),
                Action::StartBroker(_) | Action::RestartBroker(_) => {}
            }
        }
        let mut answers = Answers::new();
        if !create.is_empty() {
            answers.extend(self.admin(broker).await?.create(&create).await?);
        }
        if !extend.is_empty() {
            answers.extend(self.admin(broker).await?.extend(&extend).await?);
        }
        if !delete.is_empty() {
            answers.extend(self.admin(broker).await?.delete(&delete).await?);
        }
        self.refused.extend(actions.iter().filter_map(|action| {
            let refusal = answers.get(topic(action)?.as_str())?.as_ref().err()?;
            Some((action.clone(), refusal.clone()))
        }));
        Ok(())
    }
}

/// The topic that an action is about.
pub(super) fn topic(action: &Action) -> Option<&TopicName> {
    match action {
        Action::CreateTopic(name, _)
        | Action::AddPartitions(name, _, _)
        | Action::DeleteTopic(name, _)
        | Action::ForgetTopic(name, ..) => Some(name),
        Action::StartBroker(_) | Action::RestartBroker(_) => None,
    }
}

/// The object that asked for an action on a topic.
pub(super) fn object(action: &Action) -> Option<&str> {
    match action {
        Action::CreateTopic(_, topic) => Some(topic.object.as_str()),
        Action::AddPartitions(_, object, _)
        | Action::DeleteTopic(_, object)
        | Action::ForgetTopic(_, object, _) => Some(object.as_str()),
        Action::StartBroker(_) | Action::RestartBroker(_) => None,
    }
}
