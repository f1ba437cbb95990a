//! Brokers that know users.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use kastellan_operator::admin::{AdminError, RefusedUsers};
use kastellan_operator::fleet::user::{Changes, Held, ROUNDS};
use kastellan_operator::kubernetes::kafka::{Contact, Users};

use super::brokers::{Data, Fake};

impl Users for Fake {
    fn users<'a>(&'a self, contact: &'a Contact) -> BoxFuture<'a, Result<Held, AdminError>> {
        let judged = contact.credentials.is_some();
        let held = self.read(contact, |data| {
            let mut held = data.held.clone();
            held.acls = judged.then(|| held.acls.unwrap_or_default());
            held
        });
        Box::pin(async move { held })
    }

    fn alter_users<'a>(
        &'a self,
        contact: &'a Contact,
        changes: &'a Changes,
    ) -> BoxFuture<'a, Result<RefusedUsers, AdminError>> {
        Box::pin(self.act(contact, format!("users: {}", changes.said()), |data| {
            carry_out(changes, data);
            RefusedUsers::new()
        }))
    }
}

fn carry_out(changes: &Changes, data: &mut Data) {
    let held = &mut data.held;
    for ((name, mechanism), password) in &changes.set {
        held.passwords.entry(name.clone()).or_default().insert(*mechanism, ROUNDS);
        data.passwords.0.insert((name.clone(), mechanism.name()), password.0.clone());
    }
    for (name, mechanism) in &changes.forget {
        held.passwords.entry(name.clone()).or_default().remove(mechanism);
        data.passwords.0.remove(&(name.clone(), mechanism.name()));
    }
    held.passwords.retain(|_, known| !known.is_empty());
    let acls = held.acls.get_or_insert_default();
    for acl in &changes.create {
        acls.entry(acl.principal.clone()).or_default().insert(acl.clone());
    }
    for acl in &changes.delete {
        acls.entry(acl.principal.clone()).or_default().remove(acl);
    }
    acls.retain(|_, acls| !acls.is_empty());
    for (name, quotas) in &changes.quotas {
        let of_user = held.quotas.entry(name.clone()).or_default();
        for (quota, value) in quotas {
            #[expect(clippy::cast_precision_loss, reason = "as brokers keep it")]
            match value {
                Some(value) => drop(of_user.insert(quota.clone(), *value as f64)),
                None => drop(of_user.remove(quota)),
            }
        }
    }
    held.quotas.retain(|_, quotas| !quotas.is_empty());
}

/// The passwords that brokers know; never the same, so they are not shown.
#[derive(Clone, Default)]
pub(crate) struct Passwords(pub(crate) BTreeMap<(String, &'static str), String>);

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0.keys())
    }
}
