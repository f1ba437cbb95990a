//! A real Kubernetes for the end-to-end tests, and what they do with it.
//!
//! Who runs the nodes is a [`Provider`]: ourselves, kind, or somebody else (`E2E_PROVIDER`). `make
//! e2e` starts it, runs the tests of `e2e/tests/kubernetes/` and ends it; with `E2E_KEEP=1` it
//! stays, and the next run finds it.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::kubernetes::programs;
use crate::need;

mod client;
mod existing;
mod kind;
mod local;
mod namespace;
mod previous;
mod provider;
mod scenario;

pub use client::{Client, SECRET};
pub use local::run_inside as inside;
pub use namespace::{LIMIT, Namespace};
pub use previous::{Previous, keep};
pub use provider::{Node, Provider, chosen};
pub use scenario::{Cluster, fault, scenario, until};

/// Names the folder with the image (see `make image`), and says to the tests that there is a
/// cluster for them.
const IMAGE: &str = "KASTELLAN_IMAGE_DIR";

/// Starts the cluster unless it runs; what does not stay ends with this process.
pub fn up(stays: bool) -> Result<()> {
    let provider = provider()?;
    let begin = Instant::now();
    provider.up(stays)?;
    say(&format!(
        "{}: the cluster is ready, {:.1} s",
        provider.name(),
        begin.elapsed().as_secs_f32()
    ))
}

/// Ends the cluster.
pub fn down() -> Result<()> {
    chosen()?.down()
}

/// Puts the images of an archive onto its nodes.
pub fn load(archive: &Path) -> Result<()> {
    chosen()?.load(archive)
}

/// Runs a program where the cluster is: in its network, with its kubeconfig and its programs on the
/// PATH. Its end is ours.
pub fn exec(program: &OsStr, arguments: &[OsString]) -> Result<ExitCode> {
    let provider = chosen()?;
    provider.enter()?;
    let status = command(&*provider, program)?.args(arguments).status();
    let status = status.with_context(|| format!("cannot start {}", program.display()))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1).into())
}

/// Runs a program as [`exec`] does, between [`up`] and [`down`]; `E2E_KEEP=1` leaves out the
/// latter.
pub fn run(program: &OsStr, arguments: &[OsString]) -> Result<ExitCode> {
    let mut archives = Vec::new();
    if let Some(folder) = env::var_os(IMAGE) {
        // before the cluster is there: in its network is no internet
        // the release before first: what both call `kastellan:VERSION` is then the one under test
        archives.extend(Previous::find()?.map(|previous| previous.archive));
        archives.extend([Path::new(&folder).join("kastellan.tar"), client::image()?.0]);
    }
    let stays = env::var_os("E2E_KEEP").is_some();
    up(stays)?;
    let loaded = archives.iter().try_for_each(|archive| load(archive));
    let code = loaded.and_then(|()| exec(program, arguments));
    if !stays {
        down()?;
    }
    code
}

/// [`run`] where a cluster can run; where none can, that is said, and an error only in CI.
pub fn attempt(program: &OsStr, arguments: &[OsString]) -> Result<ExitCode> {
    let missing = chosen()?.missing();
    if missing.is_empty() {
        return run(program, arguments);
    }
    need::skip("a Kubernetes cluster", &format!("missing: {}", missing.join("; ")))?;
    Ok(ExitCode::SUCCESS)
}

/// The provider, when it can run.
fn provider() -> Result<Box<dyn Provider>> {
    let provider = chosen()?;
    let missing = provider.missing();
    if !missing.is_empty() {
        let name = provider.name();
        bail!("a cluster ({name}) cannot run here; missing:\n  {}", missing.join("\n  "));
    }
    Ok(provider)
}

fn command(provider: &dyn Provider, program: &OsStr) -> Result<Command> {
    let mut path = OsString::from(programs()?);
    if let Some(old) = env::var_os("PATH") {
        path.push(":");
        path.push(old);
    }
    let found =
        env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file());
    let mut command = Command::new(found.unwrap_or_else(|| PathBuf::from(program)));
    command.env("PATH", path).env("KUBECONFIG", provider.kubeconfig());
    Ok(command)
}

/// Prints a line on stderr, also from within a test that passes.
pub fn say(line: &str) -> Result<()> {
    Ok(writeln!(io::stderr(), "{line}")?)
}
