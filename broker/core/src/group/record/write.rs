//! Records to bytes: `OffsetCommitValue` version 4 (1 with an expiry), `GroupMetadataValue` version
//! 3, as Kafka 4.1 writes them.

use bytes::Bytes;
use kastellan_protocol::primitive::Writer;

use super::{CommittedOffset, GroupMetadata, MemberMetadata, Record};
use crate::group::name::{InstanceId, MemberId};

/// `OffsetCommitKey`'s version, which tells the kinds of record apart.
pub(super) const OFFSET_KEY: i16 = 1;
/// `GroupMetadataKey`'s version.
pub(super) const GROUP_KEY: i16 = 2;
/// The only version of `OffsetCommitValue` with an expiry.
const OFFSET_VALUE_WITH_EXPIRY: i16 = 1;
/// The first version of `OffsetCommitValue` with a topic id, and the first flexible one.
const OFFSET_VALUE: i16 = 4;
/// The last version of `GroupMetadataValue` before it became flexible.
const GROUP_VALUE: i16 = 3;
/// The tag of the topic id in `OffsetCommitValue`.
pub(super) const TOPIC_ID_TAG: u32 = 0;

impl Record {
    /// Key and value as they go into the log; no value for a tombstone.
    pub fn to_bytes(&self) -> (Bytes, Option<Bytes>) {
        let mut key = Vec::new();
        let mut w = Writer::new(&mut key);
        let value = match self {
            Self::Offset { group, topic, partition, value } => {
                w.i16(OFFSET_KEY);
                w.string(group.as_str());
                w.string(topic);
                w.i32(*partition);
                value.as_ref().map(offset_value)
            }
            Self::Group { group, value } => {
                w.i16(GROUP_KEY);
                w.string(group.as_str());
                value.as_ref().map(group_value)
            }
        };
        (key.into(), value)
    }
}

fn offset_value(value: &CommittedOffset) -> Bytes {
    let mut bytes = Vec::new();
    let mut w = Writer::new(&mut bytes);
    if let Some(expires_at) = value.expires_at {
        w.i16(OFFSET_VALUE_WITH_EXPIRY);
        w.i64(value.offset);
        w.string(&value.metadata);
        w.i64(value.committed_at);
        w.i64(expires_at);
        return bytes.into();
    }
    w.i16(OFFSET_VALUE);
    w.i64(value.offset);
    w.i32(value.leader_epoch);
    w.compact_string(&value.metadata);
    w.i64(value.committed_at);
    if value.topic_id.is_nil() {
        w.no_tagged_fields();
    } else {
        w.unsigned_varint(1);
        w.tagged_field(TOPIC_ID_TAG, value.topic_id.as_bytes());
    }
    bytes.into()
}

fn group_value(value: &GroupMetadata) -> Bytes {
    let mut bytes = Vec::new();
    let mut w = Writer::new(&mut bytes);
    w.i16(GROUP_VALUE);
    w.string(&value.protocol_type);
    w.i32(value.generation);
    w.nullable_string(value.protocol.as_deref());
    w.nullable_string(value.leader.as_ref().map(MemberId::as_str));
    w.i64(value.since);
    w.array_len(value.members.len());
    for member in &value.members {
        write_member(&mut w, member);
    }
    bytes.into()
}

fn write_member(w: &mut Writer<'_, Vec<u8>>, member: &MemberMetadata) {
    w.string(member.member.as_str());
    w.nullable_string(member.instance.as_ref().map(InstanceId::as_str));
    w.string(&member.client_id);
    w.string(&member.client_host);
    w.i32(member.rebalance_timeout_ms);
    w.i32(member.session_timeout_ms);
    w.bytes(&member.subscription);
    w.bytes(&member.assignment);
}
