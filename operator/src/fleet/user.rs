//! A user as it should be, what brokers hold of it, and what makes the two agree: pure.

use std::collections::{BTreeMap, BTreeSet};

use kastellan_core::security::{Acl, Principal, ScramMechanism, Secret};
use kastellan_crds::name::{ListenerName, ObjectName};

use super::problem::Place;

pub mod secret;

/// The quotas of a user, under Kafka's names.
pub const QUOTAS: [&str; 4] =
    ["producer_byte_rate", "consumer_byte_rate", "request_percentage", "controller_mutation_rate"];

/// One user as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name of its object, which a message uses.
    pub object: ObjectName,
    /// Its name in Kafka.
    pub name: String,
    /// The user as ACLs and quotas name it.
    pub principal: Principal,
    /// How it says who it is; `None`: that is not our business.
    pub login: Option<Login>,
    /// What it may do.
    pub acls: BTreeSet<Acl>,
    /// How much it may do, under Kafka's names.
    pub quotas: BTreeMap<String, i64>,
    /// Where the manifest is.
    pub place: Place,
}

/// How a user says who it is, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// By a password or a certificate.
    pub kind: LoginKind,
    /// The listener that its client is to use.
    pub listener: ListenerName,
    /// Whether that one is encrypted.
    pub tls: bool,
}

/// By what a user is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginKind {
    /// A password; where one is given, the Secret and its key.
    Password(ScramMechanism, Option<(String, String)>),
    /// A certificate that is good for so many days and is made anew so many days before its end.
    Certificate(i64, i64),
}

/// In how many rounds the operator hashes passwords. Brokers tell nothing else of a password, so
/// the number is the mark of who has set it: clients take 4,096 unless they are told otherwise.
pub const ROUNDS: i32 = 4099;

/// What brokers hold of a cluster's users.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Held {
    /// For which mechanisms a password is known, and in how many rounds it was hashed, by a user's
    /// name.
    pub passwords: BTreeMap<String, BTreeMap<ScramMechanism, i32>>,
    /// The ACLs of each principal; `None`: none are in force.
    pub acls: Option<BTreeMap<Principal, BTreeSet<Acl>>>,
    /// The quotas of each user, by the name of its principal.
    pub quotas: BTreeMap<String, BTreeMap<String, f64>>,
}

impl Held {
    /// Whether the user has a password for this mechanism that the operator has set.
    pub fn knows(&self, user: &str, mechanism: ScramMechanism) -> bool {
        let known = self.passwords.get(user).and_then(|known| known.get(&mechanism));
        known == Some(&ROUNDS)
    }
}

/// What is left of a user that was once as asked: enough to clean up behind it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Former {
    /// The principal that ACLs and quotas were given to.
    pub principal: Option<Principal>,
    /// Whether it was given credentials.
    pub had_login: bool,
}

/// What brokers have to be told about one user or many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Passwords to be set, by name and mechanism.
    pub set: BTreeMap<(String, ScramMechanism), Secret<String>>,
    /// Passwords to be forgotten.
    pub forget: BTreeSet<(String, ScramMechanism)>,
    /// ACLs to be created.
    pub create: BTreeSet<Acl>,
    /// ACLs to be deleted.
    pub delete: BTreeSet<Acl>,
    /// Quotas to be set or, with `None`, taken away, by the name of a principal.
    pub quotas: BTreeMap<String, BTreeMap<String, Option<i64>>>,
}

impl User {
    /// Whether two objects are about one user.
    pub fn meets(&self, other: &Self) -> bool {
        self.name == other.name || self.principal == other.principal
    }

    /// The mechanism of its password, if it has one.
    pub fn mechanism(&self) -> Option<ScramMechanism> {
        match self.login.as_ref()?.kind {
            LoginKind::Password(mechanism, _) => Some(mechanism),
            LoginKind::Certificate(..) => None,
        }
    }

