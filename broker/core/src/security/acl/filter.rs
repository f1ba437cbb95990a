//! Which entries somebody asks for or wants to be rid of.

use std::sync::Arc;

use super::{Acl, BadAcl, Operation, PatternType, Permission, ResourceType};

/// Entries with all of this. `None` means any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AclFilter {
    /// What kind of thing they are about.
    pub resource_type: Option<ResourceType>,
    /// The name of the resource.
    pub name: Option<Arc<str>>,
    /// How the name is meant.
    pub pattern: PatternFilter,
    /// Whom they are about, as text.
    pub principal: Option<Arc<str>>,
    /// From where, as text.
    pub host: Option<Arc<str>>,
    /// What they allow or deny.
    pub operation: Option<Operation>,
    /// Which of both.
    pub permission: Option<Permission>,
}

/// How the name in a filter is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PatternFilter {
    /// The name of the pattern, of whatever type that is.
    #[default]
    Any,
    /// The name of a resource: whatever decides about that.
    Match,
    /// The name of a pattern of this type.
    Only(PatternType),
}

/// Kafka's number for "any".
const ANY: i8 = 1;
/// Kafka's number for "what decides about this name".
const MATCH: i8 = 2;

impl PatternFilter {
    /// From Kafka's number.
    pub fn from_code(code: i8) -> Result<Self, BadAcl> {
        match code {
            ANY => Ok(Self::Any),
            MATCH => Ok(Self::Match),
            code => PatternType::from_code(code).map(Self::Only),
        }
    }
}

impl AclFilter {
    /// From Kafka's number, where 1 means any.
    pub fn any_or<T>(
        code: i8,
        from_code: impl FnOnce(i8) -> Result<T, BadAcl>,
    ) -> Result<Option<T>, BadAcl> {
        if code == ANY { Ok(None) } else { from_code(code).map(Some) }
    }

    /// Whether `acl` is one of them.
    pub fn fits(&self, acl: &Acl) -> bool {
        fn is<T: PartialEq>(wanted: Option<&T>, found: &T) -> bool {
            wanted.is_none_or(|wanted| wanted == found)
        }
        is(self.resource_type.as_ref(), &acl.resource_type)
            && is(self.operation.as_ref(), &acl.operation)
            && is(self.permission.as_ref(), &acl.permission)
            && self.principal.as_ref().is_none_or(|it| **it == *acl.principal.as_str())
            && is(self.host.as_ref(), &acl.host)
            && self.fits_name(acl)
    }

    fn fits_name(&self, acl: &Acl) -> bool {
        if let PatternFilter::Only(wanted) = self.pattern
            && wanted != acl.pattern_type
        {
            return false;
        }
        let Some(name) = &self.name else { return true };
        match (self.pattern, acl.pattern_type) {
            (PatternFilter::Match, PatternType::Prefixed) => name.starts_with(&*acl.name),
            (PatternFilter::Match, PatternType::Literal) => *name == acl.name || acl.is_wildcard(),
            (PatternFilter::Any | PatternFilter::Only(_), _) => *name == acl.name,
        }
    }
}
