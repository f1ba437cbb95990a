//! The answer: a whole frame, written once into one buffer.

use std::borrow::Cow;

use bytes::BytesMut;

use super::{FLEXIBLE, NodeEndpoint, ProduceRequest, TOPIC_IDS, Topic};
use crate::{
    ErrorCode,
    batch::{Fault, InvalidBatch},
    endpoint::{tags_size, write_tags},
    primitive::Writer,
};

/// First version with `log_start_offset`.
const LOG_START_OFFSET: i16 = 5;
/// First version with messages for errors (KIP-467).
const MESSAGES: i16 = 8;
/// First version that says where the leader went (KIP-951).
const CURRENT_LEADER: i16 = 10;

/// The answer for one partition. Fields that the version does not have are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionResponse {
    /// The partition's number.
    pub index: i32,
    /// What went wrong.
    pub error: Option<ErrorCode>,
    /// The offset that the first record got, or -1.
    pub base_offset: i64,
    /// Milliseconds since 1970 where the topic stamps its records, else -1.
    pub log_append_time: i64,
    /// The first offset of the log, or -1.
    pub log_start_offset: i64,
    /// What is wrong, in words.
    pub error_message: Option<Cow<'static, str>>,
    /// Which records of the batch the error is about.
    pub error_records: Vec<Fault>,
    /// The leader's id and epoch, where the client asked another.
    pub current_leader: Option<(i32, i32)>,
}

impl PartitionResponse {
    /// The batch is in the log from `base_offset` on.
    pub fn appended(
        index: i32,
        base_offset: i64,
        log_append_time: i64,
        log_start_offset: i64,
    ) -> Self {
        Self { base_offset, log_append_time, log_start_offset, ..Self::failed(index, None) }
    }

    /// The batch is not in the log.
    pub fn error(index: i32, error: ErrorCode) -> Self {
        Self::failed(index, Some(error))
    }

    /// The batch is refused for what is in it.
    pub fn invalid(index: i32, invalid: InvalidBatch) -> Self {
        Self {
            error_message: Some(Cow::Borrowed(invalid.reason)),
            error_records: invalid.records,
            ..Self::failed(index, Some(invalid.code))
        }
    }

    fn failed(index: i32, error: Option<ErrorCode>) -> Self {
        Self {
            index,
            error,
            base_offset: -1,
            log_append_time: -1,
            log_start_offset: -1,
            error_message: None,
            error_records: Vec::new(),
            current_leader: None,
        }
    }

    /// At most this many bytes are written for it.
    fn size(&self) -> usize {
        let message = self.error_message.as_ref().map_or(0, |message| message.len());
        let reason = |fault: &Fault| 9 + fault.reason.map_or(0, str::len);
        64 + message + self.error_records.iter().map(reason).sum::<usize>()
    }

    fn write(&self, version: i16, to: &mut Writer<'_, BytesMut>) {
        let flexible = version >= FLEXIBLE;
        to.i32(self.index);
        to.i16(self.error.map_or(0, |error| error.code()));
        to.i64(self.base_offset);
        to.i64(self.log_append_time);
        if version >= LOG_START_OFFSET {
            to.i64(self.log_start_offset);
        }
        if version >= MESSAGES {
            self.write_messages(flexible, to);
        }
        match self.current_leader {
            Some((leader, epoch)) if version >= CURRENT_LEADER => {
                to.unsigned_varint(1);
                to.unsigned_varint(0);
                to.unsigned_varint(9);
                to.i32(leader);
                to.i32(epoch);
                to.no_tagged_fields();
            }
            _ if flexible => to.no_tagged_fields(),
            _ => {}
        }
    }

    fn write_messages(&self, flexible: bool, to: &mut Writer<'_, BytesMut>) {
        let message = self.error_message.as_deref();
        // a record without a reason of its own is refused for what the message says
        if flexible {
            to.compact_array_len(self.error_records.len());
            for fault in &self.error_records {
                to.i32(fault.index);
                to.compact_nullable_string(fault.reason);
                to.no_tagged_fields();
            }
            to.compact_nullable_string(message);
        } else {
            to.array_len(self.error_records.len());
            for fault in &self.error_records {
                to.i32(fault.index);
                to.nullable_string(fault.reason);
            }
            to.nullable_string(message);
        }
    }
}

/// Everything that an answer is written from.
#[derive(Debug, Clone, Copy)]
pub struct ProduceResponse<'a> {
    /// The request's version.
    pub version: i16,
    /// The request's correlation id.
    pub correlation_id: i32,
    /// How long the client is asked to pause, in milliseconds.
    pub throttle_ms: i32,
    /// The request that is answered.
    pub request: &'a ProduceRequest,
    /// Its body, for the topics' names. May be empty from version 13 on.
    pub body: &'a [u8],
    /// One answer for each of the request's partitions, in the same order.
    pub answers: &'a [PartitionResponse],
    /// The brokers that `current_leader` fields name.
    pub nodes: &'a [NodeEndpoint],
}

impl ProduceResponse<'_> {
    /// Appends the frame to `out`: size, header, body, in one allocation at most.
    ///
    /// # Panics
    /// If there is not exactly one answer for each partition: that is a bug of the caller's.
    pub fn encode(&self, out: &mut BytesMut) {
        assert_eq!(self.answers.len(), self.request.partitions.len(), "an answer per partition");
        let flexible = self.version >= FLEXIBLE;
        let start = out.len();
        out.reserve(self.size());
        let mut to = Writer::new(out);
        to.i32(0); // the size, once it is known
        to.i32(self.correlation_id);
        if flexible {
            to.no_tagged_fields();
            to.compact_array_len(self.request.topics.len());
        } else {
            to.array_len(self.request.topics.len());
        }
        for topic in &self.request.topics {
            self.write_topic(topic, &mut to);
        }
        to.i32(self.throttle_ms);
        if flexible {
            let nodes = if self.version >= CURRENT_LEADER { self.nodes } else { &[] };
            write_tags(nodes, &mut to);
        }
        let size = i32::try_from(out.len() - start - 4).expect("an answer is far below 2 GiB");
        if let Some(place) = out.get_mut(start..).and_then(<[u8]>::first_chunk_mut::<4>) {
            *place = size.to_be_bytes();
        }
    }

    fn write_topic(&self, topic: &Topic, to: &mut Writer<'_, BytesMut>) {
        let answers = self.answers.get(topic.partitions.clone()).unwrap_or_default();
        if self.version >= TOPIC_IDS {
            to.uuid(&topic.id);
            to.compact_array_len(answers.len());
        } else if self.version >= FLEXIBLE {
            to.compact_string(topic.name(self.body));
            to.compact_array_len(answers.len());
        } else {
            to.string(topic.name(self.body));
            to.array_len(answers.len());
        }
        for answer in answers {
            answer.write(self.version, to);
        }
        if self.version >= FLEXIBLE {
            to.no_tagged_fields();
        }
    }

    /// No more bytes than this are written.
    pub(super) fn size(&self) -> usize {
        let topics: usize = self.request.topics.iter().map(|topic| 24 + topic.name.len()).sum();
        let answers: usize = self.answers.iter().map(PartitionResponse::size).sum();
        24 + topics + answers + tags_size(self.nodes)
    }
}
