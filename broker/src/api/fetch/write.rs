//! Writes the answer around the file ranges.

use std::sync::Arc;

use bytes::BytesMut;
use kastellan_core::session::{Session, TopicKey};
use kastellan_protocol::{
    ErrorCode,
    fetch::{PartitionHeader, ResponseHead, ResponseWriter},
};
use uuid::Uuid;

use super::look::Looked;
use crate::{
    api::hint::{self, Hints},
    broker::Broker,
    net::Response,
    partition::Partition,
};

/// First version that tells who leads instead (KIP-951).
const LEADERS: i16 = 16;

/// What stands in front of every answer to one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) version: i16,
    pub(super) correlation_id: i32,
    pub(super) session_id: i32,
    /// Whether the client reads what is committed only, and wants to hear of what was not.
    pub(super) read_committed: bool,
}

impl Head {
    fn response(&self, error: Option<ErrorCode>) -> ResponseHead {
        ResponseHead {
            version: self.version,
            correlation_id: self.correlation_id,
            throttle_ms: 0,
            error,
            session_id: self.session_id,
        }
    }

    /// An answer that is one error.
    pub(super) fn error(&self, code: ErrorCode) -> Response {
        let writer = ResponseWriter::new(&self.response(Some(code)), 0, BytesMut::new());
        Response::inline(writer.finish().freeze())
    }
}

/// The answer that tells nothing.
pub(super) fn nothing(head: &Head) -> Response {
    throttled(head, 0)
}

/// The answer that tells a client to wait so many milliseconds, and nothing else.
pub(super) fn throttled(head: &Head, throttle_ms: i32) -> Response {
    let head = ResponseHead { throttle_ms, ..head.response(None) };
    let writer = ResponseWriter::new(&head, 0, BytesMut::new());
    Response { throttle_ms, ..Response::inline(writer.finish().freeze()) }
}

/// The answer that tells what was seen.
pub(super) fn response(
    (broker, listener): (&Broker, &str),
    head: &Head,
    session: &Session<Arc<Partition>>,
    looked: &Looked,
) -> Response {
    let told = |from| {
        let told = looked.seen.iter().enumerate().skip(from).filter(|(_, seen)| seen.told);
        told.filter_map(|(at, seen)| Some((at, session.topic(seen.slot)?, seen)))
    };
    let topics = runs(told(0).map(|(_, topic, _)| topic));
    let mut writer = ResponseWriter::new(&head.response(None), topics, BytesMut::new());
    let mut files = Vec::new();
    let (mut hints, image) = (Hints::default(), broker.controller.image());
    let mut named = None;
    for (at, topic, seen) in told(0) {
        // A topic is named once for each run of its partitions, as Kafka does.
        if named != Some(topic) {
            named = Some(topic);
            let run = told(at).take_while(|(_, other, _)| *other == topic).count();
            match topic {
                TopicKey::Name(name) => writer.topic(name, &Uuid::nil(), run),
                TopicKey::Id(id) => writer.topic("", id, run),
            }
        }
        let index = session.index(seen.slot).unwrap_or(-1);
        match &seen.read {
            Err(code) => {
                let mut header = PartitionHeader::error(index, *code);
                header.log_start_offset = seen.log_start;
                if head.version >= LEADERS && hint::is_wanted(*code) {
                    let known = match topic {
                        TopicKey::Name(name) => image.topic(name),
                        TopicKey::Id(id) => image.topic_by_id(id),
                    };
                    header.current_leader = hints.find(known.map(|it| &**it), index);
                }
                writer.partition(&header, 0);
            }
            Ok(read) => {
                let header = PartitionHeader {
                    high_watermark: read.high_watermark,
                    last_stable_offset: read.last_stable_offset,
                    log_start_offset: read.log_start,
                    // Without transactions none is aborted.
                    aborted_transactions: head.read_committed.then_some(&[]),
                    diverging_epoch: read.diverging,
                    preferred_read_replica: read.preferred.map_or(-1, |id| id.0),
                    ..PartitionHeader::new(index)
                };
                let len = read.records.as_ref().map_or(0, |records| records.len);
                let position = writer.partition(&header, len);
                files.extend(read.records.clone().map(|records| (position, records)));
            }
        }
    }
    writer.nodes(hints.nodes(&image, listener));
    Response { bytes: writer.finish().freeze(), files, throttle_ms: 0 }
}

/// How many runs of partitions of one topic there are.
fn runs<'a>(topics: impl Iterator<Item = &'a TopicKey>) -> usize {
    let mut named = None;
    topics.filter(|topic| named.replace(*topic) != Some(*topic)).count()
}
