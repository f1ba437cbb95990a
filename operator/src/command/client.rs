//! What the commands that talk to a cluster have in common: where it is, and how they print.

use std::io::{self, Write as _};
use std::time::Duration;

use clap::{Args, ValueEnum};
use kastellan_core::config::nearest;
use serde::Serialize;
use tokio::runtime::Builder;

use crate::admin::{Admin, AdminError, Metadata};
use crate::columns::{self, Column};
use crate::failure::Failure;

/// Where a cluster is when nobody says: what `kastellan up` runs by default.
const DEFAULT: &str = "127.0.0.1:9092";
/// Read when `--bootstrap` is not given.
const VARIABLE: &str = "KASTELLAN_BOOTSTRAP";

const BOOTSTRAP_HELP: &str = "The address of one broker or of several; the others are learned
[default: what KASTELLAN_BOOTSTRAP says, or 127.0.0.1:9092]";

/// Where the cluster is.
#[derive(Debug, Clone, Args)]
pub(super) struct Connect {
    /// Where the cluster is
    #[arg(
        long,
        global = true,
        value_name = "HOST:PORT[,...]",
        help = BOOTSTRAP_HELP,
        help_heading = "Cluster"
    )]
    bootstrap: Option<String>,
    /// How long to wait for an answer, and to ask again what may pass
    /// [default: 30]
    #[arg(
        long,
        global = true,
        value_name = "SECONDS",
        default_value = "30",
        hide_default_value = true,
        verbatim_doc_comment,
        value_parser = clap::value_parser!(u64).range(1..=3600),
        help_heading = "Cluster"
    )]
    timeout: u64,
}

/// How the answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A table for people
    Table,
    /// The same with more columns
    Wide,
    /// One JSON document, the same fields in every version
    Json,
    /// The same as YAML
    Yaml,
}

/// `-o`.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Output {
    /// How to print the answer: table, wide, json or yaml [default: table]
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        default_value = "table",
        value_name = "FORMAT",
        hide_possible_values = true,
        hide_default_value = true
    )]
    pub(super) output: Format,
}

impl Connect {
    fn seeds(&self) -> Result<Vec<String>, Failure> {
        let variable = std::env::var(VARIABLE).ok().filter(|value| !value.is_empty());
        let (from, given) = match (&self.bootstrap, &variable) {
            (Some(given), _) => ("--bootstrap", given.as_str()),
            (None, Some(variable)) => (VARIABLE, variable.as_str()),
            (None, None) => ("the default", DEFAULT),
        };
        let seeds: Vec<String> = given
            .split(',')
            .map(|seed| seed.trim().to_owned())
            .filter(|seed| !seed.is_empty())
            .collect();
        let port = |seed: &String| {
            let port = seed.rsplit_once(':').map(|(host, port)| (host, port.parse::<u16>()));
            matches!(port, Some((host, Ok(1..))) if !host.is_empty())
        };
        match seeds.iter().find(|seed| !port(seed)) {
            Some(wrong) => Err(Failure::usage(format!("{from}: {wrong:?} is not HOST:PORT"))
                .help("write addresses like localhost:9092, with commas between them")),
            None if seeds.is_empty() => Err(Failure::usage(format!("{from} names no address"))
                .help("write addresses like localhost:9092, with commas between them")),
            None => Ok(seeds),
        }
    }

    /// How long anything may take.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    /// Connects and does what is asked, to its end.
    pub(super) fn run<T>(
        &self,
        work: impl AsyncFnOnce(&mut Admin) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let seeds = self.seeds()?;
        // the second thread is for signals, while the first waits for whoever reads our stdout
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|why| Failure::new(format!("set up the event loop: {why}")))?;
        let result = runtime.block_on(async {
            let mut admin = Admin::connect(&seeds, self.patience()).await?;
            work(&mut admin).await
        });
        // a thread that waits for stdin is not waited for
        runtime.shutdown_background();
        result
    }
}

