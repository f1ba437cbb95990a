//! Users: their passwords, ACLs and quotas, seen and changed many at a time.

use std::collections::{BTreeMap, BTreeSet};

use kastellan_core::security::{
    Acl, BadAcl, Operation, PatternType, Permission, Principal, ResourceType, ScramMechanism,
    Secret,
};
use kastellan_protocol::ErrorCode;
use kastellan_protocol::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use kastellan_protocol::messages::alter_user_scram_credentials_request::{
    ScramCredentialDeletion, ScramCredentialUpsertion,
};
use kastellan_protocol::messages::create_acls_request::AclCreation;
use kastellan_protocol::messages::delete_acls_request::DeleteAclsFilter;
use kastellan_protocol::messages::describe_acls_response::{AclDescription, DescribeAclsResource};
use kastellan_protocol::messages::describe_client_quotas_request::ComponentData;
use kastellan_protocol::messages::{
    AlterClientQuotasRequest, AlterUserScramCredentialsRequest, CreateAclsRequest,
    DeleteAclsRequest, DescribeAclsRequest, DescribeClientQuotasRequest,
    DescribeUserScramCredentialsRequest,
};
use ring::rand::{SecureRandom as _, SystemRandom};

use super::answer::outcome;
use super::{Admin, AdminError, Refusal, text};
use crate::fleet::user::{Changes, Held, ROUNDS};

/// Kafka's number for any type, pattern, operation or permission.
const ANY: i8 = 1;
/// The match of a quota's component for every name that is given (`MATCH_TYPE_SPECIFIED`).
const SPECIFIED: i8 = 2;
/// The entity of a quota for a user.
const USER: &str = "user";
/// So many of a kind are changed by one request: each is one batch of the metadata log.
const AT_ONCE: usize = 500;
/// How long a salt is, in bytes.
const SALT: usize = 24;

/// What brokers would not do: by a user's name or principal, and why.
pub type RefusedUsers = BTreeMap<String, Refusal>;

impl Admin {
    /// What brokers hold of all users.
    pub async fn users(&mut self) -> Result<Held, AdminError> {
        let mut held = Held { acls: self.acls().await?, ..Held::default() };
        let request = DescribeUserScramCredentialsRequest::default().with_users(None);
        let answer = self.ask(None, 0, &request).await?;
        outcome(answer.error_code, answer.error_message.as_ref())?;
        for user in answer.results {
            let infos = user.credential_infos.iter();
            let known = infos.filter_map(|info| {
                Some((ScramMechanism::from_code(info.mechanism)?, info.iterations))
            });
            held.passwords.insert(user.user.as_str().to_owned(), known.collect());
        }
        let component = ComponentData::default()
            .with_entity_type(text(USER))
            .with_match_type(SPECIFIED)
            .with_match(None);
        let request = DescribeClientQuotasRequest::default()
            .with_components(vec![component])
            .with_strict(true);
        let answer = self.ask(None, 1, &request).await?;
        outcome(answer.error_code, answer.error_message.as_ref())?;
        for entry in answer.entries.unwrap_or_default() {
            let name = entry.entity.first().and_then(|entity| entity.entity_name.clone());
            // that of all users without one of their own has no name
            let Some(name) = name else { continue };
            let values = entry.values.iter();
            let values = values.map(|value| (value.key.as_str().to_owned(), value.value));
            held.quotas.insert(name.as_str().to_owned(), values.collect());
        }
        Ok(held)
    }

    /// All ACLs; `None` where there is no authorizer.
    async fn acls(&mut self) -> Result<Option<BTreeMap<Principal, BTreeSet<Acl>>>, AdminError> {
        let request = DescribeAclsRequest::default()
            .with_resource_type_filter(ANY)
            .with_pattern_type_filter(ANY)
            .with_operation(ANY)
            .with_permission_type(ANY)
            .with_resource_name_filter(None)
            .with_principal_filter(None)
            .with_host_filter(None);
        let answer = self.ask(None, 3, &request).await?;
        match outcome(answer.error_code, answer.error_message.as_ref()) {
            Err(refusal) if refusal.is(ErrorCode::SecurityDisabled) => return Ok(None),
            result => result?,
        }
        let mut all: BTreeMap<Principal, BTreeSet<Acl>> = BTreeMap::new();
        for resource in &answer.resources {
            for one in &resource.acls {
                // of a kind that is newer than this client: not ours
                let Ok(acl) = acl(resource, one) else { continue };
                all.entry(acl.principal.clone()).or_default().insert(acl);
            }
        }
        Ok(Some(all))
    }

    /// Changes users; what the brokers would not do.
    pub async fn alter_users(&mut self, changes: &Changes) -> Result<RefusedUsers, AdminError> {
        let mut refused = RefusedUsers::new();
        self.passwords(changes, &mut refused).await?;
        // in this order: what is allowed before and after is never refused in between
        self.create_acls(changes, &mut refused).await?;
        self.delete_acls(changes, &mut refused).await?;
        self.quotas(changes, &mut refused).await?;
        Ok(refused)
    }

