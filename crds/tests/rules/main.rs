//! Every rule of the custom resources refuses what it is for, says how to write it instead, and
//! refuses nothing else. `e2e/tests/apiserver/` asks a real API server the same.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests"
)]

mod cases;

use kastellan_crds::definition::definitions;
use kube_cel::{ValidationError, Validator};
use serde_json::{Value, json};

fn schema(kind: &str) -> Value {
    let definition = definitions().into_iter().find(|one| one.spec.names.kind == kind).unwrap();
    let value = serde_json::to_value(&definition.spec.versions[0].schema).unwrap();
    value["openAPIV3Schema"].clone()
}

/// What the rules say, in order, and where each of them stands.
fn judge(schema: &Value, object: &Value, old: Option<&Value>) -> Vec<(String, String)> {
    let errors = Validator::new().validate(schema, object, old).err();
    let said = |error: ValidationError| (error.message, error.field_path);
    errors.map(|errors| errors.into_vec().into_iter().map(said).collect()).unwrap_or_default()
}

#[test]
fn what_breaks_a_rule_is_refused_with_that_rule_and_no_other() {
    for (kind, cases) in cases::all() {
        let schema = schema(kind);
        for case in &cases {
            let old = case.before.as_ref().map(|spec| case.object(kind, spec));
            if let Some(old) = &old {
                assert_eq!(judge(&schema, old, None), [], "{kind} before: {case:?}");
            }
            let said = judge(&schema, &case.object(kind, &case.spec), old.as_ref());
            let [(said, place)] = &said[..] else { panic!("{kind}: {case:?}: {said:?}") };
            assert_eq!(*said, case.refused, "{kind}: {case:?}");
            let at = case.at.as_deref().unwrap_or_default();
            assert_eq!(place.trim_start_matches('.'), at, "{kind}: {case:?}");
        }
    }
}

#[test]
fn every_rule_has_an_object_that_breaks_it() {
    for (kind, cases) in cases::all() {
        rules(&schema(kind), &mut |rule| {
            let said = rule["message"].as_str();
            // of an expression, the text that it begins with
            let first = rule["messageExpression"].as_str().and_then(|text| text.split('\'').nth(1));
            let known = cases.iter().any(|case| {
                said.is_some_and(|said| said == case.refused)
                    || first.is_some_and(|first| case.refused.starts_with(first))
            });
            assert!(known, "{kind}: no case in crds/tests/cases breaks {rule}");
        });
    }
}

/// All rules of a schema.
fn rules(schema: &Value, look: &mut dyn FnMut(&Value)) {
    schema["x-kubernetes-validations"].as_array().into_iter().flatten().for_each(&mut *look);
    for below in schema["properties"].as_object().into_iter().flatten() {
        rules(below.1, look);
    }
    for key in ["items", "additionalProperties"] {
        if schema[key].is_object() {
            rules(&schema[key], look);
        }
    }
}

#[test]
fn the_smallest_specs_break_nothing() {
    let cluster = json!({ "clusterRef": { "name": "demo" } });
    for (kind, spec) in
        [("KafkaCluster", json!({})), ("KafkaTopic", cluster.clone()), ("KafkaUser", cluster)]
    {
        let object = json!({ "metadata": { "name": "demo" }, "spec": spec });
        assert_eq!(judge(&schema(kind), &object, None), [], "{kind}");
    }
}
