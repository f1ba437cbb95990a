//! Who is measured.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::fleet::Fleet;
use crate::network::Network;

/// What brokers there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Three, which vote.
    Three,
    /// The same and one that does not: every partition, which has three copies, is without one.
    Four,
    /// Three, each on a host of its own.
    Hosts,
}

impl Stage {
    /// All of them.
    pub const ALL: [Stage; 3] = [Stage::Three, Stage::Four, Stage::Hosts];

    /// Partitions of a topic, of which one suits.
    pub(super) fn partitions(self) -> i32 {
        if self == Stage::Four { 24 } else { 3 }
    }
}

/// Whose brokers fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contender {
    /// Ours.
    Kastellan,
    /// Apache Kafka 4.3.1 as shipped.
    Kafka,
    /// The same with our timeouts.
    KafkaWithOurTimeouts,
}

impl Contender {
    /// As a table's head says it.
    pub fn name(self) -> &'static str {
        match self {
            Contender::Kastellan => "Kastellan",
            Contender::Kafka => "Apache Kafka 4.3.1",
            Contender::KafkaWithOurTimeouts => "Apache Kafka 4.3.1 with our timeouts",
        }
    }

    /// Its brokers in `folder`, started; on the hosts of `network` where there is one.
    pub fn start(self, folder: &Path, stage: Stage, network: Option<Network>) -> Result<Fleet> {
        let count = if stage == Stage::Four { 4 } else { 3 };
        // those of the quorum are Kafka's defaults already
        let ours: &[_] =
            &[("broker.session.timeout.ms", "3000"), ("broker.heartbeat.interval.ms", "500")];
        let mut fleet = match self {
            Contender::Kastellan => Fleet::copied(network, folder, count, &[])?,
            Contender::Kafka => Fleet::of_kafka(network, folder, count, &[])?,
            Contender::KafkaWithOurTimeouts => Fleet::of_kafka(network, folder, count, ours)?,
        };
        fleet.start_all()?;
        Ok(fleet)
    }

    /// How long a broker stays away: longer than anybody takes to do without it.
    pub(super) fn absence(self) -> Duration {
        match self {
            Contender::Kastellan => Duration::from_secs(8),
            Contender::Kafka | Contender::KafkaWithOurTimeouts => Duration::from_secs(16),
        }
    }
}
