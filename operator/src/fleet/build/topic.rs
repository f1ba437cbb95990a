//! One topic of the files.

use std::collections::BTreeMap;

use kastellan_core::config::{self, BrokerConfig, Scope};
use kastellan_crds::KafkaTopicSpec;
use kastellan_crds::name::TopicName;

use crate::fleet::manifest::Object;
use crate::fleet::problem::Problem;
use crate::fleet::{Cluster, Topic};

/// What the brokers keep for themselves, and would refuse to let others create or delete.
const INTERNAL: [&str; 3] = ["__cluster_metadata", "__consumer_offsets", "__transaction_state"];

/// The topic and its name in Kafka; it may still come with problems.
pub(super) fn checked(
    object: &Object<KafkaTopicSpec>,
    cluster: &Cluster,
    problems: &mut Vec<Problem>,
) -> Option<(TopicName, Topic)> {
    let mut complain = |field: &str, message: String, help: String| {
        let message = format!("KafkaTopic {}: {message}", object.name);
        problems.push(Problem::at(&object.field(field), message).help(help));
    };
    let spec = &object.spec;
    let name = match spec.topic_name.clone().map_or_else(|| object.name.as_str().parse(), Ok) {
        Ok(name) => name,
        Err(why) => {
            complain("metadata.name", why.to_string(), "set spec.topicName".to_owned());
            return None;
        }
    };
    if INTERNAL.contains(&name.as_str()) {
        let help = "choose another name".to_owned();
        complain("metadata.name", format!("the topic {name} belongs to the brokers"), help);
    }
    if let Some(partitions) = spec.partitions
        && !(1..=100_000).contains(&partitions)
    {
        let message = format!("spec.partitions: {partitions} is not a number of partitions");
        complain("spec.partitions", message, "write a number from 1 to 100000".to_owned());
    }
    let brokers = cluster.brokers.len();
    if let Some(replicas) = spec.replicas
        && usize::try_from(replicas).map_or(true, |count| count == 0 || count > brokers)
    {
        let message = format!(
            "spec.replicas: {replicas} copies of a partition need {replicas} brokers; \
             KafkaCluster {} has {brokers}",
            cluster.name
        );
        complain("spec.replicas", message, format!("write replicas: {brokers}, or leave it out"));
    }
    let copies = spec.replicas.map_or(brokers, |replicas| usize::try_from(replicas).unwrap_or(0));
    let least = spec.config.get("min.insync.replicas").and_then(|least| least.0.parse().ok());
    if let Some(least) = least.filter(|least: &usize| *least > copies) {
        let message = format!(
            "min.insync.replicas: {least} of {copies} copies cannot be in sync, and brokers count \
             no more than there are"
        );
        let help = format!("write min.insync.replicas: {copies}, or leave it out");
        complain("spec.config.min.insync.replicas", message, help);
    }
    let config = config(object, cluster, problems);
    let topic = Topic {
        object: object.name.clone(),
        partitions: spec.partitions,
        replicas: spec.replicas,
        config,
        deletion_policy: spec.deletion_policy,
        place: object.place(),
    };
    Some((name, topic))
}

fn config(
    object: &Object<KafkaTopicSpec>,
    cluster: &Cluster,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, String> {
    let mut complain = |field: &str, why: &config::Invalid| {
        let message = format!("KafkaTopic {}: {why}", object.name);
        problems.push(Problem::at(&object.field(field), message));
    };
    let mut overrides = BTreeMap::new();
    let mut single = true;
    for (name, value) in &object.spec.config {
        if let Err(why) = config::check(Scope::Topic, name, &value.0) {
            single = false;
            complain(&format!("spec.config.{name}"), &why);
        }
        overrides.insert(name.clone(), value.0.clone());
    }
    let settings = cluster.brokers.first().map(|broker| broker.settings.clone());
    if single
        // settings that do not parse are reported where the cluster is checked
        && let Ok(broker) = BrokerConfig::parse(settings.unwrap_or_default())
        && let Err(why) = config::check_topic(&overrides, &broker)
    {
        complain("spec.config", &why);
    }
    overrides
}
