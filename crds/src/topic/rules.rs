//! What the API server checks of a topic beyond its schema.

use kube::core::Rule;

use crate::rule::rule;

/// Of the whole object.
pub(crate) fn object() -> Vec<Rule> {
    vec![
        rule(
            "has(self.spec.topicName) || size(self.metadata.name) <= 249",
            "a topic's name has 249 characters at most: set spec.topicName to a shorter one",
        ),
        // the object's name never changes, so this is about topicName, also where it comes or goes
        rule(
            "(has(self.spec.topicName) ? self.spec.topicName : self.metadata.name) == \
             (has(oldSelf.spec.topicName) ? oldSelf.spec.topicName : oldSelf.metadata.name)",
            "a topic cannot be renamed: leave topicName as it was, or create a second KafkaTopic",
        )
        .field_path(".spec.topicName"),
    ]
}

/// Of its spec.
pub(crate) fn spec() -> Vec<Rule> {
    vec![
        rule(
            "!has(self.topicName) || !(self.topicName in \
             ['__cluster_metadata', '__consumer_offsets', '__transaction_state'])",
            "this topic belongs to the brokers: choose another topicName",
        )
        .field_path(".topicName"),
        rule(
            "!has(self.partitions) || !has(oldSelf.partitions) || \
             self.partitions >= oldSelf.partitions",
            "partitions cannot be removed, for Kafka would lose their records: write at least as \
             many as before, or create another topic",
        )
        .field_path(".partitions"),
        // what is no number is for the table of settings to refuse
        rule(
            "!has(self.replicas) || !has(self.config) || \
             !('min.insync.replicas' in self.config) || \
             !string(self.config['min.insync.replicas']).matches('^[0-9]{1,9}$') || \
             int(self.config['min.insync.replicas']) <= self.replicas",
            "min.insync.replicas is larger than replicas, and copies that do not exist cannot be in \
             sync: lower it, or raise replicas",
        )
        .field_path(".config"),
    ]
}
