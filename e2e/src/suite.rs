//! A client program run to its end with a deadline, and what it must have said.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::judged;
use crate::process::pause;

/// A folder under the system's temporary one, removed when dropped, unless the thread panics (then
/// it is evidence).
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new empty folder.
    pub fn new(name: &str) -> Result<Scratch> {
        static TURN: AtomicU32 = AtomicU32::new(0);
        let turn = TURN.fetch_add(1, Ordering::Relaxed);
        let folder =
            env::temp_dir().join(format!("kastellan-e2e-{}-{name}-{turn}", std::process::id()));
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(Scratch(folder))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !thread::panicking() && env::var_os("KASTELLAN_KEEP").is_none() {
            // A folder left behind in the temporary directory is not worth an error.
            drop(fs::remove_dir_all(&self.0));
        }
    }
}

/// What a program printed and how it ended.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Stdout and stderr as they came, one text.
    pub text: String,
}

/// Runs `command` to its end. Its output goes through the file `log`; after `limit` it is killed
/// and the output is in the error.
pub fn run(command: &mut Command, log: &Path, limit: Duration) -> Result<Output> {
    let out = fs::File::create(log)?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let deadline = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            break None;
        }
        pause();
    };
    let text = String::from_utf8_lossy(&fs::read(log)?).into_owned();
    match status {
        Some(status) => Ok(Output { status, text }),
        None => bail!("{command:?} was not done after {limit:?}; it printed:\n{text}"),
    }
}

/// Runs a client's walk through the broker. It must end well, print `ok STEP` for every step of
/// `steps`, and print no line that its logger marks as an error.
pub fn walk(command: &mut Command, log: &Path, steps: &[&str]) -> Result<Output> {
    let output = run(command, log, Duration::from_mins(2))?;
    if !output.status.success() {
        bail!("the client ended with {}; it printed:\n{}", output.status, output.text);
    }
    if let Some(line) = output.text.lines().find(|line| is_error(line) && !is_kafkas_own(line)) {
        bail!("the client logged an error: {line}\nall it printed:\n{}", output.text);
    }
    for step in steps {
        let wanted = format!("ok {step}");
        if !output
            .text
            .lines()
            .any(|line| line == wanted || line.starts_with(&format!("{wanted} ")))
        {
            bail!("the client did not say {wanted:?}; it printed:\n{}", output.text);
        }
    }
    Ok(output)
}

/// Whether a client's log line says that something failed: an ERROR level of its logger, or
/// librdkafka's level 0-3.
fn is_error(line: &str) -> bool {
    let librdkafka = line
        .strip_prefix('%')
        .and_then(|rest| rest.split_once('|'))
        .is_some_and(|(level, _)| level.parse::<u8>().is_ok_and(|level| level <= 3));
    librdkafka || line.contains("ERROR") || line.contains("[error]")
}

/// Apache Kafka makes its internal topics when they are first asked for, and clients log that as an
/// error. We must not cause it.
fn is_kafkas_own(line: &str) -> bool {
    let known = [
        "The group coordinator is not available",
        "The coordinator is loading and hence can't process requests",
    ];
    judged::is_kafka() && known.iter().any(|text| line.contains(text))
}

#[cfg(test)]
mod tests {
    use super::is_error;

    #[test]
    fn error_lines_of_each_client_are_seen_and_others_are_not() {
        assert!(is_error("%3|1700000000.1|FAIL|rdkafka#producer-1| [thrd:x]: connection refused"));
        assert!(is_error("[main] ERROR org.apache.kafka.clients.NetworkClient - boom"));
        assert!(is_error("ERROR {\"message\":\"boom\"}"));
        assert!(!is_error("%5|1700000000.1|REQTMOUT|rdkafka#producer-1| late"));
        assert!(!is_error("ok walk-through 12 ms"));
        assert!(!is_error("100% |done"));
    }
}
