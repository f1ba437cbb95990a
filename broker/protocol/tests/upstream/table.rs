//! Row by row, field by field.

use std::collections::BTreeMap;

use serde_json::Value;

use super::definition::{ours, range, theirs};
use super::jar::Definitions;
use kastellan_protocol::walk::schema::{NEVER, Versions};
use kastellan_protocol::walk::{schema, schemas};
use kastellan_protocol::{ApiKey, api_version, throttle};

/// Kafka's definitions of its messages, by their names.
fn definitions() -> Option<BTreeMap<String, Value>> {
    Definitions::open("kafka-clients", "common/message")
        .map(|definitions| definitions.all().collect())
}

#[test]
fn served_versions_are_those_that_kafka_calls_stable() {
    let Some(definitions) = definitions() else { return };
    for &(api, min, max) in api_version::served() {
        let message = &definitions[&format!("{api:?}Request")];
        assert_eq!(message["apiKey"], api as i16);
        let valid = range(&message["validVersions"], Versions::ALL).expect("some version");
        let unstable = message["latestVersionUnstable"] == true;
        assert_eq!((min, max), (valid.0, valid.1 - i16::from(unstable)), "{api:?}");
    }
}

#[test]
fn peers_ask_in_the_newest_version_that_kafka_calls_stable() {
    let Some(definitions) = definitions() else { return };
    for &(api, version) in api_version::peers() {
        let message = &definitions[&format!("{api:?}Request")];
        assert_eq!(message["apiKey"], api as i16);
        let valid = range(&message["validVersions"], Versions::ALL).expect("some version");
        let unstable = message["latestVersionUnstable"] == true;
        assert_eq!(version, valid.1 - i16::from(unstable), "{api:?}");
    }
}

#[test]
fn every_field_of_every_request_is_as_kafka_declares_it() {
    let Some(definitions) = definitions() else { return };
    for schema in schemas() {
        let api = schema.api;
        let message = &definitions[&format!("{api:?}Request")];
        let flexible = range(&message["flexibleVersions"], Versions::ALL).map(|range| range.0);
        assert_eq!(schema.flexible, flexible.unwrap_or(NEVER), "{api:?}");
        let (ours, theirs) = (ours(schema), theirs(message, schema.versions));
        for (our, their) in ours.iter().zip(&theirs) {
            assert_eq!(our, their, "{api:?}");
        }
        assert_eq!(ours.len(), theirs.len(), "{api:?}");
    }
}

#[test]
fn responses_turn_flexible_with_their_requests_but_for_api_versions() {
    let Some(definitions) = definitions() else { return };
    for &(api, min, max) in api_version::served() {
        let message = &definitions[&format!("{api:?}Response")];
        let flexible = range(&message["flexibleVersions"], Versions::ALL).map(|range| range.0);
        let ours = schema(api).map(|schema| schema.flexible);
        assert_eq!(ours, Some(flexible.unwrap_or(NEVER)), "{api:?}");
        for version in min..=max {
            let flexible = flexible.is_some_and(|first| version >= first);
            let tagged = api != ApiKey::ApiVersions && flexible;
            assert_eq!(api.response_header_version(version), i16::from(tagged), "{api:?}");
        }
    }
}

/// Whether Kafka's response in this version begins with its throttle time.
fn leads(message: &Value, version: i16) -> bool {
    let fields = message["fields"].as_array().expect("fields are an array");
    let has = |field: &&Value| {
        let versions = range(&field["versions"], Versions::ALL);
        versions.is_some_and(|(min, max)| (min..=max).contains(&version))
            && field.get("taggedVersions").is_none()
    };
    fields.iter().find(has).is_some_and(|first| first["name"] == "ThrottleTimeMs")
}

#[test]
fn a_throttle_time_is_where_kafka_declares_it() {
    let Some(definitions) = definitions() else { return };
    for &(api, min, max) in api_version::served() {
        // written by hand
        if matches!(api, ApiKey::Produce | ApiKey::Fetch) {
            continue;
        }
        let message = &definitions[&format!("{api:?}Response")];
        for version in min..=max {
            let ours = throttle::leads(api, version);
            assert_eq!(ours, leads(message, version), "{api:?} v{version}");
        }
    }
}

#[test]
fn the_request_header_is_as_kafka_declares_it() {
    let Some(definitions) = definitions() else { return };
    let header = &definitions["RequestHeader"];
    assert_eq!(
        (&header["validVersions"], &header["flexibleVersions"]),
        (&"1-2".into(), &"2+".into())
    );
    let fields = header["fields"].as_array().expect("fields are an array");
    let declared: Vec<_> =
        fields.iter().map(|f| (f["name"].as_str(), f["type"].as_str())).collect();
    let expected = [
        ("RequestApiKey", "int16"),
        ("RequestApiVersion", "int16"),
        ("CorrelationId", "int32"),
        ("ClientId", "string"),
    ];
    assert_eq!(declared, expected.map(|(name, kind)| (Some(name), Some(kind))));
    assert_eq!(fields[3]["nullableVersions"], "1+");
    assert_eq!(fields[3]["flexibleVersions"], "none", "an old two-byte length in every version");
}
