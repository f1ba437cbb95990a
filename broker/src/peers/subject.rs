//! Who a certificate is for: `CN=node-<id>`, `O=<cluster id>`.

use kastellan_core::id::BrokerId;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{AttributeTypeAndValue, FromDer as _, X509Certificate};

/// What the subject of a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    /// `CN`.
    pub(crate) common_name: String,
    /// `O`.
    pub(crate) organization: String,
}

/// Why a certificate names no node of this cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOurs {
    /// It cannot be read.
    #[error("the certificate cannot be read: {0}")]
    Unreadable(String),
    /// Its subject has no common name, or no organization, or more than one.
    #[error("the certificate's subject has no single CN and O: write CN=node-<id>, O=<cluster id>")]
    Incomplete,
    /// It is for another cluster.
    #[error("the certificate is for cluster {found}, this is cluster {expected}")]
    Cluster {
        /// The cluster that it names.
        found: String,
        /// This cluster.
        expected: String,
    },
    /// It is not for a node.
    #[error("the certificate is for CN={0}, which is no node: nodes have CN=node-<id>")]
    NoNode(String),
    /// It is for another node than the one that was meant.
    #[error("the certificate is for node {found}, not for node {expected}")]
    Node {
        /// The node that it names.
        found: i32,
        /// The node that was meant.
        expected: i32,
    },
}

/// Reads the subject. Whether the certificate can be trusted is another question.
pub(crate) fn subject(certificate: &CertificateDer<'_>) -> Result<Subject, NotOurs> {
    let (_, parsed) = X509Certificate::from_der(certificate)
        .map_err(|why| NotOurs::Unreadable(why.to_string()))?;
    let mut names = parsed.subject().iter_common_name().map(AttributeTypeAndValue::as_str);
    let mut organizations = parsed.subject().iter_organization().map(AttributeTypeAndValue::as_str);
    let (Some(Ok(name)), None) = (names.next(), names.next()) else {
        return Err(NotOurs::Incomplete);
    };
    let (Some(Ok(organization)), None) = (organizations.next(), organizations.next()) else {
        return Err(NotOurs::Incomplete);
    };
    Ok(Subject { common_name: name.to_owned(), organization: organization.to_owned() })
}

impl Subject {
    /// The node of `cluster` that it names.
    pub(crate) fn node(&self, cluster: &str) -> Result<BrokerId, NotOurs> {
        if self.organization != cluster {
            let (found, expected) = (self.organization.clone(), cluster.to_owned());
            return Err(NotOurs::Cluster { found, expected });
        }
        let id = self.common_name.strip_prefix("node-").and_then(|id| {
            // one way to write each id: no sign, no leading zeros
            id.parse().ok().filter(|number: &i32| *number >= 0 && number.to_string() == id)
        });
        id.map(BrokerId).ok_or_else(|| NotOurs::NoNode(self.common_name.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(common_name: &str) -> Subject {
        let (common_name, organization) = (common_name.to_owned(), "c1".to_owned());
        Subject { common_name, organization }
    }

    #[test]
    fn a_node_of_the_cluster_is_known_by_its_common_name() {
        assert_eq!(named("node-12").node("c1"), Ok(BrokerId(12)));
        for other in ["operator", "node-", "node--1", "node-01", "node-+1", "node-99999999999"] {
            assert_eq!(named(other).node("c1"), Err(NotOurs::NoNode(other.to_owned())));
        }
        assert!(matches!(named("node-1").node("c2"), Err(NotOurs::Cluster { .. })));
    }
}
