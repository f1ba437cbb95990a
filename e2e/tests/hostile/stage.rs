//! A broker with something to attack, and somebody who does nothing wrong meanwhile.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use kafka_protocol::messages::{ApiVersionsRequest, MetadataRequest};
use kafka_protocol::protocol::Request;
use kastellan_e2e::certificates::Authority;
use kastellan_e2e::judged::Judged;
use kastellan_e2e::ours::Ours;
use kastellan_e2e::process::pause;
use kastellan_e2e::suite::Scratch;
use kastellan_e2e::wire::{Answer, Wire, frame};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::table::Is;

/// The topic that every stage with a client in good order has, with [`PARTITIONS`].
pub(crate) const TOPIC: &str = "victim";
/// Its partitions.
pub(crate) const PARTITIONS: i32 = 4;
/// The password of the user alice of [`Stage::with_logins`].
pub(crate) const PASSWORD: &str = "orange-pencil";
/// Bytes that a batch may have in [`TOPIC`].
pub(crate) const MAX_BATCH: usize = 100_000;
/// How long a broker may take to close a connection.
const PATIENCE: Duration = Duration::from_secs(15);

/// A broker that is attacked.
#[derive(Debug)]
pub(crate) struct Stage {
    broker: Judged,
    /// Who does nothing wrong; nobody where one has to log in first.
    good: Option<Wire>,
    scratch: Scratch,
    /// What a client of [`Stage::under_tls`] speaks TLS with.
    tls: Option<Arc<ClientConfig>>,
}

impl Stage {
    /// The broker under judgement, open to everybody.
    pub(crate) fn open(name: &str) -> Result<Stage> {
        let settings = [("group.initial.rebalance.delay.ms", "0"), ("group.max.size", "2")];
        let scratch = Scratch::new(name)?;
        Stage::furnished(Judged::start(scratch.path(), &settings)?, scratch)
    }

    /// Ours, open to everybody.
    pub(crate) fn ours(name: &str) -> Result<Stage> {
        let scratch = Scratch::new(name)?;
        let authorizer = "org.apache.kafka.metadata.authorizer.StandardAuthorizer";
        let settings =
            [("authorizer.class.name", authorizer), ("allow.everyone.if.no.acl.found", "true")];
        let mut broker = Ours::new(scratch.path(), &settings)?;
        broker.start()?;
        Stage::furnished(Judged::Ours(broker), scratch)
    }

    /// The broker under judgement, with lists of who may do what.
    pub(crate) fn guarded(name: &str) -> Result<Stage> {
        let scratch = Scratch::new(name)?;
        let authorizer = "org.apache.kafka.metadata.authorizer.StandardAuthorizer";
        let settings =
            [("authorizer.class.name", authorizer), ("allow.everyone.if.no.acl.found", "true")];
        Stage::furnished(Judged::start(scratch.path(), &settings)?, scratch)
    }

    /// Ours, where one has to log in; its log says all it can.
    pub(crate) fn with_logins(name: &str) -> Result<Stage> {
        let scratch = Scratch::new(name)?;
        let users = format!("SCRAM-SHA-512=[name=alice,password={PASSWORD}]");
        let settings = [
            ("listener.security.protocol.map", "plain:SASL_PLAINTEXT"),
            ("kastellan.scram.first.users", users.as_str()),
            ("kastellan.login.timeout.ms", "3000"),
        ];
        let mut broker = Ours::new(scratch.path(), &settings)?.logging("trace");
        broker.start()?;
        Ok(Stage { broker: Judged::Ours(broker), good: None, scratch, tls: None })
    }

