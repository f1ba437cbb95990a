//! What a sub-command says when it gives up: what failed, why, and what to do about it.

use std::fmt;
use std::io;

/// A failure as the person at the terminal reads it; one per run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    what: String,
    help: Option<String>,
    code: u8,
}

impl Failure {
    /// What failed and why, in one line; the process will exit with 1.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), help: None, code: 1 }
    }

    /// Like [`Failure::new`] for something the caller got wrong on the command line: exit code 2,
    /// the one that clap uses.
    pub fn usage(what: impl Into<String>) -> Self {
        Self { what: what.into(), help: None, code: 2 }
    }

    /// What could not be written to stdout. Whoever closed it, as `head` does, has read enough:
    /// that is no failure, and nothing is said.
    pub fn stdout(why: &io::Error) -> Self {
        match why.kind() {
            io::ErrorKind::BrokenPipe => Self { what: String::new(), help: None, code: 0 },
            _ => Self::new(format!("write to stdout: {why}")),
        }
    }

    /// Adds what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The exit code: 1, or 2 for a command line that cannot be carried out; 0 if nothing has
    /// failed but the reader's interest.
    pub fn code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}
