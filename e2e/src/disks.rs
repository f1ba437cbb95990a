//! File systems that fill up and fail: a tmpfs of a few MiB, an ext4 in a file on one, errors of
//! system calls. Made by the test as root, and gone with it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::need;
use crate::process::{Process, pause};

/// Whether `suite` may mount file systems here; said loudly when it may not.
pub fn ready(suite: &str) -> Result<bool> {
    if !geteuid().is_root() {
        need::skip(suite, "only root may mount the file systems that it fills and breaks")?;
        return Ok(false);
    }
    let scratch = crate::suite::Scratch::new("mount")?;
    if Mount::tmpfs(&scratch.path().join("probe"), 1).is_err() {
        need::skip(suite, "mounting a tmpfs is not permitted here")?;
        return Ok(false);
    }
    Ok(true)
}

/// A mounted file system; unmounted when dropped.
#[derive(Debug)]
pub struct Mount {
    at: PathBuf,
}

fn run<S: AsRef<OsStr>>(program: &str, arguments: &[S]) -> Result<()> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} failed: {}", said.trim());
    Ok(())
}

impl Mount {
    /// A tmpfs of some MiB at `at`, which is created.
    pub fn tmpfs(at: &Path, mib: u32) -> Result<Mount> {
        fs::create_dir_all(at)?;
        let size = format!("size={mib}m");
        run(
            "mount",
            &[
                OsStr::new("-t"),
                "tmpfs".as_ref(),
                "-o".as_ref(),
                size.as_ref(),
                "tmpfs".as_ref(),
                at.as_ref(),
            ],
        )?;
        Ok(Mount { at: at.to_owned() })
    }

    /// An ext4 of some MiB in the file `image`, mounted at `at`. The file is sparse: where there is
    /// less room than it promises, write-back fails.
    pub fn ext4(image: &Path, mib: u64, at: &Path) -> Result<Mount> {
        if !image.exists() {
            File::create(image)?.set_len(mib << 20)?;
            run(
                "mkfs.ext4",
                &[
                    OsStr::new("-q"),
                    "-m0".as_ref(),
                    "-E".as_ref(),
                    "lazy_itable_init=0".as_ref(),
                    image.as_ref(),
                ],
            )?;
        }
        fs::create_dir_all(at)?;
        run(
            "mount",
            &[OsStr::new("-o"), "loop,errors=continue".as_ref(), image.as_ref(), at.as_ref()],
        )?;
        Ok(Mount { at: at.to_owned() })
    }

    /// A new ext4 below `folder` for a benchmark, where the user may mount one. On one that has
    /// lost many files within the last minutes, to an earlier run for instance, the kernel spends a
    /// millisecond looking for each new inode (`recently_deleted` in its ext4), whoever asks.
    pub fn for_figures(folder: &Path) -> Result<Option<Mount>> {
        if !ready("a file system of its own")? {
            return Ok(None);
        }
        Mount::ext4(&folder.join("ext4"), 8 << 10, &folder.join("disk")).map(Some)
    }

    /// Takes the power away from an ext4: from now on everything fails, and what was neither synced
    /// nor written back by the kernel is gone (`EXT4_IOC_SHUTDOWN` without its journal's last
    /// part). Whoever has files open there is to be killed; then [`Mount::again`].
    pub fn lose_power(&self) -> Result<()> {
        let script = "import fcntl, os, struct, sys; \
                      fd = os.open(sys.argv[1], os.O_RDONLY); \
                      fcntl.ioctl(fd, 0x8004587d, struct.pack('I', 2))";
        run("python3", &[OsStr::new("-c"), script.as_ref(), self.at.as_ref()])
    }

    /// Mounts the ext4 in `image` once more, as after a power cut.
    pub fn again(self, image: &Path) -> Result<Mount> {
        let at = self.at.clone();
        drop(self);
        Mount::ext4(image, 0, &at)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.at
    }

    /// Gives a tmpfs another size, in MiB.
    pub fn resize(&self, mib: u32) -> Result<()> {
        let size = format!("remount,size={mib}m");
        run("mount", &[OsStr::new("-o"), size.as_ref(), self.at.as_ref()])
    }

