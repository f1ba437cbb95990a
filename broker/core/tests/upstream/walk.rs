//! Reads bytes as a schema says, and nothing else: a second opinion on our encoder.

use std::collections::BTreeMap;

use kastellan_protocol::primitive::Reader;
use serde_json::Value;

/// What was read: the path of every field that was there, with its value as text.
pub(super) type Found = BTreeMap<String, String>;

/// Walks a flexible message of `version`; panics where the bytes do not follow the schema.
pub(super) fn walk(schema: &Value, version: i64, reader: &mut Reader<'_>) -> Found {
    let mut found = Found::new();
    structure(&schema["fields"], version, reader, ("", &mut found));
    found
}

fn structure(
    fields: &Value,
    version: i64,
    reader: &mut Reader<'_>,
    (path, found): (&str, &mut Found),
) {
    let empty = Vec::new();
    let fields: Vec<_> = fields
        .as_array()
        .unwrap_or(&empty)
        .iter()
        // some fields of the schemas have no versions of their own: they are in all
        .filter(|field| field["versions"].is_null() || within(&field["versions"], version))
        .collect();
    let tagged = |field: &&&Value| within(&field["taggedVersions"], version);
    for field in fields.iter().filter(|field| !tagged(field)) {
        value(field, version, reader, (path, found));
    }
    reader
        .tagged_fields(|tag, bytes| {
            let known = fields.iter().filter(tagged).find(|field| field["tag"] == tag);
            let field = known.expect("every tag is in the schema");
            let mut inner = Reader::new(bytes);
            value(field, version, &mut inner, (path, found));
            inner.finish()
        })
        .expect("as the schema says");
}

fn value(field: &Value, version: i64, reader: &mut Reader<'_>, (path, found): (&str, &mut Found)) {
    let path = format!("{path}/{}", field["name"].as_str().expect("as the schema says"));
    let declared = field["type"].as_str().expect("as the schema says");
    let nullable = within(&field["nullableVersions"], version);
    let Some(element) = declared.strip_prefix("[]") else {
        let text = plain(declared, nullable, reader);
        found.insert(path, text);
        return;
    };
    let count = reader.compact_nullable_array_len(1).expect("as the schema says");
    assert!(count.is_some() || nullable, "{path} is null");
    for index in 0..count.unwrap_or_default() {
        let path = format!("{path}[{index}]");
        if field.get("fields").is_some() {
            structure(&field["fields"], version, reader, (&path, found));
        } else {
            found.insert(path, plain(element, false, reader));
        }
    }
    found.insert(path, format!("{count:?}"));
}

fn plain(kind: &str, nullable: bool, reader: &mut Reader<'_>) -> String {
    match kind {
        "bool" => reader.bool().expect("as the schema says").to_string(),
        "int8" => reader.i8().expect("as the schema says").to_string(),
        "int16" => reader.i16().expect("as the schema says").to_string(),
        "uint16" => reader.u16().expect("as the schema says").to_string(),
        "int32" => reader.i32().expect("as the schema says").to_string(),
        "int64" => reader.i64().expect("as the schema says").to_string(),
        "float64" => reader.f64().expect("as the schema says").to_string(),
        "uuid" => reader.uuid().expect("as the schema says").as_u128().to_string(),
        "string" if nullable => {
            format!("{:?}", reader.compact_nullable_string().expect("as the schema says"))
        }
        "bytes" => format!("{:?}", reader.compact_bytes().expect("as the schema says")),
        "string" => reader.compact_string().expect("as the schema says").to_owned(),
        other => {
            assert_eq!(other, "a type of our records");
            String::new()
        }
    }
}

/// Whether a range like `"1+"`, `"0-2"` or `"3"` holds `version`; nothing holds none.
pub(super) fn within(declared: &Value, version: i64) -> bool {
    let number = |text: &str| text.parse::<i64>().expect("as the schema says");
    let Some(declared) = declared.as_str() else { return false };
    match (declared.split_once('-'), declared.strip_suffix('+')) {
        (Some((min, max)), _) => (number(min)..=number(max)).contains(&version),
        (None, Some(min)) => number(min) <= version,
        (None, None) => declared != "none" && number(declared) == version,
    }
}