    async fn passwords(
        &mut self,
        changes: &Changes,
        refused: &mut RefusedUsers,
    ) -> Result<(), AdminError> {
        let forget: Vec<_> = changes.forget.iter().collect();
        let set: Vec<_> = changes.set.iter().collect();
        let mut requests = Vec::new();
        for some in forget.chunks(AT_ONCE) {
            let deletions = some.iter().map(|(name, mechanism)| {
                ScramCredentialDeletion::default()
                    .with_name(text(name))
                    .with_mechanism(mechanism.code())
            });
            let request = AlterUserScramCredentialsRequest::default();
            requests.push(request.with_deletions(deletions.collect()));
        }
        for some in set.chunks(AT_ONCE) {
            let some: Vec<_> = some
                .iter()
                .map(|((name, mechanism), password)| {
                    (name.clone(), *mechanism, (*password).clone())
                })
                .collect();
            // a few milliseconds each
            let salted = tokio::task::spawn_blocking(move || salted(some)).await;
            let upsertions = salted.unwrap_or_default();
            let request = AlterUserScramCredentialsRequest::default();
            requests.push(request.with_upsertions(upsertions));
        }
        for request in requests {
            for result in self.ask(None, 0, &request).await?.results {
                let why = outcome(result.error_code, result.error_message.as_ref()).err();
                let why = why.filter(|why| !why.is(ErrorCode::ResourceNotFound));
                refused.extend(why.map(|why| (result.user.as_str().to_owned(), why)));
            }
        }
        Ok(())
    }

    async fn delete_acls(
        &mut self,
        changes: &Changes,
        refused: &mut RefusedUsers,
    ) -> Result<(), AdminError> {
        let all: Vec<&Acl> = changes.delete.iter().collect();
        for some in all.chunks(AT_ONCE) {
            let filters = some.iter().map(|acl| {
                DeleteAclsFilter::default()
                    .with_resource_type_filter(acl.resource_type.code())
                    .with_resource_name_filter(Some(text(&acl.name)))
                    .with_pattern_type_filter(acl.pattern_type.code())
                    .with_principal_filter(Some(text(acl.principal.as_str())))
                    .with_host_filter(Some(text(&acl.host)))
                    .with_operation(acl.operation.code())
                    .with_permission_type(acl.permission.code())
            });
            let request = DeleteAclsRequest::default().with_filters(filters.collect());
            let answer = self.ask(None, 3, &request).await?;
            for (acl, result) in some.iter().zip(answer.filter_results) {
                let why = outcome(result.error_code, result.error_message.as_ref()).err();
                refused.extend(why.map(|why| (acl.principal.as_str().to_owned(), why)));
            }
        }
        Ok(())
    }

    async fn create_acls(
        &mut self,
        changes: &Changes,
        refused: &mut RefusedUsers,
    ) -> Result<(), AdminError> {
        let all: Vec<&Acl> = changes.create.iter().collect();
        for some in all.chunks(AT_ONCE) {
            let creations = some.iter().map(|acl| {
                AclCreation::default()
                    .with_resource_type(acl.resource_type.code())
                    .with_resource_name(text(&acl.name))
                    .with_resource_pattern_type(acl.pattern_type.code())
                    .with_principal(text(acl.principal.as_str()))
                    .with_host(text(&acl.host))
                    .with_operation(acl.operation.code())
                    .with_permission_type(acl.permission.code())
            });
            let request = CreateAclsRequest::default().with_creations(creations.collect());
            let answer = self.ask(None, 3, &request).await?;
            for (acl, result) in some.iter().zip(answer.results) {
                let why = outcome(result.error_code, result.error_message.as_ref()).err();
                refused.extend(why.map(|why| (acl.principal.as_str().to_owned(), why)));
            }
        }
        Ok(())
    }

    async fn quotas(
        &mut self,
        changes: &Changes,
        refused: &mut RefusedUsers,
    ) -> Result<(), AdminError> {
        let all: Vec<_> = changes.quotas.iter().collect();
        for some in all.chunks(AT_ONCE) {
            let entries = some.iter().map(|(name, quotas)| {
                let entity = EntityData::default()
                    .with_entity_type(text(USER))
                    .with_entity_name(Some(text(name)));
                let op = |(key, value): (&String, &Option<i64>)| {
                    #[expect(clippy::cast_precision_loss, reason = "a rate; Kafka has no other")]
                    let number = value.unwrap_or_default() as f64;
                    OpData::default()
                        .with_key(text(key))
                        .with_value(number)
                        .with_remove(value.is_none())
                };
                EntryData::default()
                    .with_entity(vec![entity])
                    .with_ops(quotas.iter().map(op).collect())
            });
            let request = AlterClientQuotasRequest::default().with_entries(entries.collect());
            for entry in self.ask(None, 1, &request).await?.entries {
                let why = outcome(entry.error_code, entry.error_message.as_ref()).err();
                let name = entry.entity.first().and_then(|one| one.entity_name.clone());
                let name = name.map(|name| format!("User:{}", name.as_str()));
                refused.extend(name.zip(why));
            }
        }
        Ok(())
    }
}

/// Passwords as brokers are told of them: salted, so that none of them knows one.
fn salted(some: Vec<(String, ScramMechanism, Secret<String>)>) -> Vec<ScramCredentialUpsertion> {
    let random = SystemRandom::new();
    let one = |(name, mechanism, password): (String, ScramMechanism, Secret<String>)| {
        let mut salt = [0; SALT];
        random.fill(&mut salt).ok()?;
        let salted = mechanism.salted(password.0.as_bytes(), &salt, ROUNDS);
        let upsertion = ScramCredentialUpsertion::default()
            .with_name(text(&name))
            .with_mechanism(mechanism.code())
            .with_iterations(ROUNDS)
            .with_salt(salt.to_vec().into())
            .with_salted_password(salted.0.into());
        Some(upsertion)
    };
    some.into_iter().filter_map(one).collect()
}

fn acl(resource: &DescribeAclsResource, one: &AclDescription) -> Result<Acl, BadAcl> {
    Ok(Acl {
        resource_type: ResourceType::from_code(resource.resource_type)?,
        principal: one.principal.as_str().parse()?,
        pattern_type: PatternType::from_code(resource.pattern_type)?,
        name: resource.resource_name.as_str().into(),
        host: one.host.as_str().into(),
        operation: Operation::from_code(one.operation)?,
        permission: Permission::from_code(one.permission_type)?,
    })
}
