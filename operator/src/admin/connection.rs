//! One connection to one broker: requests out, their answers in the same order.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kastellan_protocol::messages::{ApiKey, ApiVersionsRequest};
use kastellan_protocol::protocol::Request;
use kastellan_protocol::{decode_response, encode_request};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::answer::{AdminError, outcome};
use super::guarded::{Guarded, Stream};
use super::text;

/// The longest answer taken: the metadata of some hundred thousand partitions, or what a fetch may
/// bring.
const LONGEST: usize = 64 << 20;
/// How long an address has to accept a connection.
const DIAL: Duration = Duration::from_secs(10);

/// A connection, and what the broker at its other end serves.
#[derive(Debug)]
pub(super) struct Connection {
    address: String,
    stream: Box<dyn Stream>,
    patience: Duration,
    correlation: i32,
    served: BTreeMap<i16, (i16, i16)>,
    features: BTreeMap<String, i16>,
}

impl Connection {
    /// Connects to `HOST:PORT`, with TLS where something is to be shown, and asks what is served
    /// there. Nobody there is [`AdminError::Unreachable`].
    pub(super) async fn open(
        address: &str,
        guarded: Option<&Guarded>,
        patience: Duration,
    ) -> Result<Self, AdminError> {
        let unreachable = |why| AdminError::Unreachable(vec![(address.to_owned(), why)]);
        let connected = tokio::time::timeout(DIAL.min(patience), TcpStream::connect(address)).await;
        let stream = match connected {
            Ok(stream) => stream.map_err(unreachable)?,
            Err(_) => return Err(unreachable(io::ErrorKind::TimedOut.into())),
        };
        stream.set_nodelay(true).map_err(unreachable)?;
        let stream: Box<dyn Stream> = match guarded {
            None => Box::new(stream),
            Some(guarded) => {
                let greeting = guarded.greet(name(address), stream);
                match tokio::time::timeout(DIAL.min(patience), greeting).await {
                    Ok(stream) => stream.map_err(unreachable)?,
                    Err(_) => return Err(unreachable(io::ErrorKind::TimedOut.into())),
                }
            }
        };
        let mut connection = Self {
            address: address.to_owned(),
            stream,
            patience,
            correlation: 0,
            served: BTreeMap::from([(ApiKey::ApiVersions as i16, (0, 3))]),
            features: BTreeMap::new(),
        };
        let request = ApiVersionsRequest::default()
            .with_client_software_name(text("kastellan"))
            .with_client_software_version(text(env!("CARGO_PKG_VERSION")));
        let answer = match connection.ask(3, &request).await {
            Ok(answer) => answer,
            // whoever hangs up on this is no broker that we can talk to
            Err(AdminError::Connection(_, why)) => return Err(unreachable(why)),
            Err(other) => return Err(other),
        };
        outcome(answer.error_code, None)?;
        let range = |api: i16, low: i16, high: i16| (api, (low, high));
        let served = answer.api_keys.iter();
        connection.served =
            served.map(|api| range(api.api_key, api.min_version, api.max_version)).collect();
        let features = answer.finalized_features.iter();
        connection.features = features
            .map(|feature| (feature.name.as_str().to_owned(), feature.max_version_level))
            .collect();
        Ok(connection)
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// The cluster's finalized features and their levels.
    pub(super) fn features(&self) -> &BTreeMap<String, i16> {
        &self.features
    }

    /// Whether this version of this API is served there.
    pub(super) fn check<R: Request>(&self, version: i16) -> Result<(), AdminError> {
        let range = self.served.get(&R::KEY).copied();
        if range.is_some_and(|(low, high)| (low..=high).contains(&version)) {
            return Ok(());
        }
        let api = ApiKey::try_from(R::KEY).or(Err(AdminError::Foreign))?;
        Err(AdminError::NotServed { address: self.address.clone(), api, version, range })
    }

    /// A request and its answer.
    pub(super) async fn ask<R: Request>(
        &mut self,
        version: i16,
        body: &R,
    ) -> Result<R::Response, AdminError> {
        let correlation = self.send(version, body).await?;
        self.receive::<R>(version, correlation).await
    }

    /// Sends a request; its number, for [`Connection::receive`].
    pub(super) async fn send<R: Request>(
        &mut self,
        version: i16,
        body: &R,
    ) -> Result<i32, AdminError> {
        self.check::<R>(version)?;
        self.correlation = self.correlation.wrapping_add(1);
        let frame = encode_request(version, self.correlation, Some("kastellan"), body)?;
        match tokio::time::timeout(self.patience, self.stream.write_all(&frame)).await {
            Ok(result) => result.map_err(|why| self.broken(why))?,
            Err(_) => return Err(self.silence()),
        }
        Ok(self.correlation)
    }

    /// The answer to the oldest request that has none yet, which must be the one numbered so.
    pub(super) async fn receive<R: Request>(
        &mut self,
        version: i16,
        correlation: i32,
    ) -> Result<R::Response, AdminError> {
        let answer = match tokio::time::timeout(self.patience, read(&mut self.stream)).await {
            Ok(Ok(Some(answer))) => answer,
            Ok(Ok(None)) => return Err(AdminError::Foreign),
            Ok(Err(why)) => return Err(self.broken(why)),
            Err(_) => return Err(self.silence()),
        };
        let (answered, response) = decode_response(version, answer)?;
        if answered == correlation { Ok(response) } else { Err(AdminError::Foreign) }
    }

    fn broken(&self, why: io::Error) -> AdminError {
        AdminError::Connection(self.address.clone(), why)
    }

    fn silence(&self) -> AdminError {
        AdminError::Silence(self.address.clone(), self.patience.as_secs())
    }
}

/// The host of `HOST:PORT`, as a certificate has it.
fn name(address: &str) -> io::Result<ServerName<'static>> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    ServerName::try_from(host).map_err(io::Error::other)
}

/// One frame; `None` if it is longer than any answer.
async fn read(stream: &mut Box<dyn Stream>) -> io::Result<Option<Bytes>> {
    let size = usize::try_from(stream.read_i32().await?).unwrap_or(usize::MAX);
    if size > LONGEST {
        return Ok(None);
    }
    // grows with what arrives, not with what was announced
    let mut answer = BytesMut::with_capacity(size.min(64 << 10));
    let mut rest = stream.take(size as u64);
    while rest.read_buf(&mut answer).await? > 0 {}
    if answer.len() < size {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(answer.freeze()))
}
