//! All entries of the access control lists.

use std::sync::{Arc, LazyLock};

use imbl::OrdMap;

use super::{
    Acl, AclFilter, Operation, Operations, PatternFilter, PatternType, Permission, Principal,
    ResourceType, Visitor,
    index::{Findings, Index, Question},
};
use crate::id::Uuid;

/// `User:*`: whoever it is.
pub(super) static ANYBODY: LazyLock<Principal> = LazyLock::new(|| Principal::user("*"));

/// The access control lists. A clone is a handful of pointers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Acls {
    by_id: OrdMap<Uuid, Arc<Acl>>,
    ids: OrdMap<Arc<Acl>, Uuid>,
    topics: Index,
    groups: Index,
    cluster: Index,
    transactional_ids: Index,
    delegation_tokens: Index,
    users: Index,
}

impl Acls {
    /// Adds an entry; false if there is one with this id, or the same one with another.
    pub fn insert(&mut self, id: Uuid, acl: Acl) -> bool {
        if self.by_id.contains_key(&id) || self.contains(&acl) {
            return false;
        }
        let acl = Arc::new(acl);
        self.by_id.insert(id, Arc::clone(&acl));
        self.ids.insert(Arc::clone(&acl), id);
        self.keep_up(&acl);
        true
    }

    /// Takes the entry with this id away; false if there is none.
    pub fn remove(&mut self, id: &Uuid) -> bool {
        let Some(acl) = self.by_id.remove(id) else { return false };
        self.ids.remove(&acl);
        self.keep_up(&acl);
        true
    }

    /// Whether there is this very entry.
    pub fn contains(&self, acl: &Acl) -> bool {
        self.ids.contains_key(acl)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// All entries with their ids, in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (&Uuid, &Acl)> {
        self.by_id.iter().map(|(id, acl)| (id, &**acl))
    }

    /// The entries that fit, in the order of [`Acl`]; walks all of them.
    pub fn matching<'a>(
        &'a self,
        filter: &'a AclFilter,
    ) -> impl Iterator<Item = (&'a Acl, &'a Uuid)> {
        self.ids.iter().map(|(acl, id)| (&**acl, id)).filter(|(acl, _)| filter.fits(acl))
    }

    /// What is said about an operation on a resource.
    pub(super) fn ask(&self, of: (ResourceType, &str), question: &Question<'_>) -> Findings {
        let (resource_type, name) = of;
        self.index(resource_type).ask(name, question)
    }

    /// The entries about things of a type, for one principal.
    pub(super) fn about<'a>(
        &'a self,
        resource_type: ResourceType,
        principal: &Principal,
    ) -> impl Iterator<Item = &'a Acl> + use<'a> {
        let first = first(resource_type, principal, PatternType::Literal, "".into());
        let principal = principal.clone();
        let all = self.ids.range::<_, Acl>(first..).map(|(acl, _)| &**acl);
        all.take_while(move |acl| acl.resource_type == resource_type && acl.principal == principal)
    }

    /// An entry with `permission` that decides about an operation; walks those about the principal
    /// and about everybody, for whoever has to explain a verdict.
    pub fn deciding(
        &self,
        visitor: Visitor<'_>,
        operation: Operation,
        (resource_type, name): (ResourceType, &str),
        permission: Permission,
    ) -> Option<&Acl> {
        let operations = match permission {
            Permission::Allow => operation.allowed_by(),
            Permission::Deny => operation.denied_by(),
        };
        let resource = AclFilter {
            name: Some(name.into()),
            pattern: PatternFilter::Match,
            permission: Some(permission),
            ..AclFilter::default()
        };
        let both = [visitor.principal, &*ANYBODY].into_iter();
        let mut all = both.flat_map(|principal| self.about(resource_type, principal));
        all.find(|acl| {
            resource.fits(acl)
                && acl.fits_host(visitor.host)
                && Operations::of(&[acl.operation]).meets(operations)
        })
    }

    fn index(&self, of: ResourceType) -> &Index {
        match of {
            ResourceType::Topic => &self.topics,
            ResourceType::Group => &self.groups,
            ResourceType::Cluster => &self.cluster,
            ResourceType::TransactionalId => &self.transactional_ids,
            ResourceType::DelegationToken => &self.delegation_tokens,
            ResourceType::User => &self.users,
        }
    }

    /// Has the index learn what there is with the pattern and principal of `acl`.
    fn keep_up(&mut self, acl: &Acl) {
        let Acl { resource_type, principal, pattern_type, name, .. } = acl;
        let first = first(*resource_type, principal, *pattern_type, Arc::clone(name));
        let all = self.ids.range::<_, Acl>(first..).map(|(acl, _)| &**acl);
        let same = all.take_while(|other| {
            (other.resource_type, &other.principal) == (*resource_type, principal)
                && (other.pattern_type, &other.name) == (*pattern_type, name)
        });
        let index = match resource_type {
            ResourceType::Topic => &mut self.topics,
            ResourceType::Group => &mut self.groups,
            ResourceType::Cluster => &mut self.cluster,
            ResourceType::TransactionalId => &mut self.transactional_ids,
            ResourceType::DelegationToken => &mut self.delegation_tokens,
            ResourceType::User => &mut self.users,
        };
        index.update(acl, same);
    }
}

/// An entry that none with the same pattern comes before.
fn first(
    resource_type: ResourceType,
    principal: &Principal,
    pattern_type: PatternType,
    name: Arc<str>,
) -> Acl {
    Acl {
        resource_type,
        principal: principal.clone(),
        pattern_type,
        name,
        host: "".into(),
        operation: Operation::All,
        permission: Permission::Deny,
    }
}
