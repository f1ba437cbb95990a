//! Where a partition's new leader is to be reached: in answers of Produce (from version 10) and
//! Fetch (from version 16), so that clients need not ask for metadata first (KIP-951).

use bytes::BufMut;

use crate::primitive::Writer;

/// A broker that the answer's `current_leader` fields name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeEndpoint {
    /// The broker's id.
    pub node_id: i32,
    /// Its host on the listener that the client uses.
    pub host: String,
    /// Its port there.
    pub port: u16,
    /// Its rack.
    pub rack: Option<String>,
}

impl NodeEndpoint {
    /// At most this many bytes are written for it.
    fn size(&self) -> usize {
        16 + self.host.len() + self.rack.as_ref().map_or(0, String::len)
    }

    fn write(&self, to: &mut Writer<'_, impl BufMut>) {
        to.i32(self.node_id);
        to.compact_string(&self.host);
        to.i32(i32::from(self.port));
        to.compact_nullable_string(self.rack.as_deref());
        to.no_tagged_fields();
    }
}

/// At most this many bytes are written by [`write_tags`].
pub(crate) fn tags_size(nodes: &[NodeEndpoint]) -> usize {
    16 + nodes.iter().map(NodeEndpoint::size).sum::<usize>()
}

/// Ends an answer: the endpoints are its only tagged field, number 0, left out when there are none.
pub(crate) fn write_tags(nodes: &[NodeEndpoint], to: &mut Writer<'_, impl BufMut>) {
    if nodes.is_empty() {
        return to.no_tagged_fields();
    }
    let mut field = Vec::with_capacity(tags_size(nodes));
    let mut inner = Writer::new(&mut field);
    inner.compact_array_len(nodes.len());
    for node in nodes {
        node.write(&mut inner);
    }
    to.unsigned_varint(1);
    to.tagged_field(0, &field);
}
