//! The answer, written around the records.

use bytes::BytesMut;
use uuid::Uuid;

use super::{FLEXIBLE, LOG_START_OFFSET, NODE_ENDPOINTS, NodeEndpoint, RACKS, SESSIONS, TOPIC_IDS};
use crate::{
    ErrorCode,
    endpoint::{tags_size, write_tags},
    primitive::Writer,
};

/// At most this many bytes are written for a topic beside its name and partitions.
const TOPIC_SIZE: usize = 24;
/// At most this many are written for a partition beside records and aborted transactions.
const PARTITION_SIZE: usize = 112;

/// What stands before the topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseHead {
    /// The request's version.
    pub version: i16,
    /// The request's correlation id.
    pub correlation_id: i32,
    /// How long the client is asked to pause, in milliseconds.
    pub throttle_ms: i32,
    /// An error of the whole fetch, of its session above all. Not told before version 7.
    pub error: Option<ErrorCode>,
    /// The fetch session, 0 for none. Not told before version 7.
    pub session_id: i32,
}

/// What stands around a partition's records. Fields that the version lacks are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionHeader<'a> {
    /// The partition's number.
    pub index: i32,
    /// What went wrong.
    pub error: Option<ErrorCode>,
    /// Offset behind the last record that consumers may see, or -1.
    pub high_watermark: i64,
    /// Offset of the first record of an open transaction, or the high watermark, or -1.
    pub last_stable_offset: i64,
    /// First offset of the log, or -1.
    pub log_start_offset: i64,
    /// Producer id and first offset of aborted transactions in the records; `None` unless the
    /// fetch asked for committed records only.
    pub aborted_transactions: Option<&'a [(i64, i64)]>,
    /// The replica to fetch from next, or -1.
    pub preferred_read_replica: i32,
    /// Epoch and end offset where the follower's log leaves the leader's (KIP-595).
    pub diverging_epoch: Option<(i32, i64)>,
    /// The leader's id and epoch, where the client asked another.
    pub current_leader: Option<(i32, i32)>,
    /// End offset and epoch of the snapshot to fetch instead (KIP-630).
    pub snapshot: Option<(i64, i32)>,
}

impl PartitionHeader<'_> {
    /// A partition that cannot be read.
    pub fn error(index: i32, error: ErrorCode) -> Self {
        Self { error: Some(error), ..Self::new(index) }
    }

    /// A partition without an error, its offsets unknown.
    pub fn new(index: i32) -> Self {
        Self {
            index,
            error: None,
            high_watermark: -1,
            last_stable_offset: -1,
            log_start_offset: -1,
            aborted_transactions: None,
            preferred_read_replica: -1,
            diverging_epoch: None,
            current_leader: None,
            snapshot: None,
        }
    }
}

/// Writes the frame piece by piece: [`ResponseWriter::topic`] as often as announced, after each the
/// announced number of partitions, then [`ResponseWriter::finish`].
#[derive(Debug)]
pub struct ResponseWriter {
    version: i16,
    out: BytesMut,
    start: usize,
    left_out: usize,
    tags_due: bool,
    nodes: Vec<NodeEndpoint>,
}

impl ResponseWriter {
    /// Begins a frame at the end of `out` (a buffer to be reused, or a new one).
    pub fn new(head: &ResponseHead, topics: usize, mut out: BytesMut) -> Self {
        let version = head.version;
        let start = out.len();
        out.reserve(32 + topics * (TOPIC_SIZE + PARTITION_SIZE));
        let mut to = Writer::new(&mut out);
        to.i32(0); // the size, once it is known
        to.i32(head.correlation_id);
        if version >= FLEXIBLE {
            to.no_tagged_fields();
        }
        to.i32(head.throttle_ms);
        if version >= SESSIONS {
            to.i16(head.error.map_or(0, |error| error.code()));
            to.i32(head.session_id);
        }
        if version >= FLEXIBLE {
            to.compact_array_len(topics);
        } else {
            to.array_len(topics);
        }
        Self { version, out, start, left_out: 0, tags_due: false, nodes: Vec::new() }
    }

    /// Begins a topic with that many partitions. Name or id, whichever the version has.
    pub fn topic(&mut self, name: &str, id: &Uuid, partitions: usize) {
        self.end_topic();
        self.out.reserve(TOPIC_SIZE + name.len() + partitions * PARTITION_SIZE);
        let mut to = Writer::new(&mut self.out);
        if self.version >= TOPIC_IDS {
            to.uuid(id);
            to.compact_array_len(partitions);
        } else if self.version >= FLEXIBLE {
            to.compact_string(name);
            to.compact_array_len(partitions);
        } else {
            to.string(name);
            to.array_len(partitions);
        }
        self.tags_due = self.version >= FLEXIBLE;
    }

