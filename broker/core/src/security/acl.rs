//! One access control entry, and filters for them.

mod filter;
mod kinds;

use std::{fmt, net::IpAddr, sync::Arc};

pub use filter::{AclFilter, PatternFilter};
pub use kinds::{Operation, Operations, PatternType, Permission, ResourceType};

use super::{BadPrincipal, Principal};

/// All resources of a type, or all hosts.
pub const WILDCARD: &str = "*";

/// The name of the only cluster that there is.
pub const CLUSTER_NAME: &str = "kafka-cluster";

/// An entry of the lists. The order of the fields is the order of the lists: what concerns one
/// principal is found side by side.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acl {
    /// What kind of thing it is about.
    pub resource_type: ResourceType,
    /// Whom it is about; `User:*` for everybody.
    pub principal: Principal,
    /// What the name means.
    pub pattern_type: PatternType,
    /// A name, or how names begin.
    pub name: Arc<str>,
    /// From where: an address, or `*`. Other text is kept and fits nobody, as in Kafka.
    pub host: Arc<str>,
    /// What is allowed or denied.
    pub operation: Operation,
    /// Which of both.
    pub permission: Permission,
}

/// Why something is no entry of the lists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAcl {
    /// A number of Kafka's that means none or any, or that is not known.
    #[error("{1} is no {0} that an ACL can have")]
    Kind(&'static str, i8),
    /// It would be about nothing.
    #[error("the name of the resource must not be empty; all of them are *")]
    EmptyName,
    /// The cluster has one name.
    #[error("the only valid name of the cluster is {CLUSTER_NAME}")]
    ClusterName,
    /// It would be about nobody.
    #[error(transparent)]
    Principal(#[from] BadPrincipal),
}

impl Acl {
    /// The address it is about: none for `*`, and for text that is no address.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok().map(|address: IpAddr| address.to_canonical())
    }

    /// Whether it is about visitors from `host`.
    pub(super) fn fits_host(&self, host: IpAddr) -> bool {
        &*self.host == WILDCARD || self.address() == Some(host.to_canonical())
    }

    /// Whether it is about all resources of its type.
    pub(super) fn is_wildcard(&self) -> bool {
        self.pattern_type == PatternType::Literal && &*self.name == WILDCARD
    }
}

impl fmt::Display for Acl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resource_type, principal, pattern_type, name, host, operation, permission } =
            self;
        write!(
            f,
            "{permission} {principal} from host {host}: {operation} on {resource_type} \
             {pattern_type} {name:?}"
        )
    }
}
