//! Kafka's rules, one by one.

use std::net::IpAddr;

use super::*;

const HERE: &str = "10.0.0.1";

fn may(authorizer: &Authorizer, all: &[&str], who: &str, what: &str) -> Verdict {
    let words: Vec<_> = what.split_whitespace().collect();
    let [operation, resource_type, name] = words[..] else { panic!("three words, not {what:?}") };
    let operation = *Operation::ALL.iter().find(|it| it.to_string() == operation).unwrap();
    let kind = *ResourceType::ALL.iter().find(|it| it.to_string() == resource_type).unwrap();
    let (principal, host) = who.split_once('@').unwrap_or((who, HERE));
    let (principal, host): (Principal, IpAddr) =
        (principal.parse().unwrap(), host.parse().unwrap());
    let visitor = Visitor { principal: &principal, host };
    authorizer.verdict(&acls(all), visitor, operation, (kind, name))
}

fn plainly(all: &[&str], who: &str, what: &str) -> Verdict {
    may(&Authorizer::default(), all, who, what)
}

#[test]
fn without_an_entry_nobody_may_do_anything_but_super_users_and_where_it_is_left_open() {
    assert_eq!(plainly(&[], "User:a", "Read Topic t"), Verdict::NotAllowed);
    let deny = ["Deny User:* * All Topic Literal *"];
    let super_users = Authorizer::super_users("User:root; User:CN=a,O=b").unwrap();
    let authorizer = Authorizer { super_users, open_if_unlisted: true };
    assert_eq!(may(&authorizer, &deny, "User:root", "Read Topic t"), Verdict::Allowed);
    assert_eq!(may(&authorizer, &deny, "User:CN=a,O=b", "Read Topic t"), Verdict::Allowed);
    assert_eq!(may(&authorizer, &deny, "User:a", "Read Topic t"), Verdict::Denied);
    assert_eq!(may(&authorizer, &deny, "User:a", "Read Group t"), Verdict::Allowed);
    // an entry about somebody else and something else still is one about the resource
    let other = ["Allow User:b * Write Topic Literal t"];
    assert_eq!(may(&authorizer, &other, "User:a", "Read Topic t"), Verdict::NotAllowed);
    assert_eq!(may(&authorizer, &other, "User:a", "Read Topic u"), Verdict::Allowed);
    assert!(Authorizer::super_users("root").is_err());
}

#[test]
fn deny_wins_over_whatever_allows() {
    for deny in [
        "Deny User:a * Read Topic Literal topic",
        "Deny User:* * All Topic Prefixed to",
        "Deny User:a 10.0.0.1 Read Topic Literal *",
    ] {
        let all = ["Allow User:a * All Topic Literal topic", deny];
        assert_eq!(plainly(&all, "User:a", "Read Topic topic"), Verdict::Denied, "{deny}");
    }
}

#[test]
fn some_operations_imply_others_where_they_are_allowed_and_not_where_they_are_denied() {
    for operation in ["Read", "Write", "Delete", "Alter", "Describe", "All"] {
        let allow = format!("Allow User:a * {operation} Topic Literal t");
        assert_eq!(plainly(&[&allow], "User:a", "Describe Topic t"), Verdict::Allowed);
    }
    let allow = "Allow User:a * AlterConfigs Topic Literal t";
    assert_eq!(plainly(&[allow], "User:a", "DescribeConfigs Topic t"), Verdict::Allowed);
    assert_eq!(plainly(&[allow], "User:a", "Describe Topic t"), Verdict::NotAllowed);
    let all = ["Allow User:a * Describe Topic Literal t", "Deny User:a * Read Topic Literal t"];
    assert_eq!(plainly(&all, "User:a", "Describe Topic t"), Verdict::Allowed);
    assert_eq!(plainly(&all, "User:a", "Read Topic t"), Verdict::Denied);
}

#[test]
fn patterns_principals_and_hosts_fit_as_kafka_has_it() {
    let all = [
        "Allow User:a * Read Topic Prefixed ab",
        "Allow User:* 10.0.0.2 Read Topic Literal *",
        "Allow Group:a * Write Topic Literal *",
        "Allow User:b ::ffff:10.0.0.3 Read Topic Literal x",
        "Allow User:c somewhere Read Topic Literal x",
    ];
    for (who, what, verdict) in [
        ("User:a", "Read Topic ab", Verdict::Allowed),
        ("User:a", "Read Topic abc", Verdict::Allowed),
        ("User:a", "Read Topic a", Verdict::NotAllowed),
        ("User:a", "Read Topic aac", Verdict::NotAllowed),
        ("User:a", "Read Group ab", Verdict::NotAllowed),
        ("User:z@10.0.0.2", "Read Topic any", Verdict::Allowed),
        ("User:z@::ffff:10.0.0.2", "Read Topic any", Verdict::Allowed),
        ("User:z", "Read Topic any", Verdict::NotAllowed),
        ("User:a", "Write Topic any", Verdict::NotAllowed),
        ("Group:a", "Write Topic any", Verdict::Allowed),
        ("User:b@10.0.0.3", "Read Topic x", Verdict::Allowed),
        ("User:c", "Read Topic x", Verdict::NotAllowed),
    ] {
        assert_eq!(plainly(&all, who, what), verdict, "{who} {what}");
    }
}

#[test]
fn what_was_said_twice_about_one_host_is_still_said_when_one_of_both_is_gone() {
    let twice = [
        "Deny User:a ::1 Read Topic Literal t",
        "Deny User:a 0:0:0:0:0:0:0:1 Read Topic Literal t",
    ];
    let mut acls = acls(&twice);
    assert!(acls.remove(&uuid::Uuid::from_u128(1)));
    let principal = Principal::user("a");
    let visitor = Visitor { principal: &principal, host: "::1".parse().unwrap() };
    let ask = |acls: &Acls| {
        let topic = (ResourceType::Topic, "t");
        Authorizer::default().verdict(acls, visitor, Operation::Read, topic)
    };
    assert_eq!(ask(&acls), Verdict::Denied);
    assert!(acls.remove(&uuid::Uuid::from_u128(2)) && !acls.remove(&uuid::Uuid::from_u128(2)));
    assert_eq!((ask(&acls), acls.is_empty()), (Verdict::NotAllowed, true));
    assert_eq!(acls, Acls::default(), "nothing is left behind");
}
