//! What is asked about client quotas. Nothing changes: what would only asks whether it could.

use super::super::types::messages::{
    AlterClientQuotasRequest, DescribeClientQuotasRequest,
    alter_client_quotas_request::{EntityData, EntryData, OpData},
};
use super::{Ask, first_allowed, is_allowed, s};

pub(super) fn probe(asker: &mut impl Ask, name: &str) -> Option<bool> {
    Some(match name {
        "DESCRIBE_QUOTAS" => {
            let version = asker.newest::<DescribeClientQuotasRequest>();
            let request = DescribeClientQuotasRequest::default().with_strict(true);
            is_allowed(asker.ask(name, version, &request).error_code)
        }
        "ALTER_QUOTAS" => {
            let entity = EntityData::default()
                .with_entity_type(s("user"))
                .with_entity_name(Some(s("somebody")));
            let op = OpData::default().with_key(s("producer_byte_rate")).with_value(1024.0);
            let entry = EntryData::default().with_entity(vec![entity]).with_ops(vec![op]);
            let request = AlterClientQuotasRequest::default()
                .with_entries(vec![entry])
                .with_validate_only(true);
            let version = asker.newest::<AlterClientQuotasRequest>();
            first_allowed(&asker.ask(name, version, &request).entries, |it| it.error_code)
        }
        _ => return None,
    })
}
