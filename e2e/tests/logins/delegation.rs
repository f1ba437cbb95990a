//! Clients log in with delegation tokens (KIP-48), which Apache's tool makes, renews and ends.
//! librdkafka, KafkaJS and kafka-python know no such tokens.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use kastellan_e2e::need::{self, Tool};
use kastellan_e2e::peer;
use kastellan_e2e::suite::Scratch;

use super::client::{self, Client, Who};
use super::{FIRST, Guarded};

/// What tokens are made with.
const KEY: &str = "green-pencil-behind-the-ear";

/// Apache's `kafka-delegation-tokens`, asked by one user.
struct Admin {
    address: String,
    config: PathBuf,
}

impl Admin {
    fn new(guarded: &Guarded, (mechanism, user, password): (&str, &str, &str)) -> Result<Self> {
        let config = guarded.folder.join(format!("{user}.properties"));
        let text = format!(
            "security.protocol=SASL_SSL\nsasl.mechanism={mechanism}\nssl.truststore.type=PEM\n\
             ssl.truststore.location={}\nsasl.jaas.config=\
             org.apache.kafka.common.security.scram.ScramLoginModule required \
             username=\"{user}\" password=\"{password}\";\n",
            guarded.authority.certificate().display()
        );
        fs::write(&config, text)?;
        Ok(Self { address: guarded.address(), config })
    }

    fn says(&self, arguments: &[&str]) -> Result<String> {
        let output = peer::java(&peer::jars()?)
            .args(["org.apache.kafka.tools.DelegationTokenCommand", "--bootstrap-server"])
            .arg(&self.address)
            .arg("--command-config")
            .arg(&self.config)
            .args(arguments)
            .output()?;
        let said = [output.stdout, output.stderr].concat();
        Ok(String::from_utf8_lossy(&said).into_owned())
    }
}

/// Id and secret part of the token in what the tool prints.
fn token(said: &str) -> Result<(String, String)> {
    let mut rows = said.lines().skip_while(|line| !line.starts_with("TOKENID")).skip(1);
    let row = rows.find(|row| !row.trim().is_empty());
    let mut columns = row.with_context(|| format!("no token in:\n{said}"))?.split_whitespace();
    let mut column = || columns.next().map(str::to_owned).context("a column");
    Ok((column()?, column()?))
}

#[test]
fn tokens_of_apaches_tool_let_clients_in_until_they_end() -> Result<()> {
    let tools = [need::APACHE, &[Tool::Openssl, Tool::Go]].concat();
    if !need::ready("logins/delegation", &tools)? {
        return Ok(());
    }
    let scratch = Scratch::new("logins-delegation")?;
    let settings = [
        ("kastellan.scram.first.users", FIRST),
        ("delegation.token.secret.key", KEY),
        // whoever logs in with it has to be its owner: nobody else may write
        ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
        ("super.users", "User:alice"),
    ];
    let guarded = Guarded::start(&scratch, "SASL_SSL", &settings)?;
    let alice = Admin::new(&guarded, ("SCRAM-SHA-512", "alice", "orange-pencil"))?;
    let bob = Admin::new(&guarded, ("SCRAM-SHA-256", "bob", "violet-pencil"))?;
    let said = alice.says(&[
        "--create",
        "--max-life-time-period",
        "-1",
        "--renewer-principal",
        "User:bob",
    ])?;
    let (id, hmac) = token(&said)?;
    let (address, ca) = (guarded.address(), guarded.authority.certificate());
    let clients: [(&str, Client); 2] = [("java", client::java), ("franz-go", client::franz_go)];
    for (name, client) in clients {
        let log_in = |hmac: &str| {
            let who = Who::Delegate(id.clone(), hmac.to_owned());
            client::run(client, (&address, &ca), &who, scratch.path())
        };
        let said = log_in(&hmac)?;
        ensure!(said.lines().any(|line| line == "in"), "{name} with a token:\n{said}");
        let said = log_in(&hmac.to_lowercase())?;
        ensure!(said.contains("refused"), "{name} with another secret:\n{said}");
    }
    let said = bob.says(&["--describe", "--owner-principal", "User:alice"])?;
    ensure!(token(&said)? == (id.clone(), hmac.clone()), "bob may renew it, and sees:\n{said}");
    let said = bob.says(&["--renew", "--renew-time-period", "-1", "--hmac", &hmac])?;
    ensure!(said.contains("Completed renew operation"), "{said}");
    let said =
        bob.says(&["--create", "--max-life-time-period", "-1", "--owner-principal", "User:x"])?;
    ensure!(said.contains("DelegationTokenAuthorizationException"), "{said}");
    let said = alice.says(&["--expire", "--expiry-time-period", "-1", "--hmac", &hmac])?;
    ensure!(said.contains("Completed expire operation"), "{said}");
    let who = Who::Delegate(id, hmac.clone());
    let said = client::run(client::java, (&address, &ca), &who, scratch.path())?;
    ensure!(said.contains("SaslAuthenticationException"), "{said}");
    let log = fs::read_to_string(scratch.path().join("kastellan.log"))?;
    ensure!(!log.contains(KEY) && !log.contains(&hmac), "the log has a secret of a token");
    guarded.keeps_secrets()
}
