//! What the API server checks of a user beyond its schema.

use kube::core::Rule;

use crate::rule::rule;

/// Of the whole object.
pub(crate) fn object() -> Vec<Rule> {
    vec![
        rule(
            "(has(self.spec.userName) ? self.spec.userName : self.metadata.name) == \
             (has(oldSelf.spec.userName) ? oldSelf.spec.userName : oldSelf.metadata.name)",
            "a user cannot be renamed: leave userName as it was, or create a second KafkaUser",
        )
        .field_path(".spec.userName"),
        // RFC 5280 allows a common name no more
        rule(
            "!has(self.spec.authentication) || self.spec.authentication.type != 'TLS' || \
             size(has(self.spec.userName) ? self.spec.userName : self.metadata.name) <= 64",
            "the name in a certificate has 64 characters at most: set userName to a shorter one, \
             or use SCRAM-SHA-512",
        )
        .field_path(".spec.userName"),
    ]
}

/// Of a user's credentials.
pub(crate) fn authentication() -> Vec<Rule> {
    vec![
        rule(
            "!has(self.password) || self.type != 'TLS'",
            "a user with a certificate has no password: leave password out, or use \
             SCRAM-SHA-512",
        )
        .field_path(".password"),
        rule(
            "(!has(self.validityDays) && !has(self.renewalDays)) || self.type == 'TLS'",
            "validityDays and renewalDays are about certificates: they go with type: TLS",
        )
        .field_path(".validityDays"),
        rule(
            "!has(self.validityDays) || !has(self.renewalDays) || \
             self.renewalDays < self.validityDays",
            "renewalDays has to be smaller than validityDays: a certificate is renewed that many \
             days before it ends",
        )
        .field_path(".renewalDays"),
    ]
}

/// Of a rule's resource.
pub(crate) fn resource() -> Vec<Rule> {
    vec![
        rule(
            "self.type == 'Cluster' ? !has(self.name) || self.name == 'kafka-cluster' : \
             has(self.name)",
            "name says which resource, or how the names begin: add it; only type: Cluster goes \
             without",
        )
        .field_path(".name"),
        rule(
            "self.patternType != 'Prefixed' || self.type != 'Cluster'",
            "there is one cluster and no prefix of its name: leave patternType out",
        )
        .field_path(".patternType"),
        rule(
            "self.patternType != 'Prefixed' || !has(self.name) || self.name != '*'",
            "'*' with patternType: Prefixed means names that begin with a star: for every name, \
             leave patternType out",
        )
        .field_path(".patternType"),
        rule(
            "self.type != 'Topic' || !has(self.name) || self.name == '*' || \
             self.name.matches('^[a-zA-Z0-9._-]{1,249}$')",
            "no topic has such a name: write letters, digits, '.', '_' and '-', or '*' for every \
             topic",
        )
        .field_path(".name"),
    ]
}

/// Which operations a resource knows beside `All`, as Kafka's `AclEntry` has them.
const OPERATIONS: [(&str, &str, &[&str]); 6] = [
    (
        "Topic",
        "a topic",
        &[
            "Read",
            "Write",
            "Create",
            "Delete",
            "Alter",
            "Describe",
            "DescribeConfigs",
            "AlterConfigs",
        ],
    ),
    ("Group", "a group", &["Read", "Delete", "Describe", "DescribeConfigs", "AlterConfigs"]),
    (
        "Cluster",
        "the cluster",
        &[
            "Create",
            "Alter",
            "Describe",
            "ClusterAction",
            "DescribeConfigs",
            "AlterConfigs",
            "IdempotentWrite",
        ],
    ),
    ("TransactionalId", "a transactional id", &["Describe", "Write", "TwoPhaseCommit"]),
    ("DelegationToken", "a delegation token", &["Describe"]),
    ("User", "a user", &["CreateTokens", "DescribeTokens"]),
];

/// Whether a kind of resource knows an operation, both under Kafka's names; other operations than
/// these are refused.
pub fn knows(resource: &str, operation: &str) -> bool {
    let mut known = OPERATIONS.iter().filter(|(kind, ..)| *kind == resource);
    operation == "All" || known.any(|(.., operations)| operations.contains(&operation))
}

/// Of one rule.
pub(crate) fn acl() -> Vec<Rule> {
    let one = |(kind, words, operations): (&str, &str, &[&str])| {
        let known = operations.join("', '");
        rule(
            &format!(
                "self.resource.type != '{kind}' || \
                 self.operations.all(operation, operation in ['All', '{known}'])"
            ),
            &format!("{words} knows other operations: write All or {}", operations.join(", ")),
        )
        .field_path(".operations")
    };
    OPERATIONS.map(one).to_vec()
}

/// Of the address that a rule is for.
pub(crate) fn host() -> Vec<Rule> {
    vec![rule("self == '*' || isIP(self)", "write an IP address, or '*' for every one")]
}
