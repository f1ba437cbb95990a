//! The command line: one file per sub-command under `command/`.

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;

mod broker;
mod client;
mod completions;
mod consume;
mod format;
mod groups;
mod moment;
mod operator;
mod produce;
mod simulate;
mod status;
mod topics;
mod up;

/// Kafka clusters from manifests, on this machine with `up`; or one broker; and
/// a client for any Kafka cluster
#[derive(Debug, Parser)]
#[command(name = "kastellan", version, disable_help_subcommand = true, verbatim_doc_comment)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(up::Arguments),
    Broker(broker::Arguments),
    Format(format::Arguments),
    Operator(operator::Arguments),
    Topics(topics::Arguments),
    Groups(groups::Arguments),
    Produce(produce::Arguments),
    Consume(consume::Arguments),
    Status(status::Arguments),
    Simulate(simulate::Arguments),
    Completions(completions::Arguments),
}

/// Reads the process's arguments, runs the sub-command, prints its failure; the exit code is 0, or
/// 1 for a failure, or 2 for arguments that cannot be carried out.
pub fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let result = match command {
        Command::Up(arguments) => up::run(arguments),
        Command::Broker(arguments) => broker::run(arguments),
        Command::Format(arguments) => format::run(&arguments),
        Command::Operator(arguments) => operator::run(arguments),
        Command::Topics(arguments) => topics::run(arguments),
        Command::Groups(arguments) => groups::run(arguments),
        Command::Produce(arguments) => produce::run(&arguments),
        Command::Consume(arguments) => consume::run(&arguments),
        Command::Status(arguments) => status::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if failure.code() != 0 {
                complain(&failure);
            }
            ExitCode::from(failure.code())
        }
    }
}

/// stderr may be gone (a closed terminal); there is nowhere left to say so.
fn complain(failure: &Failure) {
    drop(writeln!(std::io::stderr().lock(), "{failure}"));
}
