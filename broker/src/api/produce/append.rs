//! Appends the batches of one request, each for itself: one that fails does not hold up the others.

use std::sync::Arc;

use kastellan_core::{
    config::{Compression, TimestampType, TopicConfig},
    id::Offset,
    machine::Now,
    partition::Appending,
};
use kastellan_protocol::{
    ErrorCode,
    batch::{InvalidBatch, Rules, Scratch, TimestampRules, Valid, recompress, sole, validate},
    compression::Codec,
    header::RequestHeader,
    produce::{PartitionResponse, ProduceRequest, Topic as Named},
};

use crate::{
    access::{
        Judge,
        needs::{PRODUCE, PRODUCE_TRANSACTIONAL},
    },
    api::hint::{self, Hints},
    broker::Broker,
    call::ClientInfo,
    metrics::{Counter, Hot},
    partition::Partition,
    partitions::Topic,
};

/// First version that names topics by id (KIP-516).
const TOPIC_IDS: i16 = 13;
/// First version that may send zstd (KIP-110).
const ZSTD: i16 = 7;
/// What of the buffer for compressing anew is kept from batch to batch.
const KEPT: usize = 1 << 20;
/// Topics that only the broker writes to.
const INTERNAL: [&str; 3] = ["__consumer_offsets", "__transaction_state", "__share_group_state"];

/// A partition whose high watermark an acknowledgement waits for, and up to where.
pub(super) type Wait = (Arc<Partition>, Offset);

/// The state of a request whose batches are being appended.
pub(super) struct Appender<'a> {
    broker: &'a Broker,
    judge: Judge<'a>,
    version: i16,
    now: Now,
    acks: i16,
    /// Why nothing of the request is appended.
    refused: Option<(ErrorCode, &'static str)>,
    inflated: &'a mut Scratch,
    recoded: &'a mut Vec<u8>,
    topic: Result<Entered, ErrorCode>,
    /// Who leads what this broker does not.
    pub(super) hints: Hints,
}

/// The topic whose partitions are being appended to.
struct Entered {
    topic: Arc<Topic>,
    config: Arc<TopicConfig>,
    rules: Rules,
    how: Appending,
    /// The codec that batches are stored with, where that is not the producer's choice.
    codec: Option<(Codec, Option<i32>)>,
}

impl<'a> Appender<'a> {
    pub(super) fn new(
        (broker, client): (&'a Broker, &'a ClientInfo),
        header: &RequestHeader,
        (request, body): (&ProduceRequest, &[u8]),
        (inflated, recoded): (&'a mut Scratch, &'a mut Vec<u8>),
    ) -> Self {
        let judge = broker.judge(client);
        let refused = if let Some(id) = request.transactional_id(body)
            && !judge.may(PRODUCE_TRANSACTIONAL, id)
        {
            let why = "the transactional id is somebody else's";
            Some((ErrorCode::TransactionalIdAuthorizationFailed, why))
        } else if !matches!(request.acks, -1..=1) {
            Some((ErrorCode::InvalidRequiredAcks, "acks must be 0, 1 or all (-1)"))
        } else if request.transactional_id.is_some() {
            Some((ErrorCode::InvalidTxnState, "this broker does not serve transactions yet"))
        } else {
            None
        };
        Self {
            broker,
            judge,
            version: header.api_version,
            now: broker.clock.now(),
            acks: request.acks,
            refused,
            inflated,
            recoded,
            topic: Err(ErrorCode::UnknownTopicOrPartition),
            hints: Hints::default(),
        }
    }

    /// The partitions that follow belong to `topic`.
    pub(super) fn enter(&mut self, topic: &Named, body: &[u8]) {
        let partitions = &self.broker.partitions;
        let may = |name: &str| {
            let may = self.judge.may(PRODUCE, name);
            if may { Ok(()) } else { Err(ErrorCode::TopicAuthorizationFailed) }
        };
        let found = if self.version >= TOPIC_IDS {
            let found = partitions.topic_by_id(topic.id).ok_or(ErrorCode::UnknownTopicId);
            found.and_then(|topic| may(topic.name()).map(|()| topic))
        } else {
            // whether it exists is told only to who may write to it
            let name = topic.name(body);
            may(name)
                .and_then(|()| partitions.topic(name).ok_or(ErrorCode::UnknownTopicOrPartition))
        };
        self.topic = found.and_then(|topic| {
            if INTERNAL.contains(&topic.name()) {
                return Err(ErrorCode::InvalidTopicException);
            }
            let config = topic.config();
            let (rules, how, codec) = (self.rules(&config), self.how(&config), codec(&config));
            Ok(Entered { topic, config, rules, how, codec })
        });
    }

    /// Appends the batch for partition `index`; says also whether its acknowledgement has to wait.
    pub(super) fn append(
        &mut self,
        index: i32,
        records: Option<&mut [u8]>,
    ) -> (PartitionResponse, Option<Wait>) {
        let done = self.try_append(index, records);
        if let Err(failed) = &done {
            self.broker.metrics.failed(Hot::Produce, failed.code());
        }
        match done {
            Ok(done) => done,
            Err(Failed::Code(code)) => {
                let mut answer = PartitionResponse::error(index, code);
                answer.log_start_offset = self.log_start(index, code);
                if hint::is_wanted(code) {
                    let image = self.broker.controller.image();
                    let id = self.topic.as_ref().ok().map(|entered| entered.topic.id());
                    let topic = id.and_then(|id| image.topic_by_id(&id));
                    answer.current_leader = self.hints.find(topic.map(|it| &**it), index);
                }
                (answer, None)
            }
            Err(Failed::Shape(invalid)) => (PartitionResponse::invalid(index, invalid), None),
            Err(Failed::Batch(invalid)) => {
                let log_start_offset = self.log_start(index, invalid.code);
                let answer = PartitionResponse::invalid(index, invalid);
                (PartitionResponse { log_start_offset, ..answer }, None)
            }
        }
    }