    /// What differs. `password` is told unless brokers know it already, which only whoever told
    /// them can tell. `others` are principals of other users.
    pub fn differs(
        &self,
        held: &Held,
        former: &Former,
        password: Option<&Secret<String>>,
        others: &BTreeSet<Principal>,
    ) -> Changes {
        let mut changes = Changes::default();
        let wanted = self.mechanism();
        let known = held.passwords.get(&self.name).into_iter().flat_map(BTreeMap::keys);
        if let (Some(mechanism), Some(password)) = (wanted, password) {
            changes.set.insert((self.name.clone(), mechanism), password.clone());
        }
        // of a user without credentials of ours, those of others are left alone
        if self.login.is_some() || former.had_login {
            let old = known.filter(|mechanism| Some(**mechanism) != wanted);
            changes.forget.extend(old.map(|mechanism| (self.name.clone(), *mechanism)));
        }
        changes.acls(held, &self.principal, &self.acls);
        changes.quotas(held, self.principal.name(), &self.quotas);
        if let Some(old) = &former.principal
            && *old != self.principal
            && !others.contains(old)
        {
            changes.acls(held, old, &none_of());
            changes.quotas(held, old.name(), &BTreeMap::new());
        }
        changes
    }
}

fn none_of() -> BTreeSet<Acl> {
    BTreeSet::new()
}

/// What takes a user away: its passwords, where it had any of ours, and what these principals have
/// been given.
pub fn removal(
    name: &str,
    principals: &BTreeSet<Principal>,
    had_login: bool,
    held: &Held,
) -> Changes {
    let mut changes = Changes::default();
    let known = held.passwords.get(name).filter(|_| had_login);
    let known = known.into_iter().flat_map(BTreeMap::keys);
    changes.forget.extend(known.map(|mechanism| (name.to_owned(), *mechanism)));
    for principal in principals {
        changes.acls(held, principal, &none_of());
        changes.quotas(held, principal.name(), &BTreeMap::new());
    }
    changes
}

impl Changes {
    /// Whether there is nothing to be told.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Those of another user as well.
    pub fn add(&mut self, other: Self) {
        self.set.extend(other.set);
        self.forget.extend(other.forget);
        self.create.extend(other.create);
        self.delete.extend(other.delete);
        self.quotas.extend(other.quotas);
    }

    fn acls(&mut self, held: &Held, principal: &Principal, wanted: &BTreeSet<Acl>) {
        let none = BTreeSet::new();
        let Some(all) = &held.acls else { return };
        let known = all.get(principal).unwrap_or(&none);
        self.create.extend(wanted.difference(known).cloned());
        self.delete.extend(known.difference(wanted).cloned());
    }

    fn quotas(&mut self, held: &Held, name: &str, wanted: &BTreeMap<String, i64>) {
        let none = BTreeMap::new();
        let known = held.quotas.get(name).unwrap_or(&none);
        let mut ops = BTreeMap::new();
        for (quota, value) in wanted {
            #[expect(clippy::cast_precision_loss, reason = "a rate; Kafka keeps it as such")]
            let wanted = *value as f64;
            if known.get(quota).is_none_or(|known| known.total_cmp(&wanted).is_ne()) {
                ops.insert(quota.clone(), Some(*value));
            }
        }
        let old = known.keys().filter(|quota| !wanted.contains_key(*quota));
        ops.extend(old.map(|quota| (quota.clone(), None)));
        if !ops.is_empty() {
            self.quotas.entry(name.to_owned()).or_default().extend(ops);
        }
    }

    /// What the changes are about, in words without secrets.
    pub fn said(&self) -> String {
        let part = |count: usize, what: &str| (count > 0).then(|| format!("{count} {what}"));
        let parts = [
            part(self.set.len(), "passwords to set"),
            part(self.forget.len(), "passwords to forget"),
            part(self.create.len(), "ACLs to create"),
            part(self.delete.len(), "ACLs to delete"),
            part(self.quotas.len(), "users whose quotas change"),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests;
