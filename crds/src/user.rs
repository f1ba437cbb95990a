//! `KafkaUser`: who may connect to a cluster, and what they may do there.
#![expect(clippy::duplicated_attributes, reason = "two printer columns may be of one type")]

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cluster::SecretRef;
use crate::head::{ClusterRef, Observed};
use crate::name::UserName;
use crate::quantity::Quantity;
use crate::rule;

mod acl;
pub(crate) mod rules;

pub use acl::{Acl, AclResource, Operation, PatternType, Permission, ResourceType};
pub use rules::knows;

/// Who the user is, and what they may do.
#[derive(CustomResource, JsonSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "kastellan.dev",
    version = "v1alpha1",
    kind = "KafkaUser",
    namespaced,
    status = "KafkaUserStatus",
    derive = "PartialEq",
    shortname = "kku",
    doc = "Who may connect to a Kafka cluster, and what they may do there.",
    selectable = ".spec.clusterRef.name",
    printcolumn(name = "Cluster", type_ = "string", json_path = ".spec.clusterRef.name"),
    printcolumn(
        name = "Authentication",
        type_ = "string",
        json_path = ".spec.authentication.type"
    ),
    printcolumn(name = "Secret", type_ = "string", json_path = ".status.secretName", priority = 1)
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KafkaUserSpec {
    /// The cluster, in the same namespace, that knows the user.
    #[schemars(extend("x-kubernetes-validations" = [rule::cluster_stays("user")]))]
    pub cluster_ref: ClusterRef,
    /// The user's name in Kafka, for names that Kubernetes does not allow, as in `Rider_App`. Left
    /// out: the object's name, and with `TLS` that name behind `CN=`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<UserName>,
    /// How the user says who they are; left out: the user gets no credentials, only permissions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<UserAuthentication>,
    /// The name of the Secret that the operator writes the credentials to. Left out: the object's
    /// name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: Option<String>,
    /// What the user may do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 250), extend("x-kubernetes-list-type" = "atomic"))]
    pub acls: Vec<Acl>,
    /// How much the user may do, per broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quotas: Option<Quotas>,
}

/// A user's credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = rules::authentication()))]
pub struct UserAuthentication {
    /// The mechanism; a listener has to accept it.
    #[serde(rename = "type")]
    pub kind: UserAuthenticationType,
    /// With SCRAM: where a password of your own is. Left out: the operator makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretRef>,
    /// With `TLS`: how many days the certificate is valid. Left out: as the cluster's
    /// `certificates.clients` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 36500))]
    pub validity_days: Option<i32>,
    /// With `TLS`: how many days before its end the certificate is renewed. Left out: as the
    /// cluster's `certificates.clients` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 36499))]
    pub renewal_days: Option<i32>,
}

/// The mechanisms that a user's credentials are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum UserAuthenticationType {
    /// A password, never sent (RFC 7677).
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// A password, never sent; SCRAM with SHA-512.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
    /// A client certificate.
    #[serde(rename = "TLS")]
    Tls,
}

/// Limits, each per broker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Quotas {
    /// Bytes written per second, as in `10Mi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer_byte_rate: Option<Quantity>,
    /// Bytes read per second, as in `20Mi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer_byte_rate: Option<Quantity>,
    /// Share of one processor's time spent on the user's requests, in percent: 200 is two of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub request_percentage: Option<i32>,
    /// Partitions created or deleted per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub controller_mutation_rate: Option<i32>,
}

/// What the operator last saw of the user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaUserStatus {
    /// The head of the status.
    #[serde(flatten)]
    pub observed: Observed,
    /// The user as rules and logs name it, as in `User:rider-app`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The Secret with the credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_name: Option<String>,
    /// The `resourceVersion` of the Secret whose password the brokers know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_version: Option<String>,
}
