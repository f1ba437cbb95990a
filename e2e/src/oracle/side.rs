//! One broker in a scene: sends requests to it and notes the answers.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest};
use kafka_protocol::protocol::Request;

use super::normal;
use super::tree::Node;
use crate::process::pause;
use crate::wire::{self, Answer, Wire};

/// How long an answer may take, and how long a scene waits for a condition.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a broker may take to close a connection it does not like.
const CLOSING: Duration = Duration::from_secs(1);

/// The versions served by both brokers and known to the judge, by API key.
pub type Versions = BTreeMap<i16, (i16, i16)>;

/// One request and what came of it.
#[derive(Debug, Clone)]
pub struct Note {
    /// `scene/case`, the same on both sides.
    pub case: String,
    /// The API's name.
    pub api: String,
    /// The version of the request.
    pub version: i16,
    /// What came back: the fields of the answer, or a leaf that says `closed` or `silence`.
    pub answer: Node,
}

/// One broker, seen through connections that the scenes use one after the other.
#[derive(Debug)]
pub struct Side {
    /// Where it listens.
    pub address: SocketAddr,
    /// The address to connect from, where it matters.
    from: Option<SocketAddr>,
    /// A time that both sides use for timestamps, in milliseconds.
    pub now: i64,
    versions: Versions,
    wire: Option<Wire>,
    scene: String,
    turn: i32,
    notes: Vec<Note>,
}

impl Side {
    /// The broker at `address`, to be asked in `versions`.
    pub fn new(address: SocketAddr, versions: Versions, now: i64) -> Side {
        Side {
            address,
            from: None,
            now,
            versions,
            wire: None,
            scene: String::new(),
            turn: 0,
            notes: Vec::new(),
        }
    }

    /// The same, seen by somebody at another address of this machine.
    ///
    /// # Panics
    /// When `host` is no address.
    #[must_use]
    pub fn coming_from(self, host: &str) -> Side {
        let host = host.parse().expect("an address of this machine");
        Side { from: Some(SocketAddr::new(host, 0)), ..self }
    }

    /// Begins a scene: its name stands before every case, and it has a connection of its own.
    pub fn scene(&mut self, name: &str) {
        name.clone_into(&mut self.scene);
        self.wire = None;
    }

    /// All that was noted.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The versions of an API to be asked, lowest first.
    pub fn versions<R: Request>(&self) -> std::ops::RangeInclusive<i16> {
        let (least, greatest) = self.versions.get(&R::KEY).copied().unwrap_or((0, -1));
        least.max(R::VERSIONS.min)..=greatest.min(R::VERSIONS.max)
    }

    /// The greatest version of an API to be asked.
    pub fn newest<R: Request>(&self) -> i16 {
        *self.versions::<R>().end()
    }

    /// Asks and notes the answer. A broker that closes gives the default response to the scene.
    pub fn ask<R>(&mut self, case: &str, version: i16, request: &R) -> R::Response
    where
        R: Request,
        R::Response: Debug + Default,
    {
        let (answer, response) = self.exchange(version, request);
        self.note::<R>(case, version, answer);
        response.unwrap_or_default()
    }

    /// Asks without a note: for what a scene needs to know but does not judge.
    pub fn quiet<R>(&mut self, version: i16, request: &R) -> R::Response
    where
        R: Request,
        R::Response: Debug + Default,
    {
        self.exchange(version, request).1.unwrap_or_default()
    }

