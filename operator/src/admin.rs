//! The Kafka client of this binary: finds the brokers, sends each request where it belongs.
//!
//! The only module that dials a broker. It speaks one version of every API, which Kafka serves from
//! 3.7 on and Kastellan always; a broker that does not serve it is told apart by name
//! ([`AdminError::NotServed`]). A request is sent once; only what reads, and what a broker refused
//! for a passing reason, is asked again, and never beyond the patience given at the start.

use std::collections::BTreeMap;
use std::time::Duration;

use kastellan_protocol::protocol::{Request, StrBytes};
use tokio::time::Instant;

use self::connection::Connection;
use self::guarded::Guarded;
use crate::pki::Credentials;

mod answer;
mod configs;
mod connection;
mod fetch;
mod groups;
mod guarded;
mod log_dirs;
mod member;
mod metadata;
mod offsets;
mod placed;
mod produce;
mod quorum;
mod reassignments;
mod topics;
mod users;

pub use answer::{AdminError, Answers, Refusal};
pub use configs::{BROKER, Change, Setting, Source, TOPIC};
pub use fetch::{Fetched, Position};
pub use groups::{Group, Listed, Member};
pub use member::Membership;
pub use metadata::{Metadata, Node, PartitionState, TopicState};
pub use offsets::Spot;
pub use placed::{Moving, Placed};
pub use produce::Producer;
pub use quorum::{Quorum, Vote};
pub use topics::{Described, NewTopic};
pub use users::RefusedUsers;

/// A topic's name and the number of one of its partitions.
pub type Partition = (String, i32);

/// Before a question that was refused for a passing reason is asked again.
const PAUSE: Duration = Duration::from_millis(100);

/// Connections to the brokers of one cluster.
#[derive(Debug)]
pub struct Admin {
    seeds: Vec<String>,
    patience: Duration,
    /// What is shown to brokers that let in nobody else.
    guarded: Option<Guarded>,
    /// Where each broker is reached, as the last metadata had it.
    nodes: BTreeMap<i32, String>,
    /// One connection per broker; the one under `None` is to whichever seed answered.
    links: BTreeMap<Option<i32>, Connection>,
}

impl Admin {
    /// Connects to the first of `seeds` (`HOST:PORT`) that answers. Every later request has
    /// `patience` to be answered.
    pub async fn connect(seeds: &[String], patience: Duration) -> Result<Self, AdminError> {
        Self::with(seeds, patience, None).await
    }

    /// The same, by mutual TLS.
    pub async fn guarded(
        seeds: &[String],
        patience: Duration,
        credentials: &Credentials,
    ) -> Result<Self, AdminError> {
        let guarded = Guarded::new(credentials).map_err(AdminError::Credentials)?;
        Self::with(seeds, patience, Some(guarded)).await
    }

    async fn with(
        seeds: &[String],
        patience: Duration,
        guarded: Option<Guarded>,
    ) -> Result<Self, AdminError> {
        let (nodes, links) = (BTreeMap::new(), BTreeMap::new());
        let mut admin = Self { seeds: seeds.to_vec(), patience, guarded, nodes, links };
        admin.link(None).await?;
        Ok(admin)
    }

    /// Drops all connections; the next request makes new ones.
    pub fn disconnect(&mut self) {
        self.links.clear();
    }

    /// Where the broker is that answers questions which any broker can answer.
    pub fn address(&self) -> Option<&str> {
        self.links.get(&None).map(Connection::address)
    }

    /// Whether the last metadata had this broker.
    pub fn knows(&self, broker: i32) -> bool {
        self.nodes.contains_key(&broker)
    }

    /// The finalized features of the cluster: name and level.
    pub fn features(&self) -> BTreeMap<String, i16> {
        self.links.get(&None).map(|link| link.features().clone()).unwrap_or_default()
    }

    /// Whether the contacted broker serves an API in this version.
    fn serves<R: Request>(&self, version: i16) -> bool {
        self.links.get(&None).is_some_and(|link| link.check::<R>(version).is_ok())
    }

    async fn link(&mut self, node: Option<i32>) -> Result<&mut Connection, AdminError> {
        if !self.links.contains_key(&node) {
            let addresses = match node {
                None => self.seeds.clone(),
                Some(id) => vec![self.nodes.get(&id).cloned().ok_or(AdminError::NoBroker(id))?],
            };
            let connection = self.dial(&addresses).await?;
            self.links.insert(node, connection);
        }
        self.links.get_mut(&node).ok_or(AdminError::Foreign)
    }

    async fn dial(&self, addresses: &[String]) -> Result<Connection, AdminError> {
        let mut tried = Vec::new();
        for address in addresses {
            match Connection::open(address, self.guarded.as_ref(), self.patience).await {
                Ok(connection) => return Ok(connection),
                Err(AdminError::Unreachable(failed)) => tried.extend(failed),
                Err(other) => return Err(other),
            }
        }
        Err(AdminError::Unreachable(tried))
    }

    /// Asks a broker, or any (`None`). A connection that failed is forgotten.
    async fn ask<R: Request>(
        &mut self,
        node: Option<i32>,
        version: i16,
        body: &R,
    ) -> Result<R::Response, AdminError> {
        let result = match self.link(node).await {
            Ok(link) => link.ask(version, body).await,
            Err(why) => return Err(why),
        };
        if result.as_ref().is_err_and(AdminError::breaks_the_connection) {
            self.links.remove(&node);
        }
        result
    }

    /// Asks several brokers at the same time.
    async fn ask_each<R: Request>(
        &mut self,
        version: i16,
        bodies: &BTreeMap<i32, R>,
    ) -> BTreeMap<i32, Result<R::Response, AdminError>> {
        let mut sent = BTreeMap::new();
        for (node, body) in bodies {
            let result = match self.link(Some(*node)).await {
                Ok(link) => link.send(version, body).await,
                Err(why) => Err(why),
            };
            sent.insert(*node, result);
        }
        let mut answers = BTreeMap::new();
        for (node, correlation) in sent {
            let answer = match (correlation, self.links.get_mut(&Some(node))) {
                (Ok(correlation), Some(link)) => link.receive::<R>(version, correlation).await,
                (Err(why), _) => Err(why),
                (Ok(_), None) => Err(AdminError::NoBroker(node)),
            };
            if answer.as_ref().is_err_and(AdminError::breaks_the_connection) {
                self.links.remove(&Some(node));
            }
            answers.insert(node, answer);
        }
        answers
    }

    /// Waits a moment before another attempt; `false` when `deadline` leaves no time for one.
    async fn again(&self, deadline: Instant) -> bool {
        if Instant::now() + PAUSE >= deadline {
            return false;
        }
        tokio::time::sleep(PAUSE).await;
        true
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.patience
    }

    /// How long a broker itself may wait, in milliseconds: a little less than we do.
    fn timeout_ms(&self) -> i32 {
        let most = self.patience.as_millis() / 6 * 5;
        i32::try_from(most).unwrap_or(i32::MAX)
    }
}

/// The protocol's text.
fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// The values under their topics: what most requests are made of.
fn by_topic<T>(
    values: impl IntoIterator<Item = (Partition, T)>,
) -> BTreeMap<String, Vec<(i32, T)>> {
    let mut topics = BTreeMap::<String, Vec<(i32, T)>>::new();
    for ((topic, partition), value) in values {
        topics.entry(topic).or_default().push((partition, value));
    }
    topics
}
