//! The quorum's messages as Kafka codes them, in the versions that peers speak: Vote 2,
//! `BeginQuorumEpoch` 1, `EndQuorumEpoch` 1, Fetch 18, `FetchSnapshot` 1.
//!
//! Kafka's messages are lists of topics with lists of partitions; there is one of each. A message
//! about anything else is none of the quorum's.

mod ask;
mod fetch;
mod hear;
mod vote;

use kastellan_core::{
    id::BrokerId,
    quorum::{Endpoint, Standing},
};
use kastellan_protocol::{ErrorCode, messages};

pub(super) use self::{
    ask::{Asking, Unanswered, ask},
    hear::hear,
};
use crate::peers::LISTENER;

/// What stands for nobody.
const NOBODY: i32 = -1;

fn id(number: i32) -> Option<BrokerId> {
    (number >= 0).then_some(BrokerId(number))
}

fn number(leader: Option<BrokerId>) -> messages::BrokerId {
    leader.map_or(NOBODY, |leader| leader.0).into()
}

fn code(error: Option<ErrorCode>) -> i16 {
    error.map_or(0, |error| error.code())
}

/// The first error that a response names, whichever of its levels it is at.
fn error(codes: impl IntoIterator<Item = i16>) -> Option<ErrorCode> {
    let first = codes.into_iter().find(|code| *code != 0)?;
    Some(ErrorCode::try_from_code(first).unwrap_or(ErrorCode::UnknownServerError))
}

/// What an answer says of the leader, with where that is to be found.
fn standing(
    error: Option<ErrorCode>,
    (leader, epoch): (i32, i32),
    nodes: impl IntoIterator<Item = (i32, String, u16)>,
) -> Standing {
    let of_leader = nodes.into_iter().filter(|(node, ..)| *node == leader);
    let endpoints = of_leader.map(|(_, host, port)| endpoint(LISTENER, &host, port)).collect();
    Standing { error, epoch, leader: id(leader), endpoints }
}

fn endpoint(name: &str, host: &str, port: u16) -> Endpoint {
    Endpoint { name: name.to_owned(), host: host.to_owned(), port }
}
