//! What a user's client shows: found in its Secret, or to be written there.

use std::time::Duration;

use kastellan_core::security::Secret;
use kastellan_crds::condition::Reason;
use kube::ResourceExt as _;
use kube::api::DynamicObject;

use super::plan::{One, Plan};
use super::secret::{Frame, Make, Marks, What};
use crate::fleet::user::secret::{Proof, unusable};
use crate::fleet::user::{Login, LoginKind, User};
use crate::kubernetes::cluster::fingerprint;
use crate::kubernetes::cluster::parse::Parsed;
use crate::kubernetes::contains::contains;
use crate::kubernetes::object::file;
use crate::kubernetes::verdict::Verdict;
use crate::pki::Subject;

impl One<'_> {
    /// What the client shows, and the version of the Secret that has it; `None`: it is written now.
    pub(super) fn secret(
        &self,
        cluster: &Parsed,
        user: &User,
        (login, name): (&Login, &str),
        plan: &mut Plan,
    ) -> Result<Option<(Proof, Option<String>)>, Verdict> {
        let there = self.world.secrets.get(name);
        if let Some(there) = there.filter(|there| !self.owns(there)) {
            return Err(self.occupied(name, there));
        }
        let frame = self.frame(cluster, user, login, name)?;
        let what = match &login.kind {
            LoginKind::Password(mechanism, given) => {
                let given = given.as_ref().map(|given| self.given(given)).transpose()?;
                let kept = there.and_then(|there| frame.kept_password(there));
                match given.or(kept) {
                    Some(password) => {
                        What::Known(Proof::Password(*mechanism, password), Marks::new())
                    }
                    None => What::Password(*mechanism),
                }
            }
            LoginKind::Certificate(days, renewal) => {
                self.certificate(user, (*days, *renewal), (there, &frame), plan)?
            }
        };
        if let (What::Known(proof, marks), Some(there)) = (&what, there) {
            let wanted = frame.filled(proof.clone(), marks).0.body;
            let whole = serde_json::to_value(there).unwrap_or_default();
            if contains(&whole, &wanted) {
                return Ok(Some((proof.clone(), there.metadata.resource_version.clone())));
            }
        }
        plan.secrets.push(Make {
            object: self.name.to_owned(),
            secret: name.to_owned(),
            seen: there.is_some(),
            frame,
            what,
        });
        Ok(None)
    }

    fn occupied(&self, name: &str, there: &DynamicObject) -> Verdict {
        let owner = there.owner_references().iter().find(|owner| owner.kind == "KafkaUser");
        let owner = owner.filter(|owner| {
            let object = self.world.objects.get(&owner.name);
            object.is_some_and(|object| object.uid().as_ref() == Some(&owner.uid))
        });
        match owner {
            Some(owner) => Verdict::stalled(
                Reason::ResourceConflict,
                format!("Secret {name} is KafkaUser {}'s: set another secretName", owner.name),
            ),
            None => Verdict::working(
                Reason::ResourceConflict,
                format!("waiting for Secret {name} of an earlier user to go"),
            ),
        }
    }

    /// What the client is told besides.
    fn frame(
        &self,
        cluster: &Parsed,
        user: &User,
        login: &Login,
        secret: &str,
    ) -> Result<Frame, Verdict> {
        let told = self.world.listeners.iter().find(|told| told.name == login.listener.as_str());
        let listener = cluster.listeners.iter().find(|one| one.name == login.listener);
        let signed = listener.and_then(|one| one.tls.as_ref());
        let signed = signed.is_some_and(|tls| tls.secret_name.is_none());
        // an issuer that everybody trusts anyway has nothing to tell
        let ready = told.filter(|told| !signed || cluster.issued || !told.certificates.is_empty());
        let Some(told) = ready else {
            let message = format!("waiting for the address of listener {}", login.listener);
            return Err(Verdict::working(Reason::ListenerPending, message));
        };
        let trusted = (!told.certificates.is_empty()).then(|| told.certificates.concat());
        let client = (told.bootstrap.clone(), login.tls, trusted);
        Ok(Frame::new((self.object, &self.world.namespace, secret), &user.name, client))
    }

    /// A password that is given.
    fn given(&self, (secret, key): &(String, String)) -> Result<Secret<String>, Verdict> {
        let there = self.world.given.get(secret);
        let Some(password) = there.and_then(|there| file(there, key)) else {
            return Err(Verdict::stalled(
                Reason::SecretNotFound,
                format!("there is no Secret {secret} with the key {key}: create it"),
            ));
        };
        match unusable(&password) {
            None => Ok(Secret(password)),
            Some(why) => Err(Verdict::stalled(
                Reason::InvalidConfig,
                format!("the password in Secret {secret}, key {key}, {why}: write another"),
            )),
        }
    }

    /// A certificate that is there and good, or one to be signed.
    fn certificate(
        &self,
        user: &User,
        (days, renewal): (i64, i64),
        (there, frame): (Option<&DynamicObject>, &Frame),
        plan: &mut Plan,
    ) -> Result<What, Verdict> {
        let Some((_, authority)) = &self.world.clients else {
            let message = "waiting for the authority of clients";
            return Err(Verdict::working(Reason::CertificateMissing, message));
        };
        let by = fingerprint(authority);
        let subject = Subject::user(&user.name, days);
        let (now, window) = (self.world.now, self.world.closed_until);
        // half of the time is for windows
        let hours = renewal * if window.is_some() { 12 } else { 24 };
        let kept =
            there.and_then(|there| frame.kept_certificate(there, (&subject, &by), (hours, now)));
        let Some((proof, marks, renewal)) = kept else {
            return Ok(What::Certificate(subject, by));
        };
        let next = window.map_or(renewal, |window| window.min(renewal));
        let left = Duration::try_from(next.duration_since(now)).unwrap_or_default();
        plan.wake = Some(plan.wake.map_or(left, |wake| wake.min(left)));
        Ok(What::Known(proof, marks))
    }
}
