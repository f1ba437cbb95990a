//! Who may connect, how it is encrypted, and where certificates come from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{is_false, rules};
use crate::rule;
use crate::schema::Principal;

/// Encryption of a listener; `{}` is a certificate from the cluster's own authority.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tls {
    /// A Secret with `tls.crt` and `tls.key` of your own for this listener. Left out: certificates
    /// as `spec.certificates` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: Option<String>,
    /// The oldest version of TLS that is accepted.
    #[serde(default)]
    pub min_version: TlsVersion,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    #[default]
    #[serde(rename = "1.2")]
    V1_2,
    /// TLS 1.3 (RFC 8446).
    #[serde(rename = "1.3")]
    V1_3,
}

/// How clients of a listener say who they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = rules::authentication()))]
pub struct Authentication {
    /// The mechanism.
    #[serde(rename = "type")]
    pub kind: AuthenticationType,
    /// With `TLS`: how a certificate's name becomes a user's, one rule a line as in Kafka's
    /// `ssl.principal.mapping.rules`. Left out: the whole name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        inner(length(min = 1, max = 1024)),
        extend("x-kubernetes-list-type" = "atomic")
    )]
    pub principal_mapping_rules: Vec<String>,
    /// With `OAUTHBEARER`: whose tokens are accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth: Option<Oauth>,
}

/// The mechanisms by which a client proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AuthenticationType {
    /// A password, never sent (RFC 7677).
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// A password, never sent; SCRAM with SHA-512.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
    /// A password, sent as it is: only over TLS.
    #[serde(rename = "PLAIN")]
    Plain,
    /// A token of an identity provider (RFC 7628).
    #[serde(rename = "OAUTHBEARER")]
    OauthBearer,
    /// A client certificate.
    #[serde(rename = "TLS")]
    Tls,
}

/// Whose tokens are accepted, and what is read from them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Oauth {
    /// Where the provider publishes its keys (JWKS, RFC 7517).
    #[schemars(
        length(min = 1, max = 2048),
        extend("x-kubernetes-validations" = [rules::https()])
    )]
    pub jwks_url: String,
    /// The issuer that a token must name.
    #[schemars(length(min = 1, max = 2048))]
    pub issuer: String,
    /// The audience that a token must be for. Left out: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub audience: Option<String>,
    /// Certificates of the authorities, in PEM form, that the provider's web server is trusted by.
    /// Left out: those of the system, which brokers on Kubernetes have none of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 65536),
        extend("x-kubernetes-validations" = [rules::pem()])
    )]
    pub trusted_certificates: Option<String>,
    /// The claim that names the user.
    #[serde(default = "subject")]
    #[schemars(length(min = 1, max = 256))]
    pub user_claim: String,
}

fn subject() -> String {
    "sub".to_owned()
}

/// How the brokers connect to each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Peers {
    /// Whether their connections are encrypted, each side with its certificate. Fixed when the
    /// cluster is created.
    #[serde(default)]
    pub transport: PeerTransport,
}

/// How connections between brokers are made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PeerTransport {
    /// TLS, with a certificate on both sides.
    #[default]
    MutualTLS,
    /// Neither encrypted nor authenticated: for a network that nobody else is in.
    Plaintext,
}

/// Who may do what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Authorization {
    /// Users who may do everything, as in `User:admin`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        with = "Vec<Principal>",
        length(max = 64),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub super_users: Vec<String>,
    /// Whether everyone may do what no rule is about; Kafka's
    /// `allow.everyone.if.no.acl.found`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allow_everyone_if_no_acl_found: bool,
}

/// Where certificates come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = rules::certificates()))]
pub struct Certificates {
    /// The authority that signs the brokers' certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Authority>,
    /// The authority that signs the certificates of users with `authentication.type: TLS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clients: Option<Authority>,
    /// An issuer of cert-manager that signs the listeners' certificates, in place of `cluster`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer_ref: Option<IssuerRef>,
}

/// A certificate authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("x-kubernetes-validations" = [rule::renewed_before_it_ends()]))]
pub struct Authority {
    /// A Secret with `ca.crt` and `ca.key` of your own, which you renew yourself. Left out: the
    /// operator makes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: Option<String>,
    /// How many days a certificate is valid.
    #[schemars(range(min = 1, max = 36500))]
    pub validity_days: i32,
    /// How many days before its end it is renewed.
    #[schemars(range(min = 1, max = 36499))]
    pub renewal_days: i32,
    /// What is made anew when the authority's certificate is renewed.
    pub replacement: Replacement,
    /// For how many minutes at least clients are given time when the authority is replaced: before
    /// the new one signs anything, and again before the former one is trusted no more.
    #[schemars(range(min = 0, max = 525_600))]
    pub overlap_minutes: i32,
}

impl Default for Authority {
    fn default() -> Self {
        Self {
            secret_name: None,
            validity_days: 365,
            renewal_days: 30,
            replacement: Replacement::Certificate,
            overlap_minutes: 60,
        }
    }
}

/// What is made anew when an authority is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Replacement {
    /// The certificate; its key stays, and with it the trust of clients that know the old one.
    Certificate,
    /// The key as well: clients have to learn the new certificate first.
    Key,
}

/// An issuer of cert-manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IssuerRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its kind, as in `ClusterIssuer`.
    #[serde(default = "issuer")]
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,
    /// Its API group.
    #[serde(default = "cert_manager")]
    #[schemars(length(min = 1, max = 253))]
    pub group: String,
}

fn issuer() -> String {
    "Issuer".to_owned()
}

fn cert_manager() -> String {
    "cert-manager.io".to_owned()
}

/// A key of a Secret in the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretRef {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The key in it.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}
