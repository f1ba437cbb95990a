//! Which entities a filter lets through; and what else clients may take.

mod levels;
mod rates;

use super::*;

fn entity(parts: &[(&str, Option<&str>)]) -> QuotaEntity {
    let own = |(kind, name): &(&str, Option<&str>)| ((*kind).to_owned(), name.map(str::to_owned));
    QuotaEntity::of(&parts.iter().map(own).collect()).unwrap()
}

fn filter(components: &[(&str, i8, Option<&str>)], strict: bool) -> Result<QuotaFilter, BadFilter> {
    let mut filter = QuotaFilter::new(strict);
    for (kind, matched, name) in components {
        filter.add(kind, *matched, *name)?;
    }
    Ok(filter)
}

#[test]
fn a_filter_lets_through_what_fits_all_its_components() {
    let all = [
        entity(&[("user", None)]),
        entity(&[("user", Some("u"))]),
        entity(&[("client-id", Some("c"))]),
        entity(&[("user", Some("u")), ("client-id", Some("c"))]),
        entity(&[("user", Some("u")), ("client-id", None)]),
        entity(&[("ip", Some("192.0.2.1"))]),
    ];
    let found = |components: &[(&str, i8, Option<&str>)], strict| -> Vec<usize> {
        let filter = filter(components, strict).unwrap();
        (0..all.len()).filter(|at| filter.fits(&all[*at])).collect()
    };
    assert_eq!(found(&[], false), [0, 1, 2, 3, 4, 5]);
    assert_eq!(found(&[], true), [0; 0]);
    assert_eq!(found(&[("user", 2, None)], false), [0, 1, 3, 4]);
    assert_eq!(found(&[("user", 2, None)], true), [0, 1]);
    assert_eq!(found(&[("user", 1, None)], false), [0]);
    assert_eq!(found(&[("user", 0, Some("u"))], false), [1, 3, 4]);
    assert_eq!(found(&[("user", 0, Some("u")), ("client-id", 1, None)], false), [4]);
    assert_eq!(found(&[("user", 0, Some("u")), ("client-id", 2, None)], true), [3, 4]);
    assert_eq!(found(&[("ip", 0, Some("192.0.2.1"))], true), [5]);
    assert_eq!(found(&[("ip", 0, Some("192.0.2.2"))], true), [0; 0]);
}

#[test]
fn what_is_no_filter_is_refused() {
    let why = |components: &[_]| filter(components, false).unwrap_err();
    assert_eq!(why(&[("", 2, None)]), BadFilter::NoType);
    assert_eq!(why(&[("topic", 2, None)]), BadFilter::Type("topic".to_owned()));
    assert_eq!(why(&[("user", 2, None), ("user", 1, None)]), BadFilter::Twice("user".to_owned()));
    assert_eq!(why(&[("user", 0, None)]), BadFilter::Name(0));
    assert_eq!(why(&[("user", 1, Some("u"))]), BadFilter::Name(1));
    assert_eq!(why(&[("user", 2, Some("u"))]), BadFilter::Name(2));
    assert_eq!(why(&[("user", 3, None)]), BadFilter::Kind(3));
    assert_eq!(why(&[("ip", 2, None), ("user", 2, None)]), BadFilter::Combination);
}

#[test]
fn an_address_is_the_same_however_it_is_written() {
    assert_eq!(entity(&[("ip", Some("::1"))]), entity(&[("ip", Some("0:0:0:0:0:0:0:1"))]));
    assert_eq!(entity(&[("ip", Some("::ffff:192.0.2.1"))]), entity(&[("ip", Some("192.0.2.1"))]));
}
