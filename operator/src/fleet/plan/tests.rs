//! Given a fleet and an observation: these actions, these verdicts, and no others.

use super::*;
use crate::fleet::build;
use crate::fleet::manifest::{Source, read};

/// A cluster with one broker and the topics given as (name, rest of the spec).
fn fleet(topics: &[(&str, &str)]) -> Fleet {
    let head = "apiVersion: kastellan.dev/v1alpha1\nkind: ";
    let cluster = format!("{head}KafkaCluster\nmetadata: {{name: demo}}\nspec: {{}}\n");
    let topics = topics.iter().map(|(name, spec)| {
        format!(
            "{head}KafkaTopic\nmetadata: {{name: {name}}}\n\
             spec: {{clusterRef: {{name: demo}}, {spec}}}\n"
        )
    });
    let text = std::iter::once(cluster).chain(topics).collect::<Vec<_>>().join("---\n");
    let source = Source { file: "f.yaml".to_owned(), text };
    build::fleet(&read(&[source]).unwrap()).unwrap()
}

fn serving(fleet: &Fleet) -> Observed {
    let brokers = fleet.cluster.brokers.iter().map(|broker| (broker.id, broker.clone())).collect();
    Observed { brokers, ..Observed::default() }
}

fn name(text: &str) -> TopicName {
    text.parse().unwrap()
}

fn verdict<'a>(plan: &'a Plan, kind: &'static str, name: &str) -> &'a Verdict {
    &plan.verdicts[&Object { kind, name: name.to_owned() }]
}

#[test]
fn brokers_come_first_and_topics_wait_for_them() {
    let fleet = fleet(&[("a", "")]);
    let plan = plan(&fleet, &Observed::default());
    assert_eq!(plan.actions, [Action::StartBroker(fleet.cluster.brokers[0].clone())]);
    assert_eq!(verdict(&plan, "KafkaCluster", "demo").reason, Reason::BrokersStarting);
    assert_eq!(verdict(&plan, "KafkaTopic", "a").reason, Reason::ClusterNotReady);
    assert!(!plan.ready());
}

#[test]
fn a_broker_with_another_configuration_is_restarted() {
    let fleet = fleet(&[]);
    let mut observed = serving(&fleet);
    observed.brokers.get_mut(&0).unwrap().listeners[0].port = 1;
    let plan = plan(&fleet, &observed);
    assert_eq!(plan.actions, [Action::RestartBroker(fleet.cluster.brokers[0].clone())]);
}

#[test]
fn a_missing_topic_is_created_and_one_that_is_there_is_ready() {
    let fleet = fleet(&[("a", "partitions: 2"), ("b", "")]);
    let mut observed = serving(&fleet);
    let there = ObservedTopic { partitions: 1, replicas: 1, ..ObservedTopic::default() };
    observed.topics.insert(name("b"), there.clone());
    let first = plan(&fleet, &observed);
    assert_eq!(first.actions, [Action::CreateTopic(name("a"), fleet.topics["a"].clone())]);
    observed.topics.insert(name("a"), ObservedTopic { partitions: 2, ..there });
    let second = plan(&fleet, &observed);
    assert!(second.ready());
    assert_eq!(verdict(&second, "KafkaTopic", "a").message, "2 partitions");
}

#[test]
fn partitions_are_added_and_never_removed() {
    let fleet = fleet(&[("a", "partitions: 3")]);
    let mut observed = serving(&fleet);
    let there = ObservedTopic { partitions: 2, replicas: 1, ..ObservedTopic::default() };
    observed.topics.insert(name("a"), there.clone());
    let more = plan(&fleet, &observed);
    assert_eq!(more.actions, [Action::AddPartitions(name("a"), "a".parse().unwrap(), 3)]);
    observed.topics.insert(name("a"), ObservedTopic { partitions: 6, ..there });
    let less = plan(&fleet, &observed);
    assert!(less.actions.is_empty() && !less.ready());
    let verdict = verdict(&less, "KafkaTopic", "a");
    assert_eq!(verdict.reason, Reason::PartitionsCannotShrink);
    assert!(verdict.message.starts_with("f.yaml:6:1: the topic has 6 partitions"));
}

#[test]
fn a_changed_setting_is_reported_and_not_faked() {
    let fleet = fleet(&[("a", "config: {retention.ms: 5}")]);
    let mut observed = serving(&fleet);
    let config = BTreeMap::from([("retention.ms".to_owned(), "7".to_owned())]);
    observed.topics.insert(name("a"), ObservedTopic { partitions: 1, replicas: 1, config });
    let plan = plan(&fleet, &observed);
    assert!(plan.actions.is_empty());
    let verdict = verdict(&plan, "KafkaTopic", "a");
    assert_eq!(
        (verdict.condition, verdict.reason),
        (ConditionType::Stalled, Reason::NotYetSupported)
    );
    assert!(verdict.message.contains("retention.ms is 7"), "{}", verdict.message);
}

#[test]
fn a_setting_taken_out_of_the_files_is_reported_and_not_forgotten() {
    let fleet = fleet(&[("a", "")]);
    let mut observed = serving(&fleet);
    let there = ObservedTopic { partitions: 1, replicas: 1, ..ObservedTopic::default() };
    observed.topics.insert(name("a"), there);
    let managed = Managed {
        object: "a".parse().unwrap(),
        deletion_policy: DeletionPolicy::Delete,
        config: BTreeMap::from([("retention.ms".to_owned(), "7".to_owned())]),
    };
    observed.managed.insert(name("a"), managed);
    let message =
        &plan(&fleet, &observed).verdicts[&Object { kind: "KafkaTopic", name: "a".into() }].message;
    assert!(message.starts_with("f.yaml:6:1: retention.ms is still 7"), "{message}");
}

#[test]
fn spaces_in_a_list_are_no_change() {
    let fleet = fleet(&[("a", "config: {cleanup.policy: 'compact, delete'}")]);
    let mut observed = serving(&fleet);
    let config = BTreeMap::from([("cleanup.policy".to_owned(), "compact,delete".to_owned())]);
    observed.topics.insert(name("a"), ObservedTopic { partitions: 1, replicas: 1, config });
    assert!(plan(&fleet, &observed).ready());
}

#[test]
fn a_topic_taken_out_of_the_files_goes_only_if_its_policy_says_so() {
    let fleet = fleet(&[]);
    let mut observed = serving(&fleet);
    for (topic, deletion_policy) in [
        ("a", DeletionPolicy::Delete),
        ("b", DeletionPolicy::Retain),
        ("c", DeletionPolicy::Delete),
    ] {
        let object: ObjectName = topic.parse().unwrap();
        observed
            .managed
            .insert(name(topic), Managed { object, deletion_policy, config: BTreeMap::new() });
    }
    for topic in ["a", "b", "of-a-client"] {
        observed.topics.insert(name(topic), ObservedTopic::default());
    }
    let object = |text: &str| text.parse().unwrap();
    assert_eq!(
        plan(&fleet, &observed).actions,
        [
            Action::DeleteTopic(name("a"), object("a")),
            Action::ForgetTopic(name("b"), object("b"), true),
            Action::ForgetTopic(name("c"), object("c"), false),
        ]
    );
}

#[test]
fn a_user_is_reported_and_does_not_hold_the_others_up() {
    let mut fleet = fleet(&[]);
    let place = fleet.cluster.place.clone();
    fleet.users.insert("rider".parse().unwrap(), crate::fleet::User { place });
    let plan = plan(&fleet, &serving(&fleet));
    assert_eq!(verdict(&plan, "KafkaUser", "rider").reason, Reason::NotYetSupported);
    assert!(plan.ready());
}
