//! Given a fleet and an observation: these actions, these verdicts, and no others.

use super::*;
use crate::fleet::build;
use crate::fleet::manifest::{Source, read};

/// A cluster with one broker and the topics given as (name, rest of the spec).
fn fleet(topics: &[(&str, &str)]) -> Fleet {
    let head = "apiVersion: kastellan.dev/v1alpha1\nkind: ";
    let cluster = format!("{head}KafkaCluster\nmetadata: {{name: demo}}\nspec: {{replicas: 1}}\n");
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
    let as_started = |broker: &Broker| {
        let overrides = BTreeMap::new();
        (broker.id, ObservedBroker { started: broker.clone(), overrides })
    };
    let brokers = fleet.cluster.brokers.iter().map(as_started).collect();
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
    observed.brokers.get_mut(&0).unwrap().started.listeners[0].port = 1;
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

fn settings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn topic_with(config: &[(&str, &str)]) -> ObservedTopic {
    ObservedTopic { partitions: 1, replicas: 1, config: settings(config) }
}

/// A topic that the files have asked for before; with `config` if it has been so.
fn managed(object: &str, settled: Option<&[(&str, &str)]>) -> Managed {
    Managed {
        object: object.parse().unwrap(),
        deletion_policy: DeletionPolicy::Delete,
        settled: settled.map(|config| Settled { partitions: None, config: settings(config) }),
    }
}

fn alter(topic: &str, changes: &[(&str, Option<&str>)]) -> Action {
    let change = |(name, to): &(&str, Option<&str>)| ((*name).to_owned(), to.map(str::to_owned));
    let changes = changes.iter().map(change).collect();
    Action::AlterTopic(name(topic), topic.parse().unwrap(), changes)
}

#[test]
fn settings_become_what_the_files_say_and_the_rest_goes_back_to_its_default() {
    let fleet = fleet(&[("a", "config: {retention.ms: 5}")]);
    let mut observed = serving(&fleet);
    let there = topic_with(&[("retention.ms", "7"), ("max.message.bytes", "9")]);
    observed.topics.insert(name("a"), there);
    let plan = plan(&fleet, &observed);
    let changes = [("max.message.bytes", None), ("retention.ms", Some("5"))];
    assert_eq!(plan.actions, [alter("a", &changes)]);
    let verdict = verdict(&plan, "KafkaTopic", "a");
    assert_eq!(
        (verdict.condition, verdict.reason),
        (ConditionType::Reconciling, Reason::ConfigUpdating)
    );
    assert_eq!(
        verdict.message,
        "max.message.bytes from 9 to its default; retention.ms from 7 to 5"
    );
}

#[test]
fn what_another_client_has_changed_is_put_back_and_said() {
    let fleet = fleet(&[("a", "config: {retention.ms: 5}")]);
    let mut observed = serving(&fleet);
    observed.managed.insert(name("a"), managed("a", Some(&[("retention.ms", "5")])));
    observed.topics.insert(name("a"), topic_with(&[("retention.ms", "7"), ("segment.ms", "9")]));
    let changed = plan(&fleet, &observed);
    let message = "another client has set retention.ms to 7: back to 5; \
                   another client has set segment.ms to 9: back to its default";
    assert_eq!(verdict(&changed, "KafkaTopic", "a").reason, Reason::DriftReverting);
    assert_eq!(verdict(&changed, "KafkaTopic", "a").message, message);

    observed.topics.insert(name("a"), topic_with(&[]));
    let unset = plan(&fleet, &observed);
    let message = "another client has unset retention.ms: back to 5";
    assert_eq!(verdict(&unset, "KafkaTopic", "a").message, message);

    observed.topics.clear();
    let deleted = plan(&fleet, &observed);
    assert_eq!(deleted.actions, [Action::CreateTopic(name("a"), fleet.topics["a"].clone())]);
    let message = "another client has deleted the topic: created anew, without its records";
    assert_eq!(verdict(&deleted, "KafkaTopic", "a").message, message);
}

#[test]
fn a_topic_that_never_was_as_asked_has_not_drifted() {
    let fleet = fleet(&[("a", "config: {retention.ms: 5}")]);
    let mut observed = serving(&fleet);
    for before in [None, Some([("retention.ms", "6")].as_slice())] {
        observed.managed.insert(name("a"), managed("a", before));
        observed.topics.insert(name("a"), topic_with(&[("retention.ms", "7")]));
        let plan = plan(&fleet, &observed);
        assert_eq!(verdict(&plan, "KafkaTopic", "a").reason, Reason::ConfigUpdating);
    }
}

#[test]
fn too_many_partitions_do_not_hold_the_settings_up() {
    let fleet = fleet(&[("a", "partitions: 1, config: {retention.ms: 5}")]);
    let mut observed = serving(&fleet);
    observed.topics.insert(name("a"), ObservedTopic { partitions: 2, ..topic_with(&[]) });
    let plan = plan(&fleet, &observed);
    assert_eq!(plan.actions, [alter("a", &[("retention.ms", Some("5"))])]);
    assert_eq!(verdict(&plan, "KafkaTopic", "a").reason, Reason::PartitionsCannotShrink);
}

#[test]
fn throttles_of_whoever_moves_replicas_are_left_alone() {
    let fleet = fleet(&[("a", "")]);
    let mut observed = serving(&fleet);
    let there = topic_with(&[("leader.replication.throttled.replicas", "*")]);
    observed.topics.insert(name("a"), there);
    assert!(plan(&fleet, &observed).ready());
}

/// The fleet's broker, started without settings and asked for those now.
fn broker_asked_for(asked: &[(&str, &str)], overrides: &[(&str, &str)]) -> (Fleet, Observed) {
    let mut fleet = fleet(&[]);
    let mut observed = serving(&fleet);
    fleet.cluster.brokers[0].settings = settings(asked);
    observed.brokers.get_mut(&0).unwrap().overrides = settings(overrides);
    (fleet, observed)
}

#[test]
fn a_setting_that_may_change_at_any_time_is_set_on_the_running_broker() {
    let (fleet, observed) = broker_asked_for(&[("log.retention.ms", "5")], &[]);
    let first = plan(&fleet, &observed);
    let change = ("log.retention.ms".to_owned(), Some("5".to_owned()));
    assert_eq!(first.actions, [Action::AlterBroker(0, vec![change])]);
    let said = verdict(&first, "KafkaCluster", "demo");
    assert_eq!(said.reason, Reason::ConfigUpdating);
    assert_eq!(said.message, "broker 0, without a restart: log.retention.ms to 5");

    let there = [("log.retention.ms", "5")];
    let (fleet, observed) = broker_asked_for(&there, &there);
    assert!(plan(&fleet, &observed).ready());
}

#[test]
fn a_setting_read_at_the_start_takes_a_restart_that_is_announced_by_name() {
    let (fleet, observed) =
        broker_asked_for(&[("log.retention.ms", "5"), ("socket.listen.backlog.size", "7")], &[]);
    let plan = plan(&fleet, &observed);
    assert_eq!(plan.actions, [Action::RestartBroker(fleet.cluster.brokers[0].clone())]);
    assert_eq!(
        verdict(&plan, "KafkaCluster", "demo").message,
        "1 of 1 brokers to restart: broker 0 for socket.listen.backlog.size; what is read at a \
         broker's start only has changed"
    );
}

#[test]
fn brokers_are_restarted_one_after_the_other() {
    let head = "apiVersion: kastellan.dev/v1alpha1\nkind: KafkaCluster\nmetadata: {name: demo}\n";
    let source = Source { file: "f.yaml".to_owned(), text: format!("{head}spec: {{}}\n") };
    let mut fleet = build::fleet(&read(&[source]).unwrap()).unwrap();
    let mut observed = serving(&fleet);
    for broker in &mut fleet.cluster.brokers {
        broker.settings.insert("socket.listen.backlog.size".to_owned(), "7".to_owned());
    }
    let first = plan(&fleet, &observed);
    assert_eq!(first.actions, [Action::RestartBroker(fleet.cluster.brokers[0].clone())]);
    // until it serves again nobody else goes
    observed.brokers.remove(&0);
    let start = Action::StartBroker(fleet.cluster.brokers[0].clone());
    assert_eq!(plan(&fleet, &observed).actions, [start]);
}

#[test]
fn what_an_earlier_run_had_set_on_a_broker_is_taken_away() {
    let (fleet, observed) = broker_asked_for(&[], &[("log.retention.ms", "5")]);
    let plan = plan(&fleet, &observed);
    assert_eq!(plan.actions, [Action::AlterBroker(0, vec![("log.retention.ms".to_owned(), None)])]);
}

#[test]
fn a_setting_taken_out_of_the_files_goes_back_to_what_a_start_without_it_gives() {
    let mut fleet = fleet(&[]);
    fleet.cluster.brokers[0].settings =
        settings(&[("log.retention.ms", "5"), ("log.retention.hours", "2")]);
    let observed = serving(&fleet);
    fleet.cluster.brokers[0].settings.remove("log.retention.ms");
    let change = ("log.retention.ms".to_owned(), Some("7200000".to_owned()));
    assert_eq!(plan(&fleet, &observed).actions, [Action::AlterBroker(0, vec![change])]);
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
        observed.managed.insert(name(topic), Managed { object, deletion_policy, settled: None });
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
fn a_user_is_ready_when_somebody_says_so() {
    let mut fleet = fleet(&[]);
    let user = crate::fleet::user::User {
        object: "rider".parse().unwrap(),
        name: "rider".to_owned(),
        principal: kastellan_core::security::Principal::user("rider"),
        login: None,
        acls: std::collections::BTreeSet::new(),
        quotas: BTreeMap::new(),
        place: fleet.cluster.place.clone(),
    };
    fleet.users.insert("rider".parse().unwrap(), user);
    let mut plan = plan(&fleet, &serving(&fleet));
    assert_eq!(verdict(&plan, "KafkaUser", "rider").reason, Reason::ClusterNotReady);
    assert!(!plan.ready() && plan.is_served());
    plan.say("KafkaUser", "rider", (ConditionType::Ready, Reason::AsSpecified, String::new()));
    assert!(plan.ready());
}
