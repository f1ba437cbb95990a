//! Few bytes that ask for many: counts, tags, sizes and compressed nothing. What the broker takes
//! for them is looked at from outside, as the kernel counts it.

use std::time::Duration;

use anyhow::{Result, ensure};
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest};
use kastellan_e2e::batch::{Batch, Record};
use kastellan_e2e::wire::Answer;
use kastellan_protocol::compression::{Codec, deflate};

use super::batches::{good, put};
use super::stage::{MAX_BATCH, Stage};
use super::table::{Is, Row};

const MIB: u64 = 1 << 20;

pub(crate) const OPEN: &[Row] = &[
    Row::new("counts of two thousand million, in every API", Is::Kept, counts),
    Row::new("twenty million tags in a header", Is::Kept, tags),
    Row::new("sizes of 100 MB, and no bytes", Is::Kept, sizes),
    Row::new("80 MiB in a batch by gzip", Is::Code(10), |stage| {
        inflated(stage, Codec::Gzip, 80 << 20)
    }),
    Row::new("200 MiB in a batch by zstd", Is::Code(10), |stage| {
        inflated(stage, Codec::Zstd, 200 << 20)
    }),
    Row::new("20 MB in a batch by lz4", Is::Code(0), |stage| {
        inflated(stage, Codec::Lz4, 20_000_000)
    }),
];

pub(crate) const LOGINS: &[Row] = &[
    Row::new("tags in a header, before the login", Is::Kept, tags_before_login),
    Row::new("sizes and no bytes, before the login", Is::Kept, half_open),
];

/// What an attack may cost: four times what was sent, and a MiB.
fn within(stage: &mut Stage, before: u64, sent: usize) -> Result<Is> {
    let (peak, sent) = (stage.peak()?, u64::try_from(sent)?);
    let (grown, most) = (peak.saturating_sub(before), 4 * sent + MIB);
    ensure!(grown <= most, "{sent} bytes made it grow by {grown}");
    Ok(Is::Kept)
}

/// The header of an API's newest version, tags included where it has some.
fn header(api: i16, version: i16) -> Vec<u8> {
    let mut bytes = [api.to_be_bytes(), version.to_be_bytes()].concat();
    bytes.extend([0, 0, 0, 1, 0xff, 0xff]);
    let known = ApiKey::try_from(api);
    if known.is_ok_and(|api| api.request_header_version(version) >= 2) {
        bytes.push(0);
    }
    bytes
}

pub(crate) fn counts(stage: &mut Stage) -> Result<Is> {
    let all = stage.good()?.call(0, &ApiVersionsRequest::default())?;
    ensure!(all.api_keys.len() > 30, "{all:?}");
    let before = stage.forget_peak()?;
    let mut sent = 0;
    for api in &all.api_keys {
        for version in api.min_version..=api.max_version {
            let header = header(api.api_key, version);
            for bomb in [
                [0x7f, 0xff, 0xff, 0xff].repeat(16),
                [0xff, 0xff, 0xff, 0xff, 0x07].repeat(16),
                [&[0; 4][..], &[0x7f, 0xff, 0xff, 0xff].repeat(16)].concat(),
            ] {
                let frame = [header.as_slice(), &bomb].concat();
                sent += frame.len();
                let mut wire = stage.wire()?;
                wire.send(&frame)?;
                // an answer, if need be with an error, is as good as an end; who may wait for what
                // cannot come is one that was understood
                let answer = wire.receive(Duration::from_secs(15))?;
                let (key, silent) = (api.api_key, answer == Answer::Silence);
                ensure!(!silent, "API {key} v{version} says nothing");
            }
        }
    }
    within(stage, before, sent)
}

/// So many tagged fields of no bytes, as a header begins them.
fn tagged(count: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    unsigned(&mut bytes, count);
    for tag in 0..count {
        unsigned(&mut bytes, tag + 10);
        bytes.push(0);
    }
    bytes
}

fn unsigned(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Only Produce may be that large.
pub(crate) fn tags(stage: &mut Stage) -> Result<Is> {
    let frame = [&[0, 0, 0, 9, 0, 0, 0, 1, 0xff, 0xff][..], &tagged(20_000_000)].concat();
    let before = stage.forget_peak()?;
    ensure!(stage.frame(&frame)? == Is::Closed, "they were taken");
    within(stage, before, frame.len())
}

/// As many as fit before anybody has logged in.
pub(crate) fn tags_before_login(stage: &mut Stage) -> Result<Is> {
    let mut frame = [&[0, 18, 0, 3, 0, 0, 0, 1, 0xff, 0xff][..], &tagged(20_000)].concat();
    frame.truncate(65_000);
    let before = stage.forget_peak()?;
    ensure!(stage.frame(&frame)? == Is::Closed, "they were taken");
    within(stage, before, frame.len())
}

pub(crate) fn sizes(stage: &mut Stage) -> Result<Is> {
    connections(stage, 100_000_000, 200)
}

pub(crate) fn half_open(stage: &mut Stage) -> Result<Is> {
    connections(stage, 60_000, 500)
}

/// So many connections, each of which says how much it will send and sends ten bytes of it. One
/// may cost what an idle one costs: 20 KiB.
fn connections(stage: &mut Stage, size: i32, count: u64) -> Result<Is> {
    let before = stage.forget_peak()?;
    let mut wires = Vec::new();
    for _ in 0..count {
        let mut wire = stage.wire()?;
        wire.send_raw(&[&size.to_be_bytes()[..], &[0, 18, 0, 3, 0, 0, 0, 1, 0xff, 0xff]].concat())?;
        wires.push(wire);
    }
    stage.is_healthy()?;
    let grown = stage.peak()?.saturating_sub(before);
    ensure!(grown <= count * (20 << 10) + MIB, "{count} connections made it grow by {grown}");
    Ok(Is::Kept)
}

/// A batch of one record of `size` bytes of nothing, which the topic takes as it is sent.
fn inflated(stage: &mut Stage, codec: Codec, size: usize) -> Result<Is> {
    let record = Record { value: Some(vec![0; size]), ..Record::default() };
    let mut batch = Batch { records: vec![record], ..good() };
    let mut body = Vec::new();
    deflate(codec, &batch.encoded_records(), &mut body);
    ensure!(body.len() + 61 <= MAX_BATCH, "{codec:?} makes {} bytes of it", body.len());
    batch.attributes = codec.bits();
    batch.body = Some(body);
    let before = stage.forget_peak()?;
    let came = put(stage, &batch)?;
    let grown = stage.peak()?.saturating_sub(before);
    ensure!(grown <= 64 * MIB, "it grew by {grown}");
    Ok(came)
}
