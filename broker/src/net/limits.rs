//! How much a client may ask of us; on by default where Kafka leaves it off.

use std::{net::IpAddr, time::Duration};

use kastellan_core::config::{BrokerConfig, ListenerLimits};
use kastellan_protocol::frame;

/// The limits of all connections together and of each.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Limits {
    /// How large a frame may be.
    pub(crate) frame: frame::Limits,
    /// Bytes of requests in memory, over all connections (`queued.max.request.bytes`).
    pub(crate) request_bytes: usize,
    /// Bytes of answers in memory, over all connections.
    pub(crate) answer_bytes: usize,
    /// Unanswered requests of one connection; at that number its socket is not read.
    pub(crate) pipelined: usize,
    /// Bytes of unsent responses of one connection; at that number its socket is not read.
    pub(crate) queued_response_bytes: usize,
    /// Connections in all (`max.connections`).
    pub(crate) connections: usize,
    /// Connections of one address (`max.connections.per.ip`).
    pub(crate) connections_per_ip: usize,
    /// Addresses that may have more, or fewer (`max.connections.per.ip.overrides`).
    pub(crate) connections_of: Vec<(IpAddr, usize)>,
    /// New connections per second (`max.connection.creation.rate`).
    pub(crate) creation_rate: usize,
    /// Listeners that have limits of their own, by their names in small letters.
    pub(crate) listeners: Vec<(String, ListenerLimits)>,
    /// A connection that says nothing for so long is closed (`connections.max.idle.ms`).
    pub(crate) idle: Duration,
    /// How long a frame may take from its first byte to its last.
    pub(crate) frame_deadline: Duration,
    /// How long a client may take to show who it is.
    pub(crate) login: Duration,
    /// How large a frame of a client may be that has not logged in yet.
    pub(crate) unknown_frame: usize,
    /// Connections of one address that have not shown yet who they are.
    pub(crate) logins_per_ip: usize,
    /// How long a client waits for the answer that it does not get in.
    pub(crate) rejection_delay: Duration,
    /// How long a client may leave responses unread.
    pub(crate) write_deadline: Duration,
}

/// The pool's size where `queued.max.request.bytes` names none: a few of the largest frames.
const REQUEST_BYTES: usize = 256 << 20;

/// Answers may take the request pool's size divided by this: records, the bulk of what is read,
/// are sent from files.
const ANSWERS: usize = 4;

/// Memory for requests of peers: a few of the largest, an admin request within an envelope.
const PEER_REQUEST_BYTES: usize = 64 << 20;

/// What an envelope adds to the largest request that it may hold.
const ENVELOPE: usize = 64 << 10;

/// Connections from peers: a handful from each broker of a large cluster.
const PEER_CONNECTIONS: usize = 4096;

/// Of them those of one address, so that nobody without a certificate can take all places.
const PEER_CONNECTIONS_PER_IP: usize = 512;

impl Limits {
    /// The limits that `settings` ask for.
    pub(crate) fn new(settings: &BrokerConfig) -> Self {
        let ms = |ms: i64| Duration::from_millis(u64::try_from(ms).unwrap_or(0));
        let produce = settings.socket_request_max_bytes;
        let request_bytes = settings.queued_max_request_bytes.unwrap_or(REQUEST_BYTES);
        Self {
            frame: frame::Limits { produce, ..frame::Limits::default() },
            request_bytes,
            answer_bytes: request_bytes / ANSWERS,
            pipelined: 64,
            queued_response_bytes: 1 << 20,
            connections: settings.max_connections,
            connections_per_ip: settings.max_connections_per_ip,
            connections_of: settings
                .max_connections_per_ip_overrides
                .iter()
                .filter_map(|(host, count)| Some((host.parse().ok()?, *count)))
                .collect(),
            creation_rate: settings.max_connection_creation_rate,
            listeners: settings.listener_limits.clone(),
            idle: settings.connections_max_idle_ms.map_or(Duration::MAX, ms),
            frame_deadline: ms(settings.frame_timeout_ms),
            login: ms(settings.login_timeout_ms),
            unknown_frame: settings.unknown_request_max_bytes,
            logins_per_ip: settings.max_logins_per_ip,
            rejection_delay: ms(settings.rejection_delay_ms),
            write_deadline: ms(settings.write_timeout_ms),
        }
    }

    /// The limits of the listener for peers. Their connections may rest for as long as they like:
    /// that one ends tells that a broker has.
    pub(crate) fn of_peers(settings: &BrokerConfig) -> Self {
        let other = frame::Limits::default().other + ENVELOPE;
        Self {
            frame: frame::Limits { produce: other, other, ..frame::Limits::default() },
            request_bytes: PEER_REQUEST_BYTES,
            answer_bytes: PEER_REQUEST_BYTES / ANSWERS,
            connections: PEER_CONNECTIONS,
            connections_per_ip: PEER_CONNECTIONS_PER_IP,
            connections_of: Vec::new(),
            creation_rate: usize::MAX,
            listeners: Vec::new(),
            idle: Duration::MAX,
            ..Self::new(settings)
        }
    }

    /// How many connections an address may have.
    pub(super) fn of_address(&self, host: IpAddr) -> usize {
        let own = self.connections_of.iter().find(|(known, _)| *known == host);
        own.map_or(self.connections_per_ip, |(_, count)| *count)
    }

    /// What a listener has of its own.
    pub(super) fn of_listener(&self, name: &str) -> ListenerLimits {
        let own = self.listeners.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        own.map(|(_, limits)| *limits).unwrap_or_default()
    }
}
