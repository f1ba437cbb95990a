//! Several brokers as one cluster of processes, each to be killed, stopped, cut off and started
//! again: ours, or Apache Kafka's beside them in benchmarks.

mod kafka;
mod view;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::Signal;

pub use self::view::{Known, Partitions};
use crate::clocks::Clocks;
use crate::network::{Network, Who};
use crate::ours::{binary, first_line};
use crate::port;
use crate::process::{Process, pause};

/// How long a start may take, at most: an election is in it.
const START: Duration = Duration::from_mins(1);

/// The id of every cluster here.
pub const CLUSTER: &str = "fleet-under-test";

/// One broker.
#[derive(Debug)]
pub struct Node {
    /// Its node id.
    pub id: i32,
    /// Where clients connect: the same after every restart.
    pub address: SocketAddr,
    peers: SocketAddr,
    process: Option<Process>,
    stopped: bool,
}

/// A cluster of brokers with the ids 0, 1, ..., the first three of which vote.
#[derive(Debug)]
pub struct Fleet {
    folder: PathBuf,
    settings: Vec<String>,
    voters: String,
    nodes: Vec<Node>,
    /// The jars of Apache Kafka; `None`: they are ours.
    jars: Option<PathBuf>,
    /// Where each has a host of its own; `None`: all are on loopback.
    network: Option<Network>,
    /// Where each has a directory, named by its id, with what it shows the others; `None`: they
    /// believe each other.
    certificates: Option<PathBuf>,
    /// By what each tells the time of day; none: by the machine's.
    clocks: Clocks,
}

/// What a cluster may begin with, by Kafka's names: three copies of everything, two in sync.
const THREE: [(&str, &str); 3] = [
    ("default.replication.factor", "3"),
    ("min.insync.replicas", "2"),
    ("group.initial.rebalance.delay.ms", "0"),
];

impl Fleet {
    /// Forms a cluster of `count` brokers, 3 or more, whose data lies in `folder`, with Kafka-named
    /// `settings`, in which `{id}` is each one's own. Starts none.
    pub fn form(folder: &Path, count: i32, settings: &[(&str, &str)]) -> Result<Fleet> {
        Fleet::form_on(None, folder, count, settings)
    }

    /// [`Fleet::three`] on hosts 0, 1 and 2 of `network`. Starts none.
    pub fn on(network: Network, folder: &Path, settings: &[(&str, &str)]) -> Result<Fleet> {
        Fleet::copied(Some(network), folder, 3, settings)
    }

    /// `count` brokers with three copies of everything, two of them in sync, on the hosts of
    /// `network` where there is one. Starts none.
    pub fn copied(
        network: Option<Network>,
        folder: &Path,
        count: i32,
        settings: &[(&str, &str)],
    ) -> Result<Fleet> {
        Fleet::form_on(network, folder, count, &[&THREE, settings].concat())
    }

    fn form_on(
        network: Option<Network>,
        folder: &Path,
        count: i32,
        settings: &[(&str, &str)],
    ) -> Result<Fleet> {
        ensure!(count >= 3, "three of them vote");
        let mut nodes = Vec::new();
        let mut voters = Vec::new();
        for id in 0..count {
            let [address, peers] = match network {
                Some(_) => Network::addresses(id),
                None => [local(port::free()?), local(port::free()?)],
            };
            if id < 3 {
                let directory = format(&data(folder, id), id, CLUSTER)?;
                voters.push(format!("{id}@{peers}:{directory}"));
            }
            nodes.push(Node { id, address, peers, process: None, stopped: false });
        }
        let settings = settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Ok(Fleet {
            folder: folder.to_owned(),
            settings,
            voters: voters.join(","),
            nodes,
            jars: None,
            network,
            certificates: None,
            clocks: Clocks::default(),
        })
    }

    /// [`Fleet::form`] with three brokers that keep three copies, two of them in sync, all started.
    pub fn three(folder: &Path, settings: &[(&str, &str)]) -> Result<Fleet> {
        let mut fleet = Fleet::copied(None, folder, 3, settings)?;
        fleet.start_all()?;
        Ok(fleet)
    }

