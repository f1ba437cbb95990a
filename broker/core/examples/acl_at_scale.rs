//! How long the verdict over an operation takes where there are many entries in the access control
//! lists: `cargo run --release -p kastellan-core --example acl_at_scale`.
#![expect(clippy::disallowed_types, clippy::print_stdout, reason = "it measures, and says so")]

use std::{hint::black_box, net::IpAddr, time::Instant};

use kastellan_core::{
    id::Uuid,
    security::{
        Acl, Acls, Authorizer, Operation, PatternType, Permission, Principal, ResourceType,
        Verdict, Visitor,
    },
};

/// Of each of the four kinds of entries.
const EACH: u128 = 2_500;
const QUESTIONS: u32 = 200_000;

fn main() {
    let started = Instant::now();
    let mut acls = Acls::default();
    for number in 0..EACH {
        let (own, team) = (format!("topic-{number}"), format!("team-{number}-"));
        let prefix = format!("to{number}");
        let entries = [
            entry(number, PatternType::Literal, &own, Operation::Read, Permission::Allow),
            entry(number, PatternType::Prefixed, &team, Operation::All, Permission::Allow),
            entry(number, PatternType::Literal, "*", Operation::Delete, Permission::Deny),
            entry(0, PatternType::Prefixed, &prefix, Operation::Write, Permission::Deny),
        ];
        for (at, acl) in (0..).zip(entries) {
            acls.insert(Uuid::from_u128(1 + number * 4 + at), acl);
        }
    }
    println!("{} entries: {:?}", acls.len(), started.elapsed());
    let host: IpAddr = IpAddr::from([10, 0, 0, 1]);
    let authorizer = Authorizer::default();
    let principals: Vec<_> = (0..EACH).map(principal).collect();
    for (what, of) in [("by name", "topic-"), ("by prefix", "team-"), ("of none", "other-")] {
        let end = if what == "by name" { "" } else { "-events" };
        let names: Vec<_> = (0..EACH).map(|number| format!("{of}{number}{end}")).collect();
        let (mut allowed, started) = (0, Instant::now());
        for (principal, name) in principals.iter().zip(&names).cycle().take(QUESTIONS as usize) {
            let visitor = Visitor { principal, host };
            let topic = (ResourceType::Topic, name.as_str());
            let verdict = authorizer.verdict(black_box(&acls), visitor, Operation::Read, topic);
            allowed += u32::from(verdict == Verdict::Allowed);
        }
        let each = started.elapsed() / QUESTIONS;
        println!("a verdict {what}: {each:?}, {allowed} of {QUESTIONS} allowed");
    }
}

fn principal(number: u128) -> Principal {
    Principal::user(&format!("user-{number}"))
}

fn entry(
    user: u128,
    pattern_type: PatternType,
    name: &str,
    operation: Operation,
    permission: Permission,
) -> Acl {
    Acl {
        resource_type: ResourceType::Topic,
        principal: principal(user),
        pattern_type,
        name: name.into(),
        host: "*".into(),
        operation,
        permission,
    }
}
