//! Starts the binary and reads what it says, line by line; waits for lines, never for time.

use std::io::{BufRead as _, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

/// Far more than anything here takes; a test that waits for this long has failed.
const PATIENCE: Duration = Duration::from_mins(1);

/// A directory of this test; gone at its end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let name = format!("kastellan-test-{}", uuid::Uuid::new_v4().simple());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        std::fs::create_dir(path.join("tmp")).unwrap();
        Self(path)
    }

    /// Writes a file, as an editor that writes in place.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// What `up` has left in its temporary directory.
    pub(crate) fn left_behind(&self) -> usize {
        std::fs::read_dir(self.0.join("tmp")).unwrap().count()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The manifest of a cluster `demo` with one broker and one listener.
pub(crate) fn cluster(port: u16) -> String {
    format!(
        "apiVersion: kastellan.dev/v1alpha1\nkind: KafkaCluster\nmetadata: {{name: demo}}\n\
         spec: {{listeners: [{{name: plain, port: {port}}}], replicas: 1}}\n---\n"
    )
}

/// The manifest of a topic of `demo`; `rest` is the rest of its spec.
pub(crate) fn topic(name: &str, rest: &str) -> String {
    format!(
        "apiVersion: kastellan.dev/v1alpha1\nkind: KafkaTopic\nmetadata: {{name: {name}}}\n\
         spec: {{clusterRef: {{name: demo}}, {rest}}}\n---\n"
    )
}

/// A running `kastellan`.
pub(crate) struct Process {
    child: Child,
    stdout: Lines,
    stderr: Lines,
}

/// The lines of one pipe.
struct Lines {
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { lines, seen: Vec::new() }
    }

    /// The next line that contains `part`.
    fn expect(&mut self, part: &str) -> Result<String, String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                return Err(format!(
                    "no line with {part:?}; there were:\n{}",
                    self.seen.join("\n")
                ));
            };
            self.seen.push(line.clone());
            if line.contains(part) {
                return Ok(line);
            }
        }
    }

    /// All there is up to now.
    fn all(&mut self) -> &[String] {
        self.seen.extend(self.lines.try_iter());
        &self.seen
    }

    /// All there is until the pipe closes.
    fn rest(&mut self) -> String {
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.seen.push(line);
        }
        self.seen.join("\n")
    }
}

impl Process {
    pub(crate) fn start(folder: &Folder, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kastellan"))
            .args(arguments)
            .current_dir(folder.path())
            .env("TMPDIR", folder.path().join("tmp"))
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = Lines::of(child.stdout.take().unwrap());
        let stderr = Lines::of(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    /// `kastellan up` for one file.
    pub(crate) fn up(folder: &Folder, file: &str) -> Self {
        Self::start(folder, &["up", file])
    }

    /// Waits for the ready line; where the clients connect.
    pub(crate) fn ready(&mut self) -> SocketAddr {
        let line = self.stdout.expect("ready ");
        assert!(line.is_ok(), "{line:?}; on stderr:\n{}", self.stderr.all().join("\n"));
        let line = line.unwrap();
        let addresses = line.strip_prefix("ready bootstrap=").unwrap();
        addresses.split(',').next().unwrap().parse().unwrap()
    }

    /// Waits for a line on stderr that contains `part`.
    pub(crate) fn says(&mut self, part: &str) -> String {
        self.stderr.expect(part).unwrap()
    }

    /// The processes that this one has started.
    pub(crate) fn children(&self) -> Vec<u32> {
        let (pid, all) = (self.child.id(), std::fs::read_dir("/proc").unwrap());
        let pids = all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
        pids.filter(|child| parent(*child) == Some(pid)).collect()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        signal_to(self.child.id(), signal);
    }

    /// Waits for the end: exit status, stdout, stderr.
    pub(crate) fn end(mut self) -> (ExitStatus, String, String) {
        let (stdout, stderr) = (self.stdout.rest(), self.stderr.rest());
        (self.child.wait().unwrap(), stdout, stderr)
    }

    /// SIGTERM and the clean end that it asks for; what was said on stderr.
    pub(crate) fn stop(self) -> String {
        self.signal(Signal::TERM);
        let (status, stdout, stderr) = self.end();
        assert_eq!(status.code(), Some(0), "{stderr}");
        assert!(stdout.lines().count() <= 1, "one line at most on stdout: {stdout}");
        stderr
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn signal_to(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// A process's parent: the second field behind the name in parentheses.
fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// A process that is not ours to wait for.
pub(crate) struct Stranger(OwnedFd);

impl Stranger {
    pub(crate) fn new(pid: u32) -> Self {
        let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        Self(pidfd_open(pid, PidfdFlags::empty()).unwrap())
    }

    /// Blocks until it is gone.
    pub(crate) fn wait_for_its_end(&self) {
        let patience = Timespec::try_from(PATIENCE).unwrap();
        let mut wanted = [PollFd::new(&self.0, PollFlags::IN)];
        assert_eq!(poll(&mut wanted, Some(&patience)).unwrap(), 1, "it is still there");
    }
}
