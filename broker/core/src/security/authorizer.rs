//! The verdict over an operation.

use std::{collections::BTreeSet, net::IpAddr};

use super::{
    Acl, Acls, BadPrincipal, Operation, Operations, PatternType, Permission, Principal,
    ResourceType,
    acls::ANYBODY,
    index::{Findings, Question},
};

/// What the lists are read by: Kafka's `StandardAuthorizer` and its settings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Authorizer {
    /// super.users: they may do everything, whatever the lists say.
    pub super_users: BTreeSet<Principal>,
    /// allow.everyone.if.no.acl.found: what no entry is about is open to all.
    pub open_if_unlisted: bool,
}

/// Who wants something, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Visitor<'a> {
    /// Who.
    pub principal: &'a Principal,
    /// From where.
    pub host: IpAddr,
}

/// Whether somebody may do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// They may.
    Allowed,
    /// No entry allows it.
    NotAllowed,
    /// An entry denies it.
    Denied,
}

impl Authorizer {
    /// Reads super.users: principals with semicolons in between, as distinguished names have
    /// commas.
    pub fn super_users(value: &str) -> Result<BTreeSet<Principal>, BadPrincipal> {
        let words = value.split(';').map(str::trim).filter(|word| !word.is_empty());
        words.map(str::parse).collect()
    }

    /// Whether `visitor` may do `operation` with a resource.
    pub fn verdict(
        &self,
        acls: &Acls,
        visitor: Visitor<'_>,
        operation: Operation,
        resource: (ResourceType, &str),
    ) -> Verdict {
        self.look(acls, visitor, operation, resource).0
    }

    pub(super) fn look(
        &self,
        acls: &Acls,
        visitor: Visitor<'_>,
        operation: Operation,
        resource: (ResourceType, &str),
    ) -> (Verdict, Findings) {
        if self.super_users.contains(visitor.principal) {
            return (Verdict::Allowed, Findings::default());
        }
        let question =
            Question { principal: visitor.principal, host: visitor.host.to_canonical(), operation };
        let found = acls.ask(resource, &question);
        let verdict = if found.denied {
            Verdict::Denied
        } else if found.allowed || (!found.listed && self.open_if_unlisted) {
            Verdict::Allowed
        } else {
            Verdict::NotAllowed
        };
        (verdict, found)
    }

    /// What of all that can be done with a resource `visitor` may do, as clients are told
    /// (KIP-430).
    pub fn operations(
        &self,
        acls: &Acls,
        visitor: Visitor<'_>,
        resource: (ResourceType, &str),
    ) -> Operations {
        let mut may = Operations::default();
        for operation in resource.0.operations() {
            if self.verdict(acls, visitor, *operation, resource) == Verdict::Allowed {
                may.insert(*operation);
            }
        }
        may
    }

    /// Whether there can be a resource of this type that `visitor` may do `operation` with
    /// (KIP-679). Its cost follows the entries about the principal and about everybody.
    pub fn may_with_some(
        &self,
        acls: &Acls,
        visitor: Visitor<'_>,
        operation: Operation,
        resource_type: ResourceType,
    ) -> bool {
        // a name like any other: super users, and what is allowed with all of them
        let any = self.verdict(acls, visitor, operation, (resource_type, "hardcode"));
        if any == Verdict::Allowed {
            return true;
        }
        let exactly = operation.denied_by();
        let said = || {
            let both = [visitor.principal, &ANYBODY].into_iter();
            let all = both.flat_map(|principal| acls.about(resource_type, principal));
            all.filter(|acl| {
                acl.fits_host(visitor.host) && Operations::of(&[acl.operation]).meets(exactly)
            })
        };
        let mut denied = BTreeSet::new();
        for acl in said().filter(|acl| acl.permission == Permission::Deny) {
            if acl.is_wildcard() {
                return false;
            }
            denied.insert((acl.pattern_type, &*acl.name));
        }
        said()
            .filter(|acl| acl.permission == Permission::Allow)
            .any(|acl| acl.is_wildcard() || !covered(acl, &denied))
    }
}

/// Whether everything that `acl` allows is denied.
fn covered(acl: &Acl, denied: &BTreeSet<(PatternType, &str)>) -> bool {
    let name = &*acl.name;
    let itself =
        acl.pattern_type == PatternType::Literal && denied.contains(&(PatternType::Literal, name));
    let mut prefixes = name.char_indices().map(|(at, char)| at + char.len_utf8());
    itself
        || prefixes.any(|end| {
            name.get(..end).is_some_and(|it| denied.contains(&(PatternType::Prefixed, it)))
        })
}
