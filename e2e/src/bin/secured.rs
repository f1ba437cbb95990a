//! What safety costs: `KASTELLAN_BIN=... cargo run --release -p kastellan-e2e --bin secured`.
//!
//! Figures, never a test. Broker CPU of produce and fetch over TLS beside plaintext, and beside
//! Apache Kafka's over TLS in the same run (`--kafka`); CPU of a login; what a healthy client feels
//! of a thousand wrong logins a second, and of 2,000 that never end; memory of connections that do
//! nothing.

use std::env;
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use kastellan_e2e::batch::Batch;
use kastellan_e2e::certificates::Authority;
use kastellan_e2e::judged::Judged;
use kastellan_e2e::load::{self, words};
use kastellan_e2e::need::{self, Tool};
use kastellan_e2e::ours::Ours;
use kastellan_e2e::peer::{Jvm, Peer};
use kastellan_e2e::suite::{self, Scratch};
use kastellan_e2e::wire::Wire;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

const USER: (&str, &str) = ("alice", "orange-pencil");
/// Wrong logins in flight: the broker delays each answer by 0.1 s.
const GUESSERS: u64 = 200;
/// Wrong logins a second, all of them together.
const GUESSES: u64 = 1_000;
/// Slow logins that are open at a time.
const SLOW: usize = 2_000;
/// Connections that do nothing.
const IDLE: u64 = 9_000;

fn main() -> Result<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    if words.iter().any(|word| word != "--kafka") {
        bail!("there is only --kafka");
    }
    let kafka = !words.is_empty();
    let mut tools = vec![Tool::Cc, Tool::Openssl];
    tools.extend(need::APACHE.iter().filter(|_| kafka));
    if !need::ready("secured", &tools)? {
        bail!("the figures need all of these");
    }
    transport("Kastellan, plaintext", false, false)?;
    transport("Kastellan, TLS", false, true)?;
    if kafka {
        transport("Apache Kafka 4.3.1, TLS", true, true)?;
    }
    logins()?;
    idle("plaintext", false)?;
    idle("TLS", true)
}

fn said(what: &str, value: f64) -> Result<()> {
    Ok(writeln!(io::stdout(), "{what}: {value:.2}")?)
}

/// So little is kept that memory for files is used again: what it takes the first time is neither
/// the broker's nor safety's.
const BOUNDED: [(&str, &str); 4] = [
    ("log.segment.bytes", "33554432"),
    ("log.retention.bytes", "67108864"),
    ("log.retention.check.interval.ms", "500"),
    ("log.segment.delete.delay.ms", "0"),
];

/// A broker whose only listener is plaintext or TLS, with these settings as well.
fn broker(
    scratch: &Scratch,
    (kafka, tls): (bool, bool),
    more: &[(&str, &str)],
) -> Result<(Judged, Authority)> {
    let authority = Authority::new(scratch.path())?;
    let keystore = authority.sign("broker", "/CN=broker")?;
    let keystore = keystore.to_str().context("a name in UTF-8")?;
    let of_transport: &[(&str, &str)] = match (kafka, tls) {
        (_, false) => &[],
        (false, true) => &[
            ("listener.security.protocol.map", "plain:SSL"),
            ("ssl.keystore.location", keystore),
            ("max.connections", "12000"),
        ],
        (true, true) => &[
            ("listener.security.protocol.map", "PLAINTEXT:SSL,CONTROLLER:PLAINTEXT"),
            ("ssl.keystore.type", "PEM"),
            ("ssl.keystore.location", keystore),
            ("ssl.endpoint.identification.algorithm", ""),
            ("ssl.truststore.type", "PEM"),
            ("ssl.truststore.location", keystore),
        ],
    };
    let settings = [of_transport, more].concat();
    let mut broker = if kafka {
        Judged::Kafka(Peer::format(scratch.path(), Jvm::AsShipped, &settings)?)
    } else {
        Judged::Ours(Ours::new(scratch.path(), &settings)?)
    };
    broker.restart()?;
    Ok((broker, authority))
}

