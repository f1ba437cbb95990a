//! Says what it would have taken, to whoever reads the log.

use std::fmt;

use kastellan_core::security::{
    Acls, Operation, Permission, Principal, ResourceType, Verdict, Visitor,
};

use super::needs::Need;
use crate::quiet::Quiet;

/// Principals share this many lines a second: one that is denied all the time leaves most of the
/// others theirs.
const LANES: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Denials([Quiet; LANES]);

/// The one entry that would have allowed it, as `kafka-acls` takes it.
struct Missing<'a> {
    principal: &'a Principal,
    operation: Operation,
    of: ResourceType,
    name: &'a str,
}

impl Denials {
    /// Logs a denial, unless there have just been others.
    pub(super) fn tell(
        &self,
        acls: &Acls,
        visitor: Visitor<'_>,
        verdict: Verdict,
        (need, name): (Need, &str),
    ) {
        let Need { operation, of, .. } = need;
        let principal = visitor.principal;
        let lane = principal.as_str().bytes().map(usize::from).sum::<usize>() % LANES;
        let Some(missed) = self.0.get(lane).and_then(Quiet::speak) else { return };
        let (what, host) = (format!("{operation} on {of} {name:?}"), visitor.host);
        let denying = (verdict == Verdict::Denied)
            .then(|| acls.deciding(visitor, operation, (of, name), Permission::Deny))
            .flatten();
        if let Some(acl) = denying {
            tracing::info!(?principal, %host, missed, "denied: {what}, by the entry: {acl}");
        } else {
            let missing = Missing { principal, operation, of, name };
            tracing::info!(?principal, %host, missed, "denied: {what}; it takes: {missing}");
        }
    }
}

impl fmt::Display for Missing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { principal, operation, of, name } = self;
        write!(f, "kafka-acls --add --allow-principal {:?} ", principal.as_str())?;
        write!(f, "--operation {operation} ")?;
        match of {
            ResourceType::Topic => write!(f, "--topic {name:?}"),
            ResourceType::Group => write!(f, "--group {name:?}"),
            ResourceType::Cluster => f.write_str("--cluster"),
            ResourceType::TransactionalId => write!(f, "--transactional-id {name:?}"),
            ResourceType::DelegationToken => write!(f, "--delegation-token {name:?}"),
            ResourceType::User => write!(f, "--user-principal {name:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_takes_is_a_command_line() {
        let principal = Principal::user("a\nb");
        let (operation, of) = (Operation::DescribeConfigs, ResourceType::Topic);
        let missing = Missing { principal: &principal, operation, of, name: "t" };
        assert_eq!(
            missing.to_string(),
            "kafka-acls --add --allow-principal \"User:a\\nb\" --operation DescribeConfigs \
             --topic \"t\""
        );
    }
}
