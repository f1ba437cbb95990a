//! Who is measured.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::fleet::Fleet;

/// Whose three brokers fail.
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

    /// Three of its brokers in `folder`, started.
    pub fn start(self, folder: &Path) -> Result<Fleet> {
        match self {
            Contender::Kastellan => Fleet::three(folder, &[]),
            Contender::Kafka => Fleet::three_of_kafka(folder, &[]),
            // those of the quorum are Kafka's defaults already
            Contender::KafkaWithOurTimeouts => Fleet::three_of_kafka(
                folder,
                &[("broker.session.timeout.ms", "3000"), ("broker.heartbeat.interval.ms", "500")],
            ),
        }
    }

    /// How long a broker stays away: longer than anybody takes to do without it.
    pub(super) fn absence(self) -> Duration {
        match self {
            Contender::Kastellan => Duration::from_secs(8),
            Contender::Kafka | Contender::KafkaWithOurTimeouts => Duration::from_secs(16),
        }
    }
}
