//! Client quotas over the wire.

mod connections;
mod mutations;
mod throttled;

use kastellan_protocol::{
    messages::{
        AlterClientQuotasRequest, DescribeClientQuotasRequest,
        alter_client_quotas_request::{EntityData, EntryData, OpData},
        describe_client_quotas_request::ComponentData,
    },
    protocol::StrBytes,
};

use super::{Harness, client::Client};

type Parts<'a> = &'a [(&'static str, Option<&'static str>)];

/// Sets quotas of one entity, or takes them away; the code of the answer.
pub(super) fn alter(
    client: &mut Client,
    entity: Parts<'_>,
    quotas: &[(&'static str, Option<f64>)],
) -> i16 {
    let part = |(kind, name): &(&'static str, Option<&'static str>)| {
        EntityData::default()
            .with_entity_type(StrBytes::from_static_str(kind))
            .with_entity_name(name.map(StrBytes::from_static_str))
    };
    let op = |(key, value): &(&'static str, Option<f64>)| {
        OpData::default()
            .with_key(StrBytes::from_static_str(key))
            .with_value(value.unwrap_or_default())
            .with_remove(value.is_none())
    };
    let entry = EntryData::default()
        .with_entity(entity.iter().map(part).collect())
        .with_ops(quotas.iter().map(op).collect());
    let request = AlterClientQuotasRequest::default().with_entries(vec![entry]);
    client.call(1, &request).entries[0].error_code
}

/// What is answered, one line per quota.
fn describe(
    client: &mut Client,
    components: &[(&'static str, i8, Option<&'static str>)],
) -> String {
    let component = |(kind, matched, name): &(&'static str, i8, Option<&'static str>)| {
        ComponentData::default()
            .with_entity_type(StrBytes::from_static_str(kind))
            .with_match_type(*matched)
            .with_match(name.map(StrBytes::from_static_str))
    };
    let components = components.iter().map(component).collect();
    let request = DescribeClientQuotasRequest::default().with_components(components);
    let answer = client.call(1, &request);
    let Some(entries) = answer.entries else { return answer.error_code.to_string() };
    let mut lines = Vec::new();
    for entry in entries {
        let parts = entry.entity.iter().map(|part| {
            format!("{}={}", &*part.entity_type, part.entity_name.as_deref().unwrap_or("<default>"))
        });
        let entity = parts.collect::<Vec<_>>().join(",");
        let line = |value: &_| {
            let kastellan_protocol::messages::describe_client_quotas_response::ValueData {
                key,
                value,
                ..
            } = value;
            format!("{entity}: {}={value}", &**key)
        };
        lines.extend(entry.values.iter().map(line));
    }
    lines.join("\n")
}

#[test]
fn quotas_are_kept_described_and_removed_and_outlive_the_process() {
    let mut broker = Harness::new();
    let mut client = broker.client();
    let both: Parts<'_> = &[("user", Some("u")), ("client-id", None)];
    assert_eq!(alter(&mut client, both, &[("consumer_byte_rate", Some(2048.0))]), 0);
    assert_eq!(alter(&mut client, &[("ip", None)], &[("connection_creation_rate", Some(5.0))]), 0);
    assert_eq!(alter(&mut client, &[("ip", None)], &[("producer_byte_rate", Some(5.0))]), 42);
    broker.restart();
    let mut client = broker.client();
    let user = "user=u,client-id=<default>: consumer_byte_rate=2048";
    let all = format!("{user}\nip=<default>: connection_creation_rate=5");
    assert_eq!(describe(&mut client, &[]), all);
    assert_eq!(describe(&mut client, &[("user", 0, Some("u"))]), user);
    assert_eq!(describe(&mut client, &[("user", 0, Some("w"))]), "");
    assert_eq!(describe(&mut client, &[("user", 7, None)]), "42");
    assert_eq!(describe(&mut client, &[("topic", 2, None)]), "35");
    assert_eq!(alter(&mut client, both, &[("consumer_byte_rate", None)]), 0);
    assert_eq!(describe(&mut client, &[("user", 2, None)]), "");
}
