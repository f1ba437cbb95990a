//! Bytes to records: every version that Kafka ever wrote, and no panic on anything else.

use bytes::Bytes;
use kastellan_protocol::primitive::{Malformed, Reader};
use uuid::Uuid;

use super::{
    CommittedOffset, GroupMetadata, MemberMetadata, Record, Unreadable,
    write::{GROUP_KEY, OFFSET_KEY, TOPIC_ID_TAG},
};
use crate::group::name::MemberId;

/// The key version that Kafka before 0.9 wrote; the schema is the same.
const LEGACY_OFFSET_KEY: i16 = 0;
/// The last version known of both values, and the first flexible one.
const FLEXIBLE: i16 = 4;
/// A member takes at least this many bytes: three strings, a timeout, two byte strings.
const SMALLEST_MEMBER: usize = 2 + 2 + 2 + 4 + 4 + 4;

impl Record {
    /// The record in `key` and `value`; `Ok(None)` for a kind of record that is not of the classic
    /// protocol (KIP-848, share and streams groups have their own key versions).
    pub fn from_bytes(
        key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Result<Option<Self>, Unreadable> {
        let mut r = Reader::new(key.ok_or(Unreadable::NoKey)?);
        let kind = r.i16()?;
        let record = match kind {
            LEGACY_OFFSET_KEY | OFFSET_KEY => Self::Offset {
                group: r.string()?.into(),
                topic: r.string()?.to_owned(),
                partition: r.i32()?,
                value: value.map(offset_value).transpose()?,
            },
            GROUP_KEY => Self::Group {
                group: r.string()?.into(),
                value: value.map(group_value).transpose()?,
            },
            _ => return Ok(None),
        };
        r.finish()?;
        Ok(Some(record))
    }
}

fn version(r: &mut Reader<'_>) -> Result<i16, Unreadable> {
    let version = r.i16()?;
    if (0..=FLEXIBLE).contains(&version) {
        Ok(version)
    } else {
        Err(Unreadable::ValueVersion(version))
    }
}

fn offset_value(bytes: &[u8]) -> Result<CommittedOffset, Unreadable> {
    let mut r = Reader::new(bytes);
    let version = version(&mut r)?;
    let offset = r.i64()?;
    let leader_epoch = if version >= 3 { r.i32()? } else { -1 };
    let metadata = if version >= FLEXIBLE { r.compact_string()? } else { r.string()? }.to_owned();
    let committed_at = r.i64()?;
    let expires_at = if version == 1 { Some(r.i64()?).filter(|at| *at >= 0) } else { None };
    let mut topic_id = Uuid::nil();
    if version >= FLEXIBLE {
        r.tagged_fields(|tag, bytes| -> Result<(), Malformed> {
            if tag == TOPIC_ID_TAG {
                topic_id = Reader::new(bytes).uuid()?;
            }
            Ok(())
        })?;
    }
    Ok(CommittedOffset { offset, leader_epoch, metadata, committed_at, expires_at, topic_id })
}

fn group_value(bytes: &[u8]) -> Result<GroupMetadata, Unreadable> {
    let mut r = Reader::new(bytes);
    let version = version(&mut r)?;
    let flexible = version >= FLEXIBLE;
    let protocol_type = text(&mut r, flexible)?.unwrap_or_default().to_owned();
    let generation = r.i32()?;
    let protocol = text(&mut r, flexible)?.map(str::to_owned);
    let leader = text(&mut r, flexible)?.map(MemberId::from);
    let since = if version >= 2 { r.i64()? } else { -1 };
    let count = if flexible {
        r.compact_array_len(SMALLEST_MEMBER / 2)
    } else {
        r.array_len(SMALLEST_MEMBER)
    }?;
    let mut members = Vec::with_capacity(count);
    for _ in 0..count {
        members.push(member(&mut r, version)?);
    }
    if flexible {
        r.skip_tagged_fields()?;
    }
    Ok(GroupMetadata { protocol_type, generation, protocol, leader, since, members })
}

fn member(r: &mut Reader<'_>, version: i16) -> Result<MemberMetadata, Malformed> {
    let flexible = version >= FLEXIBLE;
    let member = text(r, flexible)?.unwrap_or_default().into();
    let instance = if version >= 3 { text(r, flexible)?.map(Into::into) } else { None };
    let client_id = text(r, flexible)?.unwrap_or_default().to_owned();
    let client_host = text(r, flexible)?.unwrap_or_default().to_owned();
    let rebalance_timeout_ms = if version >= 1 { r.i32()? } else { -1 };
    let session_timeout_ms = r.i32()?;
    let subscription = opaque(r, flexible)?;
    let assignment = opaque(r, flexible)?;
    if flexible {
        r.skip_tagged_fields()?;
    }
    Ok(MemberMetadata {
        member,
        instance,
        client_id,
        client_host,
        rebalance_timeout_ms: if version >= 1 { rebalance_timeout_ms } else { session_timeout_ms },
        session_timeout_ms,
        subscription,
        assignment,
    })
}

fn text<'a>(r: &mut Reader<'a>, flexible: bool) -> Result<Option<&'a str>, Malformed> {
    if flexible { r.compact_nullable_string() } else { r.nullable_string() }
}

fn opaque(r: &mut Reader<'_>, flexible: bool) -> Result<Bytes, Malformed> {
    let bytes = if flexible { r.compact_bytes() } else { r.bytes() }?;
    Ok(Bytes::copy_from_slice(bytes))
}
