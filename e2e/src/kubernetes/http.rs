//! One request to one address, without TLS: enough for `kubectl proxy` on loopback.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// An API server behind a `kubectl proxy`.
#[derive(Debug, Clone, Copy)]
pub struct Api {
    /// The proxy's.
    pub(crate) address: SocketAddr,
}

impl Api {
    /// GET of a path, as in `/apis/kastellan.dev/v1alpha1/kafkatopics`.
    pub fn get(&self, path: &str) -> Result<Answer> {
        request(self.address, "GET", path, Media::Objects, None)
    }

    /// GET of what `kubectl get` would show: columns and rows.
    pub fn table(&self, path: &str) -> Result<Answer> {
        request(self.address, "GET", path, Media::Table, None)
    }

    /// POST of an object to the path of its collection.
    pub fn create(&self, path: &str, object: &Value) -> Result<Answer> {
        request(self.address, "POST", path, Media::Objects, Some(object))
    }

    /// PUT of an object to its own path.
    pub fn replace(&self, path: &str, object: &Value) -> Result<Answer> {
        request(self.address, "PUT", path, Media::Objects, Some(object))
    }

    /// PATCH of an object, as a JSON merge patch.
    pub fn merge(&self, path: &str, change: &Value) -> Result<Answer> {
        request(self.address, "PATCH", path, Media::Merge, Some(change))
    }

    /// PATCH that is a server-side apply; `path` names the field manager in its query.
    pub fn apply(&self, path: &str, object: &Value) -> Result<Answer> {
        request(self.address, "PATCH", path, Media::Apply, Some(object))
    }

    /// DELETE of an object or, by the path of its collection, of all.
    pub fn delete(&self, path: &str) -> Result<Answer> {
        request(self.address, "DELETE", path, Media::Objects, None)
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The warnings in its headers.
    pub warnings: Vec<String>,
    /// The body; a text where it is no JSON.
    pub body: Value,
}

impl Answer {
    /// Whether the request was carried out.
    pub fn ok(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// What is sent, and what is wanted back.
#[derive(Debug, Clone, Copy)]
enum Media {
    /// Objects.
    Objects,
    /// Objects; wanted is what kubectl would show of them.
    Table,
    /// A JSON merge patch (RFC 7396).
    Merge,
    /// A server-side apply.
    Apply,
}

impl Media {
    fn accept(self) -> &'static str {
        match self {
            Media::Table => "application/json;as=Table;v=v1;g=meta.k8s.io",
            Media::Objects | Media::Merge | Media::Apply => "application/json",
        }
    }

    fn content(self) -> &'static str {
        match self {
            Media::Objects | Media::Table => "application/json",
            Media::Merge => "application/merge-patch+json",
            Media::Apply => "application/apply-patch+yaml", // JSON is YAML
        }
    }
}

/// Sends one request and reads the answer to its end.
fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    media: Media,
    body: Option<&Value>,
) -> Result<Answer> {
    let (accept, content) = (media.accept(), media.content());
    let body = body.map(Value::to_string).unwrap_or_default();
    let length = body.len();
    // version 1.0: the answer ends with the connection, in no chunks
    let request = format!(
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\nAccept: {accept}\r\n\
         Content-Type: {content}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_mins(1)))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).with_context(|| format!("no answer to {method} {path}"))?;
    parse(&String::from_utf8_lossy(&answer))
        .with_context(|| format!("the answer to {method} {path}"))
}

fn parse(answer: &str) -> Result<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n").context("has no end of its head")?;
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default().split(' ').nth(1).unwrap_or_default();
    let status = status.parse().with_context(|| format!("begins with {head:?}"))?;
    let warning = |line: &str| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("warning").then(|| value.to_owned())
    };
    let warnings = lines.filter_map(warning).collect();
    let body = serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned()));
    Ok(Answer { status, warnings, body })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn an_answer_is_its_status_its_warnings_and_its_body() {
        let text = "HTTP/1.0 201 Created\r\nWarning: 299 - \"old\"\r\nX: y\r\n\r\n{\"a\": 1}";
        let answer = parse(text).unwrap();
        assert!(answer.ok());
        assert_eq!(answer.warnings, ["299 - \"old\""]);
        assert_eq!(answer.body["a"], 1);
        assert_eq!(parse("HTTP/1.0 502 Bad Gateway\r\n\r\nno").unwrap().body, "no");
        assert!(parse("nonsense").is_err());
    }
}
