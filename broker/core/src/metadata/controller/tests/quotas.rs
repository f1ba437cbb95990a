//! Client quotas.

use super::*;
use crate::quota::{QuotaEntity, QuotaKey, QuotaParts};

/// Types, and a name or the default of each.
type Parts<'a> = &'a [(&'a str, Option<&'a str>)];

fn parts(parts: Parts<'_>) -> QuotaParts {
    parts.iter().map(|(kind, name)| ((*kind).to_owned(), name.map(str::to_owned))).collect()
}

fn change(entity: Parts<'_>, quotas: &[(&str, Option<f64>)]) -> QuotaChange {
    let quotas = quotas.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect();
    QuotaChange { entity: parts(entity), quotas }
}

fn alter(bench: &mut Bench, changes: Vec<QuotaChange>, validate_only: bool) -> Vec<i16> {
    let reply = bench.run(Input::AlterQuotas { ticket: TICKET, changes, validate_only });
    let Reply::Quotas(results) = reply else { panic!("{reply:?}") };
    results.into_iter().map(|(_, result)| code(&result).unwrap_or(0)).collect()
}

const ALICE: Parts<'static> = &[("user", Some("alice"))];

#[test]
fn quotas_are_set_changed_and_removed() {
    let mut bench = Bench::new(1);
    let both = [("producer_byte_rate", Some(1024.0)), ("request_percentage", Some(12.5))];
    assert_eq!(alter(&mut bench, vec![change(ALICE, &both)], true), [0]);
    assert!(bench.controller.image().quotas().is_empty(), "it was only asked about");
    assert_eq!(alter(&mut bench, vec![change(ALICE, &both)], false), [0]);
    let of = |bench: &Bench| -> Vec<_> {
        let alice = QuotaEntity::User(Some("alice".into()));
        let quotas = bench.controller.image().quotas();
        quotas
            .get(&alice)
            .into_iter()
            .flat_map(|quotas| quotas.iter().collect::<Vec<_>>())
            .collect()
    };
    let percentage = (QuotaKey::RequestPercentage, 12.5);
    assert_eq!(of(&bench), [(QuotaKey::ProducerByteRate, 1024.0), percentage]);
    let less = change(ALICE, &[("producer_byte_rate", None), ("consumer_byte_rate", None)]);
    assert_eq!(alter(&mut bench, vec![less], false), [0], "what is not there can go");
    assert_eq!(of(&bench), [percentage]);
    let offset = bench.controller.image().offset();
    let same = change(ALICE, &[("request_percentage", Some(12.5)), ("no_such", None)]);
    assert_eq!(alter(&mut bench, vec![same], false), [0]);
    assert_eq!(bench.controller.image().offset(), offset, "nothing is written that is so already");
    let none = change(ALICE, &[("request_percentage", None)]);
    assert_eq!(alter(&mut bench, vec![none], false), [0]);
    assert!(bench.controller.image().quotas().is_empty());
}

#[test]
fn every_kind_of_entity_has_its_keys() {
    let mut bench = Bench::new(1);
    let entities: [(Parts<'_>, bool); 9] = [
        (&[("user", None)], false),
        (&[("user", Some("u"))], false),
        (&[("client-id", None)], false),
        (&[("client-id", Some("c"))], false),
        (&[("user", Some("u")), ("client-id", None)], false),
        (&[("user", None), ("client-id", Some("c"))], false),
        (&[("user", None), ("client-id", None)], false),
        (&[("ip", None)], true),
        (&[("ip", Some("192.0.2.1"))], true),
    ];
    for (entity, is_address) in entities {
        for key in QuotaKey::ALL {
            let fits = is_address == (key == QuotaKey::ConnectionCreationRate);
            let result = alter(&mut bench, vec![change(entity, &[(key.name(), Some(7.0))])], false);
            assert_eq!(result, [if fits { 0 } else { 42 }], "{entity:?} {key:?}");
        }
    }
    assert_eq!(bench.controller.image().quotas().len(), entities.len());
}

#[test]
fn what_is_no_quota_is_refused_with_all_else_of_its_entity() {
    let mut bench = Bench::new(1);
    let rate =
        |value| change(ALICE, &[("request_percentage", Some(1.0)), ("producer_byte_rate", value)]);
    for bad in [0.0, -1.0, f64::NAN, 1.5, f64::INFINITY] {
        assert_eq!(alter(&mut bench, vec![rate(Some(bad))], false), [42], "{bad}");
    }
    let entities: [Parts<'_>; 6] = [
        &[],
        &[("user", Some(""))],
        &[("topic", Some("t"))],
        &[("ip", Some("192.0.2.1")), ("user", Some("u"))],
        &[("ip", Some("localhost"))],
        &[("ip", Some(""))],
    ];
    for entity in entities {
        let keys = [("connection_creation_rate", Some(1.0))];
        assert_eq!(alter(&mut bench, vec![change(entity, &keys)], false), [42], "{entity:?}");
    }
    let twice = [("request_percentage", Some(1.0)), ("request_percentage", None)];
    assert_eq!(alter(&mut bench, vec![change(ALICE, &twice)], false), [42]);
    let bob = change(&[("user", Some("bob"))], &[("request_percentage", Some(1.0))]);
    let changes = vec![rate(Some(5.0)), bob, rate(Some(6.0))];
    assert_eq!(alter(&mut bench, changes, false), [42, 0]);
    assert_eq!(bench.controller.image().quotas().len(), 1);
}

#[test]
fn one_request_is_one_batch() {
    let mut bench = Bench::new(1);
    let change = |number: usize| {
        let name = number.to_string();
        let entity: Parts<'_> = &[("user", Some(&name))];
        change(entity, &[("request_percentage", Some(1.0))])
    };
    let changes = (0..10_001).map(change).collect();
    let reply = bench.run(Input::AlterQuotas { ticket: TICKET, changes, validate_only: false });
    assert!(matches!(reply, Reply::Failed(_)));
    assert!(bench.controller.image().quotas().is_empty());
}
