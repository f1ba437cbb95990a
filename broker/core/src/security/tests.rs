//! The lists against a scan that says the same in the plainest way.

mod model;
mod scale;
mod verdicts;

use super::*;

fn find<T: std::fmt::Display + Copy>(all: &[T], word: &str) -> T {
    *all.iter().find(|it| it.to_string() == word).unwrap_or_else(|| panic!("no {word}"))
}

fn acl(text: &str) -> Acl {
    let words: Vec<_> = text.split_whitespace().collect();
    let [permission, principal, host, operation, resource_type, pattern_type, name] = words[..]
    else {
        panic!("seven words, not {text:?}")
    };
    Acl {
        resource_type: find(ResourceType::ALL, resource_type),
        principal: principal.parse().unwrap(),
        pattern_type: find(PatternType::ALL, pattern_type),
        name: name.into(),
        host: host.into(),
        operation: find(Operation::ALL, operation),
        permission: find(Permission::ALL, permission),
    }
}

fn acls(all: &[&str]) -> Acls {
    let mut acls = Acls::default();
    for (number, text) in (1..).zip(all) {
        assert!(acls.insert(uuid::Uuid::from_u128(number), acl(text)), "{text} twice");
    }
    acls
}