fn transport(name: &str, kafka: bool, tls: bool) -> Result<()> {
    let scratch = Scratch::new("secured-produce")?;
    let (mut judged, authority) = broker(&scratch, (kafka, tls), &BOUNDED)?;
    let ca = tls.then(|| authority.certificate());
    let mut run = |words: &[&str]| measured(&mut judged, words, ca.as_deref(), scratch.path());
    run(&["produce", "warm", "1", "1024", "5"])?;
    for size in ["100", "1024"] {
        let (_, cpu) = run(&["produce", &format!("of-{size}"), "1", size, "8"])?;
        said(&format!("{name}: produce {size} B, broker CPU seconds per million"), cpu)?;
    }
    drop(judged);
    let scratch = Scratch::new("secured-fetch")?;
    let (mut judged, authority) = broker(&scratch, (kafka, tls), &[])?;
    let ca = tls.then(|| authority.certificate());
    let mut run = |words: &[&str]| measured(&mut judged, words, ca.as_deref(), scratch.path());
    for size in ["100", "1024"] {
        let topic = format!("of-{size}");
        let (count, _) = run(&["produce", &topic, "1", size, "5"])?;
        let (_, cpu) = run(&["consume", &topic, "1", &count])?;
        said(&format!("{name}: fetch {size} B, broker CPU seconds per million"), cpu)?;
    }
    Ok(())
}

/// How many messages, and what a million of them cost the broker.
fn measured(
    broker: &mut Judged,
    arguments: &[&str],
    ca: Option<&Path>,
    folder: &Path,
) -> Result<(String, f64)> {
    let [mode, rest @ ..] = arguments else { bail!("a mode") };
    let mut command = Command::new(load::program()?);
    command.args([mode, broker.address().to_string().as_str()]).args(rest);
    if let Some(ca) = ca {
        command.env("LOAD_CA", ca);
    }
    let before = broker.process()?.usage()?.cpu;
    let output = suite::run(&mut command, &folder.join("load.log"), Duration::from_mins(3))?;
    let cpu = broker.process()?.usage()?.cpu - before;
    let line = output.text.lines().find(|line| line.starts_with("messages "));
    let line = line.with_context(|| format!("the load says:\n{}", output.text))?;
    let messages = words(line).get("messages").copied().context("messages")?;
    Ok((format!("{messages:.0}"), cpu * 1e6 / messages))
}

fn logins() -> Result<()> {
    let scratch = Scratch::new("secured-logins")?;
    let first = format!("SCRAM-SHA-512=[name={},password={}]", USER.0, USER.1);
    let settings = [
        ("listener.security.protocol.map", "plain:SASL_PLAINTEXT"),
        ("kastellan.scram.first.users", first.as_str()),
    ];
    let mut broker = Ours::new(scratch.path(), &settings)?;
    broker.start()?;
    let mut broker = Judged::Ours(broker);
    let address = broker.address();
    let count = 500;
    let before = broker.process()?.usage()?.cpu;
    for _ in 0..count {
        Wire::connect(address)?.log_in(USER.0, USER.1)?;
    }
    let cpu = broker.process()?.usage()?.cpu - before;
    said("a login with SCRAM-SHA-512, ms of broker CPU", cpu * 1000.0 / f64::from(count))?;
    let mut healthy = Wire::connect(address)?;
    healthy.log_in(USER.0, USER.1)?;
    healthy.create("healthy", 1, &[])?;
    let quiet = paced(&mut healthy, Duration::from_secs(10))?;
    said("a healthy client's p99 in peace, ms", quiet)?;
    let (over, guesses) = (AtomicBool::new(false), AtomicU64::new(0));
    let before = broker.process()?.usage()?.cpu;
    thread::scope(|scope| {
        for turn in 0..GUESSERS {
            let (over, guesses) = (&over, &guesses);
            scope.spawn(move || guess(address, turn, over, guesses));
        }
        let attacked = paced(&mut healthy, Duration::from_secs(10));
        over.store(true, Ordering::Relaxed);
        said("a healthy client's p99 under wrong logins, ms", attacked?)
    })?;
    let cpu = broker.process()?.usage()?.cpu - before;
    let guesses = u32::try_from(guesses.into_inner())?;
    said("wrong logins a second", f64::from(guesses) / 10.0)?;
    said("broker CPU under wrong logins, % of a core", cpu * 10.0)?;
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let slow = scope.spawn(|| besiege(address, &over));
        let attacked = paced(&mut healthy, Duration::from_secs(20));
        over.store(true, Ordering::Relaxed);
        let opened = slow.join().expect("nobody panics")?;
        said("slow logins that were opened in 20 s", f64::from(opened))?;
        said("a healthy client's p99 beside 2,000 slow logins, ms", attacked?)
    })
}

