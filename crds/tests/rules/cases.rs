//! Objects that break a rule: what `crds/tests/cases/` has, read by every test that needs them.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

/// One object that is refused.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Case {
    /// What has to be said, all of it.
    pub(crate) refused: String,
    /// The field that has to be named; left out for the object as a whole.
    pub(crate) at: Option<String>,
    /// The object's name; left out: `demo`.
    pub(crate) name: Option<String>,
    /// The spec of an object that is accepted, of which `spec` is a change; left out: `spec` is
    /// refused from the start.
    pub(crate) before: Option<Value>,
    /// The spec that is refused.
    pub(crate) spec: Value,
}

impl Case {
    /// The object of `kind` with this spec.
    pub(crate) fn object(&self, kind: &str, spec: &Value) -> Value {
        json!({
            "apiVersion": "kastellan.dev/v1alpha1",
            "kind": kind,
            "metadata": {
                "name": self.name.as_deref().unwrap_or("demo"),
                "namespace": "default",
            },
            "spec": spec,
        })
    }
}

/// The kinds, each with its cases.
pub(crate) fn all() -> Vec<(&'static str, Vec<Case>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds/tests/cases");
    let read = |file: &str| {
        let path = folder.join(file);
        let text = std::fs::read_to_string(&path).expect("the cases are in the repository");
        serde_saphyr::from_str(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
    };
    ["KafkaCluster", "KafkaTopic", "KafkaUser"]
        .map(|kind| (kind, read(&format!("{}.yaml", kind.to_lowercase()))))
        .into()
}