    /// Leaves a tmpfs room for `free` more files, or for as many as usual; a directory is one, too.
    pub fn leave_names(&self, free: Option<u64>) -> Result<()> {
        let found = rustix::fs::statvfs(&self.at)?;
        let used = found.f_files - found.f_ffree;
        let names = format!("remount,nr_inodes={}", used + free.unwrap_or(100_000));
        run("mount", &[OsStr::new("-o"), names.as_ref(), self.at.as_ref()])
    }

    /// Bytes that are free for everybody.
    pub fn free(&self) -> Result<u64> {
        let found = rustix::fs::statvfs(&self.at)?;
        Ok(found.f_bavail * found.f_frsize)
    }

    /// Fills it with a file that leaves `free` bytes; the file goes with the answer.
    pub fn fill(&self, free: u64) -> Result<Ballast> {
        let path = self.at.join("ballast");
        let ballast = Ballast { path: path.clone() };
        let file = File::create(&path)?;
        let len = self.free()?.saturating_sub(free);
        let filled =
            rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, len.max(1));
        match filled {
            // where the file system needed some of it for itself, the file has got the rest
            Ok(()) | Err(rustix::io::Errno::NOSPC) => Ok(ballast),
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        // a process that was just killed may still be letting go of its files
        while run("umount", &[&self.at]).is_err() {
            if Instant::now() > deadline {
                // a test that failed may have left a broker on it: it goes when that does
                drop(run("umount", &[OsStr::new("-l"), self.at.as_os_str()]));
                return;
            }
            pause();
        }
    }
}

/// A file that takes up room.
#[derive(Debug)]
pub struct Ballast {
    path: PathBuf,
}

impl Drop for Ballast {
    fn drop(&mut self) {
        // what is gone takes up no room either
        drop(fs::remove_file(&self.path));
    }
}

/// strace, attached to a process, that makes one of its system calls fail, or its last.
#[derive(Debug)]
pub struct Injection {
    process: Process,
    calls: PathBuf,
}

impl Injection {
    /// Has the `nth` call of `calls` (names between commas) of each thread of process `pid` fail
    /// with `EIO`. `None` where that is not permitted.
    pub fn attach(pid: u32, calls: &str, nth: u32, folder: &Path) -> Result<Option<Injection>> {
        Injection::start(pid, calls, None, &format!("error=EIO:when={nth}"), folder)
    }

    /// Has process `pid` killed (-9) as one of its threads begins its `nth` of `calls`, of those
    /// that are about `file` where there is one. `None` where that is not permitted.
    pub fn deadly(
        pid: u32,
        (calls, nth): (&str, u32),
        file: Option<&Path>,
        folder: &Path,
    ) -> Result<Option<Injection>> {
        Injection::start(pid, calls, file, &format!("signal=KILL:when={nth}"), folder)
    }

    fn start(
        pid: u32,
        calls: &str,
        file: Option<&Path>,
        what: &str,
        folder: &Path,
    ) -> Result<Option<Injection>> {
        let (table, log) = (folder.join("inject.calls"), folder.join("inject.log"));
        drop(fs::remove_file(&log));
        let mut command = Command::new("strace");
        command.args(["-f", "-y", "-p", &pid.to_string()]);
        command.args(["-e", &format!("trace={calls}")]);
        command.args(["-e", &format!("inject={calls}:{what}")]);
        if let Some(file) = file {
            command.arg("-P").arg(file);
        }
        command.arg("-o").arg(&table).stdout(Stdio::null());
        let mut process = Process::start_keeping_stdout(&mut command, &log)?;
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let said = process.log_text();
            if said.contains("not permitted") {
                return Ok(None);
            }
            if said.contains("attached") {
                return Ok(Some(Injection { process, calls: table }));
            }
            process.check_alive()?;
            if Instant::now() > deadline {
                bail!("strace does not attach: {said}");
            }
            pause();
        }
    }

    /// Lets go of the process; returns the lines about calls that were seen.
    pub fn detach(mut self) -> Result<Vec<String>> {
        if self.process.check_alive().is_ok() {
            let pid =
                Pid::from_raw(i32::try_from(self.process.pid())?).context("0 is no process")?;
            kill_process(pid, Signal::INT)?;
        }
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.process.check_alive().is_ok() {
            ensure!(Instant::now() < deadline, "strace does not let go");
            pause();
        }
        Ok(fs::read_to_string(&self.calls)?.lines().map(str::to_owned).collect())
    }
}
