//! `kastellan format`: a directory for a node of a fleet that is yet to be formed.

use std::path::PathBuf;

use clap::Args;

use super::client::say;
use crate::failure::Failure;

/// Make the metadata directory of a node before its fleet is formed
///
/// Prints the directory's id, which controller.quorum.voters names the voter by.
/// A broker alone needs none of this, and one that does not vote neither.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, next_line_help = true, after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The node's id, unique in its cluster: 0 or more
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(i32).range(0..))]
    node_id: i32,
    /// The directory, which must not be formatted yet
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// The cluster's id, the same for all of its nodes
    #[arg(long, value_name = "ID")]
    cluster_id: String,
}

const EXAMPLES: &str = "Examples:
  kastellan format --node-id 0 --data-dir ./0 --cluster-id demo
  kastellan broker --node-id 0 --data-dir ./0 --cluster-id demo ... \\
      --set controller.quorum.voters=0@kafka-0:9190:ID0,1@kafka-1:9190:ID1,2@kafka-2:9190:ID2";

/// Formats and prints.
pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { node_id, data_dir, cluster_id } = arguments;
    let id = kastellan_broker::format(data_dir, cluster_id, *node_id, None)
        .map_err(|why| Failure::new(format!("format: {why}")))?;
    say(&format!("{id}\n"))
}
