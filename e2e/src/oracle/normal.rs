//! What may differ between two honest brokers: ports, directories, names drawn at random, message
//! texts, clocks.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::tree::Node;

/// The name of an element among its siblings, or its place when nothing in it is a name.
const IDENTITIES: &[&str] = &[
    "name",
    "topic",
    "group_id",
    "resource_name",
    "partition_index",
    "partition",
    "index",
    "api_key",
    "member_id",
    "group_instance_id",
    "broker_id",
    "node_id",
    "key",
];

/// Settings that say where a broker is.
const PLACES: &[&str] = &[
    "listeners",
    "advertised.listeners",
    "controller.quorum.bootstrap.servers",
    "log.dir",
    "log.dirs",
    "metadata.log.dir",
];

/// Times of delegation tokens, which a broker takes from its own clock.
const TIMES_OF_TOKENS: &[&str] = &[
    "issue_timestamp_ms",
    "expiry_timestamp_ms",
    "max_timestamp_ms",
    "issue_timestamp",
    "expiry_timestamp",
    "max_timestamp",
];

/// Takes out of `node` what may differ, and puts the elements of lists into one order.
pub fn normalise(node: &mut Node, address: SocketAddr) {
    match node {
        Node::Leaf(_) => {}
        Node::List(list) => {
            for element in list.iter_mut() {
                normalise(element, address);
            }
            if list.iter().any(|element| matches!(element, Node::Fields(_))) {
                list.sort_by_key(|element| (identity(element), element.short()));
            }
        }
        Node::Fields(fields) => {
            fields.retain(|(name, _)| name != "unknown_tagged_fields");
            let (is_place, is_quorum) = (is_place(fields), is_quorum(fields));
            for (name, inner) in fields.iter_mut() {
                normalise(inner, address);
                if let Node::Leaf(text) = inner {
                    *text = match name.as_str() {
                        "value" if is_place && text != "None" => "a place".to_owned(),
                        "high_watermark" if is_quorum && text != "-1" => "an offset".to_owned(),
                        _ => scalar(name, text, address),
                    };
                }
            }
        }
    }
}

/// What an element of a list is called: `foo` of a topic, `0` of a partition.
pub fn identity(element: &Node) -> Option<String> {
    let fields = element.fields();
    IDENTITIES.iter().find_map(|wanted| {
        let (_, value) = fields.iter().find(|(name, _)| name == wanted)?;
        let text = value.short();
        (text != "\"\"" && text != "None").then(|| text.trim_matches('"').to_owned())
    })
}

/// Whether these are the fields of a setting that says where a broker is.
fn is_place(fields: &[(String, Node)]) -> bool {
    let name = fields.iter().find(|(name, _)| name == "name").map(|(_, value)| value.short());
    name.is_some_and(|name| PLACES.contains(&name.trim_matches('"')))
}

/// Whether these are the fields of a quorum that is described: its log grows while it is asked.
fn is_quorum(fields: &[(String, Node)]) -> bool {
    fields.iter().any(|(name, _)| name == "current_voters")
}

fn scalar(name: &str, text: &str, address: SocketAddr) -> String {
    let known = match name {
        "throttle_time_ms"
        | "error_message"
        | "batch_index_error_message"
        | "cluster_id"
        | "finalized_features_epoch" => "any",
        "port" if text == address.port().to_string() => "the port",
        // drawn at random: only whether it is there may be compared
        "topic_id" if text != "00000000-0000-0000-0000-000000000000" => "an id",
        "member_id" | "leader" if text.len() > 10 => "a member",
        "producer_id" if text.parse::<i64>().is_ok_and(|id| id >= 0) => "a producer",
        "session_id" if text != "0" => "a session",
        "log_append_time_ms" | "last_fetch_timestamp" | "last_caught_up_timestamp"
            if text != "-1" =>
        {
            "a time"
        }
        "log_end_offset" if text != "-1" => "an offset",
        "log_dir" if text.len() > 2 => "a directory",
        // the disk fills while both are asked
        "usable_bytes" if text != "-1" => "a size",
        "token_id" if text.len() > 2 => "a token",
        "hmac" if text.len() > 3 => "a secret",
        _ if TIMES_OF_TOKENS.contains(&name) => return from_now(text),
        "records" => return unstamped(text).unwrap_or_else(|| text.to_owned()),
        _ => text,
    };
    known.to_owned()
}

/// A time in milliseconds as so many minutes from now, unless it is none.
fn from_now(text: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    match (text.parse::<i64>(), i64::try_from(now)) {
        (Ok(time), Ok(now)) if time > now / 2 => {
            format!("{} minutes from now", (time - now + 30_000).div_euclid(60_000))
        }
        _ => text.to_owned(),
    }
}

/// Printed batches without what brokers stamp them with by their own clocks where the topic has
/// `LogAppendTime`: the largest timestamp, and the CRC that covers it. `None`: not printed bytes.
fn unstamped(text: &str) -> Option<String> {
    let mut bytes = unescaped(text)?;
    let mut rest = bytes.as_mut_slice();
    while let Some(length) = rest.get(8..12).and_then(|length| length.first_chunk()) {
        let length = usize::try_from(i32::from_be_bytes(*length)).ok()?;
        let (batch, others) = rest.split_at_mut_checked(12 + length)?;
        if batch.get(22)? & 0x08 != 0 {
            batch.get_mut(17..21)?.fill(0);
            batch.get_mut(35..43)?.fill(0);
        }
        rest = others;
    }
    Some(format!("{:?}", Bytes::from(bytes)))
}

/// The bytes of which `text` is the `Debug` form.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut escaped = text.strip_prefix("b\"")?.strip_suffix('"')?.bytes();
    let mut bytes = Vec::new();
    while let Some(byte) = escaped.next() {
        bytes.push(match (byte, if byte == b'\\' { escaped.next()? } else { 0 }) {
            (b'\\', b'n') => b'\n',
            (b'\\', b'r') => b'\r',
            (b'\\', b't') => b'\t',
            (b'\\', b'0') => 0,
            (b'\\', b'x') => {
                let mut digit = || char::from(escaped.next()?).to_digit(16);
                u8::try_from(16 * digit()? + digit()?).ok()?
            }
            (b'\\', other) => other,
            (byte, _) => byte,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{unescaped, unstamped};
    use crate::batch::Batch;

    #[test]
    fn printed_bytes_are_read_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(unescaped(&format!("{:?}", Bytes::from(all.clone()))), Some(all));
    }

    #[test]
    fn only_the_brokers_own_time_is_taken_out() {
        let text = |attributes, time| {
            let batch = Batch { attributes, max_timestamp: Some(time), ..Batch::of(7, &["a"]) };
            let both = [Batch::of(5, &["b"]).encode(), batch.encode()].concat();
            let text = format!("{:?}", Bytes::from(both));
            unstamped(&text).unwrap()
        };
        assert_eq!(text(0x08, 9), text(0x08, 10));
        assert_ne!(text(0, 9), text(0, 10));
        assert_ne!(text(0x08, 9), text(0x09, 9));
    }
}
