//! A small Kafka admin client: one connection, one request at a time, answers by topic.
//!
//! The only module that dials a broker. It speaks fixed versions: the brokers are ours, and of the
//! same version as this binary.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kastellan_protocol::protocol::{Request, StrBytes};
use kastellan_protocol::{EncodeError, ErrorCode, Refused, decode_response, encode_request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

mod topics;

pub use topics::{Described, NewTopic};

/// How long a broker may take for one answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest answer taken: the metadata of some hundred thousand partitions.
const LONGEST: usize = 64 << 20;

/// A connection to one broker.
#[derive(Debug)]
pub struct Admin {
    stream: TcpStream,
    correlation: i32,
}

/// Why there is no answer; the connection is of no more use.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The connection failed.
    #[error("connection to {0}: {1}")]
    Connection(SocketAddr, io::Error),
    /// No answer within 30 s.
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Silence,
    /// Our own request does not encode.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The answer does not decode.
    #[error("the answer does not decode: {0}")]
    Decode(#[from] Refused),
    /// The answer is to another request, or too long.
    #[error("not an answer to what was asked")]
    Foreign,
}

/// What a broker says to each topic of a request: done, or why not.
pub type Answers = BTreeMap<String, Result<(), Refusal>>;

/// A broker's no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Kafka's name of the error, and the broker's message.
    pub message: String,
    /// Whether Kafka counts the error among those that pass.
    pub retriable: bool,
}

impl Admin {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Result<Self, AdminError> {
        let connected = async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        let stream = match tokio::time::timeout(PATIENCE, connected).await {
            Ok(result) => result.map_err(|why| AdminError::Connection(address, why))?,
            Err(_) => return Err(AdminError::Silence),
        };
        Ok(Self { stream, correlation: 0 })
    }

    async fn ask<R: Request>(&mut self, version: i16, body: &R) -> Result<R::Response, AdminError> {
        self.correlation = self.correlation.wrapping_add(1);
        let frame = encode_request(version, self.correlation, Some("kastellan"), body)?;
        let answer = match tokio::time::timeout(PATIENCE, self.exchange(&frame)).await {
            Ok(answer) => answer?,
            Err(_) => return Err(AdminError::Silence),
        };
        let (correlation, response) = decode_response(version, answer)?;
        if correlation == self.correlation { Ok(response) } else { Err(AdminError::Foreign) }
    }

    async fn exchange(&mut self, frame: &Bytes) -> Result<Bytes, AdminError> {
        let result = async {
            self.stream.write_all(frame).await?;
            let size = usize::try_from(self.stream.read_i32().await?).unwrap_or(usize::MAX);
            if size > LONGEST {
                return Ok(None);
            }
            // grows with what arrives, not with what was announced
            let mut answer = BytesMut::new();
            let mut rest = (&mut self.stream).take(size as u64);
            while rest.read_buf(&mut answer).await? > 0 {}
            if answer.len() < size {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Ok(Some(answer.freeze()))
        };
        match result.await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(AdminError::Foreign),
            Err(why) => Err(self.broken(why)),
        }
    }

    fn broken(&self, why: io::Error) -> AdminError {
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        AdminError::Connection(self.stream.peer_addr().unwrap_or(unknown), why)
    }
}

/// A code and perhaps a message, as Kafka's admin answers have them.
fn outcome(code: i16, message: Option<&StrBytes>) -> Result<(), Refusal> {
    let Some(error) = ErrorCode::try_from_code(code) else { return Ok(()) };
    let message = match message {
        Some(message) => format!("{error:?}: {}", message.as_str()),
        None => format!("{error:?}"),
    };
    Err(Refusal { message, retriable: error.is_retriable() })
}
