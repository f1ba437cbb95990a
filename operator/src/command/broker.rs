//! `kastellan broker`: one broker in this process, until a signal or the end of stdin.
//!
//! Besides what formats a directory, the only module that names `kastellan-broker`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use kastellan_broker::{CertificateFiles, Config, Listener, Management, Running};
use tokio::runtime::Builder;

use self::directory::prepare;
use self::listener::{AddressArgument, ListenerArgument, PeerArgument};
use super::client::Format;
use crate::failure::Failure;
use crate::stop::Stop;
use crate::telemetry;

mod directory;
mod explain;
mod listener;
mod properties;
mod settings;
mod stdin;

const LOG_HELP: &str = "What to log: error, warn, info, debug, trace or target=level,...
[default: what RUST_LOG says, or info]";

const USAGE: &str = "kastellan broker [OPTIONS] --node-id <ID> --data-dir <DIR> \
                     --listener <NAME=HOST:PORT[,advertised=HOST:PORT]>
       kastellan broker --help-config [-o <FORMAT>]";

const EXAMPLES: &str = "Examples:
  kastellan broker --node-id 0 --data-dir ./data --listener plain=127.0.0.1:9092
  kastellan broker --node-id 0 --data-dir ./data --set log.retention.hours=24 \\
      --listener plain=0.0.0.0:9092,advertised=kafka.example:9092
  kastellan broker --help-config | less
  kastellan broker --help-config -o json | jq '.broker[].name'";

/// Run one broker in this process
///
/// Prints one line on stdout once clients are served, with the ports really
/// bound: ready NAME=HOST:PORT[,...]. Logs go to stderr. SIGTERM or Ctrl-C stops
/// it cleanly (exit code 0), a second one at once.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    next_line_help = true,
    override_usage = USAGE,
    after_help = EXAMPLES
)]
pub(super) struct Arguments {
    /// This broker's id, unique in its cluster: 0 or more
    #[arg(
        long,
        required_unless_present = "help_config",
        value_name = "ID",
        value_parser = clap::value_parser!(i32).range(0..)
    )]
    node_id: Option<i32>,
    /// Where this broker keeps its logs; made when missing, locked while in use.
    /// May be repeated: new partitions go where the fewest are, and a directory
    /// that fails takes only its own partitions offline
    #[arg(long, required_unless_present = "help_config", value_name = "DIR", verbatim_doc_comment)]
    data_dir: Vec<PathBuf>,
    /// Which directory holds the cluster's metadata; the broker stops when it
    /// fails [default: the first data directory]
    #[arg(long, value_name = "DIR", verbatim_doc_comment)]
    metadata_log_dir: Option<PathBuf>,
    /// A file with the id under which an empty directory for the metadata is
    /// formatted; without the file it gets a new one. Whoever writes it takes it
    /// away before the directory can be lost: who votes must not forget
    #[arg(long, requires = "cluster_id", value_name = "FILE", verbatim_doc_comment)]
    directory_id_file: Option<PathBuf>,
    /// A name, an address to listen on (port 0: any free one), and perhaps
    /// another address to tell clients. May be repeated
    #[arg(
        long,
        required_unless_present = "help_config",
        value_name = "NAME=HOST:PORT[,advertised=HOST:PORT]",
        verbatim_doc_comment
    )]
    listener: Vec<ListenerArgument>,
    /// Where the cluster's other brokers connect, and perhaps another address to
    /// tell them [default: this broker is a cluster of its own]
    #[arg(long, value_name = "HOST:PORT[,advertised=HOST:PORT]", verbatim_doc_comment)]
    peer_listener: Option<PeerArgument>,
    /// What brokers show each other: tls.crt and tls.key, for CN=node-ID and
    /// O=CLUSTER-ID, and ca.crt, whom they trust; read again when they change
    #[arg(long, value_name = "DIR", verbatim_doc_comment)]
    certificates: Option<PathBuf>,
    /// Let brokers connect to each other in plain text and believe who they say
    /// they are: for tests
    #[arg(long, requires = "peer_listener", conflicts_with = "certificates", verbatim_doc_comment)]
    plain_text_peers: bool,
    /// Where probes (/livez, /readyz, /startupz) and metrics (/metrics) are
    /// answered in plain HTTP (port 0: any free one) [default: nowhere]
    #[arg(long, value_name = "HOST:PORT", verbatim_doc_comment)]
    probe_listener: Option<AddressArgument>,
    /// Where the operator manages this broker, with TLS and --certificates, as
    /// broker/MANAGEMENT.md says (port 0: any free one) [default: nowhere]
    #[arg(long, requires = "certificates", value_name = "HOST:PORT", verbatim_doc_comment)]
    management_listener: Option<AddressArgument>,
    /// The cluster this broker belongs to [default: what the data directory
    /// says, or a new one]
    #[arg(long, value_name = "ID", verbatim_doc_comment)]
    cluster_id: Option<String>,
    /// From where keys of those who issue tokens may be read: a value of
    /// sasl.oauthbearer.jwks.endpoint.url. May be repeated [default: nowhere]
    #[arg(long = "oauthbearer-allowed-url", value_name = "URL", verbatim_doc_comment)]
    allowed_urls: Vec<String>,
    /// Broker settings in a file, one NAME=VALUE a line; --set has the last word
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A broker setting under its Kafka name (--help-config lists them). May be
    /// repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting, verbatim_doc_comment)]
    set: Vec<(String, String)>,
    /// What to log
    #[arg(long, value_name = "FILTER", help = LOG_HELP)]
    log: Option<String>,
    /// Stop, as after SIGTERM, when stdin (a pipe) ends: for a broker that must
    /// not outlive whoever started it
    #[arg(long, verbatim_doc_comment)]
    exit_with_stdin: bool,
    /// Print every setting of brokers, topics, groups and client metrics with its
    /// type, default and meaning, and start nothing
    #[arg(long, verbatim_doc_comment)]
    help_config: bool,
    /// How --help-config prints: table, json or yaml
    #[arg(
        short,
        long,
        requires = "help_config",
        value_enum,
        hide_possible_values = true,
        hide_default_value = true,
        default_value = "table",
        value_name = "FORMAT"
    )]
    output: Format,
}

