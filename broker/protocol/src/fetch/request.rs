//! The request: from where to read which partitions.

use uuid::Uuid;

use super::{
    DIRECTORY_ID, FLEXIBLE, HIGH_WATERMARK, LEADER_EPOCH, LOG_START_OFFSET, MAX_PARTITIONS,
    MAX_TOPICS, RACKS, REPLICA_STATE, SESSIONS, TOPIC_IDS,
};
use crate::{
    Refused,
    messages::ApiKey,
    primitive::{Malformed, Reader},
};

/// A decoded request. Fields that the version does not have are at Kafka's defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchRequest {
    /// The cluster that the sender believes to talk to; sent within a quorum only.
    pub cluster_id: Option<String>,
    /// The follower's broker id, -1 for a consumer. The shell refuses others on client listeners.
    pub replica_id: i32,
    /// The follower's broker epoch, or -1.
    pub replica_epoch: i64,
    /// How long to wait for `min_bytes`, in milliseconds.
    pub max_wait_ms: i32,
    /// Answer once there are this many bytes.
    pub min_bytes: i32,
    /// Answer with no more than this many bytes, but for the first batch.
    pub max_bytes: i32,
    /// 0: everything below the high watermark; 1: only what is committed. Not checked here.
    pub isolation_level: i8,
    /// The fetch session, 0 for none.
    pub session_id: i32,
    /// 0 begins a session, -1 ends it or does without, others continue it.
    pub session_epoch: i32,
    /// What to read; in a session, what to add or change.
    pub topics: Vec<FetchTopic>,
    /// What to drop from the session.
    pub forgotten: Vec<ForgottenTopic>,
    /// The consumer's rack, or empty.
    pub rack_id: String,
}

/// One topic to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchTopic {
    /// Its name; empty from version 13 on.
    pub name: String,
    /// Its id from version 13 on, nil before.
    pub id: Uuid,
    /// Its partitions to read.
    pub partitions: Vec<FetchPartition>,
}

/// One partition to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchPartition {
    /// The partition's number. Not checked here.
    pub index: i32,
    /// The leader epoch that the client knows, or -1.
    pub current_leader_epoch: i32,
    /// The first offset wanted.
    pub fetch_offset: i64,
    /// Epoch of the follower's last record, or -1.
    pub last_fetched_epoch: i32,
    /// No more than this many bytes, but for the first batch.
    pub max_bytes: i32,
    /// The follower's log start offset, or -1.
    pub log_start_offset: i64,
    /// The high watermark that the follower knows, or `i64::MAX`.
    pub high_watermark: i64,
    /// The follower's log directory, or nil.
    pub replica_directory_id: Uuid,
}

/// Partitions of one topic to drop from the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgottenTopic {
    /// Its name; empty from version 13 on.
    pub name: String,
    /// Its id from version 13 on, nil before.
    pub id: Uuid,
    /// The partitions.
    pub partitions: Vec<i32>,
}

impl Default for FetchRequest {
    fn default() -> Self {
        Self {
            cluster_id: None,
            replica_id: -1,
            replica_epoch: -1,
            max_wait_ms: 0,
            min_bytes: 0,
            max_bytes: i32::MAX,
            isolation_level: 0,
            session_id: 0,
            session_epoch: -1,
            topics: Vec::new(),
            forgotten: Vec::new(),
            rack_id: String::new(),
        }
    }
}

/// Decodes `body`. Memory stays below 4 times the body and 1 MiB.
pub fn decode(version: i16, body: &[u8]) -> Result<FetchRequest, Refused> {
    if !(4..=18).contains(&version) {
        return Err(Refused::UnsupportedVersion { api: ApiKey::Fetch as i16, version });
    }
    let mut decoder = Decoder {
        version,
        flexible: version >= FLEXIBLE,
        from: Reader::new(body),
        room: Room::new(),
    };
    let mut request = FetchRequest::default();
    decoder.head(&mut request)?;
    for _ in 0..decoder.topic_count("topics", &mut request.topics)? {
        request.topics.push(decoder.topic()?);
    }
    if version >= SESSIONS {
        for _ in 0..decoder.topic_count("forgotten_topics_data", &mut request.forgotten)? {
            request.forgotten.push(decoder.forgotten()?);
        }
    }
    if version >= RACKS {
        decoder.string()?.clone_into(&mut request.rack_id);
    }
    if decoder.flexible {
        decoder.tags(&mut request)?;
    }
    Ok(request)
}

/// How many more topics and partitions are taken.
struct Room {
    topics: usize,
    partitions: usize,
}

impl Room {
    fn new() -> Self {
        Self { topics: MAX_TOPICS, partitions: MAX_PARTITIONS }
    }
}

fn take(room: &mut usize, most: usize, field: &'static str, count: usize) -> Result<(), Refused> {
    match room.checked_sub(count) {
        Some(left) => *room = left,
        None => return Err(Refused::TooMany { field, count: most - *room + count, most }),
    }
    Ok(())
}

/// What a tagged field holds. As in Kafka, one that a later version brought may not come earlier,
/// though tags that no version has are skipped.
fn known<T>(tag: u32, since: i16, version: i16, value: Result<T, Malformed>) -> Result<T, Refused> {
    if version < since {
        return Err(Refused::EarlyTag { tag, version });
    }
    Ok(value?)
}

