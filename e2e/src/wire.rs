//! A blocking connection that sends any bytes: the judge's own hand on the wire, independent of our
//! codecs.

mod asks;
pub mod scram;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

pub use self::asks::{PRODUCE, produce, produced, text};

/// How long an answer may take. A broker that says nothing for this long has hung.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    correlation: i32,
    patience: Duration,
}

/// What came back for a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A frame, without its size.
    Frame(Bytes),
    /// The broker closed the connection.
    Closed,
    /// Nothing within the time given.
    Silence,
}

impl Wire {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Result<Wire> {
        let stream = TcpStream::connect(address);
        Wire::over(stream.with_context(|| format!("cannot connect to {address}"))?)
    }

    /// Connects, or gives up after `limit`; no answer may take longer either.
    pub fn connect_within(address: SocketAddr, limit: Duration) -> Result<Wire> {
        let stream = TcpStream::connect_timeout(&address, limit);
        let mut wire = Wire::over(stream.with_context(|| format!("cannot connect to {address}"))?)?;
        wire.stream.set_write_timeout(Some(limit))?;
        wire.patience = limit;
        Ok(wire)
    }

    /// Connects from an address of one's own.
    pub fn connect_from(from: SocketAddr, address: SocketAddr) -> Result<Wire> {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
        bind(&socket, &from).with_context(|| format!("cannot come from {from}"))?;
        connect(&socket, &address).with_context(|| format!("cannot connect to {address}"))?;
        Wire::over(TcpStream::from(socket))
    }

    fn over(stream: TcpStream) -> Result<Wire> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Wire { stream, correlation: 0, patience: PATIENCE })
    }

    /// Sends raw bytes, size included. A connection that is closed already is no error: the answer
    /// will tell.
    pub fn send_raw(&mut self, bytes: &[u8]) -> Result<()> {
        match self.stream.write_all(bytes) {
            Err(error)
                if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) =>
            {
                Ok(())
            }
            other => Ok(other?),
        }
    }

    /// Sends one frame, putting its size before it.
    pub fn send(&mut self, frame: &[u8]) -> Result<()> {
        let mut bytes = Vec::with_capacity(frame.len() + 4);
        bytes.extend_from_slice(&i32::try_from(frame.len())?.to_be_bytes());
        bytes.extend_from_slice(frame);
        self.send_raw(&bytes)
    }

    /// The next answer, waiting at most `limit`.
    pub fn receive(&mut self, limit: Duration) -> Result<Answer> {
        self.stream.set_read_timeout(Some(limit))?;
        let mut size = [0; 4];
        if let Some(answer) = self.fill(&mut size)? {
            return Ok(answer);
        }
        let size =
            usize::try_from(i32::from_be_bytes(size)).context("a response has a negative size")?;
        if size > 256 << 20 {
            bail!("a response of {size} bytes");
        }
        let mut frame = vec![0; size];
        match self.fill(&mut frame)? {
            None => Ok(Answer::Frame(frame.into())),
            Some(_) => bail!("a response of {size} bytes broke off"),
        }
    }

    /// Whether the broker has closed the connection by now. What else has come is not kept.
    pub fn is_over(&mut self) -> Result<bool> {
        self.stream.set_nonblocking(true)?;
        let read = self.stream.read(&mut [0; 256]);
        self.stream.set_nonblocking(false)?;
        match read {
            Ok(read) => Ok(read == 0),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => Ok(false),
                ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Ok(true),
                _ => Err(error.into()),
            },
        }
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<Option<Answer>> {
        match self.stream.read_exact(buffer) {
            Ok(()) => Ok(None),
            Err(error) => match error.kind() {
                ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                    Ok(Some(Answer::Closed))
                }
                ErrorKind::WouldBlock | ErrorKind::TimedOut => Ok(Some(Answer::Silence)),
                _ => Err(error.into()),
            },
        }
    }

    /// Sends a request to which the response is not waited for.
    pub fn ask<R: Request>(&mut self, version: i16, request: &R) -> Result<()> {
        self.correlation += 1;
        self.send(&frame(version, self.correlation, request)?)
    }

    /// Sends a request and decodes the response to it.
    pub fn call<R: Request>(&mut self, version: i16, request: &R) -> Result<R::Response> {
        self.ask(version, request)?;
        match self.receive(self.patience)? {
            Answer::Frame(bytes) => response::<R>(version, self.correlation, bytes),
            other => bail!("no answer to {} v{version}: {other:?}", R::KEY),
        }
    }
}

/// A request frame, without its size, from the client `judge`.
pub fn frame<R: Request>(version: i16, correlation: i32, request: &R) -> Result<Vec<u8>> {
    let mut bytes = header::<R>(version, correlation)?;
    request.encode(&mut bytes, version)?;
    Ok(bytes.to_vec())
}

/// The header of a request frame.
pub fn header<R: Request>(version: i16, correlation: i32) -> Result<BytesMut> {
    let mut bytes = BytesMut::new();
    RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(correlation)
        .with_client_id(Some(StrBytes::from_static_str("judge")))
        .encode(&mut bytes, <R as HeaderVersion>::header_version(version))?;
    Ok(bytes)
}

/// The decoded body of a response frame; every byte must belong to it.
pub fn response<R: Request>(
    version: i16,
    correlation: i32,
    mut bytes: Bytes,
) -> Result<R::Response> {
    let api = ApiKey::try_from(R::KEY).ok().context("an unknown api")?;
    let header = ResponseHeader::decode(&mut bytes, api.response_header_version(version))?;
    if header.correlation_id != correlation {
        bail!("the response is to request {} instead of {correlation}", header.correlation_id);
    }
    let response = R::Response::decode(&mut bytes, version)
        .with_context(|| format!("{api:?} v{version} does not decode"))?;
    if !bytes.is_empty() {
        bail!("{} bytes left over after the {api:?} v{version} response", bytes.len());
    }
    Ok(response)
}
