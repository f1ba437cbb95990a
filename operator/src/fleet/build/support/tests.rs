//! Every field that the schema has is carried out, said to be for Kubernetes, or refused.

use kastellan_crds::definition::definitions;
use serde_json::{Map, json};

use super::*;
use crate::fleet::manifest::{Source, read};

/// The schema of a kind's spec.
fn spec(kind: &str) -> Value {
    let definition = definitions().into_iter().find(|one| one.spec.names.kind == kind).unwrap();
    let value = serde_json::to_value(&definition.spec.versions[0].schema).unwrap();
    value["openAPIV3Schema"]["properties"]["spec"].clone()
}

/// A value that the schema allows and that is not the default.
fn example(schema: &Value) -> Value {
    let default = &schema["default"];
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().find(|value| *value != default).unwrap().clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let field = |name: &Value| {
                let name = name.as_str().unwrap();
                (name.to_owned(), example(&schema["properties"][name]))
            };
            Value::Object(required.iter().map(field).collect())
        }
        Some("array") => json!([example(&schema["items"])]),
        Some("boolean") => json!(true),
        Some("integer") => {
            let least =
                schema["minimum"].as_f64().map_or(1, |least| least.to_string().parse().unwrap());
            json!(if default.as_i64() == Some(least) { least + 1 } else { least })
        }
        Some("string") if schema["maxLength"] == json!(9.0) || schema["maxLength"] == json!(9) => {
            json!("0.1")
        }
        Some("string") => json!("a"),
        _ => json!("1Gi"),
    }
}

/// Every field below `schema`: its path with `[]` for elements, and a spec that has just it and
/// what it needs around it.
fn fields(schema: &Value, path: &str) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let around = example(schema);
    for (name, below) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        let put = |value: Value| {
            let mut whole = around.as_object().cloned().unwrap_or_default();
            whole.insert(name.clone(), value);
            Value::Object(whole)
        };
        let elements = below["items"].get("properties").is_some();
        let inner = match below["type"].as_str() {
            Some("array") if elements => fields(&below["items"], &format!("{path}[]"))
                .into_iter()
                .map(|(path, value)| (path, json!([value])))
                .collect(),
            Some("object") => fields(below, &path),
            _ => Vec::new(),
        };
        if inner.is_empty() {
            let map = below["additionalProperties"].is_object()
                || below["x-kubernetes-preserve-unknown-fields"] == json!(true);
            let value = if map { json!({ "a": "1" }) } else { example(below) };
            found.push((path, put(value)));
        } else {
            found.extend(inner.into_iter().map(|(path, value)| (path, put(value))));
        }
    }
    found
}

fn checked(spec: &Value, platform: Platform) -> Findings {
    let manifest = json!({
        "apiVersion": "kastellan.dev/v1alpha1",
        "kind": "KafkaCluster",
        "metadata": { "name": "demo" },
        "spec": spec,
    });
    let source = Source { file: "f.yaml".to_owned(), text: manifest.to_string() };
    check(&read(&[source]).unwrap_or_else(|why| panic!("{spec}: {why:?}")).clusters[0], platform)
}

fn is_below(pattern: &str, known: &[&str]) -> bool {
    known.iter().any(|known| {
        pattern
            .strip_prefix(known)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    })
}

#[test]
fn every_field_of_a_cluster_is_carried_out_or_reported() {
    let fields = fields(&spec("KafkaCluster"), "spec");
    assert!(fields.len() > 90, "only {} fields were found", fields.len());
    for (path, spec) in &fields {
        let Findings { refused, ignored } = checked(spec, Platform::Laptop);
        let said = format!("{path}: refused {refused:?}, ignored {ignored:?}");
        if is_below(path, DONE) {
            assert!(refused.is_empty() && ignored.is_empty(), "{said}");
        } else if is_below(path, KUBERNETES) {
            assert!(refused.is_empty() && ignored.len() == 1, "{said}");
        } else {
            assert!(refused.len() == 1 && refused[0].help.is_some(), "{said}");
        }
    }
}

#[test]
fn every_field_of_a_cluster_is_carried_out_on_kubernetes_or_refused() {
    for (path, spec) in &fields(&spec("KafkaCluster"), "spec") {
        let Findings { refused, ignored } = checked(spec, Platform::Kubernetes);
        let done = is_below(path, DONE_ON_KUBERNETES);
        assert_eq!((refused.is_empty(), ignored.len()), (done, 0), "{path}: {refused:?}");
    }
}

#[test]
fn every_row_is_a_field() {
    let known = fields(&spec("KafkaCluster"), "spec");
    let instead = INSTEAD.iter().map(|(pattern, _)| pattern);
    for row in DONE.iter().chain(DONE_ON_KUBERNETES).chain(KUBERNETES).chain(instead) {
        assert!(known.iter().any(|(path, _)| is_below(path, &[row])), "{row} is no field");
    }
}

#[test]
fn every_field_of_a_topic_is_carried_out() {
    let names = |schema: &Value| {
        schema["properties"].as_object().unwrap_or(&Map::new()).keys().cloned().collect::<Vec<_>>()
    };
    // what build/topic.rs and the plan read; a new field has to be honoured there, or refused
    let known = ["clusterRef", "config", "deletionPolicy", "partitions", "replicas", "topicName"];
    assert_eq!(names(&spec("KafkaTopic")), known);
}
