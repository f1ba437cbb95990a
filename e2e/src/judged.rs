//! The broker under judgement: ours, or Apache Kafka when `KASTELLAN_JUDGE=kafka`, which proves the
//! judges themselves.

use std::env;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::need::{self, Tool};
use crate::ours::Ours;
use crate::peer::{Jvm, Peer};
use crate::process::Process;

/// Either broker.
#[derive(Debug)]
#[expect(missing_docs, reason = "named after what they hold")]
pub enum Judged {
    Ours(Ours),
    Kafka(Peer),
}

/// Whether Apache Kafka stands in for our broker.
pub fn is_kafka() -> bool {
    env::var("KASTELLAN_JUDGE").is_ok_and(|which| which == "kafka")
}

/// Whether `suite`, with `tools`, can run against the broker under judgement: see [`need::ready`].
pub fn ready(suite: &str, tools: &[Tool]) -> Result<bool> {
    let mut tools = tools.to_vec();
    if is_kafka() {
        tools.extend(need::APACHE);
    }
    need::ready(suite, &tools)
}

impl Judged {
    /// The broker under judgement on `folder`, started, with Kafka-named `settings`.
    pub fn start(folder: &Path, settings: &[(&str, &str)]) -> Result<Judged> {
        let mut broker = if is_kafka() {
            Judged::Kafka(Peer::format(folder, Jvm::Test, settings)?)
        } else {
            Judged::Ours(Ours::new(folder, settings)?)
        };
        broker.restart()?;
        Ok(broker)
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        match self {
            Judged::Ours(broker) => broker.address(),
            Judged::Kafka(broker) => broker.address(),
        }
    }

    /// Its process.
    pub fn process(&mut self) -> Result<&mut Process> {
        match self {
            Judged::Ours(broker) => broker.process(),
            Judged::Kafka(broker) => broker.process(),
        }
        .context("the broker was never started")
    }

    /// Starts it on the folder and port it had. The process of before must be gone.
    pub fn restart(&mut self) -> Result<()> {
        match self {
            Judged::Ours(broker) => broker.start(),
            Judged::Kafka(broker) => broker.start(),
        }
    }
}
