//! Before anybody has shown who they are.

use anyhow::{Result, ensure};
use kafka_protocol::messages::MetadataRequest;
use kastellan_e2e::wire::{Wire, frame};

use super::stage::{Stage, came};
use super::table::{Is, Row};

pub(crate) const ROWS: &[Row] = &[
    Row::new("a request before the login", Is::Closed, |stage| {
        stage.request(9, &MetadataRequest::default().with_topics(None))
    }),
    Row::new("a request between handshake and login", Is::Closed, |stage| {
        let mut wire = stage.wire()?;
        ensure!(handshake(&mut wire, "SCRAM-SHA-512")? == Is::Code(0));
        wire.send(&frame(9, 5, &MetadataRequest::default())?)?;
        came(&mut wire)
    }),
    Row::new("a mechanism that is not offered", Is::Code(33), |stage| {
        handshake(&mut stage.wire()?, "GSSAPI")
    }),
    Row::new("a login without a handshake", Is::Code(34), |stage| {
        let answer = stage.wire()?.authenticate(b"n,,n=alice,r=x")?;
        Ok(Is::Code(answer.error_code))
    }),
    Row::new("a login that is no SCRAM", Is::Code(58), |stage| {
        let answer = stage.wire()?.begin_scram(&[0xff; 40])?;
        Ok(Is::Code(answer.error_code))
    }),
    Row::new("a user that there is not, with a proof", Is::Code(58), |stage| {
        guess(stage, "mallory")
    }),
    Row::new("a proof that proves nothing", Is::Code(58), |stage| guess(stage, "alice")),
    Row::new("64 KiB and a byte before the login", Is::Closed, |stage| {
        stage.raw(&[&65_537_i32.to_be_bytes()[..], &[0; 64]].concat())
    }),
    Row::new("a client that says nothing", Is::Closed, |stage| came(&mut stage.wire()?)),
    Row::new("a client that stops in the middle of its login", Is::Closed, |stage| {
        let mut wire = stage.wire()?;
        ensure!(handshake(&mut wire, "SCRAM-SHA-512")? == Is::Code(0));
        wire.send_raw(&[0, 0, 0, 40, 0, 36])?;
        came(&mut wire)
    }),
];

/// Asks for a mechanism; a refusal tells those that there are.
pub(crate) fn handshake(wire: &mut Wire, mechanism: &str) -> Result<Is> {
    let (code, mechanisms) = wire.handshake(mechanism)?;
    ensure!(!mechanisms.is_empty(), "none is offered");
    Ok(Is::Code(code))
}

/// Goes through SCRAM with a proof of nothing. Who is not known hears of it no sooner than who is;
/// the connection ends after the answer.
pub(crate) fn guess(stage: &mut Stage, user: &str) -> Result<Is> {
    let mut wire = stage.wire()?;
    let message = wire.challenge(user)?.guess()?;
    let answer = wire.authenticate(message.as_bytes())?;
    ensure!(answer.auth_bytes.is_empty(), "{answer:?}");
    ensure!(came(&mut wire)? == Is::Closed, "the connection goes on");
    Ok(Is::Code(answer.error_code))
}
