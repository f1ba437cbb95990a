//! The settings of brokers among each other, as values.

use std::{collections::BTreeMap, net::Ipv6Addr, time::Duration};

use super::{Invalid, broker::Reader, broker_table::RACK_AWARE, kind::words};
use crate::id::{BrokerId, Uuid, uuid_from_text};

/// How many voters make a quorum: a majority of 2 or 4 bears no more failures than one of 1 or 3.
const QUORUMS: [usize; 3] = [1, 3, 5];

/// A voter as `controller.quorum.voters` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoterAddress {
    /// Its node id.
    pub id: BrokerId,
    /// The host of its peer listener, without brackets.
    pub host: String,
    /// The port of its peer listener.
    pub port: u16,
    /// The id of the directory that its metadata lies in.
    pub directory: Uuid,
}

/// Of which replica a consumer reads that names its rack (KIP-392).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplicaSelector {
    /// The leader.
    Leader,
    /// One in that rack that is in sync, if there is one.
    RackAware,
}

/// What a broker knows of its fleet before it has asked anybody.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetConfig {
    /// Whether process.roles has `broker`.
    pub is_broker: bool,
    /// Whether process.roles has `controller`.
    pub is_controller: bool,
    /// controller.quorum.voters, in the order of their ids; empty: a cluster of one.
    pub voters: Vec<VoterAddress>,
    /// controller.quorum.bootstrap.servers.
    pub bootstrap_servers: Vec<(String, u16)>,
    /// controller.quorum.election.timeout.ms.
    pub election_timeout: Duration,
    /// controller.quorum.election.backoff.max.ms.
    pub election_backoff_max: Duration,
    /// controller.quorum.fetch.timeout.ms.
    pub fetch_timeout: Duration,
    /// controller.quorum.request.timeout.ms.
    pub request_timeout: Duration,
    /// controller.quorum.retry.backoff.ms.
    pub retry_backoff: Duration,
    /// leader.replication.throttled.rate, in bytes a second; `None`: no limit.
    pub leader_throttle: Option<u64>,
    /// follower.replication.throttled.rate, in bytes a second; `None`: no limit.
    pub follower_throttle: Option<u64>,
    /// replica.selector.class.
    pub replica_selector: ReplicaSelector,
    /// broker.heartbeat.interval.ms.
    pub heartbeat_interval: Duration,
    /// broker.session.timeout.ms.
    pub session_timeout: Duration,
    /// initial.broker.registration.timeout.ms.
    pub registration_timeout: Duration,
    /// auto.leader.rebalance.enable.
    pub auto_leader_rebalance: bool,
    /// leader.imbalance.check.interval.seconds.
    pub leader_imbalance_check: Duration,
    /// num.replica.fetchers.
    pub replica_fetchers: usize,
    /// replica.fetch.backoff.ms.
    pub replica_fetch_backoff: Duration,
    /// replica.fetch.max.bytes.
    pub replica_fetch_max_bytes: i32,
    /// replica.fetch.min.bytes.
    pub replica_fetch_min_bytes: i32,
    /// replica.fetch.response.max.bytes.
    pub replica_fetch_response_max_bytes: i32,
    /// replica.fetch.wait.max.ms.
    pub replica_fetch_wait_max: Duration,
    /// replica.lag.time.max.ms.
    pub replica_lag_time_max: Duration,
    /// replica.socket.timeout.ms.
    pub replica_socket_timeout: Duration,
}

impl FleetConfig {
    pub(super) fn read(value: &Reader<'_>) -> Self {
        let ms = |name| Duration::from_millis(value.number(name));
        let roles = value.text("process.roles");
        Self {
            is_broker: words(roles).any(|role| role == "broker"),
            is_controller: words(roles).any(|role| role == "controller"),
            voters: voters(value.text("controller.quorum.voters")).unwrap_or_default(),
            bootstrap_servers: servers(value.text("controller.quorum.bootstrap.servers"))
                .unwrap_or_default(),
            election_timeout: ms("controller.quorum.election.timeout.ms"),
            election_backoff_max: ms("controller.quorum.election.backoff.max.ms"),
            fetch_timeout: ms("controller.quorum.fetch.timeout.ms"),
            request_timeout: ms("controller.quorum.request.timeout.ms"),
            retry_backoff: ms("controller.quorum.retry.backoff.ms"),
            leader_throttle: value.text("leader.replication.throttled.rate").parse().ok(),
            follower_throttle: value.text("follower.replication.throttled.rate").parse().ok(),
            replica_selector: match value.text("replica.selector.class") {
                RACK_AWARE => ReplicaSelector::RackAware,
                _ => ReplicaSelector::Leader,
            },
            heartbeat_interval: ms("broker.heartbeat.interval.ms"),
            session_timeout: ms("broker.session.timeout.ms"),
            registration_timeout: ms("initial.broker.registration.timeout.ms"),
            auto_leader_rebalance: value.boolean("auto.leader.rebalance.enable"),
            leader_imbalance_check: Duration::from_secs(
                value.number("leader.imbalance.check.interval.seconds"),
            ),
            replica_fetchers: value.number("num.replica.fetchers"),
            replica_fetch_backoff: ms("replica.fetch.backoff.ms"),
            replica_fetch_max_bytes: value.int("replica.fetch.max.bytes"),
            replica_fetch_min_bytes: value.int("replica.fetch.min.bytes"),
            replica_fetch_response_max_bytes: value.int("replica.fetch.response.max.bytes"),
            replica_fetch_wait_max: ms("replica.fetch.wait.max.ms"),
            replica_lag_time_max: ms("replica.lag.time.max.ms"),
            replica_socket_timeout: ms("replica.socket.timeout.ms"),
        }
    }

