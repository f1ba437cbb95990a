//! How much a client may ask of us; on by default where Kafka leaves it off.

use std::time::Duration;

use kastellan_protocol::frame;

use crate::config::{BadSetting, Config};

/// The limits of all connections together and of each.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// How large a frame may be.
    pub(crate) frame: frame::Limits,
    /// Bytes of requests in memory, over all connections (`queued.max.request.bytes`).
    pub(crate) request_bytes: usize,
    /// Unanswered requests of one connection; at that number its socket is not read.
    pub(crate) pipelined: usize,
    /// Bytes of unsent responses of one connection; at that number its socket is not read.
    pub(crate) queued_response_bytes: usize,
    /// Connections in all (`max.connections`).
    pub(crate) connections: usize,
    /// Connections of one address (`max.connections.per.ip`).
    pub(crate) connections_per_ip: usize,
    /// A connection that says nothing for so long is closed (`connections.max.idle.ms`).
    pub(crate) idle: Duration,
    /// How long a frame may take from its first byte to its last.
    pub(crate) frame_deadline: Duration,
    /// How long a client may leave responses unread.
    pub(crate) write_deadline: Duration,
}

/// How long Kafka lets a connection be quiet: 10 minutes.
const IDLE_MS: u64 = 600_000;

impl Limits {
    /// The limits that `config` asks for.
    pub(crate) fn new(config: &Config) -> Result<Self, BadSetting> {
        let produce = config.size("socket.request.max.bytes", frame::Limits::default().produce)?;
        Ok(Self {
            frame: frame::Limits { produce, ..frame::Limits::default() },
            request_bytes: config.size("queued.max.request.bytes", 128 << 20)?,
            pipelined: 64,
            queued_response_bytes: 1 << 20,
            connections: config.size("max.connections", 10_000)?,
            connections_per_ip: config.size("max.connections.per.ip", 5_000)?,
            idle: Duration::from_millis(config.count("connections.max.idle.ms", IDLE_MS)?),
            frame_deadline: Duration::from_secs(30),
            write_deadline: Duration::from_secs(30),
        })
    }
}
