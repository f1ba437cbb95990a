//! What a fleet is made of, and what is refused.

use super::*;
use crate::fleet::manifest::{Source, read};

fn build(documents: &[&str]) -> Result<Fleet, String> {
    let head = "apiVersion: kastellan.dev/v1alpha1\n";
    let text = documents.iter().map(|rest| format!("{head}{rest}\n")).collect::<Vec<_>>();
    let source = Source { file: "f.yaml".to_owned(), text: text.join("---\n") };
    let said = |problems: Vec<Problem>| {
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    fleet(&read(&[source]).map_err(said)?).map_err(said)
}

fn cluster(spec: &str) -> String {
    format!("kind: KafkaCluster\nmetadata: {{name: demo}}\nspec: {{{spec}}}")
}

fn topic(name: &str, spec: &str) -> String {
    format!(
        "kind: KafkaTopic\nmetadata: {{name: {name}}}\nspec: {{clusterRef: {{name: demo}}, {spec}}}"
    )
}

#[test]
fn an_empty_spec_is_three_brokers_with_one_listener() {
    let fleet = build(&[&cluster("")]).unwrap();
    assert_eq!(fleet.cluster.brokers.len(), 3);
    assert_eq!(fleet.cluster.brokers[2].settings["default.replication.factor"], "3");
    assert_eq!(fleet.cluster.brokers[2].settings["min.insync.replicas"], "2");
    let alone = build(&[&cluster("replicas: 1")]).unwrap();
    assert!(alone.cluster.brokers[0].settings.is_empty());
    let broker = &fleet.cluster.brokers[0];
    assert_eq!(
        (broker.id, broker.listeners[0].name.as_str(), broker.listeners[0].port),
        (0, "plain", 9092)
    );
}

#[test]
fn settings_and_topics_arrive_under_kafkas_names() {
    let fleet = build(&[
        &cluster("config: {log.retention.hours: 72}"),
        &topic(
            "orders",
            "partitions: 2, topicName: Rider_Orders, config: {cleanup.policy: compact}",
        ),
    ])
    .unwrap();
    assert_eq!(fleet.cluster.brokers[0].settings["log.retention.hours"], "72");
    let topic = &fleet.topics["Rider_Orders"];
    assert_eq!((topic.object.as_str(), topic.partitions), ("orders", Some(2)));
    assert_eq!(topic.config["cleanup.policy"], "compact");
}

#[test]
fn the_quickstart_is_a_fleet() {
    let text = include_str!("../../../../manifests/quickstart.yaml").to_owned();
    let source = Source { file: "quickstart.yaml".to_owned(), text };
    let fleet = fleet(&read(&[source]).unwrap()).unwrap();
    assert_eq!(fleet.cluster.brokers[0].listeners[0].port, 9092);
    assert_eq!(fleet.topics["greetings"].partitions, Some(3));
}

#[test]
fn each_thing_that_cannot_be_honoured_is_refused_with_what_to_write() {
    let two = "listeners: [{name: a, port: 1}, {name: a, port: 1}]";
    for (documents, expected) in [
        (vec![], "the files have no KafkaCluster\n  help: add one"),
        (
            vec![cluster(""), cluster("")],
            "f.yaml:8:18: a second KafkaCluster named demo; the first is at f.yaml:3:18",
        ),
        (
            vec![cluster(""), cluster("").replace("demo", "other")],
            "one `kastellan up` runs one cluster",
        ),
        (vec![cluster("").replace("demo", "de.mo")], "\"de.mo\" is not a cluster name"),
        (
            vec![cluster("replicas: 12")],
            "spec.replicas: 12 is not a number of brokers for one machine\n  help: write a number",
        ),
        (vec![cluster("replicas: 0")], "spec.replicas: 0 is not a number of brokers"),
        (vec![cluster("version: '9.9'")], "not \"9.9\"\n  help: write version: \"0.1\""),
        (vec![cluster(two)], "a second listener is named a"),
        (vec![cluster(two)], "port 1 is taken by listener a"),
        (
            vec![cluster("listeners: [{name: a, port: 9092}, {name: b, port: 9102}]")],
            "listener b: port 9102 is broker 1's of listener a: broker number i takes the ports \
             i times 10 further on",
        ),
        (vec![cluster("listeners: [{name: a, port: 0}]")], "port 0 is no port"),
        (vec![cluster("config: {log.retention.hour: 1}")], "did you mean \"log.retention.hours\"?"),
        (
            vec![cluster("config: {log.retention.hours: long}")],
            "log.retention.hours=long: expected",
        ),
        (vec![cluster(""), topic("a", "partitions: 0")], "0 is not a number of partitions"),
        (
            vec![cluster(""), topic("a", "replicas: 4")],
            "need 4 brokers; KafkaCluster demo has 3\n  help: write replicas: 3",
        ),
        (
            vec![cluster(""), topic("a", "config: {retention.m: 1}")],
            "did you mean \"retention.ms\"?",
        ),
        (
            vec![cluster(""), topic("a", ""), topic("a", "")],
            "a second KafkaTopic named a; the first is at f.yaml:8:18",
        ),
        (
            vec![cluster(""), topic("a", ""), topic("b", "topicName: a")],
            "a second object for the topic a; the first is a at",
        ),
        (
            vec![cluster(""), topic("a", "").replace("demo", "dem")],
            "there is no KafkaCluster \"dem\"\n  help: the files have \"demo\"",
        ),
        (
            vec![cluster(""), topic("a, namespace: x", "")],
            "a clusterRef does not leave its namespace",
        ),
        (vec![cluster(""), topic("a", "topicName: __consumer_offsets")], "belongs to the brokers"),
    ] {
        let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
        let said = build(&documents).unwrap_err();
        assert!(said.contains(expected), "said: {said}\nexpected: {expected}");
    }
}

#[test]
fn what_is_wrong_with_guards_is_refused_with_what_to_write() {
    for (documents, expected) in [
        (
            vec![cluster(
                "listeners: [{name: a, port: 1, tls: {}, authentication: {type: PLAIN}}]",
            )],
            "listener a: PLAIN is not yet supported\n  help: write SCRAM-SHA-512 or TLS",
        ),
        (
            vec![cluster("listeners: [{name: a, port: 1, authentication: {type: TLS}}]")],
            "listener a: its authentication needs TLS\n  help: add tls: {}",
        ),
        (
            vec![cluster("authorization: {superUsers: ['User:a;User:b']}")],
            "cannot be a super user: the list is one line",
        ),
    ] {
        let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
        let said = build(&documents).unwrap_err();
        assert!(said.contains(expected), "said: {said}\nexpected: {expected}");
    }
}
