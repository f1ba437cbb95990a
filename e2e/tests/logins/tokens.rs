//! Clients show tokens (OAUTHBEARER).

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use kastellan_e2e::need::{self, Tool};
use kastellan_e2e::process::pause;
use kastellan_e2e::suite::Scratch;

use super::Guarded;
use super::client::{self, Client, Who};
use super::issuer::Issuer;

/// A file with keys is looked at every few seconds.
const SOON: Duration = Duration::from_mins(1);

/// A client with a name and the tools it needs; whether it says `aloud` what the broker told it.
fn judge(name: &str, tools: &[Tool], aloud: bool, client: Client) -> Result<()> {
    if !need::ready(&format!("logins/tokens/{name}"), &[tools, &[Tool::Openssl]].concat())? {
        return Ok(());
    }
    let scratch = Scratch::new(&format!("tokens-{name}"))?;
    let (known, other) =
        (Issuer::new(scratch.path(), "first")?, Issuer::new(scratch.path(), "second")?);
    let file = scratch.path().join("keys.json");
    fs::write(&file, known.keys()?)?;
    let url = format!("file://{}", file.display());
    let settings = [
        ("sasl.enabled.mechanisms", "OAUTHBEARER"),
        ("listener.name.plain.oauthbearer.sasl.oauthbearer.jwks.endpoint.url", url.as_str()),
        ("sasl.oauthbearer.expected.audience", "kafka"),
        ("sasl.oauthbearer.expected.issuer", "https://id.example"),
        // the name in the token is the one that may
        ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
        ("super.users", "User:service"),
    ];
    let guarded = Guarded::allowing(&scratch, "SASL_SSL", &settings, &[&url])?;
    let (address, ca) = (guarded.address(), guarded.authority.certificate());
    let mut shown = Vec::new();
    let mut show = |token: &std::path::Path| {
        shown.push(fs::read_to_string(token)?);
        let who = Who::Token(token.to_owned());
        client::run(client, (&address, &ca), &who, scratch.path())
    };
    let is_in = |said: &str| said.lines().any(|line| line == "in");
    let good = Issuer::claims("service", "kafka", 3600)?;
    let said = show(&known.token(&good)?)?;
    ensure!(is_in(&said), "{name} with a token:\n{said}");
    let said = show(&known.token(&Issuer::claims("nobody", "kafka", 3600)?)?)?;
    ensure!(said.contains("refused"), "{name} as one who may do nothing:\n{said}");
    for (token, why) in [
        (known.token(&Issuer::claims("service", "billing", 3600)?), "audience (aud)"),
        (known.token(&Issuer::claims("service", "kafka", -60)?), "has expired"),
        (other.token(&good), "key id (kid)"),
        (known.forged(&good), "not signed (alg is none)"),
    ] {
        let said = show(&token?)?;
        let told = said.contains("refused") && (said.contains(why) || !aloud);
        ensure!(told, "{name} should be refused: {why}\n{said}");
    }
    // the issuer has another key: the broker finds it in the file, sooner or later
    fs::write(&file, other.keys()?)?;
    let token = other.token(&good)?;
    let begun = Instant::now();
    while !is_in(&show(&token)?) {
        ensure!(begun.elapsed() < SOON, "{name} with a token of the new key is refused");
        pause();
    }
    let log = fs::read_to_string(scratch.path().join("kastellan.log"))?;
    let ends: Vec<&str> = log.lines().filter(|line| line.contains("connection ")).collect();
    let told = ends.iter().any(|line| line.contains("login was refused") && line.contains("token"));
    ensure!(told, "the log does not say why:\n{}", ends.join("\n"));
    for token in shown {
        ensure!(!log.contains(&token), "the log has a token");
    }
    guarded.keeps_secrets()
}

#[test]
fn the_java_client_shows_a_token() -> Result<()> {
    judge("java", need::APACHE, true, client::java)
}

#[test]
fn confluent_kafka_shows_a_token() -> Result<()> {
    judge("confluent-kafka", &[Tool::Python], true, client::confluent)
}

/// It goes on as if it had logged in, and is closed.
#[test]
fn kafkajs_shows_a_token() -> Result<()> {
    judge("kafkajs", &[Tool::Node, Tool::Npm], false, client::kafkajs)
}

/// It says that it was told something, and not what.
#[test]
fn franz_go_shows_a_token() -> Result<()> {
    judge("franz-go", &[Tool::Go], false, client::franz_go)
}

#[test]
fn kafka_python_shows_a_token() -> Result<()> {
    judge("kafka-python", &[Tool::Python], false, client::kafka_python)
}
