//! A broker in this process, and clients that speak to it in frames.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::{Bytes, BytesMut};
use kastellan_broker::{Config, Listener, Running};
use kastellan_protocol::{
    batch::Builder,
    decode_response, encode_request, header,
    messages::{
        ApiKey, BrokerId, CreateTopicsRequest, FetchRequest, FetchResponse, FindCoordinatorRequest,
        MetadataRequest, ProduceRequest, TopicName,
        create_topics_request::CreatableTopic,
        fetch_request::{FetchPartition, FetchTopic},
        produce_request::{PartitionProduceData, TopicProduceData},
    },
    protocol::{Decodable, HeaderVersion, Request, StrBytes},
};

/// A broker on a directory and a port of its own.
pub(crate) struct Server {
    running: Option<Running>,
    data_dir: PathBuf,
}

/// A connection.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    correlation_id: i32,
}

impl Server {
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("kastellan-counts-{}-{number}", std::process::id());
        let data_dir = std::env::temp_dir().join(name);
        let listener = Listener {
            name: "plain".to_owned(),
            bind: SocketAddr::from(([127, 0, 0, 1], 0)),
            advertised: None,
        };
        let settings = settings.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let config = Config {
            node_id: 1,
            cluster_id: None,
            log_dirs: vec![data_dir.clone()],
            metadata_log_dir: None,
            listeners: vec![listener],
            settings: settings.collect::<BTreeMap<_, _>>(),
        };
        Self { running: Some(kastellan_broker::start(config).unwrap()), data_dir }
    }

    pub(crate) fn connect(&self) -> Client {
        let address = self.running.as_ref().unwrap().addresses()[0].1;
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        // A test that hangs should fail.
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
        Client { stream, correlation_id: 0 }
    }

    /// Creates the topic `t` with one partition.
    pub(crate) fn create_topic(&self) {
        let wanted = CreatableTopic::default()
            .with_name(topic())
            .with_num_partitions(1)
            .with_replication_factor(1);
        let request =
            CreateTopicsRequest::default().with_topics(vec![wanted]).with_timeout_ms(10_000);
        let created = self.connect().call(5, &request);
        assert_eq!(created.topics[0].error_code, 0, "{created:?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.shutdown();
        }
        drop(std::fs::remove_dir_all(&self.data_dir));
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

    /// Appends a batch to the topic `t`.
    pub(crate) fn produce(&mut self, acks: i16, batch: &Bytes) {
        let answer = self.call(9, &produce(acks, batch));
        let answer = &answer.responses[0].partition_responses[0];
        assert_eq!(answer.error_code, 0, "{answer:?}");
    }

    /// Waits until groups are coordinated.
    pub(crate) fn find_coordinator(&mut self) {
        let request = FindCoordinatorRequest::default().with_key(StrBytes::from_static_str("g"));
        let began = Instant::now();
        while self.call(1, &request).error_code != 0 {
            assert!(began.elapsed() < Duration::from_secs(20), "no coordinator");
        }
    }

    /// Whether the broker answers; a healthy client's whole interest.
    pub(crate) fn is_served(&mut self) -> bool {
        self.call(4, &MetadataRequest::default()).brokers.len() == 1
    }

    /// Reads, and forgets, until the broker closes the connection.
    pub(crate) fn drain(mut self) {
        let mut sink = [0; 4096];
        loop {
            match self.stream.read(&mut sink) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => {
                    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
                    return;
                }
            }
        }
    }
}

fn topic() -> TopicName {
    TopicName(StrBytes::from_static_str("t"))
}

fn produce(acks: i16, batch: &Bytes) -> ProduceRequest {
    let data = PartitionProduceData::default().with_index(0).with_records(Some(batch.clone()));
    let topic = TopicProduceData::default().with_name(topic()).with_partition_data(vec![data]);
    ProduceRequest::default().with_acks(acks).with_timeout_ms(10_000).with_topic_data(vec![topic])
}

/// A fetch of one batch of the topic `t`; `session` is id and epoch.
pub(crate) fn fetch(offset: i64, session: (i32, i32)) -> FetchRequest {
    let wanted = FetchPartition::default()
        .with_partition(0)
        .with_fetch_offset(offset)
        // The first batch comes whole, and none besides.
        .with_partition_max_bytes(1);
    let topic = FetchTopic::default().with_topic(topic()).with_partitions(vec![wanted]);
    FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_wait_ms(10_000)
        .with_min_bytes(1)
        .with_max_bytes(1 << 20)
        .with_session_id(session.0)
        .with_session_epoch(session.1)
        .with_topics(vec![topic])
}

/// Whether a fetch brought records.
pub(crate) fn has_records(response: &FetchResponse) -> bool {
    let records = response.responses[0].partitions[0].records.as_ref();
    records.is_some_and(|records| !records.is_empty())
}

/// A batch of one record whose value has `len` bytes.
pub(crate) fn batch(len: usize) -> Bytes {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let mut builder = Builder::new(0, -1);
    builder.record(i64::try_from(now).unwrap(), None, Some(&vec![b'x'; len]), &[]);
    builder.finish().into()
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
