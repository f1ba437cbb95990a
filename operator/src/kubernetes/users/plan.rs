//! What has to be done for the users of a cluster, and what is true of each: one pure function.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kastellan_core::security::Principal;
use kastellan_crds::cluster::ListenerStatus;
use kastellan_crds::condition::{ConditionStatus, ConditionType, Reason};
use kastellan_crds::{KafkaUser, KafkaUserStatus};
use kube::api::DynamicObject;
use kube::{Resource as _, ResourceExt as _};

use super::Refusals;
use super::secret::Make;
use super::status::{self, Told};
use crate::fleet::user::secret::Proof;
use crate::fleet::user::{Changes, Former, Held, User, removal};
use crate::kubernetes::cluster::parse::{self, Parsed, Refused};
use crate::kubernetes::names::{PAUSE, USER_FINALIZER};
use crate::kubernetes::topics::Cluster;
use crate::kubernetes::verdict::Verdict;

/// What the plan is made of.
#[derive(Debug, Clone)]
pub struct World {
    /// The namespace.
    pub namespace: String,
    /// The cluster.
    pub cluster: Cluster,
    /// Where clients connect, and what they have to trust.
    pub listeners: Vec<ListenerStatus>,
    /// The objects, by name.
    pub objects: BTreeMap<String, Arc<KafkaUser>>,
    /// The Secrets of the cluster's users.
    pub secrets: BTreeMap<String, DynamicObject>,
    /// The Secrets with given passwords, as far as they are there.
    pub given: BTreeMap<String, DynamicObject>,
    /// The Secret of the clients' authority, and its certificate.
    pub clients: Option<(String, String)>,
    /// What the brokers hold; `None`: they did not say.
    pub held: Option<Held>,
    /// When the next maintenance window opens, if none is open that has to be waited for.
    pub closed_until: Option<Timestamp>,
    /// Now.
    pub now: Timestamp,
}

/// What to do, in this order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Objects and the finalizers that they should have.
    pub finalizers: Vec<(String, Vec<String>)>,
    /// Secrets to be removed, with their uids.
    pub gone: Vec<(String, String)>,
    /// Secrets to be written.
    pub secrets: Vec<Make>,
    /// What the brokers are told.
    pub changes: Changes,
    /// Which object that is for, by a user's name or principal.
    pub asks: BTreeMap<String, String>,
    /// What is true of objects once the brokers have been told.
    pub told: Vec<(String, KafkaUserStatus)>,
    /// Objects and their new status.
    pub statuses: Vec<(String, KafkaUserStatus)>,
    /// When the first certificate is to be renewed.
    pub wake: Option<Duration>,
}

/// The plan for all users of a cluster; what was refused is not asked for again.
pub fn plan(world: &World, refusals: &Refusals) -> Plan {
    let mut plan = Plan::default();
    if matches!(world.cluster, Cluster::Paused) {
        return plan;
    }
    let users = users(world);
    let owners = Owners::of(world, &users);
    for (name, object) in &world.objects {
        let one = One { world, name, object, owners: &owners, refusals };
        if object.annotations().get(PAUSE).is_some_and(|value| value == "true") {
            one.paused(&mut plan);
        } else if object.meta().deletion_timestamp.is_some() {
            one.goes(users.get(name.as_str()), &mut plan);
        } else {
            one.stays(users.get(name.as_str()), &mut plan);
        }
    }
    plan
}

/// Every object as a user, or why it is none; nothing as long as the cluster does not serve.
fn users(world: &World) -> BTreeMap<&str, Result<User, Refused>> {
    let Cluster::Serves(cluster) = &world.cluster else { return BTreeMap::new() };
    let user = |(name, object): (&'_ _, &Arc<KafkaUser>)| {
        let name: &String = name;
        parse::user(name, &object.spec, cluster)
    };
    let all = world.objects.iter();
    all.map(|(name, object)| (name.as_str(), user((name, object)))).collect()
}

/// To whom each name and principal belongs: the oldest object that has it.
struct Owners<'a> {
    names: BTreeMap<&'a str, &'a str>,
    principals: BTreeMap<&'a Principal, &'a str>,
}

impl<'a> Owners<'a> {
    fn of(world: &'a World, users: &'a BTreeMap<&str, Result<User, Refused>>) -> Self {
        let age = |name: &str| {
            let object = world.objects.get(name)?;
            let time = object.meta().creation_timestamp.as_ref().map(|time| time.0);
            Some((time, object.uid()))
        };
        let mut oldest_first: Vec<(&'a str, &'a User)> =
            users.iter().filter_map(|(name, user)| Some((*name, user.as_ref().ok()?))).collect();
        oldest_first.sort_by_key(|(name, _)| age(name));
        let mut owners = Self { names: BTreeMap::new(), principals: BTreeMap::new() };
        for (object, user) in oldest_first {
            owners.names.entry(&user.name).or_insert(object);
            owners.principals.entry(&user.principal).or_insert(object);
        }
        owners
    }

