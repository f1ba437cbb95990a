//! What a user may do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules;

/// One rule: these operations on this resource are allowed or denied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = rules::acl()))]
pub struct Acl {
    /// What the rule is about.
    pub resource: AclResource,
    /// The operations, under Kafka's names.
    #[schemars(length(min = 1, max = 14), extend("x-kubernetes-list-type" = "set"))]
    pub operations: Vec<Operation>,
    /// Whether the rule allows or denies.
    #[serde(default)]
    pub permission: Permission,
    /// The address that the rule is for; `*` is every one.
    #[serde(default = "everywhere")]
    #[schemars(
        length(min = 1, max = 45),
        extend("x-kubernetes-validations" = rules::host())
    )]
    pub host: String,
}

fn everywhere() -> String {
    "*".to_owned()
}

/// The resource or resources of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = rules::resource()))]
pub struct AclResource {
    /// What kind of resource.
    #[serde(rename = "type")]
    pub kind: ResourceType,
    /// Its name, or what the names begin with; left out only for the cluster itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 300))]
    pub name: Option<String>,
    /// How the name is meant.
    #[serde(default)]
    pub pattern_type: PatternType,
}

/// The kinds of resources that rules are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ResourceType {
    /// A topic.
    Topic,
    /// A consumer group.
    Group,
    /// The cluster itself.
    Cluster,
    /// A transactional id.
    TransactionalId,
    /// A delegation token.
    DelegationToken,
    /// A user, by principal, for whom tokens are made.
    User,
}

/// How a resource's name is meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PatternType {
    /// Exactly this name.
    #[default]
    Literal,
    /// Every name that begins with it.
    Prefixed,
}

/// Whether a rule allows or denies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Permission {
    /// Allows.
    #[default]
    Allow,
    /// Denies, whatever else allows.
    Deny,
}

/// The operations of Kafka's authorizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Operation {
    /// Every operation.
    All,
    /// Read records or offsets.
    Read,
    /// Write records.
    Write,
    /// Create topics.
    Create,
    /// Delete topics, groups or records.
    Delete,
    /// Change partitions and the like.
    Alter,
    /// See that it is there.
    Describe,
    /// What brokers do among themselves.
    ClusterAction,
    /// Read settings.
    DescribeConfigs,
    /// Change settings.
    AlterConfigs,
    /// Write with a producer id.
    IdempotentWrite,
    /// Make delegation tokens for the user.
    CreateTokens,
    /// See delegation tokens of the user.
    DescribeTokens,
    /// Prepare transactions that another coordinator ends (KIP-939).
    TwoPhaseCommit,
}
