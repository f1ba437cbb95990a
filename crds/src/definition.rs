//! The custom resource definitions: what the derive makes of each type, and what all three share.
//!
//! The head of the three kinds is here once: categories, the columns that each begins and ends
//! with, and what an API server wants of a schema that the generator does not know.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceColumnDefinition as Column, CustomResourceDefinition,
};
use kube::CustomResourceExt as _;
use kube::core::Rule;
use serde_json::{Map, Value, json};

use crate::{KafkaCluster, KafkaTopic, KafkaUser};
use crate::{cluster, topic, user};

/// The three definitions.
pub fn definitions() -> [CustomResourceDefinition; 3] {
    [
        complete(KafkaCluster::crd(), &cluster::rules::object()),
        complete(KafkaTopic::crd(), &topic::rules::object()),
        complete(KafkaUser::crd(), &user::rules::object()),
    ]
}

/// Adds what the kinds share, and the `rules` of the whole object.
fn complete(mut definition: CustomResourceDefinition, rules: &[Rule]) -> CustomResourceDefinition {
    definition.spec.names.categories = Some(vec!["kafka".to_owned(), "kastellan".to_owned()]);
    for version in &mut definition.spec.versions {
        let own = version.additional_printer_columns.take().unwrap_or_default();
        let ready = |field: &str| format!(".status.conditions[?(@.type==\"Ready\")].{field}");
        let mut columns = vec![column("Ready", "string", &ready("status"), 0)];
        columns.extend(own);
        columns.push(column("Reason", "string", &ready("reason"), 0));
        columns.push(column("Age", "date", ".metadata.creationTimestamp", 0));
        columns.push(column("Message", "string", &ready("message"), 1));
        version.additional_printer_columns = Some(columns);

        let schema = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut());
        let schema = schema.expect("the derive gives every version a schema");
        let mut value = serde_json::to_value(&*schema).expect("a schema is plain data");
        tidy(&mut value);
        let object = value.as_object_mut().expect("a schema is a map");
        object.insert("x-kubernetes-validations".to_owned(), json!(rules));
        *schema = serde_json::from_value(value).expect("it was a schema before");
    }
    definition
}

fn column(name: &str, kind: &str, path: &str, priority: i32) -> Column {
    Column {
        name: name.to_owned(),
        type_: kind.to_owned(),
        json_path: path.to_owned(),
        priority: (priority > 0).then_some(priority),
        ..Column::default()
    }
}

/// Makes a generated schema, and all below it, what an API server expects.
fn tidy(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    // a Rust type's name, which says nothing to a reader
    schema.remove("title");
    // with `nullable` the server would keep a null, and every rule would have to look for it
    schema.remove("nullable");
    // not structural; the server refuses or prunes unknown fields anyway
    if schema.get("additionalProperties") == Some(&Value::Bool(false)) {
        schema.remove("additionalProperties");
    }
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = paragraphs(text);
    }
    // the formats that the server knows
    let format = match schema.get("format").and_then(Value::as_str) {
        Some("uint8" | "uint16" | "int16") => Some("int32"),
        Some("uint32" | "uint64") => Some("int64"),
        _ => None,
    };
    if let Some(format) = format {
        schema.insert("format".to_owned(), json!(format));
    }
    if let Some(fields) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        fields.values_mut().for_each(tidy);
    }
    for key in ["items", "additionalProperties"] {
        schema.get_mut(key).into_iter().for_each(tidy);
    }
}

/// Joins the lines of each paragraph: they were broken for the width of a source file.
fn paragraphs(text: &str) -> String {
    let one = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    text.split("\n\n").map(one).collect::<Vec<_>>().join("\n\n")
}

/// A definition as data, with whole numbers as such: schemas hold every limit as a float.
pub(crate) fn plain(definition: &CustomResourceDefinition) -> Value {
    let mut value = serde_json::to_value(definition).expect("a definition is plain data");
    whole_numbers(&mut value);
    value
}

fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let text = number.to_string();
            let whole = text.strip_suffix(".0").and_then(|whole| whole.parse::<i64>().ok());
            if let Some(whole) = whole {
                *value = json!(whole);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(fields) => Map::values_mut(fields).for_each(whole_numbers),
        _ => {}
    }
}