    /// Asks until `done` likes the answer, and notes only the last one.
    pub fn ask_until<R>(
        &mut self,
        case: &str,
        version: i16,
        request: &R,
        done: impl Fn(&R::Response) -> bool,
    ) -> R::Response
    where
        R: Request,
        R::Response: Debug + Default,
    {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (answer, response) = self.exchange(version, request);
            let response = response.unwrap_or_default();
            if done(&response) || Instant::now() > deadline {
                self.note::<R>(case, version, answer);
                return response;
            }
            pause();
        }
    }

    /// Sends without waiting: for an answer that comes later, or never. Gives the request's number.
    pub fn send<R: Request>(&mut self, version: i16, request: &R) -> i32 {
        self.turn += 1;
        let turn = self.turn;
        let sent = wire::frame(version, turn, request).and_then(|frame| self.wire()?.send(&frame));
        if sent.is_err() {
            self.wire = None;
        }
        turn
    }

    /// Notes the answer to request number `turn`, [sent](Side::send) before on this connection.
    pub fn receive<R>(&mut self, case: &str, version: i16, turn: i32) -> R::Response
    where
        R: Request,
        R::Response: Debug + Default,
    {
        let received = self.wire().and_then(|wire| wire.receive(PATIENCE));
        let (answer, response) = self.judge::<R>(version, turn, received);
        self.note::<R>(case, version, answer);
        response.unwrap_or_default()
    }

    /// Sends bytes of any kind on a connection of their own, size included, and notes whether the
    /// broker answers, closes or says nothing. The answer itself is not compared.
    pub fn hostile(&mut self, case: &str, api: &str, version: i16, bytes: &[u8]) {
        let answer = Wire::connect(self.address)
            .and_then(|mut wire| {
                wire.send_raw(bytes)?;
                wire.receive(CLOSING)
            })
            .map_or_else(
                |error| format!("broken: {error:#}"),
                |answer| match answer {
                    Answer::Frame(_) => "answered".to_owned(),
                    Answer::Closed => "closed".to_owned(),
                    Answer::Silence => "silence".to_owned(),
                },
            );
        let case = format!("{}/{case}", self.scene);
        self.notes.push(Note { case, api: api.to_owned(), version, answer: Node::Leaf(answer) });
    }

    /// A second connection of the same scene: swaps it with the one in use.
    pub fn swap(&mut self, other: &mut Option<Wire>) {
        std::mem::swap(&mut self.wire, other);
    }

    fn wire(&mut self) -> Result<&mut Wire> {
        let wire = match self.wire.take() {
            Some(wire) => wire,
            None => match self.from {
                Some(from) => Wire::connect_from(from, self.address)?,
                None => Wire::connect(self.address)?,
            },
        };
        Ok(self.wire.insert(wire))
    }

    fn exchange<R>(&mut self, version: i16, request: &R) -> (Node, Option<R::Response>)
    where
        R: Request,
        R::Response: Debug,
    {
        self.turn += 1;
        let turn = self.turn;
        let received = wire::frame(version, turn, request).and_then(|frame| {
            let wire = self.wire()?;
            wire.send(&frame)?;
            wire.receive(PATIENCE)
        });
        self.judge::<R>(version, turn, received)
    }

    fn judge<R>(
        &mut self,
        version: i16,
        turn: i32,
        received: Result<Answer>,
    ) -> (Node, Option<R::Response>)
    where
        R: Request,
        R::Response: Debug,
    {
        let decoded = received.and_then(|answer| match answer {
            Answer::Frame(bytes) => Ok(Ok(wire::response::<R>(version, turn, bytes)?)),
            Answer::Closed => Ok(Err("closed")),
            Answer::Silence => Ok(Err("silence")),
        });
        match decoded {
            Ok(Ok(response)) => {
                let mut node = Node::of(&response);
                normal::normalise(&mut node, self.address);
                (node, Some(response))
            }
            Ok(Err(what)) => {
                self.wire = None;
                (Node::Leaf(what.to_owned()), None)
            }
            Err(error) => {
                self.wire = None;
                (Node::Leaf(format!("broken: {error:#}")), None)
            }
        }
    }

    fn note<R: Request>(&mut self, case: &str, version: i16, answer: Node) {
        let api =
            ApiKey::try_from(R::KEY).map_or_else(|()| R::KEY.to_string(), |api| format!("{api:?}"));
        let case = format!("{}/{case}", self.scene);
        self.notes.push(Note { case, api, version, answer });
    }
}

/// The versions that both brokers serve, as they say themselves.
pub fn common_versions(one: SocketAddr, other: SocketAddr) -> Result<Versions> {
    let (one, other) = (advertised(one)?, advertised(other)?);
    let mut common = Versions::new();
    for (key, (least, greatest)) in one {
        if let Some((other_least, other_greatest)) = other.get(&key) {
            common.insert(key, (least.max(*other_least), greatest.min(*other_greatest)));
        }
    }
    Ok(common)
}

fn advertised(address: SocketAddr) -> Result<Versions> {
    let answer = Wire::connect(address)?.call(0, &ApiVersionsRequest::default())?;
    if answer.error_code != 0 || answer.api_keys.is_empty() {
        bail!("{address} answers ApiVersions v0 with error {}", answer.error_code);
    }
    Ok(answer
        .api_keys
        .iter()
        .map(|key| (key.api_key, (key.min_version, key.max_version)))
        .collect())
}
