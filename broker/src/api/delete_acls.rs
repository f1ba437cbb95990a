//! `DeleteAcls`: entries of the access control lists go.

use std::sync::Arc;

use kastellan_core::{
    metadata::{Failure, Input, Reply},
    security::{Acl, AclFilter, BadAcl, Operation, PatternFilter, Permission, ResourceType},
};
use kastellan_protocol::{
    Refused,
    messages::{
        DeleteAclsRequest, DeleteAclsResponse,
        delete_acls_request::DeleteAclsFilter,
        delete_acls_response::{DeleteAclsFilterResult, DeleteAclsMatchingAcl},
    },
    protocol::StrBytes,
};

use super::{describe_acls::may, failure};
use crate::{access::needs::DELETE_ACLS, broker::Broker, call::Call};

/// Answers once the entries are gone here and with the controller.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: DeleteAclsRequest = call.decode()?;
    let count = request.filters.len();
    if let Err(why) = may(broker, &call, DELETE_ACLS) {
        call.reply.send(&response(vec![Err(why); count]));
        return Ok(());
    }
    let filters = request.filters.iter().map(filter).collect();
    broker.decide(
        call.way.clone(),
        move |ticket| Input::DeleteAcls { ticket, filters },
        move |reply| {
            let results = match reply {
                Reply::DeletedAcls(results) => results,
                other => vec![Err(other.failure()); count],
            };
            call.reply.send(&response(results));
        },
    );
    Ok(())
}

fn filter(wanted: &DeleteAclsFilter) -> Result<AclFilter, BadAcl> {
    let text = |text: &Option<StrBytes>| text.as_deref().map(Into::into);
    Ok(AclFilter {
        resource_type: AclFilter::any_or(wanted.resource_type_filter, ResourceType::from_code)?,
        name: text(&wanted.resource_name_filter),
        pattern: PatternFilter::from_code(wanted.pattern_type_filter)?,
        principal: text(&wanted.principal_filter),
        host: text(&wanted.host_filter),
        operation: AclFilter::any_or(wanted.operation, Operation::from_code)?,
        permission: AclFilter::any_or(wanted.permission_type, Permission::from_code)?,
    })
}

fn response(results: Vec<Result<Vec<Acl>, Failure>>) -> DeleteAclsResponse {
    let result = |result: Result<Vec<Acl>, Failure>| match result {
        Ok(gone) => DeleteAclsFilterResult::default()
            .with_error_message(None)
            .with_matching_acls(gone.iter().map(matching).collect()),
        Err(why) => {
            let (code, message) = failure::parts(why);
            DeleteAclsFilterResult::default().with_error_code(code).with_error_message(message)
        }
    };
    DeleteAclsResponse::default().with_filter_results(results.into_iter().map(result).collect())
}

fn matching(acl: &Acl) -> DeleteAclsMatchingAcl {
    DeleteAclsMatchingAcl::default()
        .with_error_message(None)
        .with_resource_type(acl.resource_type.code())
        .with_resource_name(StrBytes::from_string(acl.name.as_ref().to_owned()))
        .with_pattern_type(acl.pattern_type.code())
        .with_principal(StrBytes::from_string(acl.principal.to_string()))
        .with_host(StrBytes::from_string(acl.host.as_ref().to_owned()))
        .with_operation(acl.operation.code())
        .with_permission_type(acl.permission.code())
}
