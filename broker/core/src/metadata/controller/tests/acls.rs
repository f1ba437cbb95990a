//! Entries come and go, and what is none is refused.

use super::*;
use crate::security::{Acl, AclFilter, BadAcl, Operation, PatternType, Permission, ResourceType};

fn acl(resource_type: ResourceType, name: &str) -> Acl {
    Acl {
        resource_type,
        principal: "User:a".parse().unwrap(),
        pattern_type: PatternType::Literal,
        name: name.into(),
        host: "*".into(),
        operation: Operation::Read,
        permission: Permission::Allow,
    }
}

fn create(bench: &mut Bench, acls: Vec<Result<Acl, BadAcl>>) -> Vec<Option<ErrorCode>> {
    let from = u128::try_from(bench.log.len()).unwrap() * 100 + 1;
    let acls = (from..).map(Uuid::from_u128).zip(acls).collect();
    let reply = bench.run(Input::CreateAcls { ticket: TICKET, acls });
    let Reply::CreatedAcls(results) = reply else { panic!("{reply:?}") };
    results.into_iter().map(|result| result.err().map(|why| why.code)).collect()
}

#[test]
fn entries_are_there_once_and_go_by_filters() {
    let mut bench = Bench::new(1);
    let topic = |name| Ok(acl(ResourceType::Topic, name));
    let created = create(&mut bench, vec![topic("t"), topic("t"), topic("u")]);
    assert_eq!(created, [None, None, None]);
    assert_eq!(create(&mut bench, vec![topic("u")]), [None]);
    assert_eq!(bench.controller.image().acls().len(), 2);

    let named = |name: &str| Ok(AclFilter { name: Some(name.into()), ..AclFilter::default() });
    let bad = Err(BadAcl::Kind("operation", 99));
    let filters = vec![named("t"), bad, Ok(AclFilter::default()), named("z")];
    let reply = bench.run(Input::DeleteAcls { ticket: TICKET, filters });
    let Reply::DeletedAcls(results) = reply else { panic!("{reply:?}") };
    let counts: Vec<_> = results.iter().map(|it| it.as_ref().map(Vec::len)).collect();
    assert_eq!((&counts[0], &counts[2], &counts[3]), (&Ok(1), &Ok(2), &Ok(0)));
    assert_eq!(results[1].as_ref().unwrap_err().code, ErrorCode::InvalidRequest);
    assert!(bench.controller.image().acls().is_empty());
    assert_eq!(bench.controller.fault(), None);
}

#[test]
fn what_is_no_entry_is_refused_and_the_others_are_taken() {
    let mut bench = Bench::new(1);
    let wanted = vec![
        Ok(acl(ResourceType::Topic, "")),
        Ok(acl(ResourceType::Cluster, "*")),
        Ok(acl(ResourceType::Cluster, "kafka-cluster")),
        Err(BadAcl::Kind("pattern type", 2)),
    ];
    let invalid = Some(ErrorCode::InvalidRequest);
    assert_eq!(create(&mut bench, wanted), [invalid, invalid, None, invalid]);
    assert_eq!(bench.controller.image().acls().len(), 1);
}
