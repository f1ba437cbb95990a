//! Which of the eight levels counts.

use std::{net::IpAddr, sync::Arc};

use super::super::*;

fn name(text: &str) -> Option<Arc<str>> {
    (!text.is_empty()).then(|| text.into())
}

/// The eight levels of user `u` and client id `c`, the strongest first.
fn levels() -> [QuotaEntity; 8] {
    [
        QuotaEntity::UserClient(name("u"), name("c")),
        QuotaEntity::UserClient(name("u"), None),
        QuotaEntity::User(name("u")),
        QuotaEntity::UserClient(None, name("c")),
        QuotaEntity::UserClient(None, None),
        QuotaEntity::User(None),
        QuotaEntity::Client(name("c")),
        QuotaEntity::Client(None),
    ]
}

#[test]
fn the_strongest_level_that_says_anything_counts() {
    let (user, client): (Arc<str>, Arc<str>) = ("u".into(), "c".into());
    for set in 0..256_u32 {
        let mut quotas = QuotaMap::new();
        for (level, entity) in (0_u32..).zip(levels()) {
            // what another key says, or another user and client, does not count
            let mut values = QuotaValues::default();
            values.set(QuotaKey::RequestPercentage, Some(1.0));
            if set & (1 << level) != 0 {
                values.set(QuotaKey::ProducerByteRate, Some(f64::from(level + 1)));
            }
            quotas.insert(entity, values);
        }
        let found = Limit::of(&quotas, QuotaKey::ProducerByteRate, &user, &client);
        let expected = (set != 0).then(|| set.trailing_zeros());
        assert_eq!(found.as_ref().map(|it| it.rate), expected.map(|it| f64::from(it + 1)));
        let (u, c) = (Arc::clone(&user), Arc::clone(&client));
        let account = expected.map(|level| match level {
            0 | 1 | 3 | 4 => Account::UserClient(u, c),
            2 | 5 => Account::User(u),
            _ => Account::Client(c),
        });
        assert_eq!(found.map(|it| it.account), account);
    }
}

#[test]
fn an_address_has_its_own_rate_or_that_of_all_addresses() {
    let connections = |rate| {
        let mut values = QuotaValues::default();
        values.set(QuotaKey::ConnectionCreationRate, Some(rate));
        values
    };
    let mut quotas = QuotaMap::new();
    let host: IpAddr = "192.0.2.1".parse().unwrap();
    assert_eq!(Limit::of_address(&quotas, host), None);
    quotas.insert(QuotaEntity::Ip(None), connections(5.0));
    quotas.insert(QuotaEntity::Ip(name("192.0.2.1")), connections(7.0));
    let limit = |rate, host| Some(Limit { account: Account::Address(host), rate });
    assert_eq!(Limit::of_address(&quotas, host), limit(7.0, host));
    let mapped = "::ffff:192.0.2.1".parse().unwrap();
    assert_eq!(Limit::of_address(&quotas, mapped), limit(7.0, host));
    let other = "2001:db8::1".parse().unwrap();
    assert_eq!(Limit::of_address(&quotas, other), limit(5.0, other));
}

#[test]
fn little_is_remembered_of_a_long_client_id() {
    let mut quotas = QuotaMap::new();
    let mut values = QuotaValues::default();
    values.set(QuotaKey::ProducerByteRate, Some(1.0));
    quotas.insert(QuotaEntity::Client(None), values);
    let long: Arc<str> = "\u{e9}".repeat(16_000).into();
    let found = Limit::of(&quotas, QuotaKey::ProducerByteRate, &"u".into(), &long).unwrap();
    assert_eq!(found.account, Account::Client("\u{e9}".repeat(64).into()));
}
