//! The files in `yaml/` are what the types say, and fit into an API server.

use std::path::{Path, PathBuf};

use kastellan_crds::yaml;

const COMMAND: &str = "cargo run -p kastellan-crds --bin crdgen";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("yaml")
}

#[test]
fn the_yaml_files_are_fresh() {
    let mut expected: Vec<String> = Vec::new();
    for (name, text) in yaml::all() {
        let found = std::fs::read_to_string(folder().join(&name)).unwrap_or_default();
        assert!(found == text, "crds/yaml/{name} is stale; write it anew with: {COMMAND}");
        expected.push(name);
    }
    let mut found: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected, "files in crds/yaml that no type stands for");
}

#[test]
fn each_definition_is_small_enough_for_client_side_apply() {
    for (name, text) in yaml::all() {
        assert!(text.len() < 200 * 1024, "{name} has {} bytes, 200 KiB at most", text.len());
    }
}

#[test]
fn every_field_is_documented() {
    for definition in yaml::definitions() {
        let kind = definition.spec.names.kind.clone();
        let value = serde_json::to_value(&definition.spec.versions[0].schema).unwrap();
        let properties = &value["openAPIV3Schema"]["properties"];
        for part in ["spec", "status"] {
            documented(&format!("{kind}.{part}"), &properties[part]);
        }
    }
}

fn documented(path: &str, schema: &serde_json::Value) {
    let below =
        |schema: &serde_json::Value| schema["properties"].as_object().cloned().unwrap_or_default();
    for (name, property) in below(schema).into_iter().chain(below(&schema["items"])) {
        let path = format!("{path}.{name}");
        assert!(property.get("description").is_some(), "{path} has no description");
        documented(&path, &property);
    }
}

#[test]
fn the_definitions_have_short_names_columns_and_a_status() {
    for definition in yaml::definitions() {
        let spec = definition.spec;
        assert_eq!(spec.group, "kastellan.dev");
        assert_eq!(spec.scope, "Namespaced");
        assert!(!spec.names.short_names.unwrap_or_default().is_empty(), "{}", spec.names.kind);
        let version = &spec.versions[0];
        assert_eq!(version.name, "v1alpha1");
        let columns: Vec<&str> = version
            .additional_printer_columns
            .iter()
            .flatten()
            .map(|column| column.name.as_str())
            .collect();
        assert!(columns.contains(&"Ready") && columns.contains(&"Age"), "{columns:?}");
        assert!(version.subresources.as_ref().unwrap().status.is_some());
    }
}
