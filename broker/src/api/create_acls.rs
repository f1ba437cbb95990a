//! `CreateAcls`: new entries for the access control lists.

use std::sync::Arc;

use kastellan_core::{
    metadata::{Failure, Input, Reply},
    security::{Acl, BadAcl, Operation, PatternType, Permission, ResourceType},
};
use kastellan_protocol::{
    Refused,
    messages::{
        CreateAclsRequest, CreateAclsResponse, create_acls_request::AclCreation,
        create_acls_response::AclCreationResult,
    },
};
use uuid::Uuid;

use super::{describe_acls::may, failure};
use crate::{access::needs::CREATE_ACLS, broker::Broker, call::Call};

/// Answers once the entries are in force here and with the controller.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: CreateAclsRequest = call.decode()?;
    let count = request.creations.len();
    if let Err(why) = may(broker, &call, CREATE_ACLS) {
        call.reply.send(&response(vec![Err(why); count]));
        return Ok(());
    }
    let acls = request.creations.iter().map(|it| (Uuid::new_v4(), acl(it))).collect();
    broker.decide(
        call.way.clone(),
        move |ticket| Input::CreateAcls { ticket, acls },
        move |reply| {
            let results = match reply {
                Reply::CreatedAcls(results) => results,
                other => vec![Err(other.failure()); count],
            };
            call.reply.send(&response(results));
        },
    );
    Ok(())
}

fn acl(wanted: &AclCreation) -> Result<Acl, BadAcl> {
    Ok(Acl {
        resource_type: ResourceType::from_code(wanted.resource_type)?,
        principal: wanted.principal.parse()?,
        pattern_type: PatternType::from_code(wanted.resource_pattern_type)?,
        name: (*wanted.resource_name).into(),
        host: (*wanted.host).into(),
        operation: Operation::from_code(wanted.operation)?,
        permission: Permission::from_code(wanted.permission_type)?,
    })
}

fn response(results: Vec<Result<(), Failure>>) -> CreateAclsResponse {
    let result = |result| {
        let (code, message) = failure::of(result);
        AclCreationResult::default().with_error_code(code).with_error_message(message)
    };
    CreateAclsResponse::default().with_results(results.into_iter().map(result).collect())
}