impl From<AdminError> for Failure {
    fn from(why: AdminError) -> Self {
        let failure = Self::new(why.to_string());
        match why {
            AdminError::Unreachable(_) => failure.help(
                "is it running? `kastellan up FILE` starts one here; another is named by \
                 --bootstrap HOST:PORT or KASTELLAN_BOOTSTRAP",
            ),
            AdminError::Silence(..) => failure.help("--timeout SECONDS waits longer"),
            AdminError::NotServed { .. } => {
                failure.help("this command needs Kastellan, or Apache Kafka 3.7 or newer")
            }
            _ => failure,
        }
    }
}

/// The topics named, all of which must exist.
pub(super) async fn topics(admin: &mut Admin, names: &[String]) -> Result<Metadata, Failure> {
    let metadata = admin.metadata(Some(names)).await?;
    match names.iter().find(|name| !metadata.topics.contains_key(*name)) {
        Some(missing) => {
            let all = admin.metadata(None).await?;
            Err(unknown("topic", missing, all.topics.keys().map(String::as_str)))
        }
        None => Ok(metadata),
    }
}

/// Nothing has this name; what has a similar one.
pub(super) fn unknown<'a>(kind: &str, name: &str, there: impl Iterator<Item = &'a str>) -> Failure {
    let failure = Failure::new(format!("there is no {kind} {name:?}"));
    let there: Vec<&str> = there.collect();
    match nearest(name, there.iter().copied()) {
        Some(near) => failure.help(format!("did you mean {near:?}?")),
        None if there.is_empty() => failure.help(format!("the cluster has no {kind}s")),
        None => failure.help(format!("`kastellan {kind}s` lists those there are")),
    }
}

/// Prints what was found: as a table, made by `rows` (with `true`: the wide one), or as a document.
pub(super) fn print<T: Serialize>(
    format: Format,
    found: &T,
    rows: impl FnOnce(bool) -> (Vec<Column>, Vec<Vec<String>>),
) -> Result<(), Failure> {
    let text = match format {
        Format::Table | Format::Wide => {
            let (columns, rows) = rows(format == Format::Wide);
            let mut text = columns::lines(&columns, &rows, None).join("\n");
            text.push('\n');
            text
        }
        Format::Json => document(found)?,
        Format::Yaml => serde_saphyr::to_string(found)
            .map_err(|why| Failure::new(format!("write YAML: {why}")))?,
    };
    say(&text)
}

/// One JSON document and a line's end.
pub(super) fn document<T: Serialize>(found: &T) -> Result<String, Failure> {
    let mut text = serde_json::to_string_pretty(found)
        .map_err(|why| Failure::new(format!("write JSON: {why}")))?;
    text.push('\n');
    Ok(text)
}

/// Writes to stdout, which may be closed.
pub(super) fn say(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|why| Failure::stdout(&why))
}

/// A line on stderr; when nobody reads there, there is nobody to tell.
pub(super) fn remark(text: &str) {
    drop(io::stderr().lock().write_all(format!("{text}\n").as_bytes()));
}

/// What became of each of several things; the failure says how many went wrong.
pub(super) fn results(
    kind: &str,
    done: &str,
    answers: &crate::admin::Answers,
    output: Output,
) -> Result<(), Failure> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Outcome<'a> {
        name: &'a str,
        done: bool,
        message: &'a str,
    }
    let outcomes: Vec<Outcome<'_>> = answers
        .iter()
        .map(|(name, answer)| Outcome {
            name,
            done: answer.is_ok(),
            message: answer.as_ref().map_or_else(|why| why.message.as_str(), |()| done),
        })
        .collect();
    match output.output {
        Format::Table | Format::Wide => {
            for outcome in outcomes.iter().filter(|outcome| outcome.done) {
                say(&format!("{kind}/{} {done}\n", columns::printable(outcome.name)))?;
            }
        }
        Format::Json | Format::Yaml => {
            print(output.output, &outcomes, |_| (Vec::new(), Vec::new()))?;
        }
    }
    let failed: Vec<String> = outcomes
        .iter()
        .filter(|outcome| !outcome.done)
        .map(|outcome| format!("{kind}/{}: {}", columns::printable(outcome.name), outcome.message))
        .collect();
    if failed.is_empty() { Ok(()) } else { Err(Failure::new(failed.join("\nerror: "))) }
}
