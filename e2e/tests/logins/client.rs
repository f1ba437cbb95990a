//! How each client is started; all say `in`, or `refused` with their own words.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};
use kastellan_e2e::{cache, peer, suite};

/// Who logs in.
#[derive(Debug, Clone)]
pub(crate) enum Who {
    /// Mechanism, user and password.
    Password(&'static str, &'static str, &'static str),
    /// A delegation token's id, and its secret part in base64.
    Delegate(String, String),
    /// A file with a token.
    Token(PathBuf),
    /// A file with key and certificate, beside it one of each.
    Certificate(PathBuf),
}

/// Where: an address, and the authority's certificate.
pub(crate) type Where<'a> = (&'a str, &'a Path);

/// Makes the command of a client.
pub(crate) type Client = fn(Where<'_>, &Who) -> Result<Command>;

/// Runs a client to its end: what it says.
pub(crate) fn run(client: Client, to: Where<'_>, who: &Who, folder: &Path) -> Result<String> {
    let mut command = client(to, who)?;
    Ok(suite::run(&mut command, &folder.join("client.log"), Duration::from_mins(1))?.text)
}

fn sources(client: &str) -> PathBuf {
    cache::e2e().join("clients").join(client)
}

/// Most clients take the same arguments.
fn with_arguments(mut command: Command, (address, ca): Where<'_>, who: &Who) -> Command {
    command.arg(address).arg(ca);
    match who {
        Who::Password(mechanism, user, password) => command.args([mechanism, user, password]),
        Who::Delegate(id, hmac) => command.args(["SCRAM-SHA-512+token", id, hmac]),
        Who::Token(file) => command.args(["OAUTHBEARER", "somebody"]).arg(file),
        Who::Certificate(pem) => {
            command.arg(pem.with_extension("key")).arg(pem.with_extension("crt"))
        }
    };
    command
}

pub(crate) fn java(to: Where<'_>, who: &Who) -> Result<Command> {
    let source = sources("java");
    let jars = peer::maven("kafka-java-client", &source.join("pom.xml"))?;
    let mut command = Command::new("java");
    command.arg("-cp").arg(format!("{}/*", jars.display())).arg("-XX:TieredStopAtLevel=1");
    command.arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=off").arg(source.join("Login.java"));
    if let Who::Certificate(pem) = who {
        let (address, ca) = to;
        command.arg(address).arg(ca).arg(pem);
        return Ok(command);
    }
    Ok(with_arguments(command, to, who))
}

pub(crate) fn kafkajs(to: Where<'_>, who: &Who) -> Result<Command> {
    let source = sources("kafkajs");
    let modules = cache::node("kafkajs", &source)?;
    let mut command = Command::new("node");
    command.env("NODE_PATH", modules.join("node_modules")).arg(source.join("login.js"));
    Ok(with_arguments(command, to, who))
}

pub(crate) fn confluent(to: Where<'_>, who: &Who) -> Result<Command> {
    python("confluent-kafka", to, who)
}

pub(crate) fn kafka_python(to: Where<'_>, who: &Who) -> Result<Command> {
    python("kafka-python", to, who)
}

fn python(client: &str, to: Where<'_>, who: &Who) -> Result<Command> {
    Ok(with_arguments(cache::script(client, "login.py")?, to, who))
}

pub(crate) fn franz_go(to: Where<'_>, who: &Who) -> Result<Command> {
    let source = sources("franz-go");
    let keys = [source.join("go.sum"), source.join("login/login.go")];
    let program = cache::prepared("franz-go-login", &keys, |folder| {
        let mut build = Command::new("go");
        build.args(["build", "-o"]).arg(folder.join("login")).arg("./login");
        cache::run(build.current_dir(&source))
    })?;
    Ok(with_arguments(Command::new(program.join("login")), to, who))
}

/// kcat writes a record and says nothing where that went well.
pub(crate) fn kcat((address, ca): Where<'_>, who: &Who) -> Result<Command> {
    let mut options = vec![format!("ssl.ca.location={}", ca.display())];
    match who {
        Who::Password(mechanism, user, password) => options.extend([
            "security.protocol=SASL_SSL".to_owned(),
            format!("sasl.mechanisms={mechanism}"),
            format!("sasl.username={user}"),
            format!("sasl.password={password}"),
        ]),
        Who::Delegate(..) => bail!("librdkafka knows no delegation tokens"),
        Who::Token(_) => bail!("kcat takes no token: it asks a server for one itself"),
        Who::Certificate(pem) => options.extend([
            "security.protocol=SSL".to_owned(),
            format!("ssl.key.location={}", pem.with_extension("key").display()),
            format!("ssl.certificate.location={}", pem.with_extension("crt").display()),
        ]),
    }
    let mut command = Command::new("bash");
    let script = "echo v | timeout 10 kcat -P -t kcat -b \"$@\" && echo in || echo refused";
    command.args(["-c", script, "kcat", address]);
    for option in &options {
        command.args(["-X", option]);
    }
    Ok(command)
}