struct Decoder<'a> {
    version: i16,
    flexible: bool,
    from: Reader<'a>,
    room: Room,
}

impl<'a> Decoder<'a> {
    fn head(&mut self, request: &mut FetchRequest) -> Result<(), Refused> {
        if self.version < REPLICA_STATE {
            request.replica_id = self.from.i32()?;
        }
        request.max_wait_ms = self.from.i32()?;
        request.min_bytes = self.from.i32()?;
        request.max_bytes = self.from.i32()?;
        request.isolation_level = self.from.i8()?;
        if self.version >= SESSIONS {
            request.session_id = self.from.i32()?;
            request.session_epoch = self.from.i32()?;
        }
        Ok(())
    }

    /// The count of an array of topics; makes the room for them.
    fn topic_count<T>(&mut self, field: &'static str, into: &mut Vec<T>) -> Result<usize, Refused> {
        // an id, or a name's length, then an array's length, then tags
        let smallest = match self.version {
            TOPIC_IDS.. => 18,
            FLEXIBLE.. => 3,
            _ => 6,
        };
        let count = self.array_len(smallest)?;
        take(&mut self.room.topics, MAX_TOPICS, field, count)?;
        into.reserve_exact(count);
        Ok(count)
    }

    fn topic(&mut self) -> Result<FetchTopic, Refused> {
        let (name, id) = self.topic_name()?;
        let smallest = match self.version {
            FLEXIBLE.. => 33,
            LEADER_EPOCH.. => 28,
            LOG_START_OFFSET.. => 24,
            _ => 16,
        };
        let count = self.array_len(smallest)?;
        take(&mut self.room.partitions, MAX_PARTITIONS, "partitions", count)?;
        let mut partitions = Vec::with_capacity(count);
        for _ in 0..count {
            partitions.push(self.partition()?);
        }
        self.no_tags()?;
        Ok(FetchTopic { name, id, partitions })
    }

    fn partition(&mut self) -> Result<FetchPartition, Refused> {
        let version = self.version;
        let from = &mut self.from;
        let mut partition = FetchPartition {
            index: from.i32()?,
            current_leader_epoch: if version >= LEADER_EPOCH { from.i32()? } else { -1 },
            fetch_offset: from.i64()?,
            last_fetched_epoch: if version >= FLEXIBLE { from.i32()? } else { -1 },
            log_start_offset: if version >= LOG_START_OFFSET { from.i64()? } else { -1 },
            max_bytes: from.i32()?,
            high_watermark: i64::MAX,
            replica_directory_id: Uuid::nil(),
        };
        if self.flexible {
            from.tagged_fields(|tag, bytes| {
                let mut field = Reader::new(bytes);
                match tag {
                    0 => {
                        let id = known(tag, DIRECTORY_ID, version, field.uuid())?;
                        partition.replica_directory_id = id;
                    }
                    1 => {
                        let offset = known(tag, HIGH_WATERMARK, version, field.i64())?;
                        partition.high_watermark = offset;
                    }
                    _ => return Ok(()),
                }
                Ok::<_, Refused>(field.finish()?)
            })?;
        }
        Ok(partition)
    }

    fn forgotten(&mut self) -> Result<ForgottenTopic, Refused> {
        let (name, id) = self.topic_name()?;
        let count = self.array_len(4)?;
        take(&mut self.room.partitions, MAX_PARTITIONS, "partitions", count)?;
        let mut partitions = Vec::with_capacity(count);
        for _ in 0..count {
            partitions.push(self.from.i32()?);
        }
        self.no_tags()?;
        Ok(ForgottenTopic { name, id, partitions })
    }

    fn tags(&mut self, request: &mut FetchRequest) -> Result<(), Refused> {
        let version = self.version;
        self.from.tagged_fields(|tag, bytes| {
            let mut field = Reader::new(bytes);
            match tag {
                0 => request.cluster_id = field.compact_nullable_string()?.map(str::to_owned),
                1 => {
                    request.replica_id = known(tag, REPLICA_STATE, version, field.i32())?;
                    request.replica_epoch = field.i64()?;
                    field.skip_tagged_fields()?;
                }
                _ => return Ok(()),
            }
            Ok(field.finish()?)
        })
    }

    fn topic_name(&mut self) -> Result<(String, Uuid), Refused> {
        if self.version >= TOPIC_IDS {
            return Ok((String::new(), self.from.uuid()?));
        }
        Ok((self.string()?.to_owned(), Uuid::nil()))
    }

    fn string(&mut self) -> Result<&'a str, Refused> {
        Ok(if self.flexible { self.from.compact_string()? } else { self.from.string()? })
    }

    fn array_len(&mut self, smallest: usize) -> Result<usize, Refused> {
        Ok(if self.flexible {
            self.from.compact_array_len(smallest)?
        } else {
            self.from.array_len(smallest)?
        })
    }

    fn no_tags(&mut self) -> Result<(), Refused> {
        if self.flexible {
            self.from.skip_tagged_fields()?;
        }
        Ok(())
    }
}
