//! A child process that dies with its guard, and what the kernel says about it.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How long a process may take to stop, at most.
const STOPPED: Duration = Duration::from_secs(30);

/// A running program whose stderr (and stdout, unless taken) goes to a file. Killed with SIGKILL
/// when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

/// What a process has used, read from `/proc/PID`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// User plus system time in seconds.
    pub cpu: f64,
    /// Resident memory in MiB.
    pub rss: f64,
}

impl Process {
    /// Starts `command` with stdout and stderr appended to `log`.
    pub fn start(command: &mut Command, log: &Path) -> Result<Process> {
        let out = open(log)?;
        command.stdout(out.try_clone()?);
        Process::start_keeping_stdout(command, log)
    }

    /// Starts `command` with only stderr appended to `log`; stdout stays as the caller set it.
    pub fn start_keeping_stdout(command: &mut Command, log: &Path) -> Result<Process> {
        let child = command
            .stdin(Stdio::null())
            .stderr(open(log)?)
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        Ok(Process { child, log: log.to_owned() })
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The pipe of a stdout that was set to be piped, once.
    pub fn take_stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// The last lines of the log, for error messages.
    pub fn tail(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(25)..).unwrap_or_default().join("\n")
    }

    /// The whole log so far.
    pub fn log_text(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Fails when the process has ended.
    pub fn check_alive(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => {
                bail!("the process ended with {status}; its log ends:\n{}", self.tail())
            }
        }
    }

    /// Waits until `address` accepts a connection; fails when the process ends or `limit` passes.
    pub fn wait_for(&mut self, address: SocketAddr, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        while TcpStream::connect(address).is_err() {
            self.check_alive()?;
            if Instant::now() > deadline {
                bail!(
                    "nothing listens on {address} after {limit:?}; the log ends:\n{}",
                    self.tail()
                );
            }
            pause();
        }
        Ok(())
    }

    /// SIGKILL, and waits for the end.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid =
            Pid::from_raw(i32::try_from(self.child.id())?).context("a process id is not 0")?;
        Ok(kill_process(pid, signal)?)
    }

    /// SIGSTOP, and waits until every thread of it has stopped: on a busy machine one may run on
    /// until another one takes the signal in.
    pub fn stop(&self) -> Result<()> {
        self.signal(Signal::STOP)?;
        let deadline = Instant::now() + STOPPED;
        while !is_stopped(self.pid())? {
            if Instant::now() > deadline {
                bail!("not all of it stopped within {STOPPED:?} of SIGSTOP");
            }
            pause();
        }
        Ok(())
    }

    /// SIGTERM, and waits for the end; fails when it takes longer than `limit`.
    pub fn terminate(&mut self, limit: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!("not gone {limit:?} after SIGTERM; the log ends:\n{}", self.tail());
            }
            pause();
        }
    }

    /// CPU time and memory used so far.
    pub fn usage(&self) -> Result<Usage> {
        usage(self.pid())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already, which is what we want.
        drop(self.kill());
    }
}

/// Waits a moment before looking at another process again.
#[expect(clippy::disallowed_methods, reason = "another process has no event to wait for")]
pub fn pause() {
    thread::sleep(Duration::from_millis(5));
}

fn open(log: &Path) -> Result<File> {
    File::options()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("cannot open {}", log.display()))
}

/// Whether every thread of process `pid` is stopped.
fn is_stopped(pid: u32) -> Result<bool> {
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let stat = fs::read_to_string(task?.path().join("stat"))?;
        let after = stat.rsplit_once(") ").context("a stat has a name in parentheses")?.1;
        if !after.starts_with('T') {
            return Ok(false);
        }
    }
    Ok(true)
}

/// CPU time and memory of process `pid`.
pub fn usage(pid: u32) -> Result<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after = stat.rsplit_once(')').context("/proc/PID/stat has a name in parentheses")?.1;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks = |index: usize| -> Result<f64> {
        Ok(fields.get(index).context("/proc/PID/stat is short")?.parse::<f64>()?)
    };
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib: f64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next())
        .map_or(Ok(0.0), str::parse)?;
    // utime and stime are the 14th and 15th field, in ticks of 10 ms (USER_HZ is 100 on every Linux
    // we run on)
    Ok(Usage { cpu: (ticks(11)? + ticks(12)?) / 100.0, rss: kib / 1024.0 })
}
