//! What an API server refuses, `kastellan up` refuses too: the same manifests run in both.

#[path = "../../../../crds/tests/rules/cases.rs"]
mod cases;

use serde_json::{Value, json};

use crate::fleet::build::{fleet, support};
use crate::fleet::manifest::{Source, read};

/// Whether a field is one that is said to be left alone here, be it right or wrong.
fn is_for_kubernetes(field: Option<&str>) -> bool {
    let pattern = field.unwrap_or_default().replace("[0]", "[]");
    support::KUBERNETES.iter().any(|known| pattern.starts_with(known))
}

fn accepts(objects: &[Value]) -> bool {
    let text = objects.iter().map(Value::to_string).collect::<Vec<_>>().join("\n---\n");
    let source = Source { file: "f.yaml".to_owned(), text };
    read(&[source]).is_ok_and(|manifests| fleet(&manifests).is_ok())
}

#[test]
fn a_manifest_that_an_api_server_refuses_is_refused_here() {
    let mut missed = Vec::new();
    for (kind, cases) in cases::all() {
        // an update needs the object of before, which `up` has from the brokers
        let first = cases.iter().filter(|case| case.before.is_none());
        for case in first.filter(|case| !is_for_kubernetes(case.at.as_deref())) {
            let cluster = json!({
                "apiVersion": "kastellan.dev/v1alpha1",
                "kind": "KafkaCluster",
                "metadata": { "name": "demo" },
                "spec": {},
            });
            let object = case.object(kind, &case.spec);
            let objects = if kind == "KafkaCluster" { vec![object] } else { vec![cluster, object] };
            if accepts(&objects) {
                missed.push(format!("{kind}: {}: {}", case.refused, case.spec));
            }
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
