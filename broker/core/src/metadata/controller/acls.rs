//! Access control lists change.

use std::collections::BTreeSet;

use kastellan_protocol::ErrorCode;

use super::{Controller, Effect, Failure, Reply, decide};
use crate::{
    id::Uuid,
    machine::Ticket,
    metadata::{AccessControlEntryRecord, Record},
    security::{Acl, AclFilter, BadAcl, CLUSTER_NAME, ResourceType},
};

/// The most entries that one request adds or takes away: its records are one batch of the metadata
/// log, and Kafka has the same limit.
const MOST: usize = 10_000;

impl Controller {
    /// Adds entries; those that are there already are no error and change nothing.
    pub(super) fn create_acls(
        &self,
        ticket: Ticket,
        acls: Vec<(Uuid, Result<Acl, BadAcl>)>,
        effects: &mut Vec<Effect>,
    ) {
        let known = self.image.acls();
        let mut new = BTreeSet::new();
        let mut records = Vec::new();
        let mut results = Vec::with_capacity(acls.len());
        for (id, acl) in acls {
            let result = acl.and_then(check).map(|acl| {
                if !known.contains(&acl) && !new.contains(&acl) {
                    let record = AccessControlEntryRecord::of(id, &acl);
                    records.push(Record::AccessControlEntry(record));
                    new.insert(acl);
                }
            });
            results.push(result.map_err(|why| refusal(&why)));
        }
        if records.len() > MOST {
            effects.push(Effect::Reply(ticket, Reply::Failed(too_many())));
            return;
        }
        decide(ticket, records, Reply::CreatedAcls(results), false, effects);
    }

    /// Takes away what fits one of the filters.
    pub(super) fn delete_acls(
        &self,
        ticket: Ticket,
        filters: &[Result<AclFilter, BadAcl>],
        effects: &mut Vec<Effect>,
    ) {
        let mut gone = BTreeSet::new();
        let mut results = Vec::with_capacity(filters.len());
        for filter in filters {
            results.push(filter.as_ref().map_err(refusal).map(|filter| {
                let mut found = Vec::new();
                for (acl, id) in self.image.acls().matching(filter) {
                    gone.insert(*id);
                    found.push(acl.clone());
                }
                found
            }));
        }
        if gone.len() > MOST {
            effects.push(Effect::Reply(ticket, Reply::Failed(too_many())));
            return;
        }
        let records = gone.into_iter().map(|id| Record::RemoveAccessControlEntry { id }).collect();
        decide(ticket, records, Reply::DeletedAcls(results), false, effects);
    }
}

/// What an entry must be beyond what its type says.
fn check(acl: Acl) -> Result<Acl, BadAcl> {
    if acl.name.is_empty() {
        return Err(BadAcl::EmptyName);
    }
    if acl.resource_type == ResourceType::Cluster && &*acl.name != CLUSTER_NAME {
        return Err(BadAcl::ClusterName);
    }
    Ok(acl)
}

fn refusal(why: &BadAcl) -> Failure {
    Failure::new(ErrorCode::InvalidRequest, why.to_string())
}

fn too_many() -> Failure {
    let why = format!("one request changes at most {MOST} entries: split it, or filter for fewer");
    Failure::new(ErrorCode::PolicyViolation, why)
}
