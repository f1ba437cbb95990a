//! `kastellan simulate`: what would move if brokers came, went, or had other disks.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use kastellan_core::placement::{self, Picture};
use kastellan_crds::quantity::Quantity;

use self::change::Change;
use super::client::{Connect, Format, Output, print};
use crate::failure::Failure;

mod change;
mod show;
mod snapshot;

/// Show what would move if brokers came, went, or had other disks
///
/// Nothing is changed: the placement of a running cluster, or of a file, goes
/// through the planner that balances clusters. A broker is given no more than
/// 85 % of its disks.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, next_line_help = true, after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
    /// A file to take the cluster from, as `snapshot` prints it; - is stdin
    #[arg(short, long, global = true, value_name = "FILE")]
    file: Option<PathBuf>,
    /// How many partitions may move [default: as many as it takes]
    #[arg(long, global = true, value_name = "N")]
    max_moves: Option<usize>,
    /// How much a broker may copy per second, as in 50Mi, to be told how long
    /// it takes at least
    #[arg(long, global = true, value_name = "SIZE", verbatim_doc_comment)]
    max_bytes_per_second: Option<Quantity>,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "Examples:
  kastellan simulate add 2 --rack a --rack b
  kastellan simulate remove 4 5 --max-bytes-per-second 50Mi
  kastellan simulate lose-rack zone-b -o wide
  kastellan simulate resize 20Gi -o json | jq .blocked
  kastellan simulate snapshot > cluster.json
  kastellan simulate add 3 --file cluster.json

Fields of -o json: brokers[id, rack, state, before, after][replicas, leaders,
bytes], moves[topic, partition, from, to, bytes, reason], blocked[topic,
partition, on, cause, message], copiedBytes, seconds, more. -o wide lists the
moves, too.";

#[derive(Debug, Subcommand)]
enum Action {
    /// Add brokers
    Add(Add),
    /// Take brokers away, once all that they have is elsewhere
    Remove(Remove),
    /// Lose a rack with everything in it
    LoseRack(LoseRack),
    /// Give brokers disks of another size
    Resize(Resize),
    /// Only balance what there is
    Balance,
    /// Print the cluster for --file
    Snapshot,
}

#[derive(Debug, Args)]
struct Add {
    /// How many [default: 1, or as many as there are --rack]
    #[arg(value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    count: Option<u16>,
    /// The rack of the next one, in turn. May be repeated
    #[arg(long, value_name = "RACK")]
    rack: Vec<String>,
}

#[derive(Debug, Args)]
struct Remove {
    /// Their node ids
    #[arg(required = true, value_name = "ID")]
    ids: Vec<i32>,
}

#[derive(Debug, Args)]
struct LoseRack {
    /// Its name
    #[arg(value_name = "RACK")]
    rack: String,
}

#[derive(Debug, Args)]
struct Resize {
    /// The size of all disks of a broker together, as in 20Gi
    #[arg(value_name = "SIZE")]
    size: Quantity,
    /// Whose [default: all brokers']. May be repeated
    #[arg(long, value_name = "ID")]
    broker: Vec<i32>,
}

/// Plans and prints.
pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut picture = picture(arguments)?;
    let change = match &arguments.action {
        Action::Add(Add { count, rack }) => {
            let racks = u16::try_from(rack.len()).unwrap_or(u16::MAX);
            Change::Add { count: count.unwrap_or(racks.max(1)), racks: rack }
        }
        Action::Remove(Remove { ids }) => Change::Remove { ids },
        Action::LoseRack(LoseRack { rack }) => Change::LoseRack { rack },
        Action::Resize(Resize { size, broker }) => {
            Change::Resize { total: size.bytes(), ids: broker }
        }
        Action::Balance => Change::Nothing,
        Action::Snapshot => {
            let format = match arguments.output.output {
                Format::Yaml => Format::Yaml,
                Format::Table | Format::Wide | Format::Json => Format::Json,
            };
            return print(format, &snapshot::Cluster::of(&picture), |_| (Vec::new(), Vec::new()));
        }
    };
    change.carry_out(&mut picture)?;
    let plan = placement::plan(&picture, arguments.max_moves.unwrap_or(usize::MAX));
    let rate = arguments.max_bytes_per_second.as_ref().map(Quantity::bytes);
    show::show(&picture, &plan, rate, arguments.output.output)
}

fn picture(arguments: &Arguments) -> Result<Picture, Failure> {
    match &arguments.file {
        Some(file) => snapshot::read(file),
        None => arguments.connect.run(async |admin| snapshot::take(admin).await),
    }
}
