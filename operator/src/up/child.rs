//! One broker as a child process: this very binary with the sub-command `broker`.
//!
//! The child is in a process group of its own, so that Ctrl-C reaches it only through us, and has a
//! pipe on stdin that closes with us, however we end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader, Lines};
use tokio::process::{ChildStderr, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};

use super::bootstrap::Membership;
use super::report;
use crate::failure::Failure;
use crate::fleet::Broker;
use crate::fleet::guard::{self, Door, OPERATOR};

/// A clean stop takes seconds; after this it is no longer one.
const PATIENCE: Duration = Duration::from_secs(20);

/// What becomes of a child.
#[derive(Debug)]
pub(super) enum Event {
    /// It serves clients there: listener and address, in the manifest's order.
    Serving { id: i32, addresses: Vec<(String, SocketAddr)> },
    /// It has ended.
    Ended { id: i32, end: End },
}

/// How a child ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    /// In words, as in "exit status: 1".
    pub(super) how: String,
    /// What it complained about last: its lines from `error: ` on.
    pub(super) complaint: Option<String>,
}

/// A running child; it is stopped when this is dropped.
#[derive(Debug)]
pub(super) struct Child {
    /// What it was started as.
    pub(super) broker: Broker,
    /// Its process's id.
    pub(super) pid: Option<u32>,
    stop: Option<oneshot::Sender<()>>,
}

impl Child {
    /// Asks the child to stop cleanly; its end comes as an [`Event`].
    pub(super) fn stop(&mut self) {
        if let Some(stop) = self.stop.take()
            && stop.send(()).is_err()
        {
            tracing::debug!(id = self.broker.id, "the broker has ended already");
        }
    }

    /// Whether it was asked to stop.
    pub(super) fn asked_to_stop(&self) -> bool {
        self.stop.is_none()
    }
}

/// How a broker is to be started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start<'a> {
    pub(super) broker: &'a Broker,
    pub(super) data_dir: &'a Path,
    /// Whom it belongs to; `None`: it is alone.
    pub(super) membership: Option<&'a Membership>,
    /// Where the others find it.
    pub(super) peer_port: u16,
    /// Where this process finds it; `None`: where everybody does.
    pub(super) operator_port: Option<u16>,
    /// All of its settings.
    pub(super) settings: &'a BTreeMap<String, String>,
}

/// Starts a broker; `events` hears of it until its end.
pub(super) fn start(
    start: Start<'_>,
    log: &str,
    events: mpsc::UnboundedSender<Event>,
) -> Result<Child, Failure> {
    let broker = start.broker;
    let mut command = command(start, log);
    let mut process = command
        .spawn()
        .map_err(|why| Failure::new(format!("start a process for broker {}: {why}", broker.id)))?;
    let (stop, stopped) = oneshot::channel();
    let (id, pid) = (broker.id, process.id());
    let stdout = process.stdout.take();
    let stderr = process.stderr.take();
    tokio::spawn(async move {
        // the pipe's end stays open for as long as this task lives
        let _stdin = process.stdin.take();
        let pid = process.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        let serving = serving(id, stdout, events.clone());
        let (status, complaint, ()) =
            tokio::join!(ended(&mut process, pid, stopped), complaint(id, stderr), serving);
        let end = End {
            how: status.map_or_else(|why| why.to_string(), |how| how.to_string()),
            complaint,
        };
        // nobody listens: we are leaving
        drop(events.send(Event::Ended { id, end }));
    });
    Ok(Child { broker: broker.clone(), pid, stop: Some(stop) })
}

