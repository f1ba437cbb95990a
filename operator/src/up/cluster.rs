//! The cluster, as its brokers tell and as they are told: topics, settings, and what was refused.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kastellan_crds::name::TopicName;
use tokio::time::Instant;

use super::contact::Contact;
use crate::admin::{
    Admin, AdminError, Answers, BROKER, NewTopic, Refusal, RefusedUsers, Source, TOPIC,
};
use crate::fleet::plan::{self, Action, Managed, ObservedBroker, ObservedTopic, Settled};
use crate::fleet::user::{Changes, Held};
use crate::fleet::{Broker, Fleet};

/// How long a broker may take for one answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it may take until a broker knows of another one that serves.
const SPREADING: Duration = Duration::from_secs(3);
/// Before it is asked again.
const SOON: Duration = Duration::from_millis(20);

/// What this process knows of the cluster.
#[derive(Debug, Default)]
pub(super) struct Cluster {
    admin: Option<Admin>,
    managed: BTreeMap<TopicName, Managed>,
    /// What the brokers would not do; not asked again before something changes.
    refused: Vec<(Action, Refusal)>,
}

impl Cluster {
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
    pub(super) async fn topics(
        &mut self,
        fleet: &Fleet,
        broker: &Contact,
    ) -> Result<BTreeMap<TopicName, ObservedTopic>, AdminError> {
        let names: BTreeSet<&TopicName> = fleet.topics.keys().chain(self.managed.keys()).collect();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let found = self.admin(broker).await?.describe(&names).await?;
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
            let Some(there) = observed.get(name) else { continue };
            let managed = self.managed.entry(name.clone()).or_insert_with(|| Managed {
                object: topic.object.clone(),
                deletion_policy: topic.deletion_policy,
                settled: None,
            });
            managed.object.clone_from(&topic.object);
            managed.deletion_policy = topic.deletion_policy;
            if plan::as_asked(topic, there) {
                managed.settled = Some(Settled::of(topic));
            }
        }
    }

    /// The brokers, as they were started, with what was set on them since.
    pub(super) async fn brokers(
        &mut self,
        started: BTreeMap<i32, Broker>,
        contact: &Contact,
    ) -> Result<BTreeMap<i32, ObservedBroker>, AdminError> {
        let names: Vec<String> = started.keys().map(ToString::to_string).collect();
        let admin = self.admin(contact).await?;
        let begun = Instant::now();
        // whose settings are asked for has to be known by address, and the one that is asked hears
        // of the others a moment after they serve
        while let Some(id) = started.keys().find(|id| !admin.knows(**id)) {
            if begun.elapsed() > SPREADING {
                return Err(AdminError::NoBroker(*id));
            }
            tokio::time::sleep(SOON).await;
            admin.metadata(Some(&[])).await?;
        }
        let mut settings = admin.settings(BROKER, &names).await?;
        let mut observed = BTreeMap::new();
        for (id, started) in started {
            let settings = settings.remove(&id.to_string()).ok_or(AdminError::NoBroker(id))??;
            let set = settings.into_iter().filter(|one| one.source == Source::Broker);
            // what nobody may see nobody can compare
            let overrides = set.filter_map(|one| Some((one.name, one.value?))).collect();
            observed.insert(id, ObservedBroker { started, overrides });
        }
        Ok(observed)
    }

    /// What the brokers hold of users.
    pub(super) async fn users(&mut self, broker: &Contact) -> Result<Held, AdminError> {
        self.admin(broker).await?.users().await
    }

    /// Changes users; what the brokers would not do.
    pub(super) async fn alter_users(
        &mut self,
        broker: &Contact,
        changes: &Changes,
    ) -> Result<RefusedUsers, AdminError> {
        self.admin(broker).await?.alter_users(changes).await
    }

    async fn admin(&mut self, broker: &Contact) -> Result<&mut Admin, AdminError> {
        let admin = if let Some(admin) = self.admin.take() {
            admin
        } else {
            let mut admin = broker.connect(PATIENCE).await?;
            admin.metadata(Some(&[])).await?;
            admin
        };
        Ok(self.admin.insert(admin))
    }

    /// Does what the plan says about topics and settings: one request per kind of action.
    pub(super) async fn act(
        &mut self,
        actions: &[Action],
        broker: &Contact,
    ) -> Result<(), AdminError> {
        let (mut create, mut extend, mut delete) = (Vec::new(), Vec::new(), Vec::new());
        let (mut topics, mut brokers) = (BTreeMap::new(), BTreeMap::new());
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
                    topics.insert(name.to_string(), changes.clone());
                }
                Action::AlterBroker(id, changes) => {
                    brokers.insert(id.to_string(), changes.clone());
                }
                Action::DeleteTopic(name, _) => delete.push(name.to_string()),
                Action::ForgetTopic(name, ..) => drop(self.managed.remove(name)),
                Action::StartBroker(_) | Action::RestartBroker(_) => {}
            }
        }
        self.admin(broker).await?;
        let Some(mut admin) = self.admin.take() else { return Ok(()) };
        // a connection that fails here is dropped with what was still to be said on it
        if !brokers.is_empty() {
            let answers = admin.alter(BROKER, &brokers, false).await?;
            self.note(actions, &answers, |action| matches!(action, Action::AlterBroker(..)));
        }
        if !create.is_empty() {
            let answers = admin.create(&create, false).await?;
            self.note(actions, &answers, |action| matches!(action, Action::CreateTopic(..)));
        }
        if !extend.is_empty() {
            let answers = admin.extend(&extend, false).await?;
            self.note(actions, &answers, |action| matches!(action, Action::AddPartitions(..)));
        }
        if !topics.is_empty() {
            let answers = admin.alter(TOPIC, &topics, false).await?;
            self.note(actions, &answers, |action| matches!(action, Action::AlterTopic(..)));
        }
        if !delete.is_empty() {
            let answers = admin.delete(&delete).await?;
            self.note(actions, &answers, |action| matches!(action, Action::DeleteTopic(..)));
        }
        self.admin = Some(admin);
        Ok(())
    }

    /// Remembers which of the actions of one kind were refused.
    fn note(&mut self, actions: &[Action], answers: &Answers, kind: impl Fn(&Action) -> bool) {
        self.refused.extend(actions.iter().filter(|action| kind(action)).filter_map(|action| {
            let name = match action {
                Action::AlterBroker(id, _) => id.to_string(),
                _ => topic(action)?.to_string(),
            };
            let refusal = answers.get(&name)?.as_ref().err()?;
            Some((action.clone(), refusal.clone()))
        }));
    }
}

/// The topic that an action is about.
pub(super) fn topic(action: &Action) -> Option<&TopicName> {
    match action {
        Action::CreateTopic(name, _)
        | Action::AddPartitions(name, ..)
        | Action::AlterTopic(name, ..)
        | Action::DeleteTopic(name, _)
        | Action::ForgetTopic(name, ..) => Some(name),
        Action::StartBroker(_) | Action::RestartBroker(_) | Action::AlterBroker(..) => None,
    }
}

/// The topic object that asked for an action.
pub(super) fn object(action: &Action) -> Option<&str> {
    match action {
        Action::CreateTopic(_, topic) => Some(topic.object.as_str()),
        Action::AddPartitions(_, object, _)
        | Action::AlterTopic(_, object, _)
        | Action::DeleteTopic(_, object)
        | Action::ForgetTopic(_, object, _) => Some(object.as_str()),
        Action::StartBroker(_) | Action::RestartBroker(_) | Action::AlterBroker(..) => None,
    }
}
