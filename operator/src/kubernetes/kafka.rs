//! The brokers as the operator uses them: what it asks, and who answers.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use futures::future::BoxFuture;

pub use self::moves::Moves;
use super::management::{self, Loaded, Managed, Replicas};
use super::names;
use crate::admin::{
    Admin, AdminError, Answers, BROKER, Described, NewTopic, RefusedUsers, Source, TOPIC,
};
use crate::fleet::plan::Change;
use crate::fleet::user::{Changes, Held};
use crate::pki::Credentials;

mod moves;

/// How long a broker may take for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many topics are created, extended or deleted by one request.
const AT_ONCE: usize = 200;

/// Where a cluster's brokers are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Contact {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub cluster: String,
    /// Its brokers.
    pub ids: Vec<i32>,
    /// The port of the listener that the operator uses.
    pub port: u16,
    /// What it shows there, where that is a listener of its own.
    pub credentials: Option<Credentials>,
}

impl Contact {
    fn addresses(&self) -> Vec<String> {
        let host = |id: &i32| match self.credentials {
            None => names::host(&names::broker(&self.cluster, *id), &self.namespace),
            Some(_) => names::peer(&self.cluster, *id, &self.namespace),
        };
        self.ids.iter().map(|id| format!("{}:{}", host(id), self.port)).collect()
    }
}

/// What was set on each running broker, by node id.
pub type Overrides = BTreeMap<i32, BTreeMap<String, String>>;

/// The requests of the operator to the brokers of any cluster.
pub trait Brokers: Users + Moves {
    /// What was set on each running broker.
    fn overrides<'a>(
        &'a self,
        contact: &'a Contact,
    ) -> BoxFuture<'a, Result<Overrides, AdminError>>;

    /// Changes settings of one running broker.
    fn alter_broker<'a>(
        &'a self,
        contact: &'a Contact,
        id: i32,
        changes: &'a [Change],
    ) -> BoxFuture<'a, Result<Answers, AdminError>>;

    /// What several brokers know of their replicas; why there is no answer.
    fn replicas<'a>(&'a self, broker: &'a Managed) -> BoxFuture<'a, Result<Replicas, String>>;

    /// Which certificates a broker shows and trusts; why there is no answer.
    fn loaded<'a>(&'a self, broker: &'a Managed) -> BoxFuture<'a, Result<Loaded, String>>;

    /// Whether broker `id` may be restarted now, by the word of the active controller, to whom the
    /// permits of those are given back whose restarts are over; its words where not.
    fn permit<'a>(
        &'a self,
        controller: &'a Managed,
        id: i32,
        over: &'a [i32],
    ) -> BoxFuture<'a, Result<(), String>>;

    /// Those of the topics that exist.
    fn describe<'a>(
        &'a self,
        contact: &'a Contact,
        topics: &'a [String],
    ) -> BoxFuture<'a, Result<BTreeMap<String, Described>, AdminError>>;

    /// Creates topics.
    fn create<'a>(
        &'a self,
        contact: &'a Contact,
        topics: &'a [NewTopic],
    ) -> BoxFuture<'a, Result<Answers, AdminError>>;

    /// Gives topics more partitions.
    fn extend<'a>(
        &'a self,
        contact: &'a Contact,
        topics: &'a [(String, i32)],
    ) -> BoxFuture<'a, Result<Answers, AdminError>>;

    /// Changes settings of topics.
    fn alter<'a>(
        &'a self,
        contact: &'a Contact,
        changes: &'a BTreeMap<String, Vec<Change>>,
    ) -> BoxFuture<'a, Result<Answers, AdminError>>;

    /// Deletes topics.
    fn delete<'a>(
        &'a self,
        contact: &'a Contact,
        topics: &'a [String],
    ) -> BoxFuture<'a, Result<Answers, AdminError>>;
}

/// Requests about a cluster's users, all of them at once.
pub trait Users: Send + Sync + 'static {
    /// What the brokers hold of all users.
    fn users<'a>(&'a self, contact: &'a Contact) -> BoxFuture<'a, Result<Held, AdminError>>;

    /// Changes users; what the brokers would not do, by a user's name or principal.
    fn alter_users<'a>(
        &'a self,
        contact: &'a Contact,
        changes: &'a Changes,
    ) -> BoxFuture<'a, Result<RefusedUsers, AdminError>>;
}

/// Connections to the brokers of all clusters.
#[derive(Debug, Default)]
pub struct Connections {
    idle: Mutex<BTreeMap<(Contact, Use), Admin>>,
}

/// What a connection is for: a long request about topics does not hold up the cluster's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    Cluster,
    Topics,
    Users,
}

impl Connections {
    /// Takes the idle connection, or makes one.
    async fn take(&self, contact: &Contact, purpose: Use) -> Result<Admin, AdminError> {
        let idle = self.idle().remove(&(contact.clone(), purpose));
        if let Some(admin) = idle {
            return Ok(admin);
        }
        let addresses = contact.addresses();
        let mut admin = match &contact.credentials {
            None => Admin::connect(&addresses, PATIENCE).await?,
            Some(credentials) => Admin::guarded(&addresses, PATIENCE, credentials).await?,
        };
        // whose settings are asked for has to be known by address
        admin.metadata(Some(&[])).await?;
        Ok(admin)
    }

