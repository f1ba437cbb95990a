//! The requests that read and change access control lists.

use super::caps::{ACL_FILTERS, ACLS};
use super::schema::{Field, Kind, Schema, int8, row, string, structs};
use crate::messages::ApiKey;
use crate::messages::create_acls_request::AclCreation;
use crate::messages::delete_acls_request::DeleteAclsFilter;

pub(super) static SCHEMAS: &[Schema] = &[
    row(ApiKey::DescribeAcls, 1, 3, 2, FILTER),
    row(ApiKey::CreateAcls, 1, 3, 2, CREATE_ACLS),
    row(ApiKey::DeleteAcls, 1, 3, 2, DELETE_ACLS),
];

/// Which entries somebody asks for, or wants to be rid of.
const FILTER: &[Field] = &[
    int8("ResourceTypeFilter"),
    string("ResourceNameFilter").nullable(0),
    int8("PatternTypeFilter").since(1),
    string("PrincipalFilter").nullable(0),
    string("HostFilter").nullable(0),
    int8("Operation"),
    int8("PermissionType"),
];

static CREATE_ACLS: &[Field] = &[structs::<AclCreation>(
    "Creations",
    &Kind::Struct(&[
        int8("ResourceType"),
        string("ResourceName"),
        int8("ResourcePatternType").since(1),
        string("Principal"),
        string("Host"),
        int8("Operation"),
        int8("PermissionType"),
    ]),
)
.at_most(ACLS)];

static DELETE_ACLS: &[Field] =
    &[structs::<DeleteAclsFilter>("Filters", &Kind::Struct(FILTER)).at_most(ACL_FILTERS)];
