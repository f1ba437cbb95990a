//! `UpdateFeatures` (KIP-584, KIP-1022): levels of features go up, or down where nothing is lost.

use std::sync::Arc;

use kastellan_core::metadata::{Failure, FeatureUpdate, FeatureUpdateKind, Input, Reply};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        UpdateFeaturesRequest, UpdateFeaturesResponse, update_features_request::FeatureUpdateKey,
        update_features_response::UpdatableFeatureResult,
    },
    protocol::StrBytes,
};

use super::failure;
use crate::{access::needs::UPDATE_FEATURES, broker::Broker, call::Call};

/// From here on the kind of update has a number, before only whether it may go down.
const KINDS: i16 = 1;
/// From here on there is one result for all.
const ONE_RESULT: i16 = 2;

type Results = Vec<(String, Result<(), Failure>)>;

/// Answers once it is committed; either all levels change or none.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: UpdateFeaturesRequest = call.decode()?;
    let version = call.version();
    let may = broker.judge(&call.client).check_cluster(UPDATE_FEATURES);
    let updates: Result<Vec<_>, Failure> =
        may.and_then(|()| request.feature_updates.iter().map(|it| update(it, version)).collect());
    let updates = match updates {
        Ok(updates) => updates,
        Err(why) => {
            call.reply.send(&response(version, Err(why)));
            return Ok(());
        }
    };
    let validate_only = request.validate_only;
    broker.decide(
        call.way.clone(),
        move |ticket| Input::UpdateFeatures { ticket, updates, validate_only },
        move |reply| {
            let results = match reply {
                Reply::Results(results) => Ok(results),
                other => Err(other.failure()),
            };
            call.reply.send(&response(version, results));
        },
    );
    Ok(())
}

fn update(wanted: &FeatureUpdateKey, version: i16) -> Result<FeatureUpdate, Failure> {
    let kind = match wanted.upgrade_type {
        _ if version < KINDS && wanted.allow_downgrade => FeatureUpdateKind::SafeDowngrade,
        _ if version < KINDS => FeatureUpdateKind::Upgrade,
        1 => FeatureUpdateKind::Upgrade,
        2 => FeatureUpdateKind::SafeDowngrade,
        3 => FeatureUpdateKind::UnsafeDowngrade,
        other => {
            let why = format!("{other} is no kind of update: 1 is up, 2 and 3 are down");
            return Err(Failure::new(ErrorCode::InvalidRequest, why));
        }
    };
    Ok(FeatureUpdate { name: wanted.feature.to_string(), level: wanted.max_version_level, kind })
}

fn response(version: i16, results: Result<Results, Failure>) -> UpdateFeaturesResponse {
    let response = UpdateFeaturesResponse::default();
    let results = match results {
        Ok(results) if version < ONE_RESULT => results,
        Ok(results) => {
            let first = results.into_iter().find_map(|(_, result)| result.err());
            let (code, message) = failure::of(first.map_or(Ok(()), Err));
            return response.with_error_code(code).with_error_message(message);
        }
        Err(why) => {
            let (code, message) = failure::parts(why);
            return response.with_error_code(code).with_error_message(message);
        }
    };
    let one = |(name, result)| {
        let (code, message) = failure::of(result);
        UpdatableFeatureResult::default()
            .with_feature(StrBytes::from_string(name))
            .with_error_code(code)
            .with_error_message(message)
    };
    response.with_results(results.into_iter().map(one).collect())
}
