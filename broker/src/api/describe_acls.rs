//! `DescribeAcls`: entries of the access control lists, as this broker knows them.

use std::{collections::BTreeMap, sync::Arc};

use kastellan_core::{
    metadata::Failure,
    security::{
        Acl, AclFilter, BadAcl, Operation, PatternFilter, PatternType, Permission, ResourceType,
    },
};
use kastellan_protocol::{
    ErrorCode, Refused,
    messages::{
        DescribeAclsRequest, DescribeAclsResponse,
        describe_acls_response::{AclDescription, DescribeAclsResource},
    },
    protocol::StrBytes,
};

use super::failure;
use crate::{
    access::needs::{DESCRIBE_ACLS, Need},
    broker::Broker,
    call::Call,
};

/// What is said where there are no lists.
const DISABLED: &str =
    "there is no authorizer: set authorizer.class.name, and everybody but super users needs ACLs";

/// Answers at once.
pub(crate) fn handle(broker: &Arc<Broker>, call: Call) -> Result<(), Refused> {
    let request: DescribeAclsRequest = call.decode()?;
    let filter = may(broker, &call, DESCRIBE_ACLS).and_then(|()| {
        filter(&request).map_err(|why| Failure::new(ErrorCode::InvalidRequest, why.to_string()))
    });
    let response = match filter {
        Ok(filter) => {
            let image = broker.controller.image();
            let found = resources(image.acls().matching(&filter).map(|(acl, _)| acl));
            DescribeAclsResponse::default().with_resources(found).with_error_message(None)
        }
        Err(why) => {
            let (code, message) = failure::parts(why);
            DescribeAclsResponse::default().with_error_code(code).with_error_message(message)
        }
    };
    call.reply.send(&response);
    Ok(())
}

/// Whether there are lists, and the caller may do with them what `need` says. Errors: 31
/// `CLUSTER_AUTHORIZATION_FAILED`, 54 `SECURITY_DISABLED`.
pub(super) fn may(broker: &Broker, call: &Call, need: Need) -> Result<(), Failure> {
    broker.judge(&call.client).check_cluster(need)?;
    if broker.access.is_judged() {
        Ok(())
    } else {
        Err(Failure::new(ErrorCode::SecurityDisabled, DISABLED))
    }
}

fn filter(request: &DescribeAclsRequest) -> Result<AclFilter, BadAcl> {
    let text = |text: &Option<StrBytes>| text.as_deref().map(Into::into);
    Ok(AclFilter {
        resource_type: AclFilter::any_or(request.resource_type_filter, ResourceType::from_code)?,
        name: text(&request.resource_name_filter),
        pattern: PatternFilter::from_code(request.pattern_type_filter)?,
        principal: text(&request.principal_filter),
        host: text(&request.host_filter),
        operation: AclFilter::any_or(request.operation, Operation::from_code)?,
        permission: AclFilter::any_or(request.permission_type, Permission::from_code)?,
    })
}

/// The entries by resource, as the answer has them.
fn resources<'a>(acls: impl Iterator<Item = &'a Acl>) -> Vec<DescribeAclsResource> {
    let mut by_resource = BTreeMap::new();
    for acl in acls {
        let resource = (acl.resource_type, &*acl.name, acl.pattern_type);
        by_resource.entry(resource).or_insert_with(Vec::new).push(
            AclDescription::default()
                .with_principal(StrBytes::from_string(acl.principal.to_string()))
                .with_host(StrBytes::from_string(acl.host.as_ref().to_owned()))
                .with_operation(acl.operation.code())
                .with_permission_type(acl.permission.code()),
        );
    }
    let resource = |((resource_type, name, pattern_type), acls)| {
        DescribeAclsResource::default()
            .with_resource_type(ResourceType::code(resource_type))
            .with_resource_name(StrBytes::from_string(str::to_owned(name)))
            .with_pattern_type(PatternType::code(pattern_type))
            .with_acls(acls)
    };
    by_resource.into_iter().map(resource).collect()
}
