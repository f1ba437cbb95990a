//! What may differ between two honest brokers: ports, names drawn at random, message texts, clocks.

use std::net::SocketAddr;

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
            for (name, inner) in fields.iter_mut() {
                normalise(inner, address);
                if let Node::Leaf(text) = inner {
                    *text = scalar(name, text, address);
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
        "log_append_time_ms" if text != "-1" => "a time",
        _ => text,
    };
    known.to_owned()
}