    /// Ours, under TLS, where one has to log in.
    pub(crate) fn under_tls(name: &str) -> Result<Stage> {
        let scratch = Scratch::new(name)?;
        let authority = Authority::new(scratch.path())?;
        let keystore = authority.sign("broker", "/CN=broker")?;
        let settings = [
            ("listener.security.protocol.map", "plain:SASL_SSL"),
            ("ssl.keystore.location", keystore.to_str().context("a name in UTF-8")?),
            ("kastellan.login.timeout.ms", "3000"),
        ];
        let mut broker = Ours::new(scratch.path(), &settings)?;
        broker.start()?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority.certificate())?)?;
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let tls = Some(Arc::new(config));
        Ok(Stage { broker: Judged::Ours(broker), good: None, scratch, tls })
    }

    /// Shakes hands under TLS, on a connection of its own.
    pub(crate) fn shake(&self) -> Result<()> {
        let config = self.tls.clone().context("this one speaks plain text")?;
        let mut session = ClientConnection::new(config, ServerName::try_from("localhost")?)?;
        let mut stream = TcpStream::connect(self.broker.address())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        while session.is_handshaking() {
            session.complete_io(&mut stream)?;
        }
        Ok(())
    }

    /// With a topic whose leader has changed once: its epoch is not the first.
    fn furnished(mut broker: Judged, scratch: Scratch) -> Result<Stage> {
        let limit = MAX_BATCH.to_string();
        let mut good = Wire::connect(broker.address())?;
        good.create(TOPIC, PARTITIONS, &[("max.message.bytes", &limit)])?;
        drop(good);
        broker.process()?.terminate(Duration::from_mins(1))?;
        broker.restart()?;
        let mut good = Wire::connect(broker.address())?;
        led(&mut good)?;
        Ok(Stage { broker, good: Some(good), scratch, tls: None })
    }

    /// A new connection.
    pub(crate) fn wire(&self) -> Result<Wire> {
        Wire::connect(self.broker.address())
    }

    /// A new connection from another address.
    pub(crate) fn wire_from(&self, from: [u8; 4]) -> Result<Wire> {
        Wire::connect_from(SocketAddr::from((from, 0)), self.broker.address())
    }

    /// The connection of who does nothing wrong.
    pub(crate) fn good(&mut self) -> Result<&mut Wire> {
        self.good.as_mut().context("nobody has logged in")
    }

    /// Stops the broker and starts it again.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.broker.process()?.terminate(Duration::from_mins(1))?;
        self.broker.restart()?;
        if self.good.is_some() {
            let mut good = self.wire()?;
            led(&mut good)?;
            self.good = Some(good);
        }
        Ok(())
    }

    /// What the broker has logged.
    pub(crate) fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(self.scratch.path().join("kastellan.log"))?)
    }

    /// Whether the broker lives and serves.
    pub(crate) fn is_healthy(&mut self) -> Result<()> {
        self.broker.process()?.check_alive()?;
        let answer = match &mut self.good {
            Some(good) => good.call(0, &ApiVersionsRequest::default()),
            None => self.wire()?.call(0, &ApiVersionsRequest::default()),
        };
        let answer = answer.context("somebody who did nothing wrong is not served")?;
        ensure!(answer.error_code == 0, "somebody who did nothing wrong gets {answer:?}");
        Ok(())
    }

    /// What comes of raw bytes on a connection of their own.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Result<Is> {
        let mut wire = self.wire()?;
        wire.send_raw(bytes)?;
        came(&mut wire)
    }

    /// What comes of a frame that gets its right size.
    pub(crate) fn frame(&self, frame: &[u8]) -> Result<Is> {
        let mut wire = self.wire()?;
        wire.send(frame)?;
        came(&mut wire)
    }

    /// What comes of a request on a connection of its own, when only its end is of interest.
    pub(crate) fn request<R: Request>(&self, version: i16, request: &R) -> Result<Is> {
        self.frame(&frame(version, 1, request)?)
    }

    /// The most memory that the broker has had resident since [`Stage::forget_peak`], in bytes.
    pub(crate) fn peak(&mut self) -> Result<u64> {
        self.memory("VmHWM:")
    }

    /// Begins to look for the greatest use of memory anew; what it is now, in bytes.
    pub(crate) fn forget_peak(&mut self) -> Result<u64> {
        fs::write(self.proc()?.join("clear_refs"), "5")?;
        self.memory("VmRSS:")
    }

    fn proc(&mut self) -> Result<PathBuf> {
        Ok(PathBuf::from(format!("/proc/{}", self.broker.process()?.pid())))
    }

    fn memory(&mut self, name: &str) -> Result<u64> {
        let status = fs::read_to_string(self.proc()?.join("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|rest| rest.split_whitespace().next()).context("no such line")?;
        Ok(kib.parse::<u64>()? << 10)
    }
}

/// The next thing that comes on a connection.
pub(crate) fn came(wire: &mut Wire) -> Result<Is> {
    Ok(match wire.receive(PATIENCE)? {
        Answer::Closed => Is::Closed,
        Answer::Silence => Is::Silence,
        Answer::Frame(_) => Is::Answered,
    })
}

/// Waits until the topic has leaders again.
fn led(wire: &mut Wire) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = wire.call(9, &MetadataRequest::default().with_topics(None))?;
        let topic = answer
            .topics
            .iter()
            .find(|topic| topic.name.as_ref().is_some_and(|name| name.as_str() == TOPIC));
        let led = topic.map(|topic| {
            topic.partitions.iter().filter(|partition| partition.leader_id.0 >= 0).count()
        });
        if led == Some(usize::try_from(PARTITIONS)?) {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{TOPIC} has no leaders: {answer:?}");
        pause();
    }
}
