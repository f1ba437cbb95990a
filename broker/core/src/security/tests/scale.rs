//! 10,000 entries: what a question costs is counted in the patterns that are looked at.

use std::net::IpAddr;

use super::*;

#[test]
fn a_question_looks_at_a_handful_of_ten_thousand_entries() {
    let mut acls = Acls::default();
    for number in 0..10_000_u128 {
        let text = match number % 4 {
            0 => format!("Allow User:u{number} * Read Topic Literal topic-{number}"),
            1 => format!("Allow User:u{number} * Read Topic Prefixed team-{number}-"),
            2 => format!("Deny User:u{number} 10.0.0.{} All Topic Literal *", number % 250),
            _ => format!("Allow User:everywhere * Write Topic Prefixed p{number}"),
        };
        assert!(acls.insert(uuid::Uuid::from_u128(number + 1), acl(&text)));
    }
    let authorizer = Authorizer::default();
    let mut most = 0;
    for number in (0..10_000).step_by(7) {
        let principal = Principal::user(&format!("u{number}"));
        let host: IpAddr = "10.0.0.1".parse().unwrap();
        let visitor = Visitor { principal: &principal, host };
        for name in [format!("topic-{number}"), format!("team-{number}-x"), format!("p{number}5")] {
            let topic = (ResourceType::Topic, name.as_str());
            let (_, found) = authorizer.look(&acls, visitor, Operation::Read, topic);
            most = most.max(found.steps);
        }
    }
    assert!(most <= 12, "{most} patterns were looked at");
}
