//! `kastellan operator`: the clusters of a Kubernetes cluster.

use std::net::SocketAddr;

use clap::{Args, ValueEnum};
use tokio::runtime::Builder;

use crate::failure::Failure;
use crate::kubernetes::cluster::Settings;
use crate::kubernetes::leader::Lease;
use crate::kubernetes::{self, Options, release};
use crate::telemetry::{self, Format};

/// Run the operator in a Kubernetes cluster
///
/// Looks after the KafkaClusters, KafkaTopics and KafkaUsers of the watched
/// namespaces until SIGTERM, or until another operator takes the lease. Finds the
/// API server by KUBECONFIG, or by the service account of its pod.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, next_line_help = true, after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The namespaces to watch; without it, all of them (or `WATCH_NAMESPACES`)
    #[arg(long, env = "WATCH_NAMESPACES", hide_env = true, value_delimiter = ',')]
    watch_namespaces: Vec<String>,
    /// The namespace of the Lease, which only one operator holds
    /// (`OPERATOR_NAMESPACE`) [default: default]
    #[arg(
        long,
        env = "OPERATOR_NAMESPACE",
        hide_env = true,
        hide_default_value = true,
        default_value = "default",
        verbatim_doc_comment
    )]
    operator_namespace: String,
    /// Its name in the Lease (`POD_NAME`) [default: a random one]
    #[arg(long, env = "POD_NAME", hide_env = true)]
    identity: Option<String>,
    /// The image of brokers whose KafkaCluster names none (`BROKER_IMAGE`)
    #[arg(
        long,
        env = "BROKER_IMAGE",
        hide_env = true,
        value_name = "IMAGE",
        required_unless_present = "release"
    )]
    broker_image: Option<String>,
    /// Names of Secrets with which every broker's image is pulled
    /// (`IMAGE_PULL_SECRETS`)
    #[arg(
        long,
        env = "IMAGE_PULL_SECRETS",
        hide_env = true,
        value_delimiter = ',',
        verbatim_doc_comment
    )]
    image_pull_secrets: Vec<String>,
    /// Where to answer /livez, /readyz and /metrics
    #[arg(long, value_name = "HOST:PORT", default_value = "0.0.0.0:8080")]
    http: SocketAddr,
    /// Work without asking for the Lease: for the only operator there can be
    #[arg(long)]
    no_leader_election: bool,
    /// Take the operator's finalizer from all objects, and end: before the
    /// operator is removed for good
    #[arg(long, verbatim_doc_comment)]
    release: bool,
    /// What to log
    #[arg(long, value_name = "FILTER", help = LOG_HELP)]
    log: Option<String>,
    /// How to log: text or json (`LOG_FORMAT`) [default: text]
    #[arg(
        long,
        env = "LOG_FORMAT",
        hide_env = true,
        hide_possible_values = true,
        hide_default_value = true,
        value_enum,
        default_value = "text",
        value_name = "FORMAT"
    )]
    log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

const EXAMPLES: &str = "Examples:
  kastellan operator --broker-image registry.example/kastellan:0.1 \\
      --watch-namespaces kafka
  kastellan operator --release --watch-namespaces kafka";

const LOG_HELP: &str = "What to log: error, warn, info, debug, trace or target=level,...
[default: what RUST_LOG says, or info]";

/// Runs the operator to its end.
pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let format = match arguments.log_format {
        LogFormat::Text => Format::Text,
        LogFormat::Json => Format::Json,
    };
    telemetry::init_as(arguments.log.as_deref(), "info", format)?;
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|why| Failure::new(format!("set up the event loop: {why}")))?;
    let namespaces = named(arguments.watch_namespaces);
    if arguments.release {
        return runtime.block_on(release_all(&namespaces));
    }
    let lease = Lease { namespace: arguments.operator_namespace, identity: arguments.identity };
    let settings = Settings {
        broker_image: arguments.broker_image.unwrap_or_default(),
        pull_secrets: named(arguments.image_pull_secrets),
    };
    let lease = (!arguments.no_leader_election).then_some(lease);
    runtime.block_on(kubernetes::run(Options { namespaces, lease, http: arguments.http, settings }))
}

/// An empty variable is an empty list, not a list of one empty name.
fn named(names: Vec<String>) -> Vec<String> {
    names.into_iter().filter(|name| !name.is_empty()).collect()
}

async fn release_all(namespaces: &[String]) -> Result<(), Failure> {
    let client = kubernetes::connect().await?;
    let released = release::release(&client, namespaces)
        .await
        .map_err(|why| Failure::new(format!("release the finalizers: {why}")))?;
    tracing::info!(released, "no object waits for the operator any more");
    Ok(())
}
