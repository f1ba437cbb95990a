//! `kastellan up`: a cluster from manifests, on this machine.

use std::path::PathBuf;

use clap::Args;
use tokio::runtime::Builder;

use crate::failure::Failure;
use crate::up::{self, Options};
use crate::{telemetry, terminal};

/// Run the cluster of a manifest on this machine, without Kubernetes
///
/// Reads the cluster, topics and users of the files, starts the brokers as child
/// processes on loopback, creates the topics, and prints one line on stdout when
/// everything is Ready: ready bootstrap=HOST:PORT[,...]. Progress goes to stderr.
///
/// Edits of the files are applied while it runs; files that cannot be applied
/// change nothing. What another client changes of a topic of the files is put
/// back. Ctrl-C or SIGTERM stops everything cleanly (exit code 0), a second one
/// at once.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, next_line_help = true, after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Manifests: YAML files, or directories with *.yaml and *.yml files
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// Keep the brokers' data here; without it, data goes to a temporary
    /// directory that is removed at the end
    #[arg(long, value_name = "DIR", verbatim_doc_comment)]
    data_dir: Option<PathBuf>,
    /// What to log
    #[arg(long, value_name = "FILTER", help = LOG_HELP)]
    log: Option<String>,
    /// Show no table of brokers, topics and groups below the log; there is none
    /// either where stderr is no terminal
    #[arg(long, verbatim_doc_comment)]
    no_table: bool,
}

const EXAMPLES: &str = "Examples:
  kastellan up manifests/quickstart.yaml
  kastellan up cluster.yaml topics/ --data-dir ./data";

const LOG_HELP: &str = "What to log, the brokers too: error, warn, info, debug, trace or
target=level,... [default: what RUST_LOG says, or warn]";

/// Runs the cluster until it is asked to stop.
pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let log = telemetry::init(arguments.log.as_deref(), "warn")?;
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|why| Failure::new(format!("set up the event loop: {why}")))?;
    let (paths, data_dir) = (arguments.paths, arguments.data_dir);
    let table = !arguments.no_table && terminal::can_show();
    runtime.block_on(up::run(Options { paths, data_dir, log, table }))
}
