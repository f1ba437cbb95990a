//! Who may do what: every row of the broker's table, asked of both by somebody who may nothing,
//! what it takes, something in between, and everything.

#[path = "../../../broker/src/tests/access/probes.rs"]
mod probes;

use std::fmt::Debug;
use std::net::SocketAddr;

use bytes::Bytes;
use kafka_protocol::protocol::Request;

use self::probes::Ask;
use self::probes::drive::{Batches, VISITOR, drive};
use super::side::{Note, Side, Versions};
use crate::batch::Batch;
use crate::process::pause;

/// The messages that the probes are made of.
mod types {
    pub(super) use kafka_protocol::{messages, protocol};
}

/// What both brokers are started with: lists that are empty at first, and open to all until then.
pub const SETTINGS: &[(&str, &str)] = &[
    ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
    ("allow.everyone.if.no.acl.found", "true"),
    ("auto.create.topics.enable", "true"),
    ("group.initial.rebalance.delay.ms", "0"),
];

/// Batches of a transaction say so.
const TRANSACTIONAL: i16 = 0x10;

/// Sets the scene and is not judged.
struct Host(Side);

/// Asks what is judged.
struct Visitor {
    side: Side,
    state: String,
}

impl Ask for Host {
    fn newest<R: Request>(&self) -> i16 {
        self.0.newest::<R>()
    }

    fn ask<R>(&mut self, _case: &str, version: i16, request: &R) -> R::Response
    where
        R: Request,
        R::Response: Debug + Default,
    {
        self.0.quiet(version, request)
    }

    fn pause(&self) {
        pause();
    }
}

impl Ask for Visitor {
    fn newest<R: Request>(&self) -> i16 {
        self.side.newest::<R>()
    }

    fn ask<R>(&mut self, case: &str, version: i16, request: &R) -> R::Response
    where
        R: Request,
        R::Response: Debug + Default,
    {
        self.side.ask(&format!("{case}/{}", self.state), version, request)
    }

    fn state(&mut self, name: &str) {
        name.clone_into(&mut self.state);
    }
}

/// One question: which, whether the table says yes, and whether the broker did.
pub type Verdict = (String, bool, bool);

/// Goes through the whole matrix with the broker at `address`.
pub fn play(address: SocketAddr, versions: &Versions, now: i64) -> (Vec<Note>, Vec<Verdict>) {
    let mut host = Host(Side::new(address, versions.clone(), now));
    let side = Side::new(address, versions.clone(), now).coming_from(VISITOR);
    let mut visitor = Visitor { side, state: String::new() };
    visitor.side.scene("access");
    let plain = Batch::of(0, &["a"]);
    let transactional = Batch { attributes: TRANSACTIONAL, ..Batch::of(0, &["a"]) };
    let batches = Batches {
        plain: Bytes::from(plain.encode()),
        transactional: Bytes::from(transactional.encode()),
    };
    let mut verdicts = Vec::new();
    drive(&mut host, &mut visitor, batches, |row, state, allowed| {
        verdicts.push((format!("{} {state:?}", row.name), state.is_enough(), allowed));
    });
    (visitor.side.notes().to_vec(), verdicts)
}
