//! The clients people use log in, with each mechanism and with certificates, and hear it when they
//! may not; and nothing that is secret is ever logged.

#[path = "logins/client.rs"]
mod client;
#[path = "logins/delegation.rs"]
mod delegation;
#[path = "logins/issuer.rs"]
mod issuer;
#[path = "logins/provider.rs"]
mod provider;
#[path = "logins/tokens.rs"]
mod tokens;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::certificates::Authority;
use kastellan_e2e::need::{self, Tool};
use kastellan_e2e::ours::Ours;
use kastellan_e2e::peer;
use kastellan_e2e::suite::Scratch;

use self::client::{Client, Who};

/// What nobody may read in a log.
const PASSWORDS: &[&str] = &["orange-pencil", "violet-pencil", "yellow-pencil", "no-pencil-at-all"];
const FIRST: &str = "SCRAM-SHA-512=[name=alice,password=orange-pencil],\
                     SCRAM-SHA-256=[name=bob,password=violet-pencil]";
const JAAS: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required \
                    user_carol=\"yellow-pencil\";";

/// Clients whose SCRAM is wrong: librdkafka before 2.6.2 says its part of the nonce twice, which
/// Kafka has refused since CVE-2024-56128, and so do we.
const NO_SCRAM: &[&str] = &["kcat"];

/// One broker of ours that says in its log all it can say.
struct Guarded {
    broker: Ours,
    authority: Authority,
    folder: PathBuf,
}

impl Guarded {
    fn start(scratch: &Scratch, protocol: &str, settings: &[(&str, &str)]) -> Result<Self> {
        Self::allowing(scratch, protocol, settings, &[])
    }

    fn allowing(
        scratch: &Scratch,
        protocol: &str,
        settings: &[(&str, &str)],
        urls: &[&str],
    ) -> Result<Self> {
        let folder = scratch.path().to_owned();
        let authority = Authority::new(&folder)?;
        let keystore = path(&authority.sign("broker", "/CN=broker")?)?;
        let truststore = path(&authority.certificate())?;
        let map = format!("plain:{protocol}");
        let of_tls = [
            ("listener.security.protocol.map", map.as_str()),
            ("ssl.keystore.location", &keystore),
            ("ssl.truststore.location", &truststore),
        ];
        let settings = [&of_tls[..], settings].concat();
        let ours = Ours::new(&folder, &settings)?.logging("trace");
        let mut broker = urls.iter().fold(ours, |ours, url| ours.allowing(url));
        broker.start()?;
        Ok(Self { broker, authority, folder })
    }

    fn address(&self) -> String {
        self.broker.address().to_string()
    }

    /// Whether the log says anything that it should not.
    fn keeps_secrets(&self) -> Result<()> {
        let log = std::fs::read_to_string(self.folder.join("kastellan.log"))?;
        ensure!(log.contains("DEBUG"), "the log is not complete: this judges nothing");
        for password in PASSWORDS {
            ensure!(!log.contains(password), "the log has {password}");
        }
        Ok(())
    }
}

fn path(path: &Path) -> Result<String> {
    Ok(path.to_str().context("a name that is not UTF-8")?.to_owned())
}

fn with_users(scratch: &Scratch) -> Result<Guarded> {
    let mechanisms = "SCRAM-SHA-512,SCRAM-SHA-256,PLAIN";
    let settings = [
        ("sasl.enabled.mechanisms", mechanisms),
        ("kastellan.scram.first.users", FIRST),
        ("listener.name.plain.plain.sasl.jaas.config", JAAS),
    ];
    Guarded::start(scratch, "SASL_SSL", &settings)
}

