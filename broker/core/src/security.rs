//! Who is there, and who may do what: principals, the access control lists, and the verdict over an
//! operation.
//!
//! Kafka's model (KIP-11, KIP-290): an ACL allows or denies a principal from a host an operation on
//! resources of a type, by a literal name, a prefix, or `*` for all of them.

mod acl;
mod acls;
mod authorizer;
pub mod distinguished_name;
mod index;
mod mapping;
pub mod oauth;
mod principal;
pub mod sasl;
pub mod scram;
mod secret;
#[cfg(test)]
mod tests;
mod token;

pub use acl::{
    Acl, AclFilter, BadAcl, CLUSTER_NAME, Operation, Operations, PatternFilter, PatternType,
    Permission, ResourceType, WILDCARD,
};
pub use acls::Acls;
pub use authorizer::{Authorizer, Verdict, Visitor};
pub use mapping::PrincipalMapping;
pub use principal::{BadPrincipal, Principal};
pub use scram::{ScramCredential, ScramMechanism};
pub use secret::{Secret, same_secret};
pub(crate) use token::fingerprint;
pub use token::{DelegationToken, TokenKey};
