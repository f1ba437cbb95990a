//! Kastellan as a process: built by cargo, on a free port, on a folder the caller keeps.

use std::env;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};

use crate::process::Process;
use crate::{cache, port};

/// One of our brokers, running or not.
#[derive(Debug)]
pub struct Ours {
    binary: PathBuf,
    folder: PathBuf,
    node: String,
    settings: Vec<String>,
    allowed_urls: Vec<String>,
    dirs: Vec<PathBuf>,
    log: Option<String>,
    address: SocketAddr,
    process: Option<Process>,
}

/// How long a start may take, at most. Far above the 150 ms we aim at: this is a test, not a
/// benchmark.
const START: Duration = Duration::from_secs(30);

/// The `kastellan` program: `KASTELLAN_BIN`, or built now by cargo (release, as quickstart does),
/// once per process.
pub fn binary() -> Result<PathBuf> {
    static BINARY: OnceLock<std::result::Result<PathBuf, String>> = OnceLock::new();
    BINARY
        .get_or_init(|| find_or_build().map_err(|error| format!("{error:#}")))
        .clone()
        .map_err(|error| anyhow!(error))
}

fn find_or_build() -> Result<PathBuf> {
    if let Some(binary) = env::var_os("KASTELLAN_BIN") {
        let binary = PathBuf::from(binary);
        if !binary.is_file() {
            bail!("KASTELLAN_BIN={} is not a file", binary.display());
        }
        return Ok(binary);
    }
    let root = cache::e2e().parent().context("e2e lies in the workspace")?.to_owned();
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(&root)
        .args([
            "build",
            "--release",
            "--locked",
            "-p",
            "kastellan-operator",
            "--bin",
            "kastellan",
            "--message-format=json-render-diagnostics",
        ])
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        bail!("cargo build --release --bin kastellan failed");
    }
    // Cargo names the file it built, wherever the target directory is.
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
        .next_back()
        .context("cargo built no executable")
}

impl Ours {
    /// A broker on `folder` (its data lies in `folder/data`), with Kafka-named `settings`
    /// (`node.id` is 1 unless it is among them). Does not start it.
    pub fn new(folder: &Path, settings: &[(&str, &str)]) -> Result<Ours> {
        let address = SocketAddr::from(([127, 0, 0, 1], port::free()?));
        let node = settings.iter().find(|(name, _)| *name == "node.id");
        let node = node.map_or("1", |(_, id)| id).to_owned();
        let settings = settings.iter().filter(|(name, _)| *name != "node.id");
        let settings = settings.map(|(name, value)| format!("{name}={value}")).collect();
        Ok(Ours {
            binary: binary()?,
            folder: folder.to_owned(),
            node,
            settings,
            allowed_urls: Vec::new(),
            dirs: Vec::new(),
            log: None,
            address,
            process: None,
        })
    }

    /// The same with more log directories, besides the one that holds the metadata.
    #[must_use]
    pub fn with_dirs(mut self, dirs: &[&Path]) -> Ours {
        self.dirs = dirs.iter().map(|dir| (*dir).to_owned()).collect();
        self
    }

    /// The same, which may read the keys of those who issue tokens at `url`.
    #[must_use]
    pub fn allowing(mut self, url: &str) -> Ours {
        self.allowed_urls.push(url.to_owned());
        self
    }

    /// The same with a log that says more, or less: `trace`.
    #[must_use]
    pub fn logging(mut self, what: &str) -> Ours {
        self.log = Some(what.to_owned());
        self
    }

    /// Starts the broker and waits for its `ready` line.
    pub fn start(&mut self) -> Result<()> {
        let mut command = Command::new(&self.binary);
        command.args(["broker", "--node-id", &self.node, "--data-dir"]).arg(self.data());
        for dir in &self.dirs {
            command.arg("--data-dir").arg(dir);
        }
        command.arg("--listener").arg(format!("plain={}", self.address));
        for setting in &self.settings {
            command.args(["--set", setting]);
        }
        for url in &self.allowed_urls {
            command.args(["--oauthbearer-allowed-url", url]);
        }
        if let Some(log) = &self.log {
            command.args(["--log", log]);
        }
        command.stdout(Stdio::piped());
        let mut process =
            Process::start_keeping_stdout(&mut command, &self.folder.join("kastellan.log"))?;
        let line = first_line(&mut process, START)?;
        let expected = format!("ready plain={}", self.address);
        if line != expected {
            bail!(
                "the broker said {line:?} instead of {expected:?}; its log ends:\n{}",
                process.tail()
            );
        }
        self.process = Some(process);
        Ok(())
    }

    /// Where clients connect: the same after every restart.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process, when started.
    pub fn process(&mut self) -> Option<&mut Process> {
        self.process.as_mut()
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }
}

/// The first line that `process` prints on its piped stdout; the rest is read and dropped, so that
/// the process never blocks.
pub fn first_line(process: &mut Process, limit: Duration) -> Result<String> {
    let stdout = process.take_stdout().context("stdout was piped")?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            let Ok(line) = line else { break };
            // Nobody listens after the first line, and that is fine.
            drop(sender.send(line));
        }
    });
    match receiver.recv_timeout(limit) {
        Ok(line) => Ok(line),
        Err(RecvTimeoutError::Timeout) => {
            bail!("no ready line after {limit:?}; the log ends:\n{}", process.tail())
        }
        Err(RecvTimeoutError::Disconnected) => {
            let mut last = process.check_alive().err();
            bail!(
                "the broker closed stdout without a ready line: {}",
                last.take().map_or_else(|| process.tail(), |error| error.to_string())
            )
        }
    }
}