    /// [`Fleet::three`] whose brokers show each other certificates: `certificates` has a directory
    /// for each, named by its id.
    pub fn secured(folder: &Path, certificates: &Path, settings: &[(&str, &str)]) -> Result<Fleet> {
        let mut fleet = Fleet::copied(None, folder, 3, settings)?;
        fleet.certificates = Some(certificates.to_owned());
        fleet.start_all()?;
        Ok(fleet)
    }

    /// What one of them is started with.
    fn command(&self, id: i32) -> Result<Command> {
        if let Some(jars) = &self.jars {
            return self.server(jars, id);
        }
        let node = self.node(id)?;
        self.with((id, &self.data(id), CLUSTER), (node.address, node.peers))
    }

    /// What starts a process that does not belong here, on ports of its own: as node `id` of
    /// `cluster`, on the directory `data`.
    pub fn stranger(&self, id: i32, data: &Path, cluster: &str) -> Result<Command> {
        self.with((id, data, cluster), (local(port::free()?), local(port::free()?)))
    }

    fn with(
        &self,
        (id, data, cluster): (i32, &Path, &str),
        (address, peers): (SocketAddr, SocketAddr),
    ) -> Result<Command> {
        let mut command = match &self.network {
            None => Command::new(binary()?),
            Some(network) => {
                let mut command = network.inside(Who::Host(id))?;
                command.arg(binary()?);
                command
            }
        };
        command.args(["broker", "--node-id", &id.to_string(), "--data-dir"]).arg(data);
        command.arg("--listener").arg(format!("plain={address}"));
        command.arg("--peer-listener").arg(peers.to_string());
        command.args(["--cluster-id", cluster]);
        match &self.certificates {
            None => command.arg("--plain-text-peers"),
            Some(all) => command.arg("--certificates").arg(all.join(id.to_string())),
        };
        command.arg("--set").arg(format!("controller.quorum.voters={}", self.voters));
        if self.nodes.iter().any(|node| node.id == id && id >= 3) {
            command.args(["--set", "process.roles=broker"]);
        }
        for setting in &self.settings {
            command.args(["--set", &setting.replace("{id}", &id.to_string())]);
        }
        self.clocks.show(id, &mut command);
        command.stdout(Stdio::piped());
        Ok(command)
    }

    /// From now on those that are started have a clock each that can be moved.
    pub fn give_clocks(&mut self) -> Result<()> {
        let ids: Vec<i32> = self.nodes.iter().map(|node| node.id).collect();
        self.clocks = Clocks::make(&ids, &self.folder)?;
        Ok(())
    }

    /// The clocks that they were given.
    pub fn clocks(&self) -> &Clocks {
        &self.clocks
    }

    /// Starts one without waiting until it serves.
    pub fn spawn(&mut self, id: i32) -> Result<()> {
        let mut command = self.command(id)?;
        let log = self.folder.join(format!("{id}.log"));
        let process = match self.jars {
            None => Process::start_keeping_stdout(&mut command, &log)?,
            Some(_) => Process::start(&mut command, &log)?,
        };
        let node = self.node_mut(id)?;
        (node.process, node.stopped) = (Some(process), false);
        Ok(())
    }

    /// Waits until one that was spawned serves.
    pub fn ready(&mut self, id: i32) -> Result<()> {
        let is_ours = self.jars.is_none();
        let node = self.node_mut(id)?;
        let process = node.process.as_mut().context("it was not started")?;
        if !is_ours {
            return process.wait_for(node.address, START);
        }
        let line = first_line(process, START)?;
        ensure!(line.starts_with("ready "), "broker {id} said {line:?}");
        Ok(())
    }

    /// Starts one and waits until it serves.
    pub fn start(&mut self, id: i32) -> Result<()> {
        self.spawn(id)?;
        self.ready(id)
    }

    /// Starts all of them, and waits until they serve.
    pub fn start_all(&mut self) -> Result<()> {
        let ids: Vec<i32> = self.nodes.iter().map(|node| node.id).collect();
        ids.iter().try_for_each(|id| self.spawn(*id))?;
        ids.iter().try_for_each(|id| self.ready(*id))
    }

    /// SIGKILL.
    pub fn kill(&mut self, id: i32) -> Result<()> {
        self.node_mut(id)?.process.take().context("it does not run")?.kill()
    }

