//! `AlterClientQuotas` and `DescribeClientQuotas`. What is set is far from anything that the other
//! scenes take, and gone at the end.

use kafka_protocol::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use kafka_protocol::messages::describe_client_quotas_request::ComponentData;
use kafka_protocol::messages::{AlterClientQuotasRequest, DescribeClientQuotasRequest};

use super::malformed::damage;
use super::s;
use crate::oracle::side::Side;

/// Types, and a name or the default of each.
type Parts<'a> = &'a [(&'a str, Option<&'a str>)];

/// Keys with their values, or without where they go.
type Ops<'a> = &'a [(&'a str, Option<f64>)];

pub(super) fn play(side: &mut Side) {
    side.scene("alter-client-quotas");
    for version in side.versions::<AlterClientQuotasRequest>() {
        altered(side, version);
    }
    side.scene("describe-client-quotas");
    let set = [("producer_byte_rate", Some(1e12)), ("request_percentage", Some(12345.5))];
    let newest = side.newest::<AlterClientQuotasRequest>();
    side.quiet(newest, &alter(&[(&[("user", Some("quota-u"))], &set)]));
    for version in side.versions::<DescribeClientQuotasRequest>() {
        described(side, version);
    }
    let unset = set.map(|(key, _)| (key, None));
    side.quiet(newest, &alter(&[(&[("user", Some("quota-u"))], &unset)]));
    side.scene("client-quotas-body");
    damage(side, |_| describe(&[("user", 0, Some("damaged"))], true));
    damage(side, |_| alter(&[]));
}

fn alter(entries: &[(Parts<'_>, Ops<'_>)]) -> AlterClientQuotasRequest {
    let part = |(kind, name): &(&str, Option<&str>)| {
        EntityData::default().with_entity_type(s(kind)).with_entity_name(name.map(s))
    };
    let op = |(key, value): &(&str, Option<f64>)| {
        OpData::default()
            .with_key(s(key))
            .with_value(value.unwrap_or_default())
            .with_remove(value.is_none())
    };
    let entry = |(entity, ops): &(Parts<'_>, Ops<'_>)| {
        EntryData::default()
            .with_entity(entity.iter().map(part).collect())
            .with_ops(ops.iter().map(op).collect())
    };
    AlterClientQuotasRequest::default().with_entries(entries.iter().map(entry).collect())
}

fn altered(side: &mut Side, version: i16) {
    let rate = |value| [("producer_byte_rate", Some(value))];
    let user: Parts<'_> = &[("user", Some("quota-a"))];
    let mut case = |case: &str, entity, ops: &[_]| {
        side.ask(case, version, &alter(&[(entity, ops)]));
    };
    case("set", user, &rate(1e12));
    case("same", user, &rate(1e12));
    case("change", user, &rate(1e13));
    case("remove", user, &[("producer_byte_rate", None)]);
    case("remove-again", user, &[("producer_byte_rate", None)]);
    case("nothing", user, &[]);
    case("unknown-key", user, &[("no_such_rate", Some(1.0))]);
    case("remove-unknown-key", user, &[("no_such_rate", None)]);
    case("zero", user, &rate(0.0));
    case("negative", user, &rate(-1.0));
    case("fraction", user, &rate(1.5));
    case("huge", user, &rate(1e300));
    case("key-twice", user, &[("producer_byte_rate", Some(1.0)), ("producer_byte_rate", None)]);
    case("user-connections", user, &[("connection_creation_rate", Some(1e6))]);
    case("ip-bytes", &[("ip", Some("192.0.2.7"))], &rate(1e12));
    case("ip", &[("ip", Some("192.0.2.7"))], &[("connection_creation_rate", Some(1e6))]);
    case("ip-gone", &[("ip", Some("192.0.2.7"))], &[("connection_creation_rate", None)]);
    case("no-ip", &[("ip", Some("no ip"))], &[("connection_creation_rate", Some(1e6))]);
    case("ip-fraction", &[("ip", None)], &[("connection_creation_rate", Some(1.5))]);
    case("ip-and-user", &[("ip", None), ("user", None)], &rate(1e12));
    case("no-entity", &[], &rate(1e12));
    case("no-name", &[("user", Some(""))], &rate(1e12));
    case("unknown-type", &[("topic", Some("t"))], &rate(1e12));
    side.ask("none", version, &alter(&[]));
    let only = alter(&[(user, &rate(5.0))]).with_validate_only(true);
    side.ask("validate-only", version, &only);
    let only = alter(&[(user, &rate(0.0))]).with_validate_only(true);
    side.ask("validate-only-bad", version, &only);
}

fn describe(components: &[(&str, i8, Option<&str>)], strict: bool) -> DescribeClientQuotasRequest {
    let component = |(kind, matched, name): &(&str, i8, Option<&str>)| {
        ComponentData::default()
            .with_entity_type(s(kind))
            .with_match_type(*matched)
            .with_match(name.map(s))
    };
    DescribeClientQuotasRequest::default()
        .with_components(components.iter().map(component).collect())
        .with_strict(strict)
}

fn described(side: &mut Side, version: i16) {
    let mut case = |case: &str, components: &[_], strict| {
        side.ask(case, version, &describe(components, strict));
    };
    case("all", &[], false);
    case("none", &[], true);
    case("user", &[("user", 0, Some("quota-u"))], false);
    case("user-strict", &[("user", 0, Some("quota-u"))], true);
    case("any-user", &[("user", 2, None)], false);
    case("default-user", &[("user", 1, None)], false);
    case("other-user", &[("user", 0, Some("quota-w"))], false);
    case("user-and-client", &[("user", 2, None), ("client-id", 2, None)], true);
    case("ip", &[("ip", 0, Some("192.0.2.7"))], true);
    case("ip-and-user", &[("ip", 2, None), ("user", 2, None)], false);
    case("twice", &[("user", 2, None), ("user", 1, None)], false);
    case("no-type", &[("", 2, None)], false);
    case("unknown-type", &[("topic", 2, None)], false);
    case("no-name", &[("user", 0, None)], false);
    case("name-of-default", &[("user", 1, Some("quota-u"))], false);
    case("name-of-any", &[("user", 2, Some("quota-u"))], false);
    case("unknown-match", &[("user", 3, None)], false);
}
