//! Records about access control lists.

use kastellan_protocol::primitive::{Malformed, Reader};

use super::fields::Out;
use crate::{
    id::Uuid,
    security::{Acl, BadAcl, Operation, PatternType, Permission, ResourceType},
};

/// An entry was added: `AccessControlEntryRecord`. Numbers are Kafka's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessControlEntryRecord {
    /// Its id, random; by it the entry is taken away again.
    pub id: Uuid,
    /// What kind of thing it is about.
    pub resource_type: i8,
    /// A name, or how names begin.
    pub resource_name: String,
    /// Which of both.
    pub pattern_type: i8,
    /// Whom it is about, as `type:name`.
    pub principal: String,
    /// From where.
    pub host: String,
    /// What it allows or denies.
    pub operation: i8,
    /// Which of both.
    pub permission_type: i8,
}

impl AccessControlEntryRecord {
    /// The record of an entry.
    pub fn of(id: Uuid, acl: &Acl) -> Self {
        Self {
            id,
            resource_type: acl.resource_type.code(),
            resource_name: acl.name.as_ref().to_owned(),
            pattern_type: acl.pattern_type.code(),
            principal: acl.principal.to_string(),
            host: acl.host.as_ref().to_owned(),
            operation: acl.operation.code(),
            permission_type: acl.permission.code(),
        }
    }

    /// The entry; an error for what this version does not know.
    pub fn acl(&self) -> Result<Acl, BadAcl> {
        Ok(Acl {
            resource_type: ResourceType::from_code(self.resource_type)?,
            principal: self.principal.parse()?,
            pattern_type: PatternType::from_code(self.pattern_type)?,
            name: self.resource_name.as_str().into(),
            host: self.host.as_str().into(),
            operation: Operation::from_code(self.operation)?,
            permission: Permission::from_code(self.permission_type)?,
        })
    }

    pub(super) fn write(&self, out: &mut Out<'_>) {
        out.uuid(&self.id);
        out.i8(self.resource_type);
        out.compact_string(&self.resource_name);
        out.i8(self.pattern_type);
        out.compact_string(&self.principal);
        out.compact_string(&self.host);
        out.i8(self.operation);
        out.i8(self.permission_type);
        out.no_tagged_fields();
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let record = Self {
            id: reader.uuid()?,
            resource_type: reader.i8()?,
            resource_name: reader.compact_string()?.to_owned(),
            pattern_type: reader.i8()?,
            principal: reader.compact_string()?.to_owned(),
            host: reader.compact_string()?.to_owned(),
            operation: reader.i8()?,
            permission_type: reader.i8()?,
        };
        reader.skip_tagged_fields()?;
        Ok(record)
    }
}