/// A client with a name, the tools it needs, and the words of its refusals: for a wrong password,
/// and without a certificate that is trusted.
fn judge(name: &str, tools: &[Tool], words: [&str; 2], client: Client) -> Result<()> {
    if !need::ready(&format!("logins/{name}"), &[tools, &[Tool::Openssl]].concat())? {
        return Ok(());
    }
    let scratch = Scratch::new(&format!("logins-{name}"))?;
    let guarded = with_users(&scratch)?;
    let run = |guarded: &Guarded, who: &Who| {
        let ca = guarded.authority.certificate();
        client::run(client, (&guarded.address(), &ca), who, scratch.path())
    };
    let speaks = |who: &Who| {
        let scram = matches!(who, Who::Password(mechanism, ..) if mechanism.starts_with("SCRAM"));
        !scram || !NO_SCRAM.contains(&name)
    };
    for who in [
        Who::Password("SCRAM-SHA-512", "alice", "orange-pencil"),
        Who::Password("SCRAM-SHA-256", "bob", "violet-pencil"),
        Who::Password("PLAIN", "carol", "yellow-pencil"),
    ] {
        if !speaks(&who) {
            continue;
        }
        let said = run(&guarded, &who)?;
        ensure!(said.lines().any(|line| line == "in"), "{name} as {who:?}:\n{said}");
    }
    for who in [
        Who::Password("SCRAM-SHA-512", "alice", "no-pencil-at-all"),
        Who::Password("SCRAM-SHA-256", "mallory", "no-pencil-at-all"),
        Who::Password("PLAIN", "carol", "no-pencil-at-all"),
    ] {
        let said = run(&guarded, &who)?;
        ensure!(said.contains(words[0]), "{name} as {who:?} should say {}:\n{said}", words[0]);
    }
    guarded.keeps_secrets()?;
    by_certificate(name, words[1], client)
}

fn by_certificate(name: &str, word: &str, client: Client) -> Result<()> {
    let scratch = Scratch::new(&format!("logins-{name}-tls"))?;
    let guarded = Guarded::start(&scratch, "SSL", &[("ssl.client.auth", "required")])?;
    let ca = guarded.authority.certificate();
    let known = guarded.authority.sign("alice", "/O=Acme/CN=alice")?;
    let address = guarded.address();
    let said = client::run(client, (&address, &ca), &Who::Certificate(known), scratch.path())?;
    ensure!(said.lines().any(|line| line == "in"), "{name} with a certificate:\n{said}");
    let elsewhere = Scratch::new(&format!("logins-{name}-other"))?;
    let other = Authority::new(elsewhere.path())?.sign("alice", "/O=Acme/CN=alice")?;
    let said = client::run(client, (&address, &ca), &Who::Certificate(other), scratch.path())?;
    ensure!(
        said.contains("refused") && said.contains(word),
        "{name} with another's certificate should say {word}:\n{said}"
    );
    Ok(())
}

#[test]
fn the_java_client_logs_in() -> Result<()> {
    judge("java", need::APACHE, ["SaslAuthenticationException", "Ssl"], client::java)
}

#[test]
fn confluent_kafka_logs_in() -> Result<()> {
    judge("confluent-kafka", &[Tool::Python], ["_AUTHENTICATION", "SSL"], client::confluent)
}

#[test]
fn kcat_logs_in() -> Result<()> {
    judge("kcat", &[Tool::Kcat], ["SASL authentication error", "SSL"], client::kcat)
}

#[test]
fn kafkajs_logs_in() -> Result<()> {
    let words = ["KafkaJSSASLAuthenticationError", "KafkaJS"];
    judge("kafkajs", &[Tool::Node, Tool::Npm], words, client::kafkajs)
}

#[test]
fn franz_go_logs_in() -> Result<()> {
    judge("franz-go", &[Tool::Go], ["SASL_AUTHENTICATION_FAILED", "tls"], client::franz_go)
}

#[test]
fn kafka_python_logs_in() -> Result<()> {
    judge("kafka-python", &[Tool::Python], ["SaslAuthenticationFailed", ""], client::kafka_python)
}

