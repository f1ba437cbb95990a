//! `DescribeClientQuotas` (KIP-546): what users, client ids and addresses may take.

use std::sync::Arc;

use kastellan_core::{
    metadata::Failure,
    quota::{BadFilter, QuotaEntity, QuotaFilter, QuotaValues},
};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        DescribeClientQuotasRequest, DescribeClientQuotasResponse,
        describe_client_quotas_response::{EntityData, EntryData, ValueData},
    },
    protocol::StrBytes,
};

use super::failure;
use crate::{access::needs::DESCRIBE_QUOTAS, broker::Broker, call::Call};

/// Answers from the image, in the order of the entities.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: DescribeClientQuotasRequest = call.decode()?;
    let allowed = broker.judge(&call.client).check_cluster(DESCRIBE_QUOTAS);
    let filter = allowed.and_then(|()| filter(&request));
    let response = DescribeClientQuotasResponse::default().with_error_message(None);
    let response = match filter {
        Ok(filter) => {
            let image = broker.controller.image();
            let found = image.quotas().iter().filter(|(entity, _)| filter.fits(entity));
            response.with_entries(Some(found.map(entry).collect()))
        }
        Err(why) => {
            let (code, message) = failure::parts(why);
            response.with_error_code(code).with_error_message(message).with_entries(None)
        }
    };
    call.reply.send(&response);
    Ok(())
}

/// Kafka has a code of its own for types of entities that there are none of.
fn filter(request: &DescribeClientQuotasRequest) -> Result<QuotaFilter, Failure> {
    let mut filter = QuotaFilter::new(request.strict);
    for component in &request.components {
        let name = component._match.as_deref();
        filter.add(&component.entity_type, component.match_type, name).map_err(|why| {
            let code = match why {
                BadFilter::Type(_) => ErrorCode::UnsupportedVersion,
                _ => ErrorCode::InvalidRequest,
            };
            Failure::new(code, why.to_string())
        })?;
    }
    Ok(filter)
}

fn entry((entity, values): (&QuotaEntity, &QuotaValues)) -> EntryData {
    let part = |(kind, name): (&'static str, Option<&str>)| {
        EntityData::default()
            .with_entity_type(StrBytes::from_static_str(kind))
            .with_entity_name(name.map(|name| StrBytes::from_string(name.to_owned())))
    };
    let values = values.iter().map(|(key, value)| {
        ValueData::default().with_key(StrBytes::from_static_str(key.name())).with_value(value)
    });
    EntryData::default()
        .with_entity(entity.parts().map(part).collect())
        .with_values(values.collect())
}
