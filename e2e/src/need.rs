//! Toolchains that a suite needs: a missing one skips the suite loudly, and fails it in CI.

use std::env;
use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::{Result, bail};

/// A program that must be on the PATH.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "each is the program of that name")]
pub enum Tool {
    Java,
    Maven,
    Node,
    Npm,
    Python,
    Go,
    Kcat,
    Cc,
    Strace,
    Openssl,
}

impl Tool {
    fn program(self) -> &'static str {
        match self {
            Tool::Java => "java",
            Tool::Maven => "mvn",
            Tool::Node => "node",
            Tool::Npm => "npm",
            Tool::Python => "python3",
            Tool::Go => "go",
            Tool::Kcat => "kcat",
            Tool::Cc => "cc",
            Tool::Strace => "strace",
            Tool::Openssl => "openssl",
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Tool::Java => "apt-get install openjdk-17-jdk-headless",
            Tool::Maven => "apt-get install maven",
            Tool::Node | Tool::Npm => "apt-get install nodejs npm",
            Tool::Python => "apt-get install python3 python3-venv",
            Tool::Go => "apt-get install golang (1.26 or newer)",
            Tool::Kcat => "apt-get install kcat",
            Tool::Cc => "apt-get install gcc librdkafka-dev",
            Tool::Strace => "apt-get install strace",
            Tool::Openssl => "apt-get install openssl",
        }
    }
}

/// What must be there to run Apache Kafka.
pub const APACHE: &[Tool] = &[Tool::Java, Tool::Maven];

/// Whether `suite` can run. False: a tool is missing, which has been said on stderr. An error when
/// that happens with `CI=true`, unless `KASTELLAN_ALLOW_SKIP=1`.
pub fn ready(suite: &str, tools: &[Tool]) -> Result<bool> {
    let missing: Vec<Tool> =
        tools.iter().copied().filter(|tool| find(tool.program()).is_none()).collect();
    if missing.is_empty() {
        return Ok(true);
    }
    let names: Vec<&str> = missing.iter().map(|tool| tool.program()).collect();
    let remedies: Vec<&str> = missing.iter().map(|tool| tool.remedy()).collect();
    skip(suite, &format!("{} not found; install with {}", names.join(", "), remedies.join("; ")))?;
    Ok(false)
}

/// Says on stderr that `suite` is skipped, and why, also in CI: for what a fresh machine cannot
/// have.
pub fn skip_here(suite: &str, why: &str) -> Result<()> {
    Ok(writeln!(io::stderr(), "SKIPPED {suite}: {why}")?)
}

/// Says on stderr that `suite` is skipped, and why; an error with `CI=true`, unless
/// `KASTELLAN_ALLOW_SKIP=1`.
pub fn skip(suite: &str, why: &str) -> Result<()> {
    let line = format!("SKIPPED {suite}: {why}");
    if env::var("CI").is_ok_and(|ci| ci == "true") && env::var("KASTELLAN_ALLOW_SKIP").is_err() {
        bail!("{line} (set KASTELLAN_ALLOW_SKIP=1 to allow this in CI)");
    }
    // Not eprintln!: the test runner hides what passing tests print, and a skip has to be seen.
    writeln!(io::stderr(), "{line}")?;
    Ok(())
}

/// Where `program` lies on the PATH.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
