//! The cluster of the end-to-end tests by hand: `cluster up`, `cluster exec -- kubectl get pods
//! -A`, `cluster down`; `cluster run -- COMMAND` is what `make e2e` does, and
//! `cluster try` the same where a cluster can run at all. See [`kastellan_e2e::cluster`].
#![expect(clippy::print_stderr, reason = "why it failed, without a backtrace")]

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use kastellan_e2e::cluster;

const USAGE: &str = "cluster up | down | load ARCHIVE | (exec | run | try) -- COMMAND...";

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode> {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let (verb, rest) = arguments.split_first().context(USAGE)?;
    let rest = rest.strip_prefix(&[OsString::from("--")]).unwrap_or(rest);
    match (verb.to_str().unwrap_or_default(), rest) {
        ("up", []) => cluster::up(true)?,
        ("down", []) => cluster::down()?,
        ("load", [archive]) => cluster::load(Path::new(archive))?,
        ("exec", [program, rest @ ..]) => return cluster::exec(program, rest),
        ("run", [program, rest @ ..]) => return cluster::run(program, rest),
        ("try", [program, rest @ ..]) => return cluster::attempt(program, rest),
        // the first process of the provider `local`
        ("inside", [state, programs, name]) => {
            let name = name.to_str().context("the name of a cluster is ASCII")?;
            cluster::inside(Path::new(state), Path::new(programs), name)?;
        }
        _ => bail!("{USAGE}"),
    }
    Ok(ExitCode::SUCCESS)
}
