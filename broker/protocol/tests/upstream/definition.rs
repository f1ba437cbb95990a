//! Kafka's definitions and our table, brought into one form so that they can be compared.

use kastellan_protocol::walk::schema::{Field, Kind, Schema, Versions};
use serde_json::Value;

/// One field as both sides can say it. Versions are clipped to those of the API.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Where it is, outermost first.
    path: String,
    kind: &'static str,
    array: bool,
    versions: (i16, i16),
    nullable: Option<(i16, i16)>,
    tag: Option<u64>,
}

/// Kafka's fields, nested ones after their parents, in the order of the wire.
pub(super) fn theirs(message: &Value, api: Versions) -> Vec<Line> {
    let common = message.get("commonStructs");
    let mut lines = Vec::new();
    collect_theirs(&message["fields"], common, "", api, &mut lines);
    lines
}

fn collect_theirs(
    fields: &Value,
    common: Option<&Value>,
    parent: &str,
    api: Versions,
    lines: &mut Vec<Line>,
) {
    for field in fields.as_array().expect("fields are an array") {
        let Some(versions) = range(&field["versions"], api) else { continue };
        let path = format!("{parent}/{}", text(&field["name"]));
        let declared = text(&field["type"]);
        let element = declared.strip_prefix("[]").unwrap_or(declared);
        let tagged = range(&field["taggedVersions"], api);
        assert!(tagged.is_none_or(|tagged| tagged == versions), "{path} is tagged now and then");
        assert!(field.get("flexibleVersions").is_none(), "{path} has flexible versions of its own");
        lines.push(Line {
            kind: kind_of(element),
            array: declared.starts_with("[]"),
            nullable: range(&field["nullableVersions"], api),
            tag: tagged.and_then(|_| field["tag"].as_u64()),
            path: path.clone(),
            versions,
        });
        let shared = || {
            let all = common?.as_array()?;
            all.iter().find(|one| one["name"] == element)?.get("fields")
        };
        if let Some(inner) = field.get("fields").or_else(shared) {
            let (min, max) = versions;
            collect_theirs(inner, common, &path, Versions { min, max }, lines);
        }
    }
}

/// Our fields in the same form.
pub(super) fn ours(schema: &Schema) -> Vec<Line> {
    let mut lines = Vec::new();
    collect_ours(schema.fields, "", schema.versions, &mut lines);
    lines
}

fn collect_ours(fields: &'static [Field], parent: &str, api: Versions, lines: &mut Vec<Line>) {
    for field in fields {
        let Some(versions) = clip(field.versions, api) else { continue };
        let path = format!("{parent}/{}", field.name);
        let (array, element) = match field.kind {
            Kind::Array(array) => (true, *array.of),
            kind => (false, kind),
        };
        lines.push(Line {
            kind: name_of(element),
            array,
            nullable: clip(field.nullable, api),
            tag: field.tag.map(u64::from),
            path: path.clone(),
            versions,
        });
        if let Kind::Struct(inner) = element {
            let (min, max) = versions;
            collect_ours(inner, &path, Versions { min, max }, lines);
        }
    }
}

/// `"3"`, `"3-5"`, `"3+"` or `"none"`, as far as the API has those versions.
pub(super) fn range(declared: &Value, api: Versions) -> Option<(i16, i16)> {
    let declared = declared.as_str().unwrap_or("none");
    if declared == "none" {
        return None;
    }
    let number = |text: &str| text.parse::<i16>().expect("a version is a number");
    let (min, max) = match (declared.split_once('-'), declared.strip_suffix('+')) {
        (Some((min, max)), _) => (number(min), number(max)),
        (None, Some(min)) => (number(min), i16::MAX),
        (None, None) => (number(declared), number(declared)),
    };
    clip(Versions { min, max }, api)
}

fn clip(versions: Versions, api: Versions) -> Option<(i16, i16)> {
    let (min, max) = (versions.min.max(api.min), versions.max.min(api.max));
    (min <= max).then_some((min, max))
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a name or type is a string")
}

fn kind_of(element: &str) -> &'static str {
    const PLAIN: [&str; 11] = [
        "bool", "int8", "int16", "uint16", "int32", "int64", "float64", "uuid", "string", "bytes",
        "records",
    ];
    PLAIN.into_iter().find(|plain| *plain == element).unwrap_or("struct")
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "bool",
        Kind::Int8 => "int8",
        Kind::Int16 => "int16",
        Kind::Uint16 => "uint16",
        Kind::Int32 => "int32",
        Kind::Int64 => "int64",
        Kind::Float64 => "float64",
        Kind::Uuid => "uuid",
        Kind::String => "string",
        Kind::Bytes => "bytes",
        Kind::Records => "records",
        Kind::Struct(_) => "struct",
        Kind::Array(_) => "an array in an array",
    }
}
