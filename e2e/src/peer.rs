//! Apache Kafka 4.3.1 as peer: its jars from Maven, a formatted data folder, a process that dies
//! with its guard.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::process::Process;
use crate::{cache, port};

/// How the JVM is started: quickly for tests, as the distribution does for benchmarks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jvm {
    /// Small heap, first-tier compiler only: starts sooner on few cores.
    Test,
    /// What `kafka-run-class.sh` and `kafka-server-start.sh` of the distribution use.
    AsShipped,
}

/// A formatted Apache Kafka node, running or not.
#[derive(Debug)]
pub struct Peer {
    jars: PathBuf,
    folder: PathBuf,
    jvm: Jvm,
    address: SocketAddr,
    process: Option<Process>,
}

const CLUSTER_ID: &str = "a2FzdGVsbGFuLXBlZXIAAA";

/// The folder with the jars of Apache Kafka 4.3.1, downloaded once per machine.
pub fn jars() -> Result<PathBuf> {
    let pom = cache::e2e().join("peer/pom.xml");
    maven("kafka-peer", &pom)
}

/// The folder with the runtime jars of a pom, downloaded once per machine.
pub fn maven(name: &str, pom: &Path) -> Result<PathBuf> {
    cache::prepared(name, &[pom.to_owned()], |folder| {
        cache::run(
            Command::new("mvn")
                .args(["-B", "-q", "-f"])
                .arg(pom)
                .args(["dependency:copy-dependencies", "-DincludeScope=runtime"])
                .arg(format!("-DoutputDirectory={}", folder.display())),
        )
    })
}

/// `java` with the peer's classes, ready for a main class of Kafka's. Logs warnings and errors to
/// stderr.
pub fn java(jars: &Path) -> Command {
    let mut command = Command::new("java");
    command.arg("-cp").arg(format!("{}/*", jars.display())).arg(format!(
        "-Dlog4j2.configurationFile=file:{}",
        cache::e2e().join("peer/log4j2.properties").display()
    ));
    command
}

/// What formats the data folder of a node with these `properties`, but for who votes.
pub fn format(jars: &Path, properties: &Path) -> Command {
    let mut command = java(jars);
    command
        .args(["-XX:TieredStopAtLevel=1", "-Xshare:auto", "kafka.tools.StorageTool"])
        .args(["format", "-t", CLUSTER_ID, "-c"])
        .arg(properties);
    command
}

/// What runs a node with these `properties`.
pub fn server(jars: &Path, jvm: Jvm, properties: &Path) -> Command {
    let mut command = java(jars);
    match jvm {
        Jvm::Test => command.args(["-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]),
        Jvm::AsShipped => command.args([
            "-Xmx1g",
            "-Xms1g",
            "-server",
            "-XX:+UseG1GC",
            "-XX:MaxGCPauseMillis=20",
            "-XX:InitiatingHeapOccupancyPercent=35",
            "-XX:+ExplicitGCInvokesConcurrent",
        ]),
    };
    command.arg("kafka.Kafka").arg(properties);
    command
}

impl Peer {
    /// Formats a node in `folder` (which must be empty) with `settings` added to the properties.
    /// Does not start it.
    pub fn format(folder: &Path, jvm: Jvm, settings: &[(&str, &str)]) -> Result<Peer> {
        Peer::format_with_users(folder, jvm, settings, &[])
    }

    /// The same with users, each in the words of `kafka-storage format --add-scram`.
    pub fn format_with_users(
        folder: &Path,
        jvm: Jvm,
        settings: &[(&str, &str)],
        users: &[String],
    ) -> Result<Peer> {
        let jars = jars()?;
        let broker = port::free()?;
        let controller = port::free()?;
        let listeners =
            format!("PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}");
        let voters = format!("127.0.0.1:{controller}");
        let data = folder.join("data");
        let mut properties = fs::read_to_string(cache::e2e().join("peer/server.properties"))?;
        let own = [
            ("listeners", listeners.as_str()),
            ("advertised.listeners", listeners.as_str()),
            ("controller.quorum.bootstrap.servers", voters.as_str()),
            ("log.dirs", data.to_str().context("the folder's name is not UTF-8")?),
        ];
        for (name, value) in own.iter().chain(settings) {
            properties.extend([*name, "=", *value, "\n"]);
        }
        let file = folder.join("server.properties");
        fs::write(&file, properties)?;
        let mut formatting = format(&jars, &file);
        formatting.arg("--standalone");
        for user in users {
            formatting.args(["--add-scram", user]);
        }
        cache::run(&mut formatting)?;
        let address = SocketAddr::from(([127, 0, 0, 1], broker));
        Ok(Peer { jars, folder: folder.to_owned(), jvm, address, process: None })
    }

    /// Starts the node and waits until it accepts connections.
    pub fn start(&mut self) -> Result<()> {
        let mut command = server(&self.jars, self.jvm, &self.folder.join("server.properties"));
        let mut process = Process::start(&mut command, &self.folder.join("kafka.log"))?;
        process.wait_for(self.address, Duration::from_mins(2))?;
        self.process = Some(process);
        Ok(())
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process, when started.
    pub fn process(&mut self) -> Option<&mut Process> {
        self.process.as_mut()
    }

    /// The folder that holds `topic-partition` folders.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }
}
