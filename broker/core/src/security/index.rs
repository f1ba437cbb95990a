//! How the entries about one type of resource are found: by name and principal, without a scan.

use std::{net::IpAddr, sync::Arc};

use imbl::OrdMap;

use super::{Acl, Operation, Operations, PatternType, Permission, Principal, acls::ANYBODY};

/// The entries about one type of resource, by pattern.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Index {
    literal: OrdMap<Arc<str>, Arc<Pattern>>,
    prefixed: OrdMap<Arc<str>, Arc<Pattern>>,
    /// The literal `*`.
    wildcard: Option<Arc<Pattern>>,
}

/// The entries with one pattern, by principal. There is at least one.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Pattern {
    /// Those about everybody: every question comes by.
    anybody: Option<Grants>,
    others: OrdMap<Principal, Grants>,
}

/// The entries with one pattern and principal, by host. There is at least one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Grants {
    from_anywhere: Grant,
    /// Few: a list is the fastest.
    from: Vec<(IpAddr, Grant)>,
}

/// What is allowed and what is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Grant {
    allowed: Operations,
    denied: Operations,
}

/// What the entries say about one question.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// One denies it.
    pub(super) denied: bool,
    /// One allows it.
    pub(super) allowed: bool,
    /// There is one about the resource, whomever it is about and whatever it says.
    pub(super) listed: bool,
    /// How many patterns were looked at.
    pub(super) steps: usize,
}

/// A question to the entries of a type.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) principal: &'a Principal,
    pub(super) host: IpAddr,
    pub(super) operation: Operation,
}

impl Index {
    /// What is said about `name`. Allocates nothing; its cost follows the length of the name and
    /// the prefixes that it has, not the number of entries.
    pub(super) fn ask(&self, name: &str, question: &Question<'_>) -> Findings {
        let mut findings = Findings::default();
        if let Some(pattern) = self.literal.get(name) {
            pattern.ask(question, &mut findings);
        }
        if let Some(pattern) = &self.wildcard {
            pattern.ask(question, &mut findings);
        }
        // The greatest pattern up to the name is the longest that it begins with, or tells how
        // much of the name the longest one can have at most.
        let mut rest = name;
        while !findings.denied
            && let Some((prefix, pattern)) = self.prefixed.get_prev(rest)
        {
            findings.steps += 1;
            let shared = if rest.starts_with(&**prefix) {
                pattern.ask(question, &mut findings);
                prefix.len().saturating_sub(1)
            } else {
                rest.bytes().zip(prefix.bytes()).take_while(|(a, b)| a == b).count()
            };
            if prefix.is_empty() {
                break;
            }
            rest = rest.get(..rest.floor_char_boundary(shared)).unwrap_or_default();
        }
        findings
    }

    /// Replaces what is known of the pattern and principal of `acl`, by all entries that there are
    /// with both.
    pub(super) fn update<'a>(&mut self, acl: &Acl, all: impl Iterator<Item = &'a Acl>) {
        let grants = Grants::of(all);
        let mut pattern = self.pattern(acl).map(|it| Pattern::clone(it)).unwrap_or_default();
        match grants {
            grants if acl.principal == *ANYBODY => pattern.anybody = grants,
            Some(grants) => drop(pattern.others.insert(acl.principal.clone(), grants)),
            None => drop(pattern.others.remove(&acl.principal)),
        }
        let about = pattern.anybody.is_some() || !pattern.others.is_empty();
        let pattern = about.then(|| Arc::new(pattern));
        if acl.is_wildcard() {
            self.wildcard = pattern;
            return;
        }
        let patterns = match acl.pattern_type {
            PatternType::Literal => &mut self.literal,
            PatternType::Prefixed => &mut self.prefixed,
        };
        match pattern {
            Some(pattern) => drop(patterns.insert(Arc::clone(&acl.name), pattern)),
            None => drop(patterns.remove(&acl.name)),
        }
    }

    fn pattern(&self, acl: &Acl) -> Option<&Arc<Pattern>> {
        match acl.pattern_type {
            PatternType::Literal if acl.is_wildcard() => self.wildcard.as_ref(),
            PatternType::Literal => self.literal.get(&acl.name),
            PatternType::Prefixed => self.prefixed.get(&acl.name),
        }
    }
}

impl Pattern {
    fn ask(&self, question: &Question<'_>, findings: &mut Findings) {
        findings.listed = true;
        findings.steps += 1;
        for grants in self.anybody.iter().chain(self.others.get(question.principal)) {
            grants.ask(question, findings);
        }
    }
}

impl Grants {
    /// What the entries with one pattern and principal say; `None` where there are none.
    fn of<'a>(all: impl Iterator<Item = &'a Acl>) -> Option<Self> {
        let mut grants = None;
        for acl in all {
            let grants: &mut Self = grants.get_or_insert_default();
            let grant = if &*acl.host == super::WILDCARD {
                &mut grants.from_anywhere
            } else {
                let Some(address) = acl.address() else { continue };
                let known = grants.from.iter().position(|(host, _)| *host == address);
                let at = known.unwrap_or(grants.from.len());
                if known.is_none() {
                    grants.from.push((address, Grant::default()));
                }
                let Some((_, grant)) = grants.from.get_mut(at) else { continue };
                grant
            };
            match acl.permission {
                Permission::Allow => grant.allowed.insert(acl.operation),
                Permission::Deny => grant.denied.insert(acl.operation),
            }
        }
        grants
    }

    fn ask(&self, question: &Question<'_>, findings: &mut Findings) {
        let here = self.from.iter().filter(|(host, _)| *host == question.host);
        let grants = here.map(|(_, grant)| grant).chain([&self.from_anywhere]);
        for grant in grants {
            findings.denied |= grant.denied.meets(question.operation.denied_by());
            findings.allowed |= grant.allowed.meets(question.operation.allowed_by());
        }
    }
}
