//! What becomes of a request: an answer, a broker's no, or nothing at all.

use std::collections::BTreeMap;
use std::io;

use kastellan_protocol::messages::ApiKey;
use kastellan_protocol::protocol::StrBytes;
use kastellan_protocol::{EncodeError, ErrorCode, Refused};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No connection: every address that was tried, and why it failed.
    #[error("no broker answers: {}", all(.0))]
    Unreachable(Vec<(String, io::Error)>),
    /// The connection to an address failed.
    #[error("the connection to {0} failed: {1}")]
    Connection(String, #[source] io::Error),
    /// No answer from an address within so many seconds.
    #[error("no answer from {0} within {1} s")]
    Silence(String, u64),
    /// The broker there does not serve this version of this API; the range is what it serves.
    #[error("the broker at {address} does not serve {api:?} version {version}{}", also(*.range))]
    NotServed {
        /// The broker.
        address: String,
        /// The API.
        api: ApiKey,
        /// The version asked for.
        version: i16,
        /// The versions served, if any.
        range: Option<(i16, i16)>,
    },
    /// The metadata names no such broker.
    #[error("broker {0} is not in the cluster")]
    NoBroker(i32),
    /// What is to be shown to brokers is no certificate with its key.
    #[error("the certificate that is shown to brokers cannot be used: {0}")]
    Credentials(String),
    /// Our own request does not encode.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The answer does not decode.
    #[error("the answer does not decode: {0}")]
    Decode(#[from] Refused),
    /// The answer is to another request, or too long, or not Kafka's at all.
    #[error("not an answer to what was asked: is this a Kafka broker without TLS?")]
    Foreign,
    /// The whole request was refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

fn all(tried: &[(String, io::Error)]) -> String {
    let each: Vec<String> = tried.iter().map(|(at, why)| format!("{at}: {why}")).collect();
    each.join("; ")
}

fn also(range: Option<(i16, i16)>) -> String {
    range.map_or_else(String::new, |(low, high)| format!(", only {low} to {high}"))
}

impl AdminError {
    /// Whether the connection is of no more use.
    pub(super) fn breaks_the_connection(&self) -> bool {
        !matches!(
            self,
            Self::NotServed { .. } | Self::NoBroker(_) | Self::Encode(_) | Self::Refused(_)
        )
    }

    /// Whether the same request may be answered a moment later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Connection(..) | Self::NoBroker(_) => true,
            Self::Refused(refusal) => refusal.retriable,
            _ => false,
        }
    }
}

/// What a broker says to each item of a request, by its name: done, or why not.
pub type Answers = BTreeMap<String, Result<(), Refusal>>;

/// A broker's no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Kafka's number of the error.
    pub code: i16,
    /// Kafka's name of the error, and the broker's message.
    pub message: String,
    /// Whether Kafka counts the error among those that pass.
    pub retriable: bool,
}

impl Refusal {
    /// Whether this is the given error.
    pub fn is(&self, error: ErrorCode) -> bool {
        self.code == error.code()
    }
}

/// A code and perhaps a message, as Kafka's answers have them.
pub(super) fn outcome(code: i16, message: Option<&StrBytes>) -> Result<(), Refusal> {
    let Some(error) = ErrorCode::try_from_code(code) else { return Ok(()) };
    let message = match message.filter(|message| !message.as_str().is_empty()) {
        Some(message) => format!("{error:?}: {}", message.as_str()),
        None => format!("{error:?}: {}", plain(error)),
    };
    Err(Refusal { code, message, retriable: error.is_retriable() })
}

/// What the errors mean that a person meets most often and that come without a message.
fn plain(error: ErrorCode) -> &'static str {
    match error {
        ErrorCode::UnknownTopicOrPartition => "there is no such topic or partition",
        ErrorCode::GroupIdNotFound => "there is no such group",
        ErrorCode::NonEmptyGroup => "the group still has members",
        ErrorCode::OffsetOutOfRange => "the log does not reach that offset",
        ErrorCode::MessageTooLarge => "a record is larger than the topic's max.message.bytes",
        ErrorCode::LeaderNotAvailable => "the partition has no leader at the moment",
        ErrorCode::NotLeaderOrFollower => "the partition has moved to another broker",
        ErrorCode::CoordinatorNotAvailable => "the group has no coordinator at the moment",
        ErrorCode::CoordinatorLoadInProgress => "the group's coordinator is starting",
        ErrorCode::UnknownMemberId => "the group does not know this member, or has members",
        ErrorCode::TopicAuthorizationFailed | ErrorCode::GroupAuthorizationFailed => {
            "you may not do this"
        }
        ErrorCode::CorruptMessage => "a record arrived damaged",
        ErrorCode::NotEnoughReplicas => "fewer replicas are in sync than min.insync.replicas",
        ErrorCode::InvalidTopicException => "no topic can have this name",
        _ => "the broker says no more",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_was_tried_is_named() {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let tried = vec![("a:1".to_owned(), refused()), ("b:2".to_owned(), refused())];
        let said = AdminError::Unreachable(tried).to_string();
        assert!(said.starts_with("no broker answers: a:1: ") && said.contains("; b:2: "), "{said}");
    }

    #[test]
    fn a_refusal_has_kafkas_name_and_a_sentence() {
        let refusal = outcome(3, None).unwrap_err();
        assert_eq!(refusal.message, "UnknownTopicOrPartition: there is no such topic or partition");
        assert!(refusal.is(ErrorCode::UnknownTopicOrPartition) && refusal.retriable);
        assert_eq!(outcome(0, None), Ok(()));
    }
}