    /// SIGTERM; it must end well within `limit`.
    pub fn terminate(&mut self, id: i32, limit: Duration) -> Result<()> {
        let mut process = self.node_mut(id)?.process.take().context("it does not run")?;
        let status = process.terminate(limit)?;
        // a JVM says that it was a signal, however orderly its end
        ensure!(
            status.success() || self.jars.is_some(),
            "broker {id} ended with {status}:\n{}",
            process.tail()
        );
        Ok(())
    }

    /// SIGSTOP: it is there, and silent.
    pub fn stop(&mut self, id: i32) -> Result<()> {
        let node = self.node_mut(id)?;
        node.stopped = true;
        node.process.as_ref().context("it does not run")?.stop()
    }

    /// SIGCONT.
    pub fn go_on(&mut self, id: i32) -> Result<()> {
        let node = self.node_mut(id)?;
        node.stopped = false;
        node.process.as_ref().context("it does not run")?.signal(Signal::CONT)
    }

    /// The hosts that they are on.
    pub fn network(&self) -> Result<&Network> {
        self.network.as_ref().context("they are on loopback")
    }

    /// Where clients connect, all of them, with a comma in between.
    pub fn bootstrap(&self) -> String {
        let all: Vec<String> = self.nodes.iter().map(|node| node.address.to_string()).collect();
        all.join(",")
    }

    /// Where one's data lies.
    pub fn data(&self, id: i32) -> PathBuf {
        data(&self.folder, id)
    }

    /// Where one listens for the others.
    pub fn peers(&self, id: i32) -> Result<SocketAddr> {
        Ok(self.node(id)?.peers)
    }

    /// Where one serves clients.
    pub fn address(&self, id: i32) -> Result<SocketAddr> {
        Ok(self.node(id)?.address)
    }

    /// The process ids of those that run.
    pub fn pids(&self) -> Vec<u32> {
        self.nodes.iter().filter_map(|node| Some(node.process.as_ref()?.pid())).collect()
    }

    /// The process of one that runs.
    pub fn process(&mut self, id: i32) -> Result<&mut Process> {
        self.node_mut(id)?.process.as_mut().context("it does not run")
    }

    /// The ends of all logs, for whoever reads why a test failed.
    pub fn tails(&self) -> String {
        let tail = |node: &Node| {
            let text = fs::read(self.folder.join(format!("{}.log", node.id))).unwrap_or_default();
            let text = String::from_utf8_lossy(&text).into_owned();
            let lines: Vec<&str> = text.lines().collect();
            let last = lines.get(lines.len().saturating_sub(15)..).unwrap_or_default();
            format!("broker {}:\n{}\n", node.id, last.join("\n"))
        };
        self.nodes.iter().map(tail).collect()
    }

    /// Waits until `is_so`, and says `what` was waited for where that takes longer than `limit`.
    /// How long it took.
    pub fn wait(
        &mut self,
        what: &str,
        limit: Duration,
        mut is_so: impl FnMut(&mut Fleet) -> Result<bool>,
    ) -> Result<Duration> {
        let begun = Instant::now();
        loop {
            // whoever is asked may be on its way down
            if matches!(is_so(self), Ok(true)) {
                return Ok(begun.elapsed());
            }
            if begun.elapsed() > limit {
                bail!("{what}: not so after {limit:?}\n{}", self.tails());
            }
            pause();
        }
    }

    fn node(&self, id: i32) -> Result<&Node> {
        self.nodes.iter().find(|node| node.id == id).context("no such broker")
    }

    fn node_mut(&mut self, id: i32) -> Result<&mut Node> {
        self.nodes.iter_mut().find(|node| node.id == id).context("no such broker")
    }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn data(folder: &Path, id: i32) -> PathBuf {
    folder.join(format!("data-{id}"))
}

/// Makes a directory a node's, and says under which id.
fn format(dir: &Path, id: i32, cluster: &str) -> Result<String> {
    let mut command = Command::new(binary()?);
    command.args(["format", "--node-id", &id.to_string(), "--cluster-id", cluster]);
    let output = command.arg("--data-dir").arg(dir).output()?;
    ensure!(output.status.success(), "format: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
