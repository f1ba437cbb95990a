//! What is told leaves nothing to tell, and nobody else's is touched.

use super::*;
use kastellan_core::security::{Operation, PatternType, Permission, ResourceType};

fn acl(principal: &Principal, name: &str) -> Acl {
    Acl {
        resource_type: ResourceType::Topic,
        principal: principal.clone(),
        pattern_type: PatternType::Literal,
        name: name.into(),
        host: "*".into(),
        operation: Operation::Read,
        permission: Permission::Allow,
    }
}

fn user(login: Option<LoginKind>, topics: &[&str]) -> User {
    let principal = Principal::user("rider");
    let listener = "tls".parse().unwrap();
    User {
        object: "rider".parse().unwrap(),
        name: "rider".to_owned(),
        login: login.map(|kind| Login { kind, listener, tls: true }),
        acls: topics.iter().map(|topic| acl(&principal, topic)).collect(),
        quotas: BTreeMap::from([("producer_byte_rate".to_owned(), 10)]),
        principal,
        place: Place { file: String::new(), line: 0, column: 0 },
    }
}

/// What a cluster holds that does as it is told.
fn carry_out(changes: &Changes, held: &mut Held) {
    for (name, mechanism) in changes.set.keys() {
        held.passwords.entry(name.clone()).or_default().insert(*mechanism, ROUNDS);
    }
    for (name, mechanism) in &changes.forget {
        held.passwords.entry(name.clone()).or_default().remove(mechanism);
    }
    let acls = held.acls.get_or_insert_default();
    for acl in &changes.create {
        acls.entry(acl.principal.clone()).or_default().insert(acl.clone());
    }
    for acl in &changes.delete {
        acls.entry(acl.principal.clone()).or_default().remove(acl);
    }
    for (name, quotas) in &changes.quotas {
        let of_user = held.quotas.entry(name.clone()).or_default();
        for (quota, value) in quotas {
            match value {
                #[expect(clippy::cast_precision_loss, reason = "as brokers keep it")]
                Some(value) => drop(of_user.insert(quota.clone(), *value as f64)),
                None => drop(of_user.remove(quota)),
            }
        }
    }
}

#[test]
fn what_is_told_leaves_nothing_to_tell_and_what_is_anothers_stays() {
    let scram = |mechanism| Some(LoginKind::Password(mechanism, None));
    let other = Principal::user("other");
    let (none, secret) = (BTreeSet::new(), Secret("x".to_owned()));
    let mut held = Held { acls: Some(BTreeMap::new()), ..Held::default() };
    carry_out(
        &Changes { create: BTreeSet::from([acl(&other, "a")]), ..Changes::default() },
        &mut held,
    );
    let former = Former::default();
    let first = user(scram(ScramMechanism::Sha256), &["a", "b"]);
    let changes = first.differs(&held, &former, Some(&secret), &none);
    assert_eq!((changes.set.len(), changes.create.len(), changes.delete.len()), (1, 2, 0));
    assert!(format!("{changes:?}").contains("[hidden]"));
    carry_out(&changes, &mut held);
    assert!(first.differs(&held, &former, None, &none).is_empty());
    let second = user(scram(ScramMechanism::Sha512), &["b"]);
    carry_out(&second.differs(&held, &former, Some(&secret), &none), &mut held);
    let known = &held.passwords["rider"];
    assert_eq!(known, &BTreeMap::from([(ScramMechanism::Sha512, ROUNDS)]), "the old one is gone");
    assert!(second.differs(&held, &former, None, &none).is_empty());
    assert!(held.knows("rider", ScramMechanism::Sha512));
    held.passwords.insert("rider".to_owned(), BTreeMap::from([(ScramMechanism::Sha512, 4096)]));
    assert!(!held.knows("rider", ScramMechanism::Sha512), "somebody else has set another");
    let principals = BTreeSet::from([second.principal.clone()]);
    carry_out(&removal("rider", &principals, true, &held), &mut held);
    assert!(removal("rider", &principals, true, &held).is_empty());
    assert!(held.passwords["rider"].is_empty() && held.quotas["rider"].is_empty());
    assert_eq!(held.acls.unwrap()[&other].len(), 1);
}

#[test]
fn who_is_known_by_another_name_loses_what_the_old_one_had() {
    let mut held = Held { acls: Some(BTreeMap::new()), ..Held::default() };
    let old = Principal::user("CN=rider");
    let given = Changes { create: BTreeSet::from([acl(&old, "a")]), ..Changes::default() };
    carry_out(&given, &mut held);
    let former = Former { principal: Some(old.clone()), had_login: true };
    let user = user(None, &[]);
    let others = BTreeSet::from([old]);
    assert!(user.differs(&held, &former, None, &others).delete.is_empty(), "another's by now");
    assert_eq!(user.differs(&held, &former, None, &BTreeSet::new()).delete.len(), 1);
}