    /// Writes a partition whose `records_len` bytes of records are sent from elsewhere. Returns
    /// where in the buffer of [`ResponseWriter::finish`] they belong.
    pub fn partition(&mut self, header: &PartitionHeader<'_>, records_len: usize) -> usize {
        self.before_records(header, records_len);
        self.left_out += records_len;
        let position = self.out.len();
        self.after_records(header);
        position
    }

    /// Writes a partition with its `records`.
    pub fn partition_with(&mut self, header: &PartitionHeader<'_>, records: &[u8]) {
        self.before_records(header, records.len());
        self.out.extend_from_slice(records);
        self.after_records(header);
    }

    /// Names the brokers that `current_leader` fields speak of; told from version 16 on.
    pub fn nodes(&mut self, nodes: Vec<NodeEndpoint>) {
        self.nodes = nodes;
    }

    /// Bytes of the frame so far, size and left-out records included.
    pub fn size(&self) -> usize {
        self.out.len() - self.start + self.left_out
    }

    /// Ends the frame. Its size counts the bytes that were left out.
    pub fn finish(mut self) -> BytesMut {
        self.end_topic();
        if self.version >= FLEXIBLE {
            let told = self.version >= NODE_ENDPOINTS;
            let nodes = if told { self.nodes.as_slice() } else { &[] };
            self.out.reserve(tags_size(nodes));
            write_tags(nodes, &mut Writer::new(&mut self.out));
        }
        let size = i32::try_from(self.size() - 4).expect("answers are capped far below 2 GiB");
        let start = self.start;
        if let Some(place) = self.out.get_mut(start..).and_then(<[u8]>::first_chunk_mut::<4>) {
            *place = size.to_be_bytes();
        }
        self.out
    }

    fn end_topic(&mut self) {
        if std::mem::take(&mut self.tags_due) {
            Writer::new(&mut self.out).no_tagged_fields();
        }
    }

    fn before_records(&mut self, header: &PartitionHeader<'_>, records_len: usize) {
        let version = self.version;
        let flexible = version >= FLEXIBLE;
        let mut to = Writer::new(&mut self.out);
        to.i32(header.index);
        to.i16(header.error.map_or(0, |error| error.code()));
        to.i64(header.high_watermark);
        to.i64(header.last_stable_offset);
        if version >= LOG_START_OFFSET {
            to.i64(header.log_start_offset);
        }
        match header.aborted_transactions {
            None if flexible => to.compact_null_array(),
            None => to.null_array(),
            Some(aborted) => {
                if flexible {
                    to.compact_array_len(aborted.len());
                } else {
                    to.array_len(aborted.len());
                }
                for (producer_id, first_offset) in aborted {
                    to.i64(*producer_id);
                    to.i64(*first_offset);
                    if flexible {
                        to.no_tagged_fields();
                    }
                }
            }
        }
        if version >= RACKS {
            to.i32(header.preferred_read_replica);
        }
        if flexible {
            to.compact_array_len(records_len);
        } else {
            to.array_len(records_len);
        }
    }

    fn after_records(&mut self, header: &PartitionHeader<'_>) {
        if self.version < FLEXIBLE {
            return;
        }
        let mut to = Writer::new(&mut self.out);
        let fields = [
            header.diverging_epoch.is_some(),
            header.current_leader.is_some(),
            header.snapshot.is_some(),
        ];
        to.unsigned_varint(fields.iter().map(|field| u32::from(*field)).sum());
        if let Some((epoch, end_offset)) = header.diverging_epoch {
            to.unsigned_varint(0);
            to.unsigned_varint(13);
            to.i32(epoch);
            to.i64(end_offset);
            to.no_tagged_fields();
        }
        if let Some((leader, epoch)) = header.current_leader {
            to.unsigned_varint(1);
            to.unsigned_varint(9);
            to.i32(leader);
            to.i32(epoch);
            to.no_tagged_fields();
        }
        if let Some((end_offset, epoch)) = header.snapshot {
            to.unsigned_varint(2);
            to.unsigned_varint(13);
            to.i64(end_offset);
            to.i32(epoch);
            to.no_tagged_fields();
        }
    }
}
