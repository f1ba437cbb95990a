//! `AlterClientQuotas` (KIP-546): what users, client ids and addresses may take.

use std::sync::Arc;

use kastellan_core::{
    metadata::{Failure, Input, QuotaChange, Reply},
    quota::QuotaParts,
};
use kastellan_protocol::{
    Refused,
    messages::{
        AlterClientQuotasRequest, AlterClientQuotasResponse,
        alter_client_quotas_request as request,
        alter_client_quotas_response::{EntityData, EntryData},
    },
    protocol::StrBytes,
};

use super::failure;
use crate::{access::needs::ALTER_QUOTAS, broker::Broker, call::Call};

/// Answers once the quotas are in force here and with the controller.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: AlterClientQuotasRequest = call.decode()?;
    let validate_only = request.validate_only;
    let changes: Vec<_> = request.entries.iter().map(change).collect();
    let entities: Vec<_> = changes.iter().map(|change| change.entity.clone()).collect();
    if let Err(why) = broker.judge(&call.client).check_cluster(ALTER_QUOTAS) {
        call.reply.send(&response(refused(entities, &why)));
        return Ok(());
    }
    broker.decide(
        call.way.clone(),
        move |ticket| Input::AlterQuotas { ticket, changes, validate_only },
        move |reply| {
            let results = match reply {
                Reply::Quotas(results) => results,
                other => refused(entities, &other.failure()),
            };
            call.reply.send(&response(results));
        },
    );
    Ok(())
}

/// A type that comes twice in one entity counts where it is last, as in Kafka.
fn change(wanted: &request::EntryData) -> QuotaChange {
    let part = |part: &request::EntityData| {
        (part.entity_type.to_string(), part.entity_name.as_ref().map(ToString::to_string))
    };
    let quota = |op: &request::OpData| (op.key.to_string(), (!op.remove).then_some(op.value));
    QuotaChange {
        entity: wanted.entity.iter().map(part).collect(),
        quotas: wanted.ops.iter().map(quota).collect(),
    }
}

type Results = Vec<(QuotaParts, Result<(), Failure>)>;

fn refused(entities: Vec<QuotaParts>, why: &Failure) -> Results {
    entities.into_iter().map(|entity| (entity, Err(why.clone()))).collect()
}

fn response(results: Results) -> AlterClientQuotasResponse {
    let part = |(kind, name): (String, Option<String>)| {
        EntityData::default()
            .with_entity_type(StrBytes::from_string(kind))
            .with_entity_name(name.map(StrBytes::from_string))
    };
    let entry = |(entity, result): (QuotaParts, _)| {
        let (code, message) = failure::of(result);
        EntryData::default()
            .with_error_code(code)
            .with_error_message(message)
            .with_entity(entity.into_iter().map(part).collect())
    };
    AlterClientQuotasResponse::default().with_entries(results.into_iter().map(entry).collect())
}
