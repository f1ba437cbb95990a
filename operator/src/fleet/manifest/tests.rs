//! What a manifest may be, and what is said of one that may not.

use super::*;

fn source(text: &str) -> Source {
    Source { file: "demo.yaml".to_owned(), text: text.to_owned() }
}

fn refused(text: &str) -> String {
    let problems = read(&[source(text)]).unwrap_err();
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A topic whose spec is `spec`, which begins on line 5.
fn topic(spec: &str) -> String {
    format!(
        "apiVersion: kastellan.dev/v1alpha1\nkind: KafkaTopic\nmetadata: {{name: orders}}\n\
         spec:\n{spec}"
    )
}

const GOOD: &str = "  clusterRef: {name: demo}\n";

#[test]
fn the_three_kinds_are_read_from_one_file() {
    let text = "# a cluster
apiVersion: kastellan.dev/v1alpha1
kind: KafkaCluster
metadata: {name: demo}
spec: {}
---
apiVersion: kastellan.dev/v1alpha1
kind: KafkaTopic
metadata: {name: orders, labels: {team: riders}}
spec: {clusterRef: {name: demo}, partitions: 2, config: {retention.ms: 1000}}
---
apiVersion: kastellan.dev/v1alpha1
kind: KafkaUser
metadata: {name: rider}
spec:
  clusterRef: {name: demo}
  authentication: {type: SCRAM-SHA-512}
  acls:
  - {resource: {type: Topic, name: rider-, patternType: Prefixed}, operations: [Read, Write]}
  quotas: {producerByteRate: 10Mi}
---
apiVersion: v1
kind: Namespace
metadata: {name: x}
";
    let manifests = read(&[source(text)]).unwrap();
    assert_eq!(manifests.clusters[0].name.as_str(), "demo");
    assert_eq!(manifests.topics[0].spec.partitions, Some(2));
    assert_eq!(manifests.topics[0].field("spec.partitions").to_string(), "demo.yaml:10:46");
    assert_eq!(manifests.users[0].spec.acls[0].host, "*");
    assert_eq!(manifests.skipped[0].0, "Namespace of v1");
}

#[test]
fn an_unknown_field_is_named_with_its_line_and_the_field_that_was_meant() {
    let text = topic(&format!("{GOOD}  partition: 3\n"));
    assert_eq!(
        refused(&text),
        "demo.yaml:6:3: KafkaTopic: unknown field \"partition\"\n  \
         help: did you mean \"partitions\"?"
    );
    let text = topic(&format!("{GOOD}  clusterref: 3\n"));
    assert!(refused(&text).ends_with("did you mean \"clusterRef\"?"));
    let text = topic(&format!("{GOOD}  x: 3\n"));
    assert!(refused(&text).contains("write one of: clusterRef, topicName, partitions"));
}

#[test]
fn a_wrong_type_is_named_with_what_was_written_and_what_was_wanted() {
    for (spec, expected) in [
        (
            "  partitions: three\n",
            "6:15: KafkaTopic: spec.partitions: \"three\" is not a whole number",
        ),
        ("  partitions: [3]\n", "spec.partitions:"),
        (
            "  deletionPolicy: delete\n",
            "spec.deletionPolicy: \"delete\"\n  help: did you mean \"Delete\"?",
        ),
        ("  config: {a: [1]}\n", "spec.config.a: a list where a text or a whole number"),
        ("  config: none\n", "spec.config: \"none\" is not a map"),
        ("  topicName: a b\n", "\"a b\" is not a topic name: write letters"),
    ] {
        let said = refused(&topic(&format!("{GOOD}{spec}")));
        assert!(said.contains(expected), "{said}\n should have: {expected}");
    }
    let said = refused(&topic("  partitions: 3\n"));
    assert!(said.contains("the field \"clusterRef\" is missing"), "{said}");
}

#[test]
fn a_file_that_is_no_yaml_says_where_it_breaks() {
    let said = refused(&topic("  clusterRef: {name: demo\n"));
    assert!(said.starts_with("demo.yaml:5:15: "), "{said}");
    assert!(said.contains("unclosed bracket"), "{said}");
    let said = refused(&topic(&format!("{GOOD}{GOOD}")));
    assert!(said.starts_with("demo.yaml:6:3: duplicate"), "{said}");
}

#[test]
fn every_problem_of_every_document_is_reported_at_once() {
    let broken = topic(&format!("{GOOD}  x: 3\n"));
    assert_eq!(refused(&format!("{broken}---\n{broken}")).matches("unknown field").count(), 2);
}

#[test]
fn what_is_not_ours_is_told_from_what_is_ours_misspelt() {
    let with = |version: &str, kind: &str| {
        refused(&format!(
            "apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {{}}\n"
        ))
    };
    assert!(
        with("kastellan.dev/v1", "KafkaTopic").contains("write apiVersion: kastellan.dev/v1alpha1")
    );
    assert!(with("other.dev/v1", "KafkaTopic").contains("\"other.dev/v1\" is not known here"));
    assert!(with("kastellan.dev/v1alpha1", "KafkaTopics").contains("did you mean \"KafkaTopic\"?"));
    assert!(refused("a: 1\n").contains("apiVersion or kind is missing"));
    assert!(refused("just text\n").contains("not a map"));
}

#[test]
fn no_damage_to_a_manifest_makes_the_reader_panic() {
    let good = include_str!("../../../../manifests/quickstart.yaml");
    let marks =
        ["{", "[", "\n---\n", "\t", "&a ", "*a", "!x ", "\u{0}", "- ", ": ", "'", "%", "\u{fc}"];
    for (at, _) in good.char_indices() {
        let (before, after) = good.split_at(at);
        for mark in marks.iter().skip(at % 13).step_by(13) {
            drop(read(&[source(&format!("{before}{mark}{after}"))]));
        }
        drop(read(&[source(before)]));
    }
}