#[test]
fn kafka_configs_sets_a_password_that_counts_at_once() -> Result<()> {
    let tools = [need::APACHE, &[Tool::Openssl]].concat();
    if !need::ready("logins/kafka-configs", &tools)? {
        return Ok(());
    }
    let scratch = Scratch::new("logins-configs")?;
    let guarded = with_users(&scratch)?;
    let (address, ca) = (guarded.address(), guarded.authority.certificate());
    let config = scratch.path().join("admin.properties");
    let text = format!(
        "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\nssl.truststore.type=PEM\n\
         ssl.truststore.location={}\nsasl.jaas.config=\
         org.apache.kafka.common.security.scram.ScramLoginModule required username=\"alice\" \
         password=\"orange-pencil\";\n",
        ca.display()
    );
    std::fs::write(&config, text)?;
    let configs = |arguments: &[&str]| -> Result<String> {
        let output = peer::java(&peer::jars()?)
            .args(["kafka.admin.ConfigCommand", "--bootstrap-server", &address])
            .arg("--command-config")
            .arg(&config)
            .args(["--entity-type", "users"])
            .args(arguments)
            .output()?;
        let said = [output.stdout, output.stderr].concat();
        Ok(String::from_utf8_lossy(&said).into_owned())
    };
    let dora = ["--entity-name", "dora"];
    let set =
        ["--alter", "--add-config", "SCRAM-SHA-512=[iterations=8192,password=no-pencil-at-all]"];
    let said = configs(&[&dora[..], &set].concat())?;
    ensure!(said.contains("Completed updating config"), "{said}");
    let who = Who::Password("SCRAM-SHA-512", "dora", "no-pencil-at-all");
    let said = client::run(client::java, (&address, &ca), &who, scratch.path())?;
    ensure!(said.lines().any(|line| line == "in"), "{said}");
    let gone = ["--alter", "--delete-config", "SCRAM-SHA-512"];
    let said = configs(&[&dora[..], &gone].concat())?;
    ensure!(said.contains("Completed updating config"), "{said}");
    let said = client::run(client::java, (&address, &ca), &who, scratch.path())?;
    ensure!(said.contains("SaslAuthenticationException"), "{said}");
    guarded.keeps_secrets()
}

#[test]
fn tls_before_1_2_and_plain_text_are_refused() -> Result<()> {
    if !need::ready("logins/openssl", &[Tool::Openssl])? {
        return Ok(());
    }
    let scratch = Scratch::new("logins-openssl")?;
    let guarded = Guarded::start(&scratch, "SSL", &[])?;
    let shake = |arguments: &[&str]| -> Result<String> {
        let output = Command::new("openssl")
            .args(["s_client", "-connect", &guarded.address(), "-CAfile"])
            .arg(guarded.authority.certificate())
            .args(arguments)
            .stdin(Stdio::null())
            .output()?;
        let said = [output.stdout, output.stderr].concat();
        Ok(String::from_utf8_lossy(&said).into_owned())
    };
    for version in ["-tls1_2", "-tls1_3"] {
        let said = shake(&[version])?;
        ensure!(said.contains("Verify return code: 0 (ok)"), "{version}:\n{said}");
    }
    // there is one certificate for whatever name a client asks for, and for none
    for name in [&["-servername", "broker-7.of.somewhere.else"][..], &["-noservername"]] {
        let said = shake(name)?;
        ensure!(said.contains("Verify return code: 0 (ok)"), "{name:?}:\n{said}");
    }
    // the client's own floor is lowered, so that it is the broker who refuses
    for version in ["-tls1", "-tls1_1"] {
        let said = shake(&[version, "-cipher", "DEFAULT@SECLEVEL=0"])?;
        ensure!(said.contains("alert") && said.contains("Cipher is (NONE)"), "{version}:\n{said}");
    }
    for cipher in ["AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "NULL", "aNULL"] {
        let said = shake(&["-tls1_2", "-cipher", &format!("{cipher}:@SECLEVEL=0")])?;
        ensure!(said.contains("alert handshake failure"), "{cipher}:\n{said}");
    }
    Ok(())
}
