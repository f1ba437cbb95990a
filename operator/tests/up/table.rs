//! The live table, on a terminal.

use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::harness::{Folder, cluster, free_port, signal_to, topic};

/// What arrives at a terminal, until everything in `parts` was there, in this order.
fn expect(bytes: &Receiver<Vec<u8>>, seen: &mut String, parts: &[&str]) {
    let deadline = Instant::now() + Duration::from_mins(1);
    for part in parts {
        let end = loop {
            if let Some(at) = seen.find(part) {
                break at + part.len();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let more = bytes.recv_timeout(left);
            assert!(more.is_ok(), "no {part:?} in {seen:?}");
            let more = more.unwrap_or_default();
            seen.push_str(&String::from_utf8_lossy(&more));
        };
        seen.drain(..end);
    }
}

fn terminal(columns: u16) -> (OwnedFd, OwnedFd) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    resize(&ours, columns);
    let theirs = std::fs::File::options().read(true).write(true).open(name.to_str().unwrap());
    (ours, theirs.unwrap().into())
}

fn resize(terminal: &OwnedFd, columns: u16) {
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal, size).unwrap();
}

#[test]
fn the_table_stays_below_the_log_follows_the_window_and_goes_at_the_end() {
    let folder = Folder::new();
    let text = cluster(free_port()) + &topic("greetings", "partitions: 3");
    folder.write("demo.yaml", &text);
    let (ours, theirs) = terminal(80);
    let mut child = Command::new(env!("CARGO_BIN_EXE_kastellan"))
        .args(["up", "demo.yaml"])
        .current_dir(folder.path())
        .env("TMPDIR", folder.path().join("tmp"))
        .env("TERM", "xterm")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::from(theirs))
        .spawn()
        .unwrap();
    let (sender, bytes) = channel();
    let mut screen = std::fs::File::from(ours.try_clone().unwrap());
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = screen.read(&mut buffer) {
            if sender.send(buffer[..read].to_vec()).is_err() {
                return;
            }
        }
    });
    let mut seen = String::new();
    expect(&bytes, &mut seen, &["─ demo   Ready", "Serving", "greetings   Ready       3"]);
    // as wide as the window is now, which is told by a signal
    resize(&ours, 60);
    signal_to(child.id(), Signal::WINCH);
    let title = "─ demo   Ready   ";
    expect(&bytes, &mut seen, &["\x1b[J", title, "BROKER"]);
    // a line of the log goes above: the table off, the line, the table on
    folder.write("demo.yaml", &text.replace("partitions: 3", "partitions: 5"));
    expect(
        &bytes,
        &mut seen,
        &[
            "\x1b[J",
            "PartitionsAdding): from 3 to 5 partitions\r\n",
            title,
            "greetings   Ready       5",
        ],
    );
    signal_to(child.id(), Signal::INT);
    expect(&bytes, &mut seen, &["SIGINT: stopping", "A\r\x1b[J", "stopped\r\n"]);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!seen.contains("BROKER"), "nothing is painted at the end: {seen:?}");
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
}
