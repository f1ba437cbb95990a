//! The parser's errors in the words of whoever wrote the manifest.

use kastellan_core::config::nearest;
use serde_saphyr::{Error, UserMessageFormatter};

use super::document::{Fields, Position};

/// What is wrong, what to do about it, and where, if the parser knows.
pub(super) struct Explained {
    pub(super) message: String,
    pub(super) help: Option<String>,
    pub(super) position: Option<Position>,
}

/// Explains `error`, met in the document with these fields.
pub(super) fn error(error: &Error, fields: &Fields) -> Explained {
    let error = error.without_snippet();
    let position = error.location().map(|place| (place.line(), place.column()));
    let field = position.and_then(|position| fields.at(position));
    let path = field.map_or("", |field| field.path.as_str());
    let text = field.and_then(|field| field.text.as_deref());
    let (message, help) = match error {
        Error::SerdeUnknownField { field, expected, .. } => unknown_field(field, expected),
        Error::SerdeUnknownVariant { variant, expected, .. } => (
            format!("{} {variant:?}", named(path, "unknown value")),
            Some(choose(variant, expected)),
        ),
        Error::SerdeMissingField { field, .. } => {
            (format!("the field {field:?} is missing"), Some(format!("add {field}: ...")))
        }
        Error::InvalidScalar { ty, .. } => {
            let wanted = wanted(ty);
            let value = text.unwrap_or("this value");
            (format!("{} {value:?} is not {wanted}", named(path, "value")), None)
        }
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => {
            let is = node(unexpected);
            (format!("{} {is} where {expected} belongs", named(path, "found")), None)
        }
        Error::Unexpected { expected, .. } => {
            let what = text.map_or_else(|| "the value".to_owned(), |text| format!("{text:?}"));
            let message = format!("{} {what} is not {}", named(path, "value"), shape(expected));
            (message, None)
        }
        Error::Message { msg, .. } => {
            (format!("{} {msg}", named(path, "")).trim().to_owned(), None)
        }
        other => (plain(other), None),
    };
    Explained { message, help, position }
}

/// `path:` or, at the top of a document, `otherwise`.
fn named(path: &str, otherwise: &str) -> String {
    if path.is_empty() { otherwise.to_owned() } else { format!("{path}:") }
}

fn unknown_field(field: &str, expected: &[&'static str]) -> (String, Option<String>) {
    let message = format!("unknown field {field:?}");
    (message, Some(choose(field, expected)))
}

fn choose(given: &str, expected: &[&'static str]) -> String {
    let lower = given.to_ascii_lowercase();
    let by_case = expected.iter().copied().find(|name| name.eq_ignore_ascii_case(&lower));
    match by_case.or_else(|| nearest(given, expected.iter().copied())) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("write one of: {}", expected.join(", ")),
    }
}

/// A Rust type in words.
fn wanted(ty: &str) -> String {
    match ty {
        "bool" => "true or false".to_owned(),
        "u16" => "a whole number from 0 to 65535".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        _ if ty.starts_with(['i', 'u']) => "a whole number".to_owned(),
        _ => format!("a {ty}"),
    }
}

/// Serde's word for what was found.
fn node(unexpected: &str) -> &str {
    match unexpected {
        "sequence" => "a list",
        "map" => "a map",
        "unit value" => "nothing",
        other => other,
    }
}

/// The parser's word for a kind of node in YAML's words.
fn shape(expected: &str) -> String {
    match expected {
        "mapping start" => "a map; write it as \"name: value\" lines, indented".to_owned(),
        "sequence start" => "a list; write it as \"- value\" lines".to_owned(),
        "string scalar" | "scalar" => "a text".to_owned(),
        other => format!("a {other}"),
    }
}

/// The parser's own message, without the place that it puts behind.
fn plain(error: &Error) -> String {
    let message = error.render_with_formatter(&UserMessageFormatter);
    let place = error
        .location()
        .map(|at| format!(" at line {}, column {}", at.line(), at.column()))
        .unwrap_or_default();
    message.strip_suffix(place.as_str()).unwrap_or(&message).to_owned()
}