/// Keeps so many logins open that send a byte a second: whoever is thrown out comes again. How
/// many were opened.
#[expect(clippy::disallowed_methods, reason = "a rate is made of time that passes")]
fn besiege(address: SocketAddr, over: &AtomicBool) -> Result<u32> {
    let (mut open, mut opened) = (Vec::new(), 0_u32);
    while !over.load(Ordering::Relaxed) {
        while open.len() < SLOW {
            // each address may have 1,000 that have not logged in
            let from = [127, 0, 0, u8::try_from(2 + opened % 4)?];
            let mut wire = Wire::connect_from(SocketAddr::from((from, 0)), address)?;
            wire.send_raw(&60_000_i32.to_be_bytes())?;
            open.push(wire);
            opened += 1;
        }
        thread::sleep(Duration::from_secs(1));
        let mut still = Vec::with_capacity(open.len());
        for mut wire in open {
            if !wire.is_over()? && wire.send_raw(&[0]).is_ok() {
                still.push(wire);
            }
        }
        open = still;
    }
    Ok(opened)
}

/// Wrong logins, each on a connection of its own, in a pace of its own.
#[expect(clippy::disallowed_methods, reason = "a rate is made of time that passes")]
fn guess(address: SocketAddr, turn: u64, over: &AtomicBool, guesses: &AtomicU64) {
    let pace = Duration::from_millis(1_000 * GUESSERS / GUESSES);
    thread::sleep(pace * u32::try_from(turn).unwrap_or(0) / u32::try_from(GUESSERS).unwrap_or(1));
    let mut next = Instant::now();
    while !over.load(Ordering::Relaxed) {
        let wrong = || -> Result<()> {
            let mut wire = Wire::connect(address)?;
            let message = wire.challenge(USER.0)?.guess()?;
            wire.authenticate(message.as_bytes())?;
            Ok(())
        };
        // one that the broker has no time for is not counted
        if wrong().is_ok() {
            guesses.fetch_add(1, Ordering::Relaxed);
        }
        next += pace;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

/// The 99th percentile of an acknowledgement in milliseconds, at 500 messages a second.
#[expect(clippy::disallowed_methods, reason = "a rate is made of time that passes")]
fn paced(wire: &mut Wire, long: Duration) -> Result<f64> {
    let batch = Batch::of(1_700_000_000_000, &["healthy"]).encode();
    let began = Instant::now();
    let (mut next, mut took) = (began, Vec::new());
    while began.elapsed() < long {
        let sent = Instant::now();
        wire.produce("healthy", 0, batch.clone())?;
        took.push(sent.elapsed());
        next += Duration::from_millis(2);
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    took.sort_unstable();
    let worst = took.get(took.len() * 99 / 100).context("nothing was sent")?;
    Ok(worst.as_secs_f64() * 1000.0)
}

/// What connections cost that have been greeted and do nothing.
#[expect(clippy::disallowed_methods, reason = "rest is waited for by letting time pass")]
fn idle(name: &str, tls: bool) -> Result<()> {
    let scratch = Scratch::new("secured-idle")?;
    let (mut broker, authority) = broker(&scratch, (false, tls), &[])?;
    let address = broker.address();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority.certificate())?)?;
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let config = Arc::new(config);
    let before = broker.process()?.usage()?.rss;
    let (mut plain, mut wrapped) = (Vec::new(), Vec::new());
    let began = Instant::now();
    for _ in 0..IDLE {
        let mut stream = TcpStream::connect(address)?;
        if tls {
            let name = ServerName::try_from("localhost")?;
            let mut session = ClientConnection::new(Arc::clone(&config), name)?;
            while session.is_handshaking() {
                session.complete_io(&mut stream)?;
            }
            wrapped.push((stream, session));
        } else {
            plain.push(stream);
        }
    }
    let rate = f64::from(u32::try_from(IDLE)?) / began.elapsed().as_secs_f64();
    said(&format!("{name}: connections a second, one after the other"), rate)?;
    thread::sleep(Duration::from_secs(3));
    let grown = broker.process()?.usage()?.rss - before;
    let each = grown * 1024.0 / f64::from(u32::try_from(IDLE)?);
    said(&format!("{name}: memory of an idle connection, KiB ({IDLE} of them)"), each)
}