fn setting(argument: &str) -> Result<(String, String), String> {
    match argument.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE, as in log.retention.hours=24".to_owned()),
    }
}

/// Runs the broker to its end.
pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    if arguments.help_config {
        return settings::print(arguments.output);
    }
    telemetry::init(arguments.log.as_deref(), "info")?;
    let runtime = Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(|why| Failure::new(format!("set up the event loop: {why}")))?;
    runtime.block_on(serve(arguments))
}

/// The broker has threads of its own; this one only waits for a reason to stop.
async fn serve(arguments: Arguments) -> Result<(), Failure> {
    let mut stop = Stop::listen()?;
    let gone = stdin::end(arguments.exit_with_stdin)?;
    let id = arguments.directory_id_file.clone();
    let config = config(arguments)?;
    if let Some(file) = id {
        prepare(&file, &config)?;
    }
    let mut start = {
        let config = config.clone();
        tokio::task::spawn_blocking(move || kastellan_broker::start(config))
    };
    let (result, early) = tokio::select! {
        result = &mut start => (result, false),
        asked = stop.asked() => {
            // a recovery may take long, and ends in good order only by itself
            tracing::info!(signal = asked.signal, "stopping after the start; once more: at once");
            tokio::select! {
                result = &mut start => (result, true),
                again = stop.asked() => again.exit(),
            }
        }
    };
    let mut running = result
        .map_err(|why| Failure::new(format!("start broker {}: {why}", config.node_id)))?
        .map_err(|why| explain::start(&why, &config))?;
    if !early {
        announce(&running)?;
        tokio::select! {
            asked = stop.asked() => {
                tracing::info!(signal = asked.signal, "stopping; once more to stop at once");
            }
            () = gone => tracing::info!("stopping: stdin has ended"),
            why = running.failed() => {
                stop_cleanly(stop, running).await?;
                return Err(Failure::new(why).help(
                    "free space or mend the disk, then start again: nothing acknowledged is lost, \
                     and what was not written is refused",
                ));
            }
        }
    }
    stop_cleanly(stop, running).await
}

async fn stop_cleanly(stop: Stop, running: Running) -> Result<(), Failure> {
    stop.at_once_from_now_on();
    tokio::task::spawn_blocking(move || running.shutdown())
        .await
        .map_err(|why| Failure::new(format!("stop cleanly: {why}")))?;
    tracing::info!("stopped");
    Ok(())
}

fn config(arguments: Arguments) -> Result<Config, Failure> {
    let Some(node_id) = arguments.node_id else {
        return Err(Failure::usage("the broker has no id").help("give it one: --node-id 0"));
    };
    let listeners: Result<Vec<Listener>, Failure> =
        arguments.listener.into_iter().map(ListenerArgument::resolve).collect();
    let probes = arguments.probe_listener.as_ref();
    let probes = probes.map(|address| address.resolve("--probe-listener")).transpose()?;
    let listener = arguments.management_listener.as_ref();
    let listener = listener.map(|one| one.resolve("--management-listener")).transpose()?;
    let plain_text = arguments.plain_text_peers;
    let peers = arguments.peer_listener.map(|peers| peers.resolve(plain_text)).transpose()?;
    let mut set = BTreeMap::new();
    for (name, value) in arguments.set {
        if set.insert(name.clone(), value).is_some() {
            return Err(
                Failure::usage(format!("--set {name}: given twice")).help("give each setting once")
            );
        }
    }
    let mut settings = match arguments.config {
        Some(path) => properties::read(&path)?,
        None => BTreeMap::new(),
    };
    settings.extend(set);
    Ok(Config {
        node_id,
        cluster_id: arguments.cluster_id,
        log_dirs: arguments.data_dir,
        metadata_log_dir: arguments.metadata_log_dir,
        listeners: listeners?,
        peers,
        certificates: arguments.certificates.map(|dir| CertificateFiles {
            keystore: vec![dir.join("tls.crt"), dir.join("tls.key")],
            truststore: dir.join("ca.crt"),
        }),
        management: Management { probes, listener },
        allowed_urls: arguments.allowed_urls,
        settings,
    })
}

/// The one line on stdout, for whoever waits to connect.
fn announce(running: &Running) -> Result<(), Failure> {
    let addresses: Vec<String> = running
        .addresses()
        .into_iter()
        .map(|(name, address)| format!("{name}={address}"))
        .collect();
    let mut out = std::io::stdout().lock();
    writeln!(out, "ready {}", addresses.join(","))
        .and_then(|()| out.flush())
        .map_err(|why| Failure::new(format!("write the ready line to stdout: {why}")))
}