    /// What a refusal tells of the log: where it starts, if it was the log that refused. As in
    /// Kafka, -1 where the batch did not get that far.
    fn log_start(&self, index: i32, refusal: ErrorCode) -> Offset {
        let judged = matches!(
            refusal,
            ErrorCode::InvalidRecord
                | ErrorCode::InvalidTimestamp
                | ErrorCode::OutOfOrderSequenceNumber
                | ErrorCode::InvalidProducerEpoch
                | ErrorCode::UnsupportedCompressionType
        );
        let entered = self.topic.as_ref().ok().filter(|_| judged);
        let partition = entered.and_then(|entered| entered.topic.partition(index).ok());
        partition.and_then(|partition| partition.ends().ok()).map_or(-1, |(start, _end)| start)
    }

    fn try_append(
        &mut self,
        index: i32,
        records: Option<&mut [u8]>,
    ) -> Result<(PartitionResponse, Option<Wait>), Failed> {
        if let Some((code, reason)) = self.refused {
            return Err(Failed::Shape(InvalidBatch::new(code, reason)));
        }
        let entered = self.topic.as_ref().map_err(|code| Failed::Code(*code))?;
        let partition = entered.topic.partition(index)?;
        let mut records = records.unwrap_or_default();
        sole(Some(records)).map_err(Failed::Shape)?;
        let mut valid = validate(records, &entered.rules, self.inflated)?;
        check_kind(&valid)?;
        if let Some((codec, level)) = entered.codec
            && valid.header.codec() != Some(codec)
        {
            self.recoded.clear();
            self.recoded.shrink_to(KEPT);
            let recoded = recompress(records, codec, level, self.inflated, self.recoded);
            valid.header = recoded.map_err(InvalidBatch::from)?;
            records = self.recoded;
            if records.len() > entered.rules.max_batch_bytes {
                return Err(Failed::Code(ErrorCode::MessageTooLarge));
            }
        }
        let done = partition.append(records, &valid, entered.how)?;
        let count = u64::try_from(done.last - done.first + 1).unwrap_or(0);
        self.broker.metrics.add(Counter::BytesIn, records.len() as u64);
        self.broker.metrics.add(Counter::RecordsIn, count);
        let stamped = entered.config.timestamp_type == TimestampType::LogAppendTime;
        let stamp = if stamped { self.now.wall } else { -1 };
        let answer = PartitionResponse::appended(index, done.first, stamp, done.log_start);
        let waits = self.acks == -1 && !done.committed;
        Ok((answer, waits.then(|| (partition, done.last + 1))))
    }

    fn rules(&self, config: &TopicConfig) -> Rules {
        let stamped = config.timestamp_type == TimestampType::LogAppendTime;
        Rules {
            max_batch_bytes: config.max_message_bytes,
            max_inflated_bytes: Rules::inflated(config.max_message_bytes),
            require_key: config.cleanup.compact,
            allow_zstd: self.version >= ZSTD,
            timestamps: (!stamped).then_some(TimestampRules {
                now: self.now.wall,
                before_max_ms: config.timestamp_before_max_ms,
                after_max_ms: config.timestamp_after_max_ms,
            }),
        }
    }

    fn how(&self, config: &TopicConfig) -> Appending {
        Appending {
            now: self.now,
            log_append_time: config.timestamp_type == TimestampType::LogAppendTime,
            all: self.acks == -1,
        }
    }
}

/// The codec that a topic's batches are stored with; `None`: whichever they come with.
fn codec(config: &TopicConfig) -> Option<(Codec, Option<i32>)> {
    match config.compression {
        Compression::Producer => None,
        Compression::Uncompressed => Some((Codec::None, None)),
        Compression::Gzip(level) => Some((Codec::Gzip, level)),
        Compression::Snappy => Some((Codec::Snappy, None)),
        Compression::Lz4 => Some((Codec::Lz4, None)),
        Compression::Zstd(level) => Some((Codec::Zstd, Some(level))),
    }
}

/// Why one batch is not appended.
enum Failed {
    Code(ErrorCode),
    /// Not one batch of a kind that is taken.
    Shape(InvalidBatch),
    Batch(InvalidBatch),
}

impl Failed {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Code(code) => *code,
            Self::Shape(invalid) | Self::Batch(invalid) => invalid.code,
        }
    }
}

impl From<ErrorCode> for Failed {
    fn from(code: ErrorCode) -> Self {
        Self::Code(code)
    }
}

impl From<InvalidBatch> for Failed {
    fn from(invalid: InvalidBatch) -> Self {
        Self::Batch(invalid)
    }
}

fn check_kind(valid: &Valid) -> Result<(), InvalidBatch> {
    if valid.header.is_transactional() {
        let reason = "this broker does not serve transactions yet";
        return Err(InvalidBatch::new(ErrorCode::InvalidTxnState, reason));
    }
    Ok(())
}
