//! `kastellan groups`: list, describe, delete, reset offsets.

use clap::{Args, Subcommand};

use self::reset::Reset;
use self::show::{describe, list};
use super::client::{self, Connect, Output, results};
use crate::admin::{Admin, Listed};
use crate::failure::Failure;

mod reset;
mod show;

/// List, describe and delete consumer groups, and move their offsets
///
/// LAG is how many records a group has not committed. LAG TIME is the age of
/// the oldest of them: the time since the batch it is in was written.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    next_line_help = true,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "Examples:
  kastellan groups
  kastellan groups describe riders
  kastellan groups reset-offsets riders --topic orders --to-earliest
  kastellan groups reset-offsets riders --topic orders:0,1 --execute \\
      --to-datetime 2026-01-31T08:00:00Z
  kastellan groups delete riders
  kastellan groups -o json | jq '.[] | select(.lag > 1000) | .name'

Fields of -o json, for list: name, state, protocol, members, lag, lagSeconds;
for describe: these and assignor, coordinator, memberList[id, client, host,
partitions], offsets[topic, partition, committed, latest, lag, lagSeconds,
member]; for reset-offsets: topic, partition, from, to. What nobody knows is
null.";

#[derive(Debug, Subcommand)]
enum Action {
    /// List groups
    List,
    /// Show the members of groups, and how far they have read
    Describe(Names),
    /// Delete groups without members, and their offsets
    Delete(Names),
    /// Move the offsets of a group without members; without --execute, only
    /// show what would be done
    #[command(verbatim_doc_comment)]
    ResetOffsets(Reset),
}

#[derive(Debug, Args)]
struct Names {
    /// Which groups
    #[arg(required = true, value_name = "GROUP")]
    names: Vec<String>,
}

/// Does what was asked.
pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { action, connect, output } = arguments;
    match action.unwrap_or(Action::List) {
        Action::List => connect.run(async |admin| list(admin, output.output).await),
        Action::Describe(which) => {
            connect.run(async |admin| describe(admin, &which.names, output.output).await)
        }
        Action::Delete(which) => {
            let answers = connect.run(async |admin| {
                known(admin, &which.names).await?;
                Ok(admin.delete_groups(&which.names).await?)
            })?;
            results("group", "deleted", &answers, output)
        }
        Action::ResetOffsets(what) => {
            connect.run(async |admin| reset::run(admin, &what, output.output).await)
        }
    }
}

/// The groups named, all of which must exist.
async fn known(admin: &mut Admin, names: &[String]) -> Result<Vec<Listed>, Failure> {
    let all = admin.list_groups().await?;
    let find = |name: &String| {
        let found = all.iter().find(|listed| listed.id == *name).cloned();
        found.ok_or_else(|| client::unknown("group", name, all.iter().map(|one| one.id.as_str())))
    };
    names.iter().map(find).collect()
}
