//! Holds requests against the access control lists.

mod denials;
pub(crate) mod needs;

use std::sync::Arc;

use arc_swap::Guard;
use kastellan_core::{
    metadata::{Failure, Image},
    security::{Authorizer, CLUSTER_NAME, Operations, ResourceType, Verdict, Visitor},
};

use self::{denials::Denials, needs::Need};
use crate::{broker::Broker, call::ClientInfo};

/// Who judges, if anybody does.
#[derive(Debug)]
pub(crate) struct Access {
    /// `None`: everybody may do everything.
    authorizer: Option<Authorizer>,
    denials: Denials,
}

/// What one client may do, by the lists as they are now. For whom nothing is judged, brokers of
/// the cluster and everybody without an authorizer, it costs a comparison.
#[derive(Debug)]
pub(crate) struct Judge<'a>(Option<Bench<'a>>);

#[derive(Debug)]
struct Bench<'a> {
    authorizer: &'a Authorizer,
    denials: &'a Denials,
    image: Guard<Arc<Image>>,
    client: &'a ClientInfo,
}

impl Access {
    pub(crate) fn new(authorizer: Option<Authorizer>) -> Self {
        Self { authorizer, denials: Denials::default() }
    }

    /// Whether there are lists that anything is held against.
    pub(crate) fn is_judged(&self) -> bool {
        self.authorizer.is_some()
    }
}

impl Broker {
    /// Who says what `client` may do.
    pub(crate) fn judge<'a>(&'a self, client: &'a ClientInfo) -> Judge<'a> {
        let authorizer = self.access.authorizer.as_ref().filter(|_| client.peer.is_none());
        Judge(authorizer.map(|authorizer| {
            let (denials, image) = (&self.access.denials, self.controller.image());
            Bench { authorizer, denials, image, client }
        }))
    }
}

impl Judge<'_> {
    /// One that allows everything.
    #[cfg(test)]
    pub(crate) fn free() -> Self {
        Self(None)
    }

    /// Whether everything is allowed, so that nobody has to ask one by one.
    pub(crate) fn allows_all(&self) -> bool {
        self.0.is_none()
    }

    /// Whether the client may do what `need` says with the resource called `name`; where it may
    /// not, the log says what it takes.
    pub(crate) fn may(&self, need: Need, name: &str) -> bool {
        let Some(bench) = &self.0 else { return true };
        let verdict = bench.verdict(need, name);
        if verdict == Verdict::Allowed {
            return true;
        }
        bench.denials.tell(bench.image.acls(), bench.visitor(), verdict, (need, name));
        false
    }

    /// The same for what is left out in silence, or where something else may allow it.
    pub(crate) fn sees(&self, need: Need, name: &str) -> bool {
        let allowed = |bench: &Bench<'_>| bench.verdict(need, name) == Verdict::Allowed;
        self.0.as_ref().is_none_or(allowed)
    }

    /// The same with the failure that the client is told.
    pub(crate) fn check(&self, need: Need, name: &str) -> Result<(), Failure> {
        if self.may(need, name) { Ok(()) } else { Err(need.denied()) }
    }

    /// The same with the cluster.
    pub(crate) fn check_cluster(&self, need: Need) -> Result<(), Failure> {
        self.check(need, CLUSTER_NAME)
    }

    /// Whether the client may do this with the cluster.
    pub(crate) fn may_cluster(&self, need: Need) -> bool {
        self.may(need, CLUSTER_NAME)
    }

    /// The same where something else may allow it.
    pub(crate) fn sees_cluster(&self, need: Need) -> bool {
        self.sees(need, CLUSTER_NAME)
    }

    /// Whether there can be a resource that the client may do this with.
    pub(crate) fn may_with_some(&self, need: Need) -> bool {
        self.0.as_ref().is_none_or(|bench| {
            let (acls, visitor) = (bench.image.acls(), bench.visitor());
            bench.authorizer.may_with_some(acls, visitor, need.operation, need.of)
        })
    }

    /// What the client may do with a resource, as a bit field (KIP-430).
    pub(crate) fn operations(&self, of: ResourceType, name: &str) -> i32 {
        let operations = match &self.0 {
            None => Operations::of(of.operations()),
            Some(bench) => {
                bench.authorizer.operations(bench.image.acls(), bench.visitor(), (of, name))
            }
        };
        operations.bits()
    }
}

impl Bench<'_> {
    fn visitor(&self) -> Visitor<'_> {
        Visitor { principal: &self.client.principal, host: self.client.host }
    }

    fn verdict(&self, need: Need, name: &str) -> Verdict {
        let (acls, visitor) = (self.image.acls(), self.visitor());
        self.authorizer.verdict(acls, visitor, need.operation, (need.of, name))
    }
}
