//! The path and query of a request.

use std::collections::BTreeMap;

use http::Uri;
use serde_json::Value;

/// What a request is about.
#[derive(Debug, Clone)]
pub(super) struct Path {
    pub(super) api_version: String,
    /// The plural of the kind.
    pub(super) resource: String,
    pub(super) name: Option<String>,
    pub(super) status: bool,
    pub(super) manager: String,
    query: BTreeMap<String, String>,
}

impl Path {
    pub(super) fn parse(uri: &Uri) -> Self {
        let parts: Vec<&str> = uri.path().split('/').filter(|part| !part.is_empty()).collect();
        let (api_version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => ((*version).to_owned(), rest),
            ["apis", group, version, rest @ ..] => (format!("{group}/{version}"), rest),
            other => panic!("{other:?}"),
        };
        let rest = if rest.first() == Some(&"namespaces") { &rest[2..] } else { rest };
        let query = uri.query().unwrap_or_default().split('&');
        let query: BTreeMap<String, String> = query
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), decode(value)))
            .collect();
        Self {
            api_version,
            resource: rest[0].to_owned(),
            name: rest.get(1).map(|name| (*name).to_owned()),
            status: rest.get(2) == Some(&"status"),
            manager: query.get("fieldManager").cloned().unwrap_or_default(),
            query,
        }
    }

    pub(super) fn watches(&self) -> bool {
        self.query.get("watch").is_some_and(|value| value == "true" || value == "1")
    }

    /// After which version a watch begins.
    pub(super) fn after(&self) -> u64 {
        self.query.get("resourceVersion").and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// Whether the label selector admits an object.
    pub(super) fn selects(&self, object: &Value) -> bool {
        let selector = self.query.get("labelSelector").map_or("", String::as_str);
        let labels = &object["metadata"]["labels"];
        selector
            .split(',')
            .filter_map(|one| one.split_once('='))
            .all(|(key, value)| labels[key] == value)
    }
}

/// `%2F` and the like.
fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            let digits = std::str::from_utf8(&digits).unwrap().to_owned();
            bytes.push(u8::from_str_radix(&digits, 16).unwrap());
        } else {
            bytes.push(if byte == b'+' { b' ' } else { byte });
        }
    }
    String::from_utf8(bytes).unwrap()
}