    /// Asks over a connection of that kind.
    async fn ask<T>(
        &self,
        contact: &Contact,
        purpose: Use,
        question: impl AsyncFnOnce(&mut Admin) -> Result<T, AdminError>,
    ) -> Result<T, AdminError> {
        let mut admin = self.take(contact, purpose).await?;
        let answer = question(&mut admin).await?;
        self.put(contact, purpose, admin);
        Ok(answer)
    }

    /// Puts a connection back that has answered; one that failed is dropped instead.
    fn put(&self, contact: &Contact, purpose: Use, admin: Admin) {
        let mut idle = self.idle();
        // a cluster whose brokers or ports have changed has no use for the old ones
        idle.retain(|(other, _), _| {
            (&other.namespace, &other.cluster) != (&contact.namespace, &contact.cluster)
                || other == contact
        });
        idle.insert((contact.clone(), purpose), admin);
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, BTreeMap<(Contact, Use), Admin>> {
        // nothing that panics is done under it
        self.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Users for Connections {
    fn users<'a>(&'a self, contact: &'a Contact) -> BoxFuture<'a, Result<Held, AdminError>> {
        Box::pin(self.ask(contact, Use::Users, async |admin| admin.users().await))
    }

    fn alter_users<'a>(
        &'a self,
        contact: &'a Contact,
        changes: &'a Changes,
    ) -> BoxFuture<'a, Result<RefusedUsers, AdminError>> {
        Box::pin(self.ask(contact, Use::Users, async |admin| admin.alter_users(changes).await))
    }
}

impl Brokers for Connections {
    fn overrides<'a>(
        &'a self,
        contact: &'a Contact,
    ) -> BoxFuture<'a, Result<Overrides, AdminError>> {
        Box::pin(self.ask(contact, Use::Cluster, async move |admin| {
            // and whether they are still where they were
            let known = admin.metadata(Some(&[])).await?.brokers;
            let ids = contact.ids.iter().filter(|id| known.contains_key(id));
            let ids: Vec<String> = ids.map(ToString::to_string).collect();
            let mut overrides = BTreeMap::new();
            for (id, settings) in admin.settings(BROKER, &ids).await? {
                let set = settings?.into_iter().filter(|one| one.source == Source::Broker);
                // what nobody may see nobody can compare
                let set = set.filter_map(|one| Some((one.name, one.value?))).collect();
                overrides.extend(id.parse().ok().map(|id: i32| (id, set)));
            }
            Ok(overrides)
        }))
    }

    fn alter_broker<'a>(
        &'a self,
        contact: &'a Contact,
        id: i32,
        changes: &'a [Change],
    ) -> BoxFuture<'a, Result<Answers, AdminError>> {
        Box::pin(self.ask(contact, Use::Cluster, async move |admin| {
            let changes = BTreeMap::from([(id.to_string(), changes.to_vec())]);
            admin.alter(BROKER, &changes, false).await
        }))
    }

    fn replicas<'a>(&'a self, broker: &'a Managed) -> BoxFuture<'a, Result<Replicas, String>> {
        Box::pin(management::replicas(broker))
    }

    fn loaded<'a>(&'a self, broker: &'a Managed) -> BoxFuture<'a, Result<Loaded, String>> {
        Box::pin(management::loaded(broker))
    }

    fn permit<'a>(
        &'a self,
        controller: &'a Managed,
        id: i32,
        over: &'a [i32],
    ) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(management::permit(controller, id, over))
    }

    fn describe<'a>(
        &'a self,
        contact: &'a Contact,
        topics: &'a [String],
    ) -> BoxFuture<'a, Result<BTreeMap<String, Described>, AdminError>> {
        Box::pin(self.ask(contact, Use::Topics, async |admin| admin.describe(topics).await))
    }

    fn create<'a>(
        &'a self,
        contact: &'a Contact,
        topics: &'a [NewTopic],
    ) -> BoxFuture<'a, Result<Answers, AdminError>> {
        Box::pin(self.ask(contact, Use::Topics, async move |admin| {
            let mut answers = Answers::new();
            for topics in topics.chunks(AT_ONCE) {
                answers.extend(admin.create(topics, false).await?);
            }
            Ok(answers)
        }))
    }

    fn extend<'a>(
        &'a self,
        contact: &'a Contact,
        topics: &'a [(String, i32)],
    ) -> BoxFuture<'a, Result<Answers, AdminError>> {
        Box::pin(self.ask(contact, Use::Topics, async move |admin| {
            let mut answers = Answers::new();
            for topics in topics.chunks(AT_ONCE) {
                answers.extend(admin.extend(topics, false).await?);
            }
            Ok(answers)
        }))
    }

    fn alter<'a>(
        &'a self,
        contact: &'a Contact,
        changes: &'a BTreeMap<String, Vec<Change>>,
    ) -> BoxFuture<'a, Result<Answers, AdminError>> {
        Box::pin(
            self.ask(contact, Use::Topics, async |admin| admin.alter(TOPIC, changes, false).await),
        )
    }

    fn delete<'a>(
        &'a self,
        contact: &'a Contact,
        topics: &'a [String],
    ) -> BoxFuture<'a, Result<Answers, AdminError>> {
        Box::pin(self.ask(contact, Use::Topics, async move |admin| {
            let mut answers = Answers::new();
            for topics in topics.chunks(AT_ONCE) {
                answers.extend(admin.delete(topics).await?);
            }
            Ok(answers)
        }))
    }
}
