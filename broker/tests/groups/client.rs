//! A broker of one process and clients that speak to it in frames.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use kastellan_broker::{Config, Listener, Running};
use kastellan_protocol::{
    decode_response, encode_request,
    messages::{
        CreateTopicsRequest, DeleteTopicsRequest, GroupId, TopicName,
        create_topics_request::CreatableTopic,
    },
    protocol::{Decodable, HeaderVersion, Request, StrBytes},
};

/// A broker on a directory and a port of its own.
pub(crate) struct Server {
    running: Option<Running>,
    address: SocketAddr,
    data_dir: PathBuf,
    keep: bool,
}

/// A connection.
pub(crate) struct Client {
    stream: TcpStream,
    correlation_id: i32,
}

pub(crate) fn group(name: &str) -> GroupId {
    GroupId(StrBytes::from_string(name.to_owned()))
}

pub(crate) fn topic(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}

/// Asks again until the answer is yes.
pub(crate) fn until(patience: Duration, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < patience, "it did not happen within {patience:?}");
    }
}

impl Server {
    pub(crate) fn start() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("kastellan-groups-{}-{number}", std::process::id());
        Self::start_in(std::env::temp_dir().join(name))
    }

    fn start_in(data_dir: PathBuf) -> Self {
        let settings =
            [("group.min.session.timeout.ms", "500"), ("offsets.topic.num.partitions", "5")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let listener = Listener {
            name: "plain".to_owned(),
            bind: "127.0.0.1:0".parse().unwrap(),
            advertised: None,
        };
        let running = kastellan_broker::start(Config {
            node_id: 1,
            cluster_id: None,
            log_dirs: vec![data_dir.clone()],
            metadata_log_dir: None,
            listeners: vec![listener],
            settings: BTreeMap::from(settings),
        })
        .unwrap();
        let address = running.addresses()[0].1;
        Self { running: Some(running), address, data_dir, keep: false }
    }

    /// Stops it and starts another one on the same data.
    pub(crate) fn restart(mut self) -> Self {
        self.keep = true;
        self.running.take().unwrap().shutdown();
        Self::start_in(self.data_dir.clone())
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream, correlation_id: 0 }
    }

    pub(crate) fn create_topic(&self, name: &str) {
        let wanted = CreatableTopic::default()
            .with_name(topic(name))
            .with_num_partitions(1)
            .with_replication_factor(1);
        let request =
            CreateTopicsRequest::default().with_topics(vec![wanted]).with_timeout_ms(10_000);
        let created = self.connect().call(5, &request);
        assert_eq!(created.topics[0].error_code, 0, "{created:?}");
    }

    pub(crate) fn delete_topic(&self, name: &str) {
        let request = DeleteTopicsRequest::default()
            .with_topic_names(vec![topic(name)])
            .with_timeout_ms(10_000);
        let deleted = self.connect().call(4, &request);
        assert_eq!(deleted.responses[0].error_code, 0, "{deleted:?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.shutdown();
        }
        if !self.keep {
            drop(std::fs::remove_dir_all(&self.data_dir));
        }
    }
}

impl Client {
    /// Sends a request; the number is the answer's.
    pub(crate) fn send<R: Request>(&mut self, version: i16, request: &R) -> i32 {
        self.correlation_id += 1;
        let frame = encode_request(version, self.correlation_id, Some("tester"), request).unwrap();
        self.stream.write_all(&frame).unwrap();
        self.correlation_id
    }

    /// Takes the next answer off the connection.
    pub(crate) fn take<R: Decodable + HeaderVersion>(&mut self, version: i16, id: i32) -> R {
        let mut size = [0; 4];
        self.stream.read_exact(&mut size).unwrap();
        let mut frame = vec![0; usize::try_from(i32::from_be_bytes(size)).unwrap()];
        self.stream.read_exact(&mut frame).unwrap();
        let (correlation_id, response) = decode_response(version, Bytes::from(frame)).unwrap();
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
}
