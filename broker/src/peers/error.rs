//! Why a peer has not answered.

use std::io;

use kastellan_protocol::{EncodeError, Refused};

use super::{
    distrust::{is_lasting, words},
    subject::NotOurs,
};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PeerError {
    /// Nobody has said where the node is.
    #[error("nobody knows its address")]
    Unknown,
    /// It could not be reached, or the connection was lost.
    #[error("{}", words(why))]
    Unreachable {
        /// What the network says.
        why: io::Error,
        /// Whether the request may have arrived.
        sent: bool,
    },
    /// The last attempt has failed a moment ago.
    #[error("it could not be reached a moment ago")]
    BackingOff,
    /// Whoever answers there is another node, or of another cluster.
    #[error("{0}")]
    NotOurs(NotOurs),
    /// There was no answer in time.
    #[error("it did not answer in time")]
    TimedOut {
        /// Whether the request may have arrived.
        sent: bool,
    },
    /// Too many requests wait for it already.
    #[error("too many requests wait for it")]
    Busy,
    /// The answer is none.
    #[error("its answer cannot be read: {0}")]
    Malformed(#[from] Refused),
    /// The request cannot be written: a bug of ours.
    #[error("the request cannot be written: {0}")]
    Unwritable(#[from] EncodeError),
    /// This broker stops.
    #[error("this broker stops")]
    Stopped,
}

impl PeerError {
    /// Whether nobody listens there.
    pub(crate) fn is_refused(&self) -> bool {
        let Self::Unreachable { why, .. } = self else { return false };
        why.kind() == io::ErrorKind::ConnectionRefused
    }

    /// Whether somebody was there, and the connection ended before it was one: a process that ends
    /// takes along what was about to be accepted or to greet.
    pub(crate) fn is_cut_off(&self) -> bool {
        let Self::Unreachable { why, .. } = self else { return false };
        matches!(
            why.kind(),
            io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof
        )
    }

    /// Whether somebody is there who is not trusted, or does not trust this node: whoever runs the
    /// cluster has to do something about it.
    pub(super) fn is_distrust(&self) -> bool {
        match self {
            Self::NotOurs(_) => true,
            Self::Unreachable { why, .. } => is_lasting(why),
            _ => false,
        }
    }

    /// Whether the request may have been carried out all the same.
    pub(crate) fn sent(&self) -> bool {
        match self {
            Self::Unreachable { sent, .. } | Self::TimedOut { sent } => *sent,
            Self::Malformed(_) => true,
            Self::Unknown
            | Self::BackingOff
            | Self::NotOurs(_)
            | Self::Busy
            | Self::Unwritable(_)
            | Self::Stopped => false,
        }
    }
}

impl From<io::Error> for PeerError {
    /// An error before anything was sent.
    fn from(why: io::Error) -> Self {
        Self::Unreachable { why, sent: false }
    }
}
