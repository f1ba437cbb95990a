//! Random lists and questions: the index answers as a scan does, whatever was added and removed.

use std::net::IpAddr;

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

const NAMES: &[&str] = &["a", "ab", "abc", "abd", "b", "ba", "*", "ä", "äb", "hardcode"];
const PRINCIPALS: &[&str] = &["User:a", "User:b", "User:*", "Group:a"];
const HOSTS: &[&str] = &["*", "10.0.0.1", "10.0.0.2", "nowhere"];

fn any_acl() -> impl Strategy<Value = Acl> {
    let parts = (
        select(&[ResourceType::Topic, ResourceType::Cluster][..]),
        select(PRINCIPALS),
        select(PatternType::ALL),
        select(NAMES),
        select(HOSTS),
        select(Operation::ALL),
        select(Permission::ALL),
    );
    parts.prop_map(|(resource_type, principal, pattern_type, name, host, operation, permission)| {
        let principal = principal.parse().unwrap();
        let (name, host) = (name.into(), host.into());
        Acl { resource_type, principal, pattern_type, name, host, operation, permission }
    })
}

fn question() -> impl Strategy<Value = (&'static str, &'static str, Operation, &'static str)> {
    (select(PRINCIPALS), select(&HOSTS[1..3]), select(Operation::ALL), select(NAMES))
}

/// Kafka's rules as its documentation has them.
fn scan(all: &[Acl], who: &str, host: &str, operation: Operation, topic: &str) -> Verdict {
    let about = all.iter().filter(|acl| {
        acl.resource_type == ResourceType::Topic
            && match acl.pattern_type {
                PatternType::Literal => &*acl.name == topic || &*acl.name == "*",
                PatternType::Prefixed => topic.starts_with(&*acl.name),
            }
    });
    let implies = |acl: &Acl| {
        let all: &[Operation] = match operation.to_string().as_str() {
            "Describe" => &[Operation::Read, Operation::Write, Operation::Delete, Operation::Alter],
            "DescribeConfigs" => &[Operation::AlterConfigs],
            _ => &[],
        };
        all.contains(&acl.operation)
    };
    let mut verdict = Verdict::NotAllowed;
    for acl in about {
        let who = acl.principal.as_str() == who || acl.principal.as_str() == "User:*";
        if !who || (&*acl.host != host && &*acl.host != "*") {
            continue;
        }
        let exactly = acl.operation == operation || acl.operation == Operation::All;
        match acl.permission {
            Permission::Deny if exactly => return Verdict::Denied,
            Permission::Allow if exactly || implies(acl) => verdict = Verdict::Allowed,
            Permission::Deny | Permission::Allow => (),
        }
    }
    verdict
}

proptest! {
    #[test]
    fn the_index_answers_as_a_scan(
        changes in vec((any::<bool>(), 0..40_usize, any_acl()), 0..60),
        questions in vec(question(), 20),
        open in any::<bool>(),
    ) {
        let (mut acls, mut all) = (Acls::default(), Vec::<(u128, Acl)>::new());
        for (number, (remove, at, acl)) in (1..).zip(changes) {
            if remove && !all.is_empty() {
                let (id, _) = all.remove(at % all.len());
                prop_assert!(acls.remove(&uuid::Uuid::from_u128(id)));
            } else {
                let new = all.iter().all(|(_, other)| *other != acl);
                prop_assert_eq!(acls.insert(uuid::Uuid::from_u128(number), acl.clone()), new);
                if new {
                    all.push((number, acl));
                }
            }
        }
        let mut afresh = Acls::default();
        for (id, acl) in &all {
            afresh.insert(uuid::Uuid::from_u128(*id), acl.clone());
        }
        prop_assert!(afresh == acls, "the index depends on its history");
        let all: Vec<_> = all.into_iter().map(|(_, acl)| acl).collect();
        let authorizer = Authorizer { open_if_unlisted: open, ..Authorizer::default() };
        for (who, host, operation, topic) in questions {
            let principal: Principal = who.parse().unwrap();
            let visitor = Visitor { principal: &principal, host: host.parse::<IpAddr>().unwrap() };
            let told =
                authorizer.verdict(&acls, visitor, operation, (ResourceType::Topic, topic));
            let listed = all.iter().any(|acl| {
                acl.resource_type == ResourceType::Topic
                    && match acl.pattern_type {
                        PatternType::Literal => &*acl.name == topic || &*acl.name == "*",
                        PatternType::Prefixed => topic.starts_with(&*acl.name),
                    }
            });
            let mut expected = scan(&all, who, host, operation, topic);
            if open && !listed {
                expected = Verdict::Allowed;
            }
            prop_assert_eq!(told, expected, "{} {} {} {}", who, host, operation, topic);
        }
    }

    /// Whoever may do something with one of many names may do it with some; the other way round
    /// Kafka's rule is coarser (it doesn't look at what is implied).
    #[test]
    fn who_may_with_one_exactly_may_with_some(
        entries in vec(any_acl(), 0..12),
        who in select(&PRINCIPALS[..2]),
    ) {
        let mut acls = Acls::default();
        for (number, acl) in (1..).zip(&entries) {
            acls.insert(uuid::Uuid::from_u128(number), acl.clone());
        }
        let principal: Principal = who.parse().unwrap();
        let visitor = Visitor { principal: &principal, host: "10.0.0.1".parse().unwrap() };
        let authorizer = Authorizer::default();
        let one = NAMES.iter().filter(|name| **name != "*").any(|name| {
            let topic = (ResourceType::Topic, *name);
            authorizer.verdict(&acls, visitor, Operation::Write, topic) == Verdict::Allowed
        });
        let topic = ResourceType::Topic;
        let some = authorizer.may_with_some(&acls, visitor, Operation::Write, topic);
        prop_assert!(some || !one);
        // names that nobody listed: some of them is free if any is
        if some {
            let allowed = entries.iter().any(|acl| {
                acl.permission == Permission::Allow && acl.resource_type == topic
            });
            prop_assert!(allowed);
        }
    }
}
