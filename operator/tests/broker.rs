//! `kastellan broker`: its ready line, its signals, and what it says when it does not start.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// A data directory of this test; gone at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("kastellan-test-{}", uuid::Uuid::new_v4().simple());
        Self(std::env::temp_dir().join(name))
    }

    fn command(&self, listener: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kastellan"));
        command.args(["broker", "--node-id", "0", "--listener", listener, "--data-dir"]);
        command.arg(&self.0).env_remove("RUST_LOG").stdin(Stdio::null());
        command
    }

    fn start(&self, listener: &str) -> Child {
        let mut command = self.command(listener);
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn output(&self, listener: &str, more: &[&str]) -> (Option<i32>, String) {
        let Output { status, stdout, stderr } = self.command(listener).args(more).output().unwrap();
        assert_eq!(String::from_utf8(stdout).unwrap(), "");
        (status.code(), String::from_utf8(stderr).unwrap())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Reads the ready line of a broker with the one listener `plain`.
fn ready(child: &mut Child) -> SocketAddr {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line.trim_end().strip_prefix("ready plain=").unwrap().parse().unwrap()
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), signal).unwrap();
}

#[test]
fn the_ready_line_has_the_port_that_was_bound_and_sigterm_ends_it_cleanly() {
    let folder = Folder::new();
    for how in [Signal::TERM, Signal::INT] {
        let mut child = folder.start("plain=127.0.0.1:0");
        let address = ready(&mut child);
        TcpStream::connect(address).unwrap();
        signal(&child, how);
        assert_eq!(child.wait().unwrap().code(), Some(0));
        let mut rest = String::new();
        child.stdout.unwrap().read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "one line only");
    }
}

#[test]
fn a_broker_that_must_not_outlive_its_parent_ends_with_its_stdin() {
    let folder = Folder::new();
    let mut command = folder.command("plain=127.0.0.1:0");
    command.arg("--exit-with-stdin").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    TcpStream::connect(ready(&mut child)).unwrap();
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_busy_port_is_named_with_the_way_out() {
    let folder = Folder::new();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    let (code, said) = folder.output(&format!("plain=127.0.0.1:{port}"), &["--log", "error"]);
    assert_eq!(code, Some(1));
    assert!(
        said.starts_with(&format!("error: listener plain: port {port} of 127.0.0.1 is in use\n")),
        "{said}"
    );
    assert!(said.contains("--listener plain=127.0.0.1:PORT"), "{said}");
}

#[test]
fn a_directory_in_use_or_of_another_cluster_is_refused() {
    let folder = Folder::new();
    let mut first = folder.start("plain=127.0.0.1:0");
    ready(&mut first);
    let (code, said) = folder.output("plain=127.0.0.1:0", &["--log", "error"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("is in use by another process"), "{said}");
    signal(&first, Signal::TERM);
    first.wait().unwrap();
    let other = ["--log", "error", "--cluster-id", "AAAAAAAAAAAAAAAAAAAAAA"];
    let (code, said) = folder.output("plain=127.0.0.1:0", &other);
    assert_eq!(code, Some(1));
    assert!(said.contains("belongs to cluster"), "{said}");
}

#[test]
fn arguments_that_cannot_be_carried_out_exit_with_2() {
    let folder = Folder::new();
    for (more, expected) in [
        (vec!["--set", "log.retention.hour=1"], "did you mean \"log.retention.hours\"?"),
        (vec!["--set", "log.retention.hours=long"], "log.retention.hours=long: expected"),
        (vec!["--set", "x"], "write NAME=VALUE"),
        (vec!["--set", "a=1", "--set", "a=2"], "--set a: given twice"),
        (vec!["--log", "a=b=c"], "--log a=b=c: "),
        (vec!["--exit-with-stdin"], "stdin is not a pipe"),
    ] {
        let (code, said) = folder.output("plain=127.0.0.1:0", &more);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(expected), "said: {said}\nexpected: {expected}");
    }
}

#[test]
fn a_listener_on_all_addresses_says_which_one_clients_dial() {
    let (code, said) = Folder::new().output("plain=0.0.0.0:0", &["--log", "error"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--listener plain=0.0.0.0:PORT,advertised=HOST:PORT"), "{said}");
}
