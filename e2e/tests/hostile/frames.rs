//! Below any API: what is no request, or no whole one. The connection ends, nobody else's does.

use anyhow::{Context as _, Result, ensure};
use kafka_protocol::messages::{
    ApiVersionsRequest, ApiVersionsResponse, MetadataRequest, ResponseHeader,
};
use kafka_protocol::protocol::Decodable as _;
use kastellan_e2e::wire::{Answer, frame, header};

use super::stage::Stage;
use super::table::{Is, Row};

pub(crate) const ROWS: &[Row] = &[
    Row::new("a size below zero", Is::Closed, |stage| stage.raw(&(-1_i32).to_be_bytes())),
    Row::new("a size above the limit", Is::Closed, |stage| stage.raw(&i32::MAX.to_be_bytes())),
    Row::new("random bytes", Is::Closed, |stage| stage.raw(&noise(4_096))),
    Row::new("HTTP", Is::Closed, |stage| stage.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")),
    Row::new("TLS", Is::Closed, |stage| {
        stage.raw(&[&[0x16, 3, 1, 0, 200, 1, 0, 0, 196][..], &[7; 196]].concat())
    }),
    Row::new("an API that nobody knows", Is::Closed, |stage| {
        stage.frame(&[0x03, 0xe7, 0, 0, 0, 0, 0, 1, 0xff, 0xff])
    }),
    Row::new("a request without its last byte", Is::Closed, |stage| {
        let mut whole = metadata()?;
        whole.pop();
        stage.frame(&whole)
    }),
    Row::new("a text that is not UTF-8", Is::Closed, |stage| {
        let mut bytes = header::<MetadataRequest>(1, 1)?.to_vec();
        bytes.extend([0, 0, 0, 1, 0, 2, 0xff, 0xfe]);
        stage.frame(&bytes)
    })
    .kafka(Is::Answered),
    Row::new("more entries than bytes", Is::Closed, |stage| {
        let mut bytes = header::<MetadataRequest>(1, 1)?.to_vec();
        bytes.extend(i32::MAX.to_be_bytes());
        stage.frame(&bytes)
    }),
    Row::new("a text longer than the request", Is::Closed, |stage| {
        let mut bytes = header::<MetadataRequest>(1, 1)?.to_vec();
        bytes.extend([0, 0, 0, 1, 0x7f, 0xff, b'a']);
        stage.frame(&bytes)
    }),
    Row::new("a version that there is not", Is::Closed, |stage| {
        let mut bytes = metadata()?;
        bytes.splice(2..4, 99_i16.to_be_bytes());
        stage.frame(&bytes)
    }),
    Row::new("ApiVersions from the future", Is::Code(35), from_the_future),
];

fn metadata() -> Result<Vec<u8>> {
    frame(9, 1, &MetadataRequest::default().with_topics(None))
}

/// The same bytes each time, which look like none.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// Answered in the oldest words, with all that is there, and the connection goes on.
fn from_the_future(stage: &mut Stage) -> Result<Is> {
    let mut wire = stage.wire()?;
    let mut bytes = frame(3, 7, &ApiVersionsRequest::default())?;
    bytes.splice(2..4, 99_i16.to_be_bytes());
    wire.send(&bytes)?;
    let Answer::Frame(mut answer) = wire.receive(std::time::Duration::from_secs(15))? else {
        return Ok(Is::Closed);
    };
    ensure!(ResponseHeader::decode(&mut answer, 0)?.correlation_id == 7);
    let versions = ApiVersionsResponse::decode(&mut answer, 0)?;
    ensure!(versions.api_keys.iter().any(|api| api.api_key == 18), "{versions:?}");
    let next = wire.call(3, &ApiVersionsRequest::default());
    next.context("the connection did not go on")?;
    Ok(Is::Code(versions.error_code))
}
