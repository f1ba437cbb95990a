//! The custom resource definitions as files: what `yaml/` holds and what a user applies.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

use crate::definition;

/// File name and text of each definition; the same types give the same bytes.
pub fn all() -> Vec<(String, String)> {
    definition::definitions().iter().map(file).collect()
}

fn file(definition: &CustomResourceDefinition) -> (String, String) {
    let name = format!("{}.yaml", definition.spec.names.plural);
    let body = serde_saphyr::to_string(&definition::plain(definition))
        .expect("a definition is plain data");
    let head =
        "# Generated from the types in crds/src by: cargo run -p kastellan-crds --bin crdgen\n";
    (name, format!("{head}{body}"))
}
