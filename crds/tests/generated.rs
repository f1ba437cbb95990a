//! The files in `yaml/` are what the types say, and fit into an API server.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::path::{Path, PathBuf};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kastellan_crds::definition::definitions;
use kastellan_crds::yaml;
use serde_json::Value;

const COMMAND: &str = "cargo run -p kastellan-crds --bin crdgen";

/// A folder holds these files and no others.
fn fresh(folder: &str, files: Vec<(String, String)>) {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let mut expected: Vec<String> = Vec::new();
    for (name, text) in files {
        let found = std::fs::read_to_string(path.join(&name)).unwrap_or_default();
        assert!(found == text, "{folder}/{name} is stale; write it anew with: {COMMAND}");
        expected.push(name);
    }
    let mut found: Vec<String> = std::fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected, "files in {folder} that no type stands for");
}

#[test]
fn the_yaml_files_are_fresh() {
    fresh("crds/yaml", yaml::all());
}

#[test]
fn the_templates_of_the_chart_are_fresh() {
    fresh("charts/kastellan/templates/crds", yaml::templates());
}

#[test]
fn each_definition_is_small_enough_for_client_side_apply() {
    for (name, text) in yaml::all() {
        assert!(text.len() < 200 * 1024, "{name} has {} bytes, 200 KiB at most", text.len());
    }
}

/// The schema of a kind's spec and of its status.
fn schemas() -> Vec<(String, Value)> {
    let parts = |definition: &CustomResourceDefinition| {
        let kind = definition.spec.names.kind.clone();
        let value = serde_json::to_value(&definition.spec.versions[0].schema).unwrap();
        let properties = value["openAPIV3Schema"]["properties"].clone();
        ["spec", "status"].map(|part| (format!("{kind}.{part}"), properties[part].clone()))
    };
    definitions().iter().flat_map(parts).collect()
}

/// Looks at `schema` and everything below it.
fn walk(path: &str, schema: &Value, look: &mut dyn FnMut(&str, &Value)) {
    look(path, schema);
    for (name, below) in schema["properties"].as_object().into_iter().flatten() {
        walk(&format!("{path}.{name}"), below, look);
    }
    for (key, mark) in [("items", "[]"), ("additionalProperties", ".*")] {
        if schema[key].is_object() {
            walk(&format!("{path}{mark}"), &schema[key], look);
        }
    }
}

#[test]
fn every_field_is_documented() {
    let mut fields = 0;
    for (part, schema) in schemas() {
        walk(&part, &schema, &mut |path, schema| {
            fields += 1;
            let text = schema["description"].as_str().unwrap_or_default();
            let element = path.ends_with("[]") || path.ends_with(".*");
            assert!(element || text.len() > 8, "{path} has no description");
            assert!(!text.contains('\n'), "{path}: keep its description to one paragraph: {text}");
        });
    }
    assert!(fields > 200, "only {fields} fields were found");
}

#[test]
fn everything_that_a_rule_could_walk_over_has_a_largest_length() {
    for (part, schema) in schemas().into_iter().filter(|(part, _)| part.contains(".spec")) {
        walk(&part, &schema, &mut |path, schema| {
            let limited = |key: &str| assert!(schema.get(key).is_some(), "{path} has no {key}");
            match schema["type"].as_str() {
                Some("string") if schema.get("enum").is_none() => limited("maxLength"),
                Some("array") => limited("maxItems"),
                Some("integer") => {
                    let open = path.ends_with(".tolerationSeconds");
                    if !open {
                        limited("minimum");
                        limited("maximum");
                    }
                }
                Some("object") if schema.get("additionalProperties").is_some() => {
                    limited("maxProperties");
                }
                Some(_) => {}
                None => limited("maxLength"),
            }
        });
    }
}

#[test]
fn every_list_says_how_two_writers_share_it() {
    for (part, schema) in schemas().into_iter().filter(|(part, _)| part.contains(".spec")) {
        walk(&part, &schema, &mut |path, schema| {
            let list = schema["type"] == "array";
            assert!(!list || schema.get("x-kubernetes-list-type").is_some(), "{path}: which type?");
        });
    }
}

#[test]
fn no_schema_takes_what_an_api_server_does_not_know() {
    let formats = ["int32", "int64", "date-time"];
    for (part, schema) in schemas() {
        walk(&part, &schema, &mut |path, schema| {
            assert!(schema.get("nullable").is_none(), "{path} is nullable");
            assert!(schema.get("title").is_none(), "{path} has a title");
            assert_ne!(schema["additionalProperties"], false, "{path} is not structural");
            for key in ["anyOf", "allOf", "oneOf", "not", "$ref"] {
                assert!(schema.get(key).is_none(), "{path} has {key}");
            }
            if let Some(format) = schema["format"].as_str() {
                assert!(formats.contains(&format), "{path} has the format {format}");
            }
        });
    }
}

#[test]
fn every_rule_says_what_to_write_instead() {
    let mut rules = 0;
    for definition in definitions() {
        let value = serde_json::to_value(&definition.spec.versions[0].schema).unwrap();
        walk(&definition.spec.names.kind, &value["openAPIV3Schema"], &mut |path, schema| {
            for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
                rules += 1;
                let said = rule.get("message").or_else(|| rule.get("messageExpression"));
                let said = said.and_then(Value::as_str).unwrap_or_default();
                assert!(said.len() > 20, "{path}: {rule}");
            }
        });
    }
    assert!(rules > 60, "only {rules} rules were found");
}

#[test]
fn the_definitions_share_their_head() {
    for definition in definitions() {
        let spec = definition.spec;
        assert_eq!(spec.group, "kastellan.dev");
        assert_eq!(spec.scope, "Namespaced");
        assert_eq!(spec.names.categories.unwrap(), ["kafka", "kastellan"]);
        // k, kt, ku, kc and more are those of other operators, which may be in the same cluster
        assert!(spec.names.short_names.unwrap()[0].starts_with("kk"), "{}", spec.names.kind);
        let version = &spec.versions[0];
        assert_eq!(version.name, "v1alpha1");
        let columns: Vec<&str> = version
            .additional_printer_columns
            .iter()
            .flatten()
            .map(|column| column.name.as_str())
            .collect();
        assert_eq!(columns[0], "Ready");
        assert_eq!(columns[columns.len() - 3..], ["Reason", "Age", "Message"]);
        assert!(version.subresources.as_ref().unwrap().status.is_some());
    }
}