    /// Who is there instead of `object`.
    fn before(&self, object: &str, user: &User) -> Option<&'a str> {
        let first = self.names.get(user.name.as_str()).into_iter();
        let mut first = first.chain(self.principals.get(&user.principal));
        first.find(|first| **first != object).copied()
    }

    /// The principals of others.
    fn others(&self, object: &str) -> BTreeSet<Principal> {
        let others = self.principals.iter().filter(|(_, owner)| **owner != object);
        others.map(|(principal, _)| (*principal).clone()).collect()
    }
}

impl Plan {
    /// Whether there is nothing left to do but to wait.
    pub fn is_settled(&self) -> bool {
        self.finalizers.is_empty()
            && self.gone.is_empty()
            && self.secrets.is_empty()
            && self.changes.is_empty()
    }
}

/// One object at its turn.
pub(super) struct One<'a> {
    pub(super) world: &'a World,
    pub(super) name: &'a str,
    pub(super) object: &'a KafkaUser,
    owners: &'a Owners<'a>,
    refusals: &'a Refusals,
}

impl One<'_> {
    fn say(&self, plan: &mut Plan, verdict: &Verdict, told: Option<Told>) {
        let status = status::status(self.object, verdict, told, self.world.now);
        if self.object.status.as_ref() != Some(&status) {
            plan.statuses.push((self.name.to_owned(), status));
        }
    }

    fn paused(&self, plan: &mut Plan) {
        if self.object.meta().deletion_timestamp.is_none() {
            let message = format!("nothing is changed: the annotation {PAUSE} says so");
            let (condition, reason) = (ConditionType::Paused, Reason::Paused);
            self.say(plan, &Verdict { condition, reason, message }, None);
        }
    }

    /// Gives the object the finalizer, or takes it; whether that has to be done first.
    fn finalizer(&self, plan: &mut Plan, wanted: bool) -> bool {
        let others = self.object.finalizers().iter().filter(|one| *one != USER_FINALIZER);
        let mut finalizers: Vec<String> = others.cloned().collect();
        if wanted {
            finalizers.push(USER_FINALIZER.to_owned());
        }
        let changes = finalizers.len() != self.object.finalizers().len();
        if changes {
            plan.finalizers.push((self.name.to_owned(), finalizers));
        }
        changes
    }

    /// What is known of the user as it was.
    fn former(&self) -> Former {
        let status = self.object.status.as_ref();
        let principal = status.and_then(|status| status.principal.as_ref()?.parse().ok());
        Former { principal, had_login: status.is_some_and(|status| status.secret_name.is_some()) }
    }

    fn was_ready(&self) -> bool {
        let Some(status) = &self.object.status else { return false };
        let mut conditions = status.observed.conditions.iter();
        let ready = conditions.find(|condition| condition.kind == ConditionType::Ready);
        status.observed.observed_generation == self.object.meta().generation
            && ready.is_some_and(|ready| ready.status == ConditionStatus::True)
    }

    /// An object that is being deleted: what it gave goes first.
    fn goes(&self, user: Option<&Result<User, Refused>>, plan: &mut Plan) {
        if !self.object.finalizers().iter().any(|one| one == USER_FINALIZER) {
            return;
        }
        let waits = match (&self.world.cluster, &self.world.held) {
            // its users go with it, or stay with its volumes
            (Cluster::Absent | Cluster::Goes, _) => {
                self.finalizer(plan, false);
                return;
            }
            (Cluster::Serves(_), Some(held)) => return self.removed(user, held, plan),
            (Cluster::Waits(words), _) => words.as_str(),
            _ => "the brokers do not answer",
        };
        let message = format!("to be deleted: {waits}");
        self.say(plan, &Verdict::working(Reason::UserUpdating, message), None);
    }

    fn removed(&self, user: Option<&Result<User, Refused>>, held: &Held, plan: &mut Plan) {
        let user = user.and_then(|user| user.as_ref().ok());
        if user.is_some_and(|user| self.owners.before(self.name, user).is_some()) {
            // all of it is another's
            self.finalizer(plan, false);
            return;
        }
        let (former, others) = (self.former(), self.owners.others(self.name));
        let wanted = user.map(|user| user.principal.clone());
        let principals = [wanted, former.principal].into_iter().flatten();
        let principals: BTreeSet<_> = principals.filter(|one| !others.contains(one)).collect();
        let spec = &self.object.spec;
        let name = spec.user_name.as_ref().map_or(self.name, |name| name.as_str());
        let had_login = former.had_login || spec.authentication.is_some();
        let changes = removal(name, &principals, had_login, held);
        if changes.is_empty() {
            self.finalizer(plan, false);
            return;
        }
        if let Some(refused) = self.refusals.of(self.object) {
            return self.say(plan, &refused.verdict(), None);
        }
        self.ask(name, principals.iter(), plan);
        plan.changes.add(changes);
    }

    /// Remembers for whom brokers are asked.
    fn ask<'p>(
        &self,
        name: &str,
        principals: impl Iterator<Item = &'p Principal>,
        plan: &mut Plan,
    ) {
        let all = principals.map(|one| one.as_str().to_owned()).chain([name.to_owned()]);
        plan.asks.extend(all.map(|whom| (whom, self.name.to_owned())));
    }

    /// An object that stays.
    fn stays(&self, user: Option<&Result<User, Refused>>, plan: &mut Plan) {
        let cluster = &self.object.spec.cluster_ref.name;
        let verdict = match (&self.world.cluster, user) {
            (Cluster::Serves(cluster), Some(Ok(user))) => match self.wanted(cluster, user, plan) {
                Ok(()) => return,
                Err(verdict) => verdict,
            },
            (Cluster::Serves(_), Some(Err(refused))) => {
                Verdict::stalled(refused.reason, &refused.message)
            }
            (Cluster::Absent | Cluster::Goes, _) => {
                self.finalizer(plan, false);
                let message = format!("there is no KafkaCluster {cluster} in this namespace");
                Verdict::working(Reason::ClusterNotFound, message)
            }
            // what was true stays true as long as nobody can tell otherwise
            (Cluster::Waits(_), _) if self.was_ready() => return,
            (Cluster::Waits(words), _) => {
                let message = format!("waiting for KafkaCluster {cluster}: {words}");
                Verdict::working(Reason::ClusterNotReady, message)
            }
            _ => return,
        };
        self.say(plan, &verdict, None);
    }

    /// A user of a cluster that serves; what else is true of it.
    fn wanted(&self, cluster: &Parsed, user: &User, plan: &mut Plan) -> Result<(), Verdict> {
        if let Some(first) = self.owners.before(self.name, user) {
            self.finalizer(plan, false);
            return Err(Verdict::stalled(
                Reason::ResourceConflict,
                format!(
                    "the user {} belongs to KafkaUser {first}, which is older: delete one of the \
                     two",
                    user.name
                ),
            ));
        }
        if self.finalizer(plan, true) {
            // without it credentials could outlive their object
            return Ok(());
        }
        if let Some(refused) = self.refusals.of(self.object) {
            return Err(refused.verdict());
        }
        let Some(held) = &self.world.held else {
            let words = "the brokers do not answer";
            let verdict = Verdict::working(Reason::ClusterNotReady, words);
            return if self.was_ready() { Ok(()) } else { Err(verdict) };
        };
        let mut told =
            Told { principal: Some(user.principal.as_str().to_owned()), ..Told::default() };
        let mut password = None;
        let secret = self.secret_name(user);
        if let (Some(login), Some(name)) = (&user.login, secret) {
            let Some((proof, version)) = self.secret(cluster, user, (login, name), plan)? else {
                return Ok(());
            };
            let status = self.object.status.as_ref();
            let known = status.and_then(|status| status.credentials_version.as_ref());
            told.secret_name = Some(name.to_owned());
            if let Proof::Password(mechanism, text) = proof {
                let held = held.knows(&user.name, mechanism);
                password = Some(text).filter(|_| !held || known != version.as_ref());
            }
            told.credentials_version = version;
        }
        self.old_secrets(secret, plan);
        let others = self.owners.others(self.name);
        let former = self.former();
        let changes = user.differs(held, &former, password.as_ref(), &others);
        self.conclude(user, (changes, former), told, plan);
        Ok(())
    }

    fn conclude(
        &self,
        user: &User,
        (changes, former): (Changes, Former),
        told: Told,
        plan: &mut Plan,
    ) {
        let message = match &told.secret_name {
            Some(secret) => format!("brokers know the user, and Secret {secret} has its client's"),
            None => "brokers know what the user may do".to_owned(),
        };
        let (condition, reason) = (ConditionType::Ready, Reason::AsSpecified);
        let verdict = Verdict { condition, reason, message };
        if changes.is_empty() {
            return self.say(plan, &verdict, Some(told));
        }
        let principals = former.principal.iter().chain([&user.principal]);
        self.ask(&user.name, principals, plan);
        plan.changes.add(changes);
        let status = status::status(self.object, &verdict, Some(told), self.world.now);
        plan.told.push((self.name.to_owned(), status));
    }

    fn secret_name<'u>(&'u self, user: &User) -> Option<&'u str> {
        user.login.as_ref()?;
        Some(self.object.spec.secret_name.as_deref().unwrap_or(self.name))
    }

    /// Secrets of this user under other names go.
    fn old_secrets(&self, wanted: Option<&str>, plan: &mut Plan) {
        for (name, secret) in &self.world.secrets {
            let going = secret.metadata.deletion_timestamp.is_some();
            if Some(name.as_str()) != wanted && self.owns(secret) && !going {
                plan.gone.extend(secret.uid().map(|uid| (name.clone(), uid)));
            }
        }
    }

    pub(super) fn owns(&self, secret: &DynamicObject) -> bool {
        let mut owners = secret.owner_references().iter();
        owners.any(|owner| Some(&owner.uid) == self.object.uid().as_ref())
    }
}
