//! The CEL rules that the API server checks, by which types share them.
//!
//! A rule is here, and not a `pattern` of the schema, wherever the API server's own words would not
//! say what to write instead. The server refuses a definition whose rules could become expensive,
//! so everything that a rule walks over has a largest length.

use kube::core::Rule;

/// A rule with what to tell whoever broke it.
pub(crate) fn rule(expression: &str, message: &str) -> Rule {
    Rule::new(expression).message(message)
}

/// A name that becomes part of the name of a Kubernetes object: RFC 1035, which Services ask for.
pub(crate) fn label() -> Rule {
    rule(
        "self.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$') && !self.contains('--')",
        "write lower-case letters, digits and single '-', beginning with a letter and ending \
         with a letter or digit",
    )
}

/// An amount of bytes above 0, in the units of [`crate::quantity`].
pub(crate) fn bytes() -> Rule {
    rule(
        "string(self).matches('^(0[.][0-9]*[1-9][0-9]*|[1-9][0-9]*([.][0-9]{1,9})?)\
         (k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$')",
        "write an amount of bytes above 0, as in 10Gi; the units are k, M, G, T, P and Ki, Mi, \
         Gi, Ti, Pi",
    )
}

/// A setting's name.
pub(crate) fn setting_names() -> Rule {
    rule(
        "self.all(key, key.matches('^[a-z][a-z0-9-]*([._][a-z0-9-]+)*$'))",
        "settings have Kafka's names, as in log.retention.hours: lower-case words with dots \
         between them",
    )
}

/// Of an object's reference to its cluster.
pub(crate) fn cluster_stays(object: &str) -> Rule {
    let message = format!(
        "a {object} cannot move to another cluster: delete it here and create it there under \
         clusterRef"
    );
    rule("self == oldSelf", &message)
}

/// Days of a certificate.
pub(crate) fn renewed_before_it_ends() -> Rule {
    rule(
        "self.renewalDays < self.validityDays",
        "renewalDays has to be smaller than validityDays: a certificate is renewed that many \
         days before it ends",
    )
    .field_path(".renewalDays")
}

/// Labels or annotations of objects that the operator makes.
pub(crate) fn foreign_keys() -> Rule {
    rule(
        "self.all(key, !key.contains('kastellan.dev/') && \
         key.matches('^([a-z0-9][a-z0-9.-]*/)?[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$'))",
        "write keys as in example.com/team; those of kastellan.dev are the operator's own",
    )
}