    /// Whether this node is alone: nobody else to elect, to register with or to replicate to.
    pub fn is_alone(&self) -> bool {
        self.voters.is_empty() && self.bootstrap_servers.is_empty()
    }

    /// What its settings may not be together.
    pub(super) fn conflicts(&self) -> Vec<Invalid> {
        let mut found = Vec::new();
        let mut conflict = |what: String| found.push(Invalid::Conflict(what));
        let (voters, most) = (self.voters.len(), self.session_timeout);
        if !self.voters.is_empty() && !QUORUMS.contains(&voters) {
            conflict(format!(
                "controller.quorum.voters names {voters} voters: write 1, 3 or 5; others only \
                 follow (controller.quorum.bootstrap.servers)"
            ));
        }
        if self.heartbeat_interval * 2 > most {
            conflict(format!(
                "broker.heartbeat.interval.ms is more than half of broker.session.timeout.ms, {} \
                 ms: one lost heartbeat would fence the broker",
                most.as_millis()
            ));
        }
        if !self.is_broker {
            conflict(
                "process.roles has no broker: write broker or broker,controller, for a node with a \
                 vote is a broker too"
                    .to_owned(),
            );
        }
        found
    }
}

/// Reads a list of voters; the error says what was expected.
pub(super) fn voters(text: &str) -> Result<Vec<VoterAddress>, String> {
    let expected = || {
        "a list of id@host:port:directory-id with another id each, as in \
         0@kafka-0:9190:JEXY6aqzQY-32P5TStzaFg"
            .to_owned()
    };
    let mut found = BTreeMap::new();
    for word in words(text) {
        let (id, address) = word.split_once('@').ok_or_else(expected)?;
        let id = id.parse().ok().filter(|id| *id >= 0).ok_or_else(expected)?;
        let (address, directory) = address.rsplit_once(':').ok_or_else(expected)?;
        let directory = uuid_from_text(directory).ok_or_else(expected)?;
        let (host, port) = server(address).ok_or_else(expected)?;
        let voter = VoterAddress { id: BrokerId(id), host, port, directory };
        if found.insert(id, voter).is_some() {
            return Err(expected());
        }
    }
    Ok(found.into_values().collect())
}

/// Reads a list of servers; the error says what was expected.
pub(super) fn servers(text: &str) -> Result<Vec<(String, u16)>, String> {
    let one = |word| server(word).ok_or_else(|| "a list of host:port".to_owned());
    words(text).map(one).collect()
}

/// `host:port`, an IPv6 address in brackets.
fn server(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port > 0)?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').filter(|host| host.parse::<Ipv6Addr>().is_ok())?,
        None => host,
    };
    let plain = !host.is_empty() && (host.parse::<Ipv6Addr>().is_ok() || !host.contains(':'));
    plain.then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{BrokerConfig, Overrides};

    fn parse(settings: &[(&str, &str)]) -> Result<FleetConfig, String> {
        let settings: Overrides = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let parsed = BrokerConfig::parse(settings);
        parsed
            .map(|config| config.fleet)
            .map_err(|wrong| wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    }

    #[test]
    fn a_broker_that_is_told_nothing_is_alone() {
        let fleet = parse(&[]).unwrap();
        assert!(fleet.is_alone() && fleet.is_broker && fleet.is_controller);
        assert_eq!(fleet.heartbeat_interval, Duration::from_millis(500));
    }

    /// The id of a directory.
    const DIR: &str = "AAAAAAAAAAAAAAAAAAAAAQ";

    #[test]
    fn voters_are_ids_with_addresses_and_directories() {
        let text = format!("2@[::1]:9190:{DIR}, 0@localhost:1:{DIR},1@10.0.0.1:65535:{DIR}");
        let fleet = parse(&[("controller.quorum.voters", &text)]).unwrap();
        let found: Vec<_> =
            fleet.voters.iter().map(|it| (it.id.0, it.host.as_str(), it.port)).collect();
        assert_eq!(found, [(0, "localhost", 1), (1, "10.0.0.1", 65535), (2, "::1", 9190)]);
        assert!(fleet.voters.iter().all(|voter| voter.directory == Uuid::from_u128(1)));
        for wrong in ["0@h", "0@h:0", "-1@h:1", "0@:1", "0@h:1:D,0@i:1", "0@[h]:1", "a@h:1"] {
            let why = parse(&[("controller.quorum.voters", &format!("{wrong}:{DIR}"))]);
            let why = why.unwrap_err();
            assert!(why.contains("id@host:port:directory-id"), "{wrong}: {why}");
        }
    }

    #[test]
    fn a_voter_that_lost_its_directory_could_not_be_told_from_itself() {
        let why = parse(&[("controller.quorum.voters", "0@localhost:9190")]).unwrap_err();
        assert!(why.contains("id@host:port:directory-id"), "{why}");
    }

    #[test]
    fn an_even_number_of_voters_is_refused() {
        let text = format!("0@a:1:{DIR},1@b:1:{DIR}");
        let why = parse(&[("controller.quorum.voters", &text)]).unwrap_err();
        assert!(why.contains("names 2 voters: write 1, 3 or 5"), "{why}");
    }

    #[test]
    fn one_lost_heartbeat_may_not_fence_a_broker() {
        let why = parse(&[("broker.heartbeat.interval.ms", "2000")]).unwrap_err();
        assert!(why.contains("more than half of broker.session.timeout.ms"), "{why}");
    }

    #[test]
    fn a_node_is_a_broker_whatever_else_it_is() {
        for roles in ["", "controller"] {
            let why = parse(&[("process.roles", roles)]).unwrap_err();
            assert!(why.contains("process.roles has no broker"), "{why}");
        }
        assert!(!parse(&[("process.roles", "broker")]).unwrap().is_controller);
    }
}
