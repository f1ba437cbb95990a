//! Where log lines go: stderr, filtered as `--log` or `RUST_LOG` says.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

use crate::failure::Failure;
use crate::terminal::Log;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

/// Sends the process's log lines to stderr. The filter, as in `info` or `kastellan_log=debug,warn`,
/// is the argument of `--log`, or the variable `RUST_LOG`, or `otherwise`; returns which.
pub(crate) fn init(argument: Option<&str>, otherwise: &str) -> Result<String, Failure> {
    init_as(argument, otherwise, Format::Text)
}

/// The same in another format.
pub(crate) fn init_as(
    argument: Option<&str>,
    otherwise: &str,
    format: Format,
) -> Result<String, Failure> {
    let variable = std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
    let (from, filter) = match (argument, &variable) {
        (Some(argument), _) => ("--log", argument),
        (None, Some(variable)) => ("RUST_LOG", variable.as_str()),
        (None, None) => ("--log", otherwise),
    };
    let parsed = EnvFilter::try_new(filter).map_err(|why| {
        Failure::usage(format!("{from} {filter}: {why}"))
            .help("write a level (error, warn, info, debug, trace) or target=level,...")
    })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(parsed)
        .with_writer(Log::default)
        // see no-color.org
        .with_ansi(stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        // the fallback is eprintln!, which panics once the reader of our stderr is gone
        .log_internal_errors(false);
    let begun = match format {
        Format::Text => lines.try_init(),
        Format::Json => lines.json().with_ansi(false).flatten_event(true).try_init(),
    };
    begun.map_err(|why| Failure::new(format!("set up logging: {why}")))?;
    Ok(filter.to_owned())
}
