//! The command line: one file per sub-command under `command/`.

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;

mod broker;
mod up;

/// Kafka clusters from manifests, on this machine with `up`; or one broker
#[derive(Debug, Parser)]
#[command(name = "kastellan", version, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(up::Arguments),
    Broker(broker::Arguments),
}

/// Reads the process's arguments, runs the sub-command, prints its failure; the exit code is 0, or
/// 1 for a failure, or 2 for arguments that cannot be carried out.
pub fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let result = match command {
        Command::Up(arguments) => up::run(arguments),
        Command::Broker(arguments) => broker::run(arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&failure);
            ExitCode::from(failure.code())
        }
    }
}

/// stderr may be gone (a closed terminal); there is nowhere left to say so.
fn complain(failure: &Failure) {
    drop(writeln!(std::io::stderr().lock(), "{failure}"));
}