fn command(start: Start<'_>, log: &str) -> Command {
    let Start { broker, data_dir, membership, peer_port, operator_port, settings } = start;
    // the name in /proc leads to this very binary even after another took its place on the disk
    let mut command = Command::new("/proc/self/exe");
    command.arg0("kastellan").arg("broker").arg("--exit-with-stdin").args(["--log", log]);
    command.arg("--node-id").arg(broker.id.to_string()).arg("--data-dir").arg(data_dir);
    for listener in &broker.listeners {
        let (name, port) = (&listener.name, super::port(broker.id, listener.port));
        command.arg("--listener").arg(format!("{name}=127.0.0.1:{port}"));
    }
    command.args(guard::allowed_urls(broker.listeners.iter().map(Door::from)));
    if let Some(port) = operator_port {
        command.arg("--listener").arg(format!("{OPERATOR}=127.0.0.1:{port}"));
    }
    if let Some(membership) = membership {
        // it may begin with a dash
        command.arg(format!("--cluster-id={}", membership.cluster_id));
        command.arg("--peer-listener").arg(format!("127.0.0.1:{peer_port}"));
        command.arg("--certificates").arg(&membership.certificates);
        for (name, value) in &membership.quorum {
            command.arg("--set").arg(format!("{name}={value}"));
        }
    }
    for (name, value) in settings {
        command.arg("--set").arg(format!("{name}={value}"));
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0).kill_on_drop(true);
    command
}

/// Waits for the child's end; when told to, asks for it, at last with force.
async fn ended(
    process: &mut tokio::process::Child,
    pid: Option<Pid>,
    stopped: oneshot::Receiver<()>,
) -> std::io::Result<ExitStatus> {
    tokio::select! {
        status = process.wait() => return status,
        // a dropped sender means the same
        _ = stopped => {}
    }
    if let Some(pid) = pid
        && let Err(why) = kill_process(pid, Signal::TERM)
    {
        tracing::debug!(%why, "the broker ended before it was told to");
    }
    if let Ok(status) = tokio::time::timeout(PATIENCE, process.wait()).await {
        return status;
    }
    process.start_kill()?;
    process.wait().await
}

/// Passes the ready line on; nothing else is expected on stdout.
async fn serving(id: i32, stdout: Option<ChildStdout>, events: mpsc::UnboundedSender<Event>) {
    let mut lines = lines(stdout);
    while let Some(line) = next(lines.as_mut()).await {
        match addresses(&line) {
            Some(addresses) => drop(events.send(Event::Serving { id, addresses })),
            None => report::line(&format!("broker {id}: {line}")),
        }
    }
}

/// The addresses of `ready NAME=HOST:PORT[,...]`.
fn addresses(line: &str) -> Option<Vec<(String, SocketAddr)>> {
    let one = |listener: &str| {
        let (name, address) = listener.split_once('=')?;
        Some((name.to_owned(), address.parse().ok()?))
    };
    line.strip_prefix("ready ")?.split(',').map(one).collect()
}

/// Passes the log on to our stderr, and keeps the complaint at its end.
async fn complaint(id: i32, stderr: Option<ChildStderr>) -> Option<String> {
    let mut complaint: Option<String> = None;
    let mut lines = lines(stderr);
    while let Some(line) = next(lines.as_mut()).await {
        if let Some(what) = line.strip_prefix("error: ") {
            complaint = Some(what.to_owned());
        } else if let Some(complaint) = &mut complaint
            && line.starts_with("  ")
        {
            complaint.push('\n');
            complaint.push_str(&line);
        } else {
            report::line(&format!("broker {id}: {line}"));
        }
    }
    complaint
}

fn lines<R: AsyncRead + Unpin>(pipe: Option<R>) -> Option<Lines<BufReader<R>>> {
    pipe.map(|pipe| BufReader::new(pipe).lines())
}

/// The next line; a pipe that fails has ended.
async fn next<R: AsyncRead + Unpin>(lines: Option<&mut Lines<BufReader<R>>>) -> Option<String> {
    lines?.next_line().await.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_has_the_address_of_every_listener() {
        let found = addresses("ready plain=127.0.0.1:9092,other=[::1]:9093").unwrap();
        assert_eq!(found[0], ("plain".to_owned(), "127.0.0.1:9092".parse().unwrap()));
        assert_eq!(found[1].1.port(), 9093);
        assert_eq!(addresses("ready"), None);
        assert_eq!(addresses("ready plain=nowhere"), None);
    }
}
