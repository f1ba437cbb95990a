//! The answer to `ApiVersions`: the one request that is answered in any version (KIP-511).

use super::{advertised, check};
use crate::messages::api_versions_response::{
    ApiVersion, FinalizedFeatureKey, SupportedFeatureKey,
};
use crate::messages::{ApiKey, ApiVersionsRequest, ApiVersionsResponse};
use crate::{ErrorCode, Refused};
use bytes::Bytes;

/// The features (KIP-584) of the cluster at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Features<'a> {
    /// Name, lowest and highest level that this broker can run at.
    pub supported: &'a [(&'static str, i16, i16)],
    /// Name and level that the cluster runs at. Level 0 means off and is left out.
    pub finalized: &'a [(&'static str, i16)],
    /// The metadata offset that `finalized` is from. Clients ignore the levels when it is -1.
    pub epoch: i64,
}

/// The whole answer to an `ApiVersions` request with this version and body.
///
/// A version that is not served gets error 35 and the full list all the same, so that the client
/// can choose; [`encode_response`](crate::encode_response) writes it as v0, which everyone can
/// read. [`Refused`] means that the body is malformed: close the connection.
pub fn answer(
    version: i16,
    body: Bytes,
    features: &Features<'_>,
) -> Result<ApiVersionsResponse, Refused> {
    if check(ApiKey::ApiVersions, version).is_err() {
        let error = ErrorCode::UnsupportedVersion.code();
        return Ok(listing().with_error_code(error));
    }
    let request: ApiVersionsRequest = crate::decode(version, body)?;
    let named = |name: &str| version < 3 || is_software_name(name);
    if !named(&request.client_software_name) || !named(&request.client_software_version) {
        let error = ErrorCode::InvalidRequest.code();
        return Ok(ApiVersionsResponse::default().with_error_code(error));
    }
    Ok(with_features(listing(), version, features))
}

fn listing() -> ApiVersionsResponse {
    let row = |&(api, min, max): &(ApiKey, i16, i16)| {
        ApiVersion::default().with_api_key(api as i16).with_min_version(min).with_max_version(max)
    };
    ApiVersionsResponse::default().with_api_keys(advertised().iter().map(row).collect())
}

/// Up to v3 a feature whose lowest level is 0 has to be left out: older clients refuse the whole
/// response for it (KAFKA-17011).
fn with_features(
    response: ApiVersionsResponse,
    version: i16,
    features: &Features<'_>,
) -> ApiVersionsResponse {
    let supported = features
        .supported
        .iter()
        .filter(|(_, min, _)| version > 3 || *min > 0)
        .map(|&(name, min, max)| {
            SupportedFeatureKey::default()
                .with_name(name.into())
                .with_min_version(min)
                .with_max_version(max)
        })
        .collect();
    let finalized = features
        .finalized
        .iter()
        .filter(|(_, level)| *level > 0)
        .map(|&(name, level)| {
            FinalizedFeatureKey::default()
                .with_name(name.into())
                .with_min_version_level(level)
                .with_max_version_level(level)
        })
        .collect();
    response
        .with_supported_features(supported)
        .with_finalized_features(finalized)
        .with_finalized_features_epoch(features.epoch)
}

/// KIP-511's rule for a client's software name and version: letters, digits, dashes and dots, the
/// first and last of them a letter or digit.
fn is_software_name(name: &str) -> bool {
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    let inside = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    ends(bytes.first()) && ends(bytes.last()) && bytes.iter().all(inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafka_protocol::protocol::Encodable;

    const FEATURES: Features<'_> = Features {
        supported: &[("metadata.version", 7, 27), ("transaction.version", 0, 2)],
        finalized: &[("metadata.version", 27), ("transaction.version", 0)],
        epoch: 12,
    };

    fn body(version: i16, name: &'static str) -> Bytes {
        let request = ApiVersionsRequest::default()
            .with_client_software_name(name.into())
            .with_client_software_version("1.0".into());
        let mut bytes = Vec::new();
        request.encode(&mut bytes, version).expect("a known version");
        bytes.into()
    }

    #[test]
    fn a_version_that_is_not_served_gets_error_35_and_the_full_list() {
        for version in [-1, 5, i16::MAX] {
            let garbage = Bytes::from_static(b"whatever a newer client sends");
            let response = answer(version, garbage, &FEATURES).expect("never closed");
            assert_eq!(response.error_code, 35);
            assert_eq!(response.api_keys.len(), advertised().len());
        }
    }

    #[test]
    fn features_that_may_be_off_are_left_out_up_to_v3() {
        let names = |version| {
            let response = answer(version, body(version, "client"), &FEATURES).expect("good");
            let names = response.supported_features.iter().map(|f| f.name.to_string());
            names.collect::<Vec<_>>()
        };
        assert_eq!(names(3), ["metadata.version"]);
        assert_eq!(names(4), ["metadata.version", "transaction.version"]);
    }

    #[test]
    fn finalized_levels_come_with_their_epoch_and_without_those_that_are_off() {
        let response = answer(3, body(3, "client"), &FEATURES).expect("good");
        assert_eq!(response.finalized_features_epoch, 12);
        assert_eq!(response.finalized_features.len(), 1);
        assert_eq!(response.finalized_features[0].max_version_level, 27);
    }

    #[test]
    fn a_software_name_outside_of_the_rule_is_an_invalid_request() {
        for name in ["", "-x", "x.", "a b", "caf\u{e9}", "."] {
            assert_eq!(answer(3, body(3, name), &FEATURES).expect("read").error_code, 42, "{name}");
        }
        for name in ["x", "librdkafka", "apache-kafka-java", "a.b"] {
            assert_eq!(answer(4, body(4, name), &FEATURES).expect("read").error_code, 0, "{name}");
        }
    }

    #[test]
    fn a_malformed_body_of_a_served_version_closes_the_connection() {
        assert!(answer(3, Bytes::from_static(&[9]), &FEATURES).is_err());
        assert!(answer(4, Bytes::from_static(&[2, b'x']), &FEATURES).is_err());
    }
}
