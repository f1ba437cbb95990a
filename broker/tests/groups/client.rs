//! The one client of the broker's tests: it speaks in frames and judges by `kafka-protocol`, so
//! that our own codecs are not judged by themselves.
#![allow(
    dead_code,
    clippy::allow_attributes,
    clippy::unwrap_used,
    reason = "each test program uses a part of it"
)]

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use kastellan_protocol::{
    decode_response, encode_request, header,
    messages::{ApiKey, MetadataRequest, TopicName},
    protocol::{Decodable, HeaderVersion, Request, StrBytes},
};

/// A connection.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    correlation_id: i32,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        // A test that hangs should fail.
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
        Self { stream, correlation_id: 0 }
    }

    /// Connects from an address of one's own.
    pub(crate) fn connect_from(from: SocketAddr, address: SocketAddr) -> Self {
        use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&socket, &from).unwrap();
        connect(&socket, &address).unwrap();
        Self::over(TcpStream::from(socket))
    }

    /// Sends a request; the number is the answer's.
    pub(crate) fn send<R: Request>(&mut self, version: i16, request: &R) -> i32 {
        self.correlation_id += 1;
        let frame = encode_request(version, self.correlation_id, Some("tester"), request).unwrap();
        self.stream.write_all(&frame).unwrap();
        self.correlation_id
    }

    /// A whole frame, without its size; `None` when the broker has closed the connection.
    pub(crate) fn frame(&mut self) -> Option<Bytes> {
        let mut size = [0; 4];
        let first = self.stream.read(&mut size).unwrap_or(0);
        if first == 0 {
            return None;
        }
        self.stream.read_exact(size.get_mut(first..).unwrap()).unwrap();
        let mut frame = vec![0; usize::try_from(u32::from_be_bytes(size)).unwrap()];
        self.stream.read_exact(&mut frame).unwrap();
        Some(frame.into())
    }

    /// The next answer on the connection, with its number.
    pub(crate) fn receive<R: Request>(&mut self, version: i16) -> (i32, R::Response)
    where
        R::Response: HeaderVersion,
    {
        let frame = self.frame().expect("the connection stays open");
        decode_response(version, frame).unwrap()
    }

    /// Takes the next answer off the connection; it has to have this number.
    pub(crate) fn take<R: Decodable + HeaderVersion>(&mut self, version: i16, id: i32) -> R {
        let frame = self.frame().expect("the connection stays open");
        let (correlation_id, response) = decode_response(version, frame).unwrap();
        assert_eq!(correlation_id, id);
        response
    }

    /// Asks and waits.
    pub(crate) fn call<R: Request>(&mut self, version: i16, request: &R) -> R::Response
    where
        R::Response: Decodable + HeaderVersion,
    {
        let id = self.send(version, request);
        self.take(version, id)
    }

    /// Whether the broker answers on this connection; a healthy client's whole interest.
    pub(crate) fn works(&mut self) -> bool {
        self.call(4, &MetadataRequest::default()).brokers.len() == 1
    }

    /// Whether the broker has closed the connection; waits for it.
    pub(crate) fn is_closed(&mut self) -> bool {
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(n) => n == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }

    /// Reads, and forgets, until the broker closes the connection.
    pub(crate) fn drain(mut self) {
        let mut sink = [0; 4096];
        loop {
            match self.stream.read(&mut sink) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
                    return;
                }
            }
        }
    }
}

pub(crate) fn topic_name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}

/// A frame with any body.
pub(crate) fn frame(api: ApiKey, version: i16, body: &[u8]) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    header::encode(api, version, 1, Some("bomb"), &mut bytes);
    let mut frame = u32::try_from(bytes.len() + body.len()).unwrap().to_be_bytes().to_vec();
    frame.extend_from_slice(&bytes);
    frame.extend_from_slice(body);
    frame
}
