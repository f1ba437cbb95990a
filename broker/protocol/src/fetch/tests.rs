//! The codec against `kafka-protocol`'s, in both directions and on damaged bytes.

mod answers;
mod requests;

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use kafka_protocol::protocol::Encodable;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{ApiKey, ErrorCode, Refused, decode_response, messages};

const VERSIONS: std::ops::RangeInclusive<i16> = 4..=18;

fn name() -> impl Strategy<Value = String> {
    "[a-z]{0,12}|[a-z]{120,140}|\u{e9}t\u{e9}"
}

fn uuid() -> impl Strategy<Value = Uuid> {
    prop_oneof![Just(Uuid::nil()), any::<u128>().prop_map(Uuid::from_u128)]
}

fn told_name(version: i16, name: &str, id: Uuid) -> (String, Uuid) {
    if version >= TOPIC_IDS { (String::new(), id) } else { (name.to_owned(), Uuid::nil()) }
}

fn encoded(version: i16, message: &impl Encodable) -> Vec<u8> {
    let mut body = BytesMut::new();
    message.encode(&mut body, version).unwrap();
    body.to_vec()
}
