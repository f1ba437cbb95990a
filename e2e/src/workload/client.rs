//! What all clients have in common: whom to ask, and where to write down what came of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::asks;
use crate::history::{History, What};
use crate::process::pause;
use crate::wire::Wire;

/// How long a connection or an answer is waited for: brokers that are cut off give none.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// How long a client that is to end waits for the answer to what it has sent.
const LAST: Duration = Duration::from_secs(20);

/// One client, and one connection of it.
pub(super) struct Client {
    pub(super) process: u32,
    pub(super) topic: String,
    pub(super) partition: i32,
    servers: Vec<SocketAddr>,
    /// Which of them is asked next.
    turn: usize,
    /// The connection to whoever leads the partition, or coordinates the group.
    wire: Option<Wire>,
    history: Arc<History>,
    stop: Arc<AtomicBool>,
    /// Since when it knows that it is to end.
    stopped: Option<Instant>,
}

impl Client {
    pub(super) fn new(
        process: u32,
        (topic, partition): (String, i32),
        servers: Vec<SocketAddr>,
        (history, stop): (Arc<History>, Arc<AtomicBool>),
    ) -> Client {
        Client {
            process,
            topic,
            partition,
            servers,
            turn: 0,
            wire: None,
            history,
            stop,
            stopped: None,
        }
    }

    /// Whether it is to end.
    pub(super) fn is_done(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether it still has the time to get the answer that it waits for.
    pub(super) fn may_finish(&mut self) -> bool {
        self.stopped.get_or_insert_with(Instant::now).elapsed() < LAST
    }

    pub(super) fn now(&self) -> Duration {
        self.history.now()
    }

    pub(super) fn note(&self, begun: Duration, what: What) {
        self.history.add((self.process, self.partition), begun, what);
    }

    /// The connection to whoever leads the partition, as the next of the brokers has it.
    pub(super) fn leader(&mut self) -> Result<&mut Wire> {
        self.wire(asks::leader)
    }

    /// The connection to whoever coordinates the group of the client's topic.
    pub(super) fn coordinator(&mut self) -> Result<&mut Wire> {
        self.wire(|wire, topic, _| asks::coordinator(wire, topic))
    }

    fn wire(&mut self, who: impl Fn(&mut Wire, &str, i32) -> Result<i32>) -> Result<&mut Wire> {
        if self.wire.is_none() {
            let asked = self.turn % self.servers.len();
            self.turn += 1;
            let server = *self.servers.get(asked).context("no servers")?;
            let mut wire = Wire::connect_within(server, PATIENCE)?;
            let id = usize::try_from(who(&mut wire, &self.topic, self.partition)?)?;
            if id != asked {
                let server = *self.servers.get(id).context("an unknown broker")?;
                wire = Wire::connect_within(server, PATIENCE)?;
            }
            self.wire = Some(wire);
        }
        self.wire.as_mut().context("it was just made")
    }

    /// Something went wrong: the next of the brokers is asked for another connection, a moment
    /// later. The history's reader may want to know why.
    pub(super) fn lost(&mut self, why: impl Into<anyhow::Error>) {
        self.history.set_trouble(format!("client {}: {:#}", self.process, why.into()));
        self.forget();
    }

    /// Ends the connection: the next of the brokers is asked for another one, a moment later.
    pub(super) fn forget(&mut self) {
        self.wire = None;
        for _ in 0..4 {
            pause();
        }
    }
}
